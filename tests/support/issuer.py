"""An issuer of tokens: a recording HTTP server with a discovery document and a key set."""

import json
import ssl
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.tokens import Signer, every_key

DISCOVERY = "/pool/.well-known/openid-configuration"
JWKS = "/pool/jwks.json"


class IssuerServer:
    """documents: path -> a JSON-able object, bytes, a status, (status, headers), or None for no answer until the end.

    asked counts requests by path. dripping: the body comes byte by byte.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: Counter[str] = Counter()
        self.dripping = False
        self._over = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                owner.asked[self.path] += 1
                owner.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        self.issuer = f"{self.url}/pool"
        self.documents: dict[str, object] = {
            DISCOVERY: {"issuer": self.issuer, "jwks_uri": self.url + JWKS},
            JWKS: every_key(),
        }
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def signer(self, algorithm: str = "RS256", **given: object) -> Signer:
        return Signer(algorithm, **{"issuer": self.issuer, **given})

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        given = self.documents.get(handler.path, 404)
        if given is None:
            self._over.wait(30)
            handler.close_connection = True
            return
        status, headers = given if isinstance(given, tuple) else (given if isinstance(given, int) else 200, {})
        body = b"" if status != 200 else given if isinstance(given, bytes) else json.dumps(given).encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        try:
            self._write(handler, body)
        except OSError:
            handler.close_connection = True

    def _write(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if not self.dripping:
            handler.wfile.write(body)
            return
        for byte in body:
            handler.wfile.write(bytes([byte]))
            if self._over.wait(0.05):
                return

    def __enter__(self) -> "IssuerServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def stop(self) -> None:
        """Nobody listens any more."""
        self.__exit__()

    def settled(self, seconds: float = 0.3) -> Counter[str]:
        """What was asked, once nothing more comes."""
        before = None
        while before != self.asked:
            before = Counter(self.asked)
            time.sleep(seconds)
        return before

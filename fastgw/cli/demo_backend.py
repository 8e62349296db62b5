"""The backend of `fastgw demo`: pets in memory. python -m fastgw.cli.demo_backend HOST PORT"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_PETS = {
    "1": {"id": "1", "type": "dog", "name": "Rex", "price": 249.99},
    "2": {"id": "2", "type": "cat", "name": "Mia", "price": 124.99},
    "3": {"id": "3", "type": "fish", "name": "Bob", "price": 0.99},
}


class _Pets(BaseHTTPRequestHandler):
    """Pets in memory: GET and POST /pets, GET and DELETE /pets/ID; anything else is echoed."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    pets = dict(_PETS)

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        collection, _, pet = self.path.partition("?")[0].strip("/").partition("/")
        if collection != "pets":
            self._answer(200, {"method": self.command, "path": self.path, "received": len(body)})
        elif not pet:
            self._collection(body)
        elif pet not in self.pets:
            self._answer(404, {"message": f"no pet {pet}"})
        elif self.command == "DELETE":
            del self.pets[pet]
            self._answer(204)
        else:
            self._answer(200, self.pets[pet])

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_any

    def _collection(self, body: bytes) -> None:
        if self.command != "POST":
            self._answer(200, list(self.pets.values()))
            return
        try:
            given = dict(json.loads(body))
        except (ValueError, TypeError):
            self._answer(400, {"message": "expected a JSON object"})
            return
        ident = str(max(map(int, self.pets), default=0) + 1)
        self.pets[ident] = {**given, "id": ident}
        self._answer(201, self.pets[ident])

    def _answer(self, status: int, value: object = None) -> None:
        body = b"" if value is None else json.dumps(value).encode() + b"\n"
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *values: object) -> None:
        """The gateway's own output is the one to read."""


def main(host: str, port: int) -> int:
    """Says "ready" on standard output, and serves until standard input ends."""
    try:
        server = ThreadingHTTPServer((host, port), _Pets)
    except OSError as error:
        print(f"fastgw: the demo backend cannot listen on {host}:{port}: {error.strerror}", file=sys.stderr)
        return 1
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.buffer.read()
    server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))

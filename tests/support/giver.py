"""A machine that gives out credentials, or fails to: metadata service, container's agent and STS in one."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qs

Reply = tuple[int, str]


def keys(name: str, seconds: float | None = 3600) -> dict[str, str]:
    """The document of a metadata service."""
    found = {"AccessKeyId": f"AKIA{name}", "SecretAccessKey": f"secret-{name}", "Token": f"token-{name}"}
    if seconds is not None:
        found["Expiration"] = stamp(seconds)
    return found


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def assumed(name: str, seconds: float = 3600, action: str = "AssumeRole") -> str:
    """STS's answer."""
    return (f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result><Credentials>'
            f"<AccessKeyId>ASIA{name}</AccessKeyId><SecretAccessKey>secret-{name}</SecretAccessKey>"
            f"<SessionToken>token-{name}</SessionToken><Expiration>{stamp(seconds)}</Expiration>"
            f"</Credentials></{action}Result></{action}Response>")


class Giver:
    """replies: "METHOD /path" -> (status, text), or what gives it; anything else is 404. Use as a context manager.

    seen holds (method, path, headers in lower case, form) of each request.
    """

    def __init__(self, replies: dict[str, Reply | Callable[[], Reply]] | None = None) -> None:
        self.replies = replies or {}
        self.seen: list[tuple[str, str, dict[str, str], dict[str, str]]] = []
        giver = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                form = {name: values[0] for name, values in parse_qs(text).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                giver.seen.append((self.command, self.path, headers, form))
                reply = giver.replies.get(f"{self.command} {self.path}", (404, ""))
                status, body = reply() if callable(reply) else reply
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

            do_GET = do_PUT = do_POST = answer

            def log_message(self, format: str, *values: object) -> None:
                """Nothing: the test looks at seen."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def instance(self, reply: Reply | Callable[[], Reply]) -> None:
        """Makes it an instance with one role."""
        roles = "/latest/meta-data/iam/security-credentials/"
        self.replies |= {"PUT /latest/api/token": (200, "session"), f"GET {roles}": (200, "its-role"),
                         f"GET {roles}its-role": reply}

    def sts(self, reply: Reply | Callable[[], Reply]) -> None:
        self.replies["POST /"] = reply

    def give(self, name: str, seconds: float | None = 3600) -> Reply:
        return 200, json.dumps(keys(name, seconds))

    def __enter__(self) -> "Giver":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

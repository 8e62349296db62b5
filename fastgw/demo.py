"""`fastgw demo`: an example gateway with a small backend behind it.

The backend is a process of its own (`python -m fastgw.demo HOST:PORT`) and ends with the demo.
"""

import argparse
import json
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BACKEND = ("127.0.0.1", 9000)
"""Where the integrations of examples/petstore point."""
_START_SECONDS = 5.0

_PETS = {
    "1": {"id": "1", "type": "dog", "name": "Rex", "price": 249.99},
    "2": {"id": "2", "type": "cat", "name": "Mia", "price": 124.99},
    "3": {"id": "3", "type": "fish", "name": "Bob", "price": 0.99},
}


def main(options: argparse.Namespace) -> int:
    from fastgw import cli
    from fastgw.cli_gateway import CHECKOUT

    folder = Path(options.example) if options.example else CHECKOUT / "examples" / "petstore"
    definition = folder / "fastgw.yaml"
    if not definition.is_file():
        raise cli.CommandError(f"fastgw: {definition} does not exist; name an example with --example DIR")
    backend = _start_backend()
    try:
        arguments = cli.parser().parse_args(["run", str(definition)])
        for name in ("listen", "ops", "workers", "set"):
            setattr(arguments, name, getattr(options, name))
        from fastgw.cli_gateway import run

        return run(arguments, when_ready=_print_curl_lines)
    finally:
        backend.stdin.close()
        backend.wait()


def _print_curl_lines(urls: list[str]) -> None:
    print(
        "try:",
        f"  curl -i {urls[0]}/pets      # proxied to the backend",
        f"  curl -i {urls[0]}/health    # answered by the gateway itself",
        f"  curl -i {urls[0]}/admin     # refused: no such route",
        sep="\n", flush=True,
    )


def _start_backend() -> "subprocess.Popen[bytes]":
    """Raises CommandError when its port is taken."""
    from fastgw.cli import PROBLEMS, CommandError

    command = [sys.executable, "-m", "fastgw.demo", "{}:{}".format(*BACKEND)]
    # Its own process group: Ctrl-C is for the gateway, which may still need the backend while draining.
    backend = subprocess.Popen(
        command, stdin=subprocess.PIPE, cwd=Path(__file__).parent.parent, process_group=0
    )
    deadline = time.monotonic() + _START_SECONDS
    while backend.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(BACKEND) == 0:
                return backend
        time.sleep(0.02)
    backend.kill()
    backend.wait()
    raise CommandError("fastgw: the demo backend did not start on {}:{}".format(*BACKEND), status=PROBLEMS)


class _Pets(BaseHTTPRequestHandler):
    """Pets in memory: GET and POST /pets, GET and DELETE /pets/ID; anything else is echoed."""

    protocol_version = "HTTP/1.1"
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


def backend(address: str) -> None:
    """Serves until standard input ends."""
    host, _, port = address.rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), _Pets)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.buffer.read()
    server.shutdown()


if __name__ == "__main__":
    backend(sys.argv[1])

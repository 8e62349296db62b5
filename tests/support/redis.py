"""A Redis of the test's own: started, paused, killed and started again as a test asks."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

import pytest

from tests.support.client import eventually

REDIS = shutil.which("redis-server")


class RedisServer:
    """arguments: further words of redis-server's command line. It answers on a unix socket, and on tcp_port where
    that is asked for; data stay in its folder over restarts."""

    def __init__(self, *arguments: str, tcp: bool = False) -> None:
        if not REDIS:
            pytest.skip("redis-server is not installed")
        self._folder = tempfile.TemporaryDirectory(prefix="fastgw-redis-")
        self.folder = Path(self._folder.name)
        self.path = str(self.folder / "redis.sock")
        self.tcp_port = free_port() if tcp else 0
        self.url = f"unix://{self.path}"
        self._arguments = arguments
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "RedisServer":
        try:
            self.start()
        except BaseException:
            self._clear()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def start(self) -> None:
        """Returns once it answers, its data loaded."""
        command = [REDIS, "--port", str(self.tcp_port), "--bind", "127.0.0.1", "--unixsocket", self.path,
                   "--dir", str(self.folder), "--save", "", "--daemonize", "no", *self._arguments]
        with (self.folder / "log.txt").open("ab") as out:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        eventually(self._answers, "redis-server answering")

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "log.txt").read_text()
        try:
            return self.ask("PING") in (b"+PONG\r\n", b"-NOAUTH Authentication required.\r\n")
        except OSError:
            return False

    def ask(self, *words: str) -> bytes:
        """One command on a connection of its own; the first bytes of the answer, as they came."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(5)
            sock.connect(self.path)
            sock.sendall(b"".join([b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode())
                                                              for w in words)]))
            return sock.recv(65_536)

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9: nothing is flushed that the program itself still holds."""
        self._process.kill()
        self._process.wait(10)
        Path(self.path).unlink(missing_ok=True)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _clear(self) -> None:
        if self._process and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
        self._folder.cleanup()


def free_port() -> int:
    """A port nobody uses now; redis-server cannot share one that is held."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]

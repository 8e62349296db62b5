"""An nginx of the test's own: a fast origin, or a second reader of what was forwarded."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

import pytest

from tests.support.client import Wire, eventually
from tests.support.process import reserve_port

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

CONFIG = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
worker_rlimit_nofile 20000;
events {{ worker_connections 8192; }}
http {{
  {http}
  access_log {log}; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  keepalive_requests 10000000; keepalive_timeout 3600; client_max_body_size 0;
  large_client_header_buffers 8 64k;
  server {{ listen 127.0.0.1:{port} reuseport backlog=4096; {server} }}
}}
"""


class Nginx:
    """server: the directives of its one server block; log: the access_log's arguments."""

    def __init__(
        self, server: str = "location / { return 200 ok; }", http: str = "", log: str = "off"
    ) -> None:
        if not NGINX:
            pytest.skip("nginx is not installed")
        self._folder = tempfile.TemporaryDirectory(prefix="fastgw-nginx-")
        self.folder = Path(self._folder.name)
        self._held = reserve_port()
        self.port: int = self._held.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = CONFIG.format(
            folder=self.folder, port=self.port, server=server, http=http, log=log.format(folder=self.folder)
        )
        (self.folder / "nginx.conf").write_text(config)

    def __enter__(self) -> "Nginx":
        self.start()
        return self

    def start(self) -> None:
        """Also again, after kill(): on the same port."""
        command = [NGINX, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]
        with (self.folder / "stderr.txt").open("wb") as stderr:
            self._process = subprocess.Popen(command, stdout=stderr, stderr=stderr)
        eventually(self._listens, "nginx listening")

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait(10)

    def _listens(self) -> bool:
        assert self._process.poll() is None, (self.folder / "stderr.txt").read_text()
        try:
            Wire(self.port).close()
        except ConnectionRefusedError:
            return False
        return True

    @property
    def pid(self) -> int:
        return self._process.pid

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._held.close()
        self._folder.cleanup()

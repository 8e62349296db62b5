"""HAProxy: one thread, upstream connections always reused, no log."""

import shutil
import subprocess

from bench.compare import site as place
from bench.compare import works

CONFIG = """\
global
    nbthread 1
    maxconn {held}
    no strict-limits
defaults
    mode http
    option http-keep-alive
    http-reuse always
    timeout connect 2s
    timeout client {idle}s
    timeout server 29s
    timeout http-request 10s
    timeout http-keep-alive {idle}s
frontend clients
    bind 127.0.0.1:{port} backlog 4096
    maxconn {held}
    http-request return status 200 content-type application/json string '{body}' if {{ path /fixed }}
    default_backend origin
backend origin
    server origin 127.0.0.1:{origin_port} pool-max-conn {pool} pool-purge-delay {idle}s
"""


class Haproxy:
    name = "haproxy"
    works = works.EVERYWHERE

    def missing(self) -> str | None:
        return None if shutil.which("haproxy") else "haproxy is not installed (apt install haproxy)"

    def version(self) -> str:
        said = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, timeout=10).stdout
        return said.split()[2]

    def launch(self, site: place.Site) -> place.Launch:
        file = site.folder / "haproxy.cfg"
        file.write_text(
            CONFIG.format(
                held=place.HELD,
                idle=place.IDLE_SECONDS,
                pool=place.POOL,
                port=site.port,
                origin_port=site.origin_port,
                body=works.FIXED_BODY.decode(),
            )
        )
        return place.Launch(["haproxy", "-db", "-f", str(file)])

"""HAProxy: one thread, upstream connections always reused, log to a file by its standard output."""

import shutil
import subprocess

from bench.compare import site as place
from bench.compare import works
from bench.compare.works import Work

CONFIG = """\
global
    nbthread 1
    maxconn {held}
    no strict-limits
    log stdout len 1024 format raw local0
cache answers
    total-max-size 64
    max-age 3600
defaults
    mode http
    log global
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
    unique-id-format %{{+X}}o\\ %ci%cp%fi%fp%Ts%rt%pid
    http-response set-header X-Request-Id %[unique-id]
    log-format '{line}'
{rules}
    default_backend origin
backend origin
    server origin 127.0.0.1:{origin_port} pool-max-conn {pool} pool-purge-delay {idle}s
"""

LINE = (
    '{"requestId":"%ID","ip":"%ci","requestTime":"%tr","httpMethod":"%HM","routeKey":"%[capture.req.uri,json(utf8s)]",'
    '"status":"%ST","responseLength":"%B","latency":"%Ta"}'
)

PLAIN = """\
    acl fixed path /fixed
    http-request return status 200 content-type application/json hdr X-Request-Id %[unique-id] string '{body}' if fixed
    http-request cache-use answers if {{ path /cached }}
    http-response cache-store answers
"""

KEYED = """\
    stick-table type string len 64 size 1100k expire 1h store http_req_rate(1s)
    http-request deny deny_status 403 unless {{ req.hdr({header}),map_str({folder}/keys.map) -m found }}
    http-request track-sc0 req.hdr({header})
    http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt {rate} }}
    http-request deny deny_status 404 unless {{ path_beg -f {folder}/routes.lst }}
"""


class Haproxy:
    name = "haproxy"
    works = works.EVERYWHERE | {"keys", "cached"}

    def serves(self, work: Work) -> bool:
        return True

    def missing(self) -> str | None:
        return None if shutil.which("haproxy") else "haproxy is not installed (apt install haproxy)"

    def version(self) -> str:
        said = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, timeout=10).stdout
        return said.split()[2]

    def rules(self, site: place.Site) -> str:
        if not site.work.keys:
            return PLAIN.format(body=works.FIXED_BODY.decode())
        keys = (f"{works.key_value(index)} key-{index}\n" for index in range(site.work.keys))
        (site.folder / "keys.map").write_text("".join(keys))
        paths = [f"{works.route_path(index)}/\n" for index in range(site.work.routes)]
        (site.folder / "routes.lst").write_text("".join([*paths, "/echo/\n"]))
        return KEYED.format(folder=site.folder, header=works.KEY_HEADER, rate=works.KEY_RATE)

    def launch(self, site: place.Site) -> place.Launch:
        file = site.folder / "haproxy.cfg"
        file.write_text(
            CONFIG.format(
                held=place.HELD,
                idle=place.IDLE_SECONDS,
                pool=place.POOL,
                port=site.port,
                origin_port=site.origin_port,
                line=LINE,
                rules=self.rules(site),
            )
        )
        return place.Launch(["haproxy", "-db", "-f", str(file)])

"""nginx, plain and with Lua: one worker, pooled HTTP/1.1 upstream, no access log."""

import os
import shutil
import subprocess
from pathlib import Path

from bench.compare import site as place
from bench.compare import works

CONFIG = """\
{modules}
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections {held}; }}
http {{
    access_log off;
    tcp_nodelay on;
    default_type application/json;
    keepalive_timeout {idle}s;
    keepalive_requests {requests};
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream origin {{
        server 127.0.0.1:{origin_port};
        keepalive {pool};
        keepalive_timeout {idle}s;
        keepalive_requests {requests};
    }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
{http}
    server {{
        listen 127.0.0.1:{port} reuseport backlog=4096;
{locations}
    }}
}}
"""

LUA_TABLE = """\
    init_by_lua_block {
        kinds = { ["/hello"] = "forward", ["/submit"] = "forward", ["/echo/check"] = "forward" }
    }
"""

LUA_LOCATIONS = """\
        location = /fixed {{
            content_by_lua_block {{
                ngx.header["Content-Type"] = "application/json"
                ngx.header["Content-Length"] = {length}
                ngx.print('{body}')
            }}
        }}
        location / {{
            access_by_lua_block {{
                if kinds[ngx.var.uri] ~= "forward" then ngx.exit(404) end
            }}
            proxy_pass http://origin;
        }}
"""


class Nginx:
    """The bar: fixed answers by `return`, routes as prefix locations."""

    name = "nginx"
    works = works.EVERYWHERE | {"routes"}

    def missing(self) -> str | None:
        return None if shutil.which("nginx") else "nginx is not installed (apt install nginx)"

    def version(self) -> str:
        said = subprocess.run(["nginx", "-v"], capture_output=True, text=True, timeout=10).stderr
        return said.strip().rpartition("nginx/")[2]

    def modules(self) -> str:
        return ""

    def http(self) -> str:
        return ""

    def locations(self, routes: int) -> str:
        if routes:
            return route_locations(routes)
        fixed = f"        location = /fixed {{ return 200 '{works.FIXED_BODY.decode()}'; }}\n"
        return fixed + "        location / { proxy_pass http://origin; }"

    def launch(self, site: place.Site) -> place.Launch:
        text = CONFIG.format(
            modules=self.modules(),
            # Started by root, nginx would drop to an account that cannot write to the folder.
            user="user root;" if os.geteuid() == 0 else "",
            folder=site.folder,
            held=place.HELD,
            idle=place.IDLE_SECONDS,
            requests=place.REQUESTS,
            pool=place.POOL,
            origin_port=site.origin_port,
            port=site.port,
            http=self.http(),
            locations=self.locations(site.routes),
        )
        file = site.folder / "nginx.conf"
        file.write_text(text)
        return place.Launch(["nginx", "-p", str(site.folder), "-e", "stderr", "-c", str(file)])


class NginxLua(Nginx):
    """The same server with the request decided in Lua, as gateways built on it do."""

    name = "nginx-lua"
    works = works.EVERYWHERE
    files = ("ndk_http_module.so", "ngx_http_lua_module.so")

    def missing(self) -> str | None:
        if lack := super().missing():
            return lack
        if not all((module_folder() / file).exists() for file in self.files):
            return "nginx's Lua module is not installed (apt install libnginx-mod-http-lua)"
        return None

    def version(self) -> str:
        return f"{super().version()} with module {package_version('libnginx-mod-http-lua')}"

    def modules(self) -> str:
        return "\n".join(f"load_module {module_folder() / file};" for file in self.files)

    def http(self) -> str:
        return LUA_TABLE

    def locations(self, routes: int) -> str:
        return LUA_LOCATIONS.format(body=works.FIXED_BODY.decode(), length=len(works.FIXED_BODY))


def route_locations(count: int) -> str:
    """nginx's fastest form: prefix locations, found in a tree; regular expressions would be tried in turn."""
    lines = [
        f"        location {works.route_path(index)}/ {{ return 200 '{works.route_body(index).decode()}'; }}"
        for index in range(count)
    ]
    return "\n".join([*lines, "        location / { return 404; }"])


def module_folder() -> Path:
    """Where this nginx was built to look for its modules."""
    said = subprocess.run(["nginx", "-V"], capture_output=True, text=True, timeout=10).stderr
    _, _, rest = said.partition("--modules-path=")
    return Path(rest.split()[0] if rest else "/usr/lib/nginx/modules")


def package_version(name: str) -> str:
    """The Debian package's version, or "unknown" where dpkg does not know it."""
    if not shutil.which("dpkg-query"):
        return "unknown"
    command = ["dpkg-query", "-W", "-f", "${Version}", name]
    return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout or "unknown"

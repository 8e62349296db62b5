"""nginx, plain and with Lua: one worker, pooled HTTP/1.1 upstream, buffered access log."""

import os
import shutil
import subprocess
from pathlib import Path

from bench.compare import site as place
from bench.compare import works
from bench.compare.works import Work

CONFIG = """\
{modules}
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections {held}; }}
http {{
    log_format line escape=json '{{"requestId":"$request_id","ip":"$remote_addr","requestTime":"$time_local",'
        '"httpMethod":"$request_method","routeKey":"$uri","status":"$status","protocol":"$server_protocol",'
        '"responseLength":"$body_bytes_sent","latency":"$request_time"}}';
    access_log {log} line buffer=64k flush=1s;
    add_header X-Request-Id $request_id always;
    tcp_nodelay on;
    default_type application/json;
    keepalive_timeout {idle}s;
    keepalive_requests {requests};
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/cache keys_zone=cached:10m max_size=100m;
    map_hash_max_size 131072;
    map_hash_bucket_size 128;
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

PLAIN_LOCATIONS = """\
        location = /fixed {{ return 200 '{body}'; }}
        location = /cached {{
            proxy_cache cached;
            proxy_cache_valid 200 1h;
            proxy_pass http://origin;
        }}
        location / {{ proxy_pass http://origin; }}
"""

KEYED_HTTP = """\
    map $http_x_api_key $key_is_good {{ default 0; include {folder}/keys.map; }}
    limit_req_zone $http_x_api_key zone=keys:64m rate={rate}r/s;
"""

KEYED_ACCESS = """\
            if ($key_is_good = 0) {{ return 403; }}
            limit_req zone=keys burst=100000 nodelay;
"""

LUA_HTTP = """\
    lua_shared_dict counts 1m;
    lua_shared_dict buckets 256m;
    lua_shared_dict answers 64m;
    init_by_lua_block {{
        kinds = {{ ["/hello"] = "forward", ["/submit"] = "forward", ["/echo/check"] = "forward" }}
        keys = {{}}
        for index = 0, {keys} - 1 do keys[string.format("key-%07d-abcdefghijklmnopqrst", index)] = "key-" .. index end

        -- A token bucket for each key as its theoretical arrival time; one worker, so nothing comes in between.
        local interval, depth = 1 / {rate}, 1
        function within_limit(key)
            local now = ngx.now()
            local arrival = buckets:get(key) or now
            if arrival < now then arrival = now end
            if arrival - now > depth then return false end
            buckets:set(key, arrival + interval)
            return true
        end
        buckets, counts, answers = ngx.shared.buckets, ngx.shared.counts, ngx.shared.answers
{checks}
    }}
    log_by_lua_block {{ counts:incr(ngx.var.status, 1, 0) }}
"""

LUA_CHECKS = """\
        local decode = require("cjson.safe").decode
        local statuses = { open = true, paid = true, sent = true }
        local function text(value, least, most)
            return type(value) == "string" and #value >= least and #value <= most
        end
        local function item_is_good(item)
            if type(item) ~= "table" or type(item.sku) ~= "string"
                or not ngx.re.find(item.sku, "^[A-Z]{2}-[0-9]{4}$", "jo") then return false end
            local quantity = item.quantity
            if type(quantity) ~= "number" or quantity < 1 or quantity > 1000 or quantity % 1 ~= 0 then return false end
            return type(item.price) == "number" and item.price >= 0 and (item.name == nil or text(item.name, 0, 80))
        end
        function order_is_good(body)
            local order = decode(body)
            if type(order) ~= "table" or not text(order.id, 36, 36) or not statuses[order.status] then return false end
            if type(order.customer) ~= "number" or order.customer < 1 or order.customer % 1 ~= 0 then return false end
            if type(order.total) ~= "number" or order.total < 0 or type(order.items) ~= "table" then return false end
            if order.email ~= nil and not text(order.email, 0, 120) then return false end
            if order.currency ~= nil and not text(order.currency, 3, 3) then return false end
            if order.note ~= nil and not text(order.note, 0, 1024) then return false end
            for _, item in ipairs(order.items) do
                if not item_is_good(item) then return false end
            end
            return true
        end
"""

LUA_LOCATIONS = """\
        location = /fixed {{
            content_by_lua_block {{
                ngx.header["Content-Type"] = "application/json"
                ngx.header["Content-Length"] = {length}
                ngx.print('{body}')
            }}
        }}
        location = /orders {{
            access_by_lua_block {{
                ngx.req.read_body()
                if not order_is_good(ngx.req.get_body_data() or "") then
                    ngx.status = 400
                    ngx.print('{{"message":"Invalid request body"}}')
                    ngx.exit(ngx.HTTP_OK)
                end
            }}
            proxy_pass http://origin;
        }}
        location = /rendered {{
            content_by_lua_block {{
                local asked, tags = ngx.req.get_uri_args(), {{}}
                for tag in string.gmatch(asked.tags, "[^,]+") do
                    tags[#tags + 1] = '{{"n":' .. #tags + 1 .. ',"tag":"' .. string.upper(tag) .. '"}}'
                end
                local body = '{{"id":"' .. asked.id .. '","path":"' .. ngx.var.uri .. '","tags":['
                    .. table.concat(tags, ",") .. "]}}"
                ngx.header["Content-Type"] = "application/json"
                ngx.header["Content-Length"] = #body
                ngx.print(body)
            }}
        }}
        location /fetch/ {{ internal; proxy_pass http://origin/; }}
        location = /cached {{
            content_by_lua_block {{
                local key = ngx.var.request_method .. ngx.var.uri
                local body = answers:get(key)
                local head = body and answers:get(key .. "#")
                if not head then
                    local fetched = ngx.location.capture("/fetch" .. ngx.var.uri)
                    body, head = fetched.body, fetched.header["X-Connection-Requests"]
                    answers:set(key, body, 3600)
                    answers:set(key .. "#", head, 3600)
                end
                ngx.header["Content-Type"] = "application/json"
                ngx.header["Content-Length"] = #body
                ngx.header["X-Origin"] = "bench"
                ngx.header["X-Connection-Requests"] = head
                ngx.print(body)
            }}
        }}
        location / {{
            access_by_lua_block {{
                if kinds[ngx.var.uri] ~= "forward" then ngx.exit(404) end
            }}
            proxy_pass http://origin;
        }}
"""

LUA_KEYED_ACCESS = """\
            access_by_lua_block {
                local name = keys[ngx.var.http_x_api_key]
                if not name then ngx.exit(403) end
                if not within_limit(name) then ngx.exit(429) end
            }
"""


class Nginx:
    """The bar: fixed answers by `return`, routes as prefix locations, keys as a map. Bodies are not looked at."""

    name = "nginx"
    works = frozenset(works.NAMES) - {"rendered"}
    most_keys = 10_000  # its maps are built by a search for a fitting hash, which takes minutes for a million

    def serves(self, work: Work) -> bool:
        return work.keys <= self.most_keys

    def missing(self) -> str | None:
        return None if shutil.which("nginx") else "nginx is not installed (apt install nginx)"

    def version(self) -> str:
        said = subprocess.run(["nginx", "-v"], capture_output=True, text=True, timeout=10).stderr
        return said.strip().rpartition("nginx/")[2]

    def modules(self) -> str:
        return ""

    def http(self, site: place.Site) -> str:
        if not site.work.keys:
            return ""
        lines = (f"{works.key_value(index)} 1;\n" for index in range(site.work.keys))
        (site.folder / "keys.map").write_text("".join(lines))
        return KEYED_HTTP.format(folder=site.folder, rate=works.KEY_RATE)

    def locations(self, work: Work) -> str:
        if work.keys:
            return keyed_locations(work.routes, KEYED_ACCESS.format())
        if work.routes:
            return route_locations(work.routes)
        return PLAIN_LOCATIONS.format(body=works.FIXED_BODY.decode())

    def launch(self, site: place.Site) -> place.Launch:
        text = CONFIG.format(
            modules=self.modules(),
            # Started by root, nginx would drop to an account that cannot write to the folder.
            user="user root;" if os.geteuid() == 0 else "",
            folder=site.folder,
            log=site.log,
            held=place.HELD,
            idle=place.IDLE_SECONDS,
            requests=place.REQUESTS,
            pool=place.POOL,
            origin_port=site.origin_port,
            port=site.port,
            http=self.http(site),
            locations=self.locations(site.work),
        )
        file = site.folder / "nginx.conf"
        file.write_text(text)
        return place.Launch(["nginx", "-p", str(site.folder), "-e", "stderr", "-c", str(file)])


class NginxLua(Nginx):
    """The same server with the request decided in Lua, as gateways built on it do; it counts in a shared dict."""

    name = "nginx-lua"
    works = frozenset(works.NAMES) - {"routes"}
    most_keys = 1_000_000
    files = ("ndk_http_module.so", "ngx_http_lua_module.so")

    def missing(self) -> str | None:
        if lack := super().missing():
            return lack
        if not all((module_folder() / file).exists() for file in self.files):
            return "nginx's Lua module is not installed (apt install libnginx-mod-http-lua)"
        if not any(Path("/usr/lib").glob("*/lua/5.1/cjson.so")):
            return "Lua's cjson is not installed (apt install lua-cjson)"
        return None

    def version(self) -> str:
        return f"{super().version()} with module {package_version('libnginx-mod-http-lua')}"

    def modules(self) -> str:
        return "\n".join(f"load_module {module_folder() / file};" for file in self.files)

    def http(self, site: place.Site) -> str:
        return LUA_HTTP.format(keys=site.work.keys, rate=works.KEY_RATE, checks=LUA_CHECKS)

    def locations(self, work: Work) -> str:
        if work.keys:
            return keyed_locations(work.routes, LUA_KEYED_ACCESS)
        return LUA_LOCATIONS.format(body=works.FIXED_BODY.decode(), length=len(works.FIXED_BODY))


def route_locations(count: int) -> str:
    """nginx's fastest form: prefix locations, found in a tree; regular expressions would be tried in turn."""
    lines = [
        f"        location {works.route_path(index)}/ {{ return 200 '{works.route_body(index).decode()}'; }}"
        for index in range(count)
    ]
    return "\n".join([*lines, "        location / { return 404; }"])


def keyed_locations(count: int, access: str) -> str:
    """The same, each behind its check of the key and on to the origin."""
    paths = [f"{works.route_path(index)}/" for index in range(count)]
    lines = [
        f"        location {path} {{\n{access}            proxy_pass http://origin;\n        }}"
        for path in [*paths, "/echo/"]
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

"""Who is compared, in the order of the tables."""

from bench.compare.site import Target
from bench.compare.targets.aiohttp import Aiohttp
from bench.compare.targets.envoy import Envoy
from bench.compare.targets.fastgw import Fastgw
from bench.compare.targets.haproxy import Haproxy
from bench.compare.targets.nginx import Nginx, NginxLua

TARGETS: dict[str, Target] = {
    target.name: target for target in (Fastgw(), Nginx(), NginxLua(), Haproxy(), Envoy(), Aiohttp())
}

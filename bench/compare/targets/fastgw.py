"""fastgw: a generated definition, started as a user would start it."""

import importlib.util
import json
import sys
from typing import Any

import fastgw
from bench.compare import site as place
from bench.compare import works


class Fastgw:
    """One worker; metrics are on, as always."""

    name = "fastgw"
    works = works.EVERYWHERE | {"routes"}

    def missing(self) -> str | None:
        if importlib.util.find_spec("fastgw._core.engine") is None:
            return "fastgw is not compiled (python setup.py build_ext --inplace)"
        return None

    def version(self) -> str:
        return fastgw.__version__

    def launch(self, site: place.Site) -> place.Launch:
        file = site.folder / "openapi.json"
        paths = route_paths(site.routes) if site.routes else plain_paths(site.origin_port)
        file.write_text(json.dumps(definition(paths), indent=1))
        command = [sys.executable, "-m", "fastgw", "run", str(file), "--workers", "1"]
        command += ["--listen", f"127.0.0.1:{site.port}", "--ops", f"127.0.0.1:{site.ops_port}"]
        return place.Launch(
            command,
            {
                "FASTGW_UPSTREAM_ALLOW_PRIVATE": "true",
                "FASTGW_UPSTREAM_CONNECTIONS": str(place.POOL),
                "FASTGW_UPSTREAM_POOL_IDLE": str(place.IDLE_SECONDS),
                "FASTGW_KEEPALIVE_TIMEOUT": str(place.IDLE_SECONDS),
                "FASTGW_KEEPALIVE_REQUESTS": str(place.REQUESTS),
                "FASTGW_DRAIN_TIMEOUT": "2",
            },
        )


def definition(paths: dict[str, Any]) -> dict[str, Any]:
    return {"openapi": "3.0.1", "info": {"title": "bench", "version": "1"}, "paths": paths}


def plain_paths(origin_port: int) -> dict[str, Any]:
    """One fixed answer; everything else goes to the origin through one greedy route."""
    proxy = {
        "type": "http_proxy",
        "httpMethod": "ANY",
        "uri": f"http://127.0.0.1:{origin_port}/{{proxy}}",
        "requestParameters": {"integration.request.path.proxy": "method.request.path.proxy"},
    }
    any_method = {
        "parameters": [{"name": "proxy", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {},
        "x-amazon-apigateway-integration": proxy,
    }
    return {
        "/fixed": {"get": mock(works.FIXED_BODY)},
        "/{proxy+}": {"x-amazon-apigateway-any-method": any_method},
    }


def route_paths(count: int) -> dict[str, Any]:
    """count routes with a path parameter, each with a fixed answer of its own."""
    parameters = [{"name": "item", "in": "path", "required": True, "schema": {"type": "string"}}]
    return {
        f"{works.route_path(index)}/{{item}}": {
            "parameters": parameters,
            "get": mock(works.route_body(index)),
        }
        for index in range(count)
    }


def mock(body: bytes) -> dict[str, Any]:
    """A MOCK method that answers 200 with body."""
    integration = {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "responses": {
            "default": {"statusCode": "200", "responseTemplates": {"application/json": body.decode()}}
        },
    }
    return {"responses": {"200": {"description": "ok"}}, "x-amazon-apigateway-integration": integration}

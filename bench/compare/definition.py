"""The OpenAPI definitions fastgw is measured with.

python -m bench.compare.definition COUNT prints the one with COUNT routes.
"""

import json
import sys
from typing import Any

from bench.compare import works


def document(paths: dict[str, Any]) -> str:
    """The whole definition as JSON text."""
    info = {"title": "bench", "version": "1"}
    return json.dumps({"openapi": "3.0.1", "info": info, "paths": paths}, indent=1)


def plain(origin_port: int) -> dict[str, Any]:
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


def routes(count: int) -> dict[str, Any]:
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
        "responses": {"default": {"statusCode": "200", "responseTemplates": {"application/json": body.decode()}}},
    }
    return {"responses": {"200": {"description": "ok"}}, "x-amazon-apigateway-integration": integration}


if __name__ == "__main__":
    print(document(routes(int(sys.argv[1]))))

"""The OpenAPI definitions and the fastgw.yaml that fastgw is measured with.

python -m bench.compare.definition COUNT prints the definition with COUNT routes.
"""

import json
import sys
from typing import Any

from bench.compare import works

PROXY = {"name": "proxy", "in": "path", "required": True, "schema": {"type": "string"}}
ITEM = {"name": "item", "in": "path", "required": True, "schema": {"type": "string"}}
ANY = "x-amazon-apigateway-any-method"
CHECKS = {
    "x-amazon-apigateway-request-validators": {
        "body": {"validateRequestBody": True, "validateRequestParameters": False}
    }
}
"""What a document with a checked route needs beside its paths."""


def document(paths: dict[str, Any], **more: Any) -> str:
    """The whole definition as JSON text."""
    info = {"title": "bench", "version": "1"}
    return json.dumps({"openapi": "3.0.1", "info": info, "paths": paths, **more}, indent=1)


def of(work: works.Work, origin_port: int) -> str:
    """The definition of one work's set of routes."""
    if work.keys:
        security = {"securitySchemes": {"key": {"type": "apiKey", "name": works.KEY_HEADER, "in": "header"}}}
        return document(keyed(work, origin_port), components=security, **CHECKS)
    if work.routes:
        return document(routes(work.routes))
    return document(plain(origin_port), **CHECKS)


def gateway(work: works.Work, log: str) -> str:
    """The fastgw.yaml (JSON is YAML) beside it: log, cache, keys, plan."""
    stage: dict[str, Any] = {"log": {"preset": "json", "file": log}}
    if work.cached:
        # The cache is of the stage: only the work's own path is to be answered from it.
        stage["cache"] = {"enabled": True, "ttl": 3600}
        stage["methods"] = {"ANY /{proxy+}": {"cache": {"enabled": False}}}
    api = {"definition": "openapi.json", "stages": {"$default": stage}}
    file: dict[str, Any] = {"fastgw": 1, "apis": {"bench": api}}
    if work.keys:
        limit = {"rate": works.KEY_RATE, "burst": works.KEY_RATE}
        opened: dict[str, Any] = {"api": "bench", "stage": "$default"}
        file |= {"key_files": ["keys.csv"], "plans": {"all": {"throttle": limit, "stages": [opened]}}}
        if work.body:       # every level of limits that there is
            name = f"{work.method} {works.route_path(work.routes // 2)}/{{item}}"
            file["account"] = {"throttle": limit}
            file["plans"]["all"]["quota"] = {"limit": 10**12, "period": "DAY"}
            opened["methods"] = {name: limit}
            stage |= {"throttle": limit, "methods": {name: {"throttle": limit}}}
    return json.dumps(file, indent=1)


def key_file(count: int) -> str:
    """count keys of the plan "all", in the service's CSV form."""
    rows = (f"key-{index},{works.key_value(index)},all" for index in range(count))
    return "\n".join(["Name,Key,UsagePlanIds", *rows, ""])


def plain(origin_port: int) -> dict[str, Any]:
    """A fixed answer, a rendered one, a method with a model, one to be cached; everything else goes to the origin."""
    return {
        "/fixed": {"get": mock(works.FIXED_BODY)},
        works.VALIDATED.path: {
            "post": forwarded("POST", f"http://127.0.0.1:{origin_port}{works.VALIDATED.path}") | checked()
        },
        works.CACHED.path: {"get": forwarded("GET", f"http://127.0.0.1:{origin_port}{works.CACHED.path}")},
        "/rendered": {"get": mock(TEMPLATE.encode())},
        "/{proxy+}": {ANY: greedy(f"http://127.0.0.1:{origin_port}/{{proxy}}")},
    }


TEMPLATE = """\
{"id":"$input.params('id')","path":"$context.path","tags":[\
#foreach($tag in $input.params('tags').split(','))\
{"n":$foreach.count,"tag":"$tag.toUpperCase()"}#if($foreach.hasNext),#end\
#end]}"""


def checked() -> dict[str, Any]:
    """What makes a method check its body."""
    body = {"content": {"application/json": {"schema": works.ORDER_SCHEMA}}, "required": True}
    return {"requestBody": body, "x-amazon-apigateway-request-validator": "body"}


def keyed(work: works.Work, origin_port: int) -> dict[str, Any]:
    """Routes with a path parameter, and the origin's echo; every one asks for a key, and checks what body it takes."""
    key: dict[str, Any] = {"security": [{"key": []}]}
    if work.body:
        key |= checked()
    found: dict[str, Any] = {"/echo/{proxy+}": {ANY: greedy(f"http://127.0.0.1:{origin_port}/echo/{{proxy}}") | key}}
    for index in range(work.routes):
        path = f"{works.route_path(index)}/{{item}}"
        method = forwarded(work.method, f"http://127.0.0.1:{origin_port}{path}", item=ITEM)
        found[path] = {work.method.lower(): method | key}
    return found


def greedy(uri: str) -> dict[str, Any]:
    return forwarded("ANY", uri, proxy=PROXY)


def forwarded(method: str, uri: str, **parameters: dict[str, Any]) -> dict[str, Any]:
    """An HTTP_PROXY method that passes these path parameters on."""
    mapped = {f"integration.request.path.{name}": f"method.request.path.{name}" for name in parameters}
    integration = {"type": "http_proxy", "httpMethod": method, "uri": uri, "requestParameters": mapped}
    return {
        "parameters": list(parameters.values()),
        "responses": {},
        "x-amazon-apigateway-integration": integration,
    }


def routes(count: int) -> dict[str, Any]:
    """count routes with a path parameter, each with a fixed answer of its own."""
    return {
        f"{works.route_path(index)}/{{item}}": {"parameters": [ITEM], "get": mock(works.route_body(index))}
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

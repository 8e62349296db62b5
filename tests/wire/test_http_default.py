"""HTTP APIs: the $default route and stage together with CORS, route settings and the trace id."""

import re

from tests.support.client import get
from tests.support.definition import INTEGRATION, several
from tests.support.process import Gateway
from tests.support.upstream import Upstream

CORS = {"allowOrigins": ["https://shop.test"], "allowMethods": ["GET"], "maxAge": 60}
ORIGIN = "Origin: https://shop.test"


def proxied(uri: str) -> dict:
    return {"responses": {}, INTEGRATION: {"type": "HTTP_PROXY", "httpMethod": "ANY", "uri": uri,
                                           "payloadFormatVersion": "1.0"}}


def test_the_default_route_and_stage() -> None:
    with Upstream() as stub:
        document = {
            "openapi": "3.0.1", "info": {"title": "http", "version": "1"}, "x-amazon-apigateway-cors": CORS,
            "paths": {"/pets": {"get": proxied(f"{stub.url}/pets")},
                      "/$default": {"x-amazon-apigateway-any-method": proxied(f"{stub.url}/rest")}},
        }
        settings = {"methods": {"$default": {"throttle": {"rate": 0, "burst": 4}}}}
        files = {"fastgw.yaml": several({"shop": {"definition": "api.json", "stages": {
            "$default": settings, "prod": {}}}}), "api.json": document}
        with Gateway(files) as gateway:
            preflight = get("/pets", ORIGIN, "Access-Control-Request-Method: GET", method="OPTIONS")
            answer = gateway.fetch(preflight)
            assert (answer.status, answer.get("access-control-allow-origin")) == (204, "https://shop.test")
            assert stub.whole() == []
            # OPTIONS that is no preflight is a request as any other.
            assert gateway.fetch(get("/pets", ORIGIN, method="OPTIONS")).status == 200
            assert gateway.fetch(get("/nowhere", ORIGIN)).get("access-control-allow-origin") == "https://shop.test"
            assert gateway.fetch(get("/prod/else")).status == 200
            assert [seen.request.path for seen in stub.whole()] == ["/rest"] * 3
            traces = [seen.request.get("x-amzn-trace-id") for seen in stub.whole()]
            assert all(re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", trace) for trace in traces)
            assert len(set(traces)) == 3
            statuses = [gateway.fetch(get("/nowhere")).status for _ in range(3)]
            assert statuses == [200, 200, 429]
            assert [gateway.fetch(get(path)).status for path in ("/pets", "/prod/else")] == [200, 200]

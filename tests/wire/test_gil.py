"""The engine rule: a proxied, a fixed, a validated and a refused request never take the GIL."""

import pytest

from tests.support.client import Wire, get
from tests.support.definition import mock, openapi, proxy
from tests.support.keys import ACME, api, gateway_file, key, keyed, plan, with_key
from tests.support.load import wrk
from tests.support.nginx import Nginx
from tests.support.process import Gateway
from tests.support.upstream import Upstream

DOORS = "^fastgw_(door_[a-z_]+|doors)_total"
KINDS = (("/proxied", 200), ("/fixed", 200), ("/refused", 403), ("/parameters?q=1", 200), ("/parameters", 400))
CHECKED = {
    "parameters": [{"name": "q", "in": "query", "required": True, "schema": {"type": "string"}}],
    "x-amazon-apigateway-request-validator": "all",
}

MAPPED = {
    "header.X-I": "context.requestId",
    "header.X-S": "'static'",
    "header.X-H": "method.request.multivalueheader.Accept",
    "querystring.q": "method.request.querystring.q",
    "path.p": "method.request.header.Host",
    "path.q": "context.identity.sourceIp",
}


def document(url: str) -> dict:
    return openapi(
        {
            "/proxied": {"get": proxy(f"{url}/{{p}}?a={{q}}", parameters=MAPPED)},
            "/fixed": {"get": mock(200, "{}")},
            "/parameters": {"get": {**proxy(f"{url}/up"), **CHECKED}},
        },
        request_validators={"all": {"validateRequestParameters": True}},
    )


def ask(port: int, count: int) -> int:
    """Asks all kinds in turn, 16 at a time on one connection."""
    batch = [KINDS[number % len(KINDS)] for number in range(16)]
    with Wire(port) as wire:
        for _ in range(count // 16):
            wire.send(b"".join(get(path) for path, _ in batch))
            assert [wire.answer().status for _ in batch] == [status for _, status in batch]
    return count // 16 * 16


def test_no_door_is_opened() -> None:
    with Upstream(record=False) as stub, Gateway({"api.json": document(stub.url)}) as gateway:
        asked = ask(gateway.port, 9000)
        assert gateway.metric("^fastgw_requests_total") == asked
        assert gateway.metric(DOORS) == 0


def test_keys_and_all_limits_open_no_door() -> None:
    throttle = {"rate": 1_000_000, "burst": 1_000_000}
    file = gateway_file(
        account={"throttle": throttle},
        plans={"gold": plan(methods={"GET /keyed": throttle}, throttle=throttle,
                            quota={"limit": 3000, "period": "MONTH"})},
        keys={"acme": key(ACME, "gold")},
        stage={"throttle": throttle, "methods": {"GET /keyed": {"throttle": throttle, "concurrency": 100}}},
    )
    served = api({"/keyed": {"get": keyed(mock(200, "{}"))}})
    with Gateway({"fastgw.yaml": file, "api.json": served}) as gateway, Wire(gateway.port) as wire:
        for _ in range(200):
            wire.send(get("/prod/keyed", with_key(ACME)) * 15 + get("/prod/keyed") * 5)
            statuses = [wire.answer().status for _ in range(20)]
            assert statuses == [200] * 15 + [403] * 5
        assert wire.request(get("/prod/keyed", with_key(ACME))).status == 429
        assert gateway.metric(DOORS) == 0


@pytest.mark.trial
def test_no_door_is_opened_in_a_million() -> None:
    with Nginx() as origin, Gateway({"api.json": document(origin.url)}) as gateway:
        while gateway.metric("^fastgw_worker_requests_total") < 1_000_000:
            for path, _ in KINDS:
                wrk(f"http://127.0.0.1:{gateway.port}{path}", 10).wait()
        assert gateway.metric(DOORS) == 0

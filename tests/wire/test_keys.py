"""API keys: who may ask where, and what everybody else is told."""

import json
import re

import pytest

from tests.support.client import Wire, get
from tests.support.definition import mock, proxy
from tests.support.keys import ACME, LATE, ZOO, api, gateway_file, key, keyed, plan, with_key
from tests.support.process import Gateway, command
from tests.support.upstream import Upstream

FORBIDDEN = b'{"message":"Forbidden"}'


def document(url: str) -> dict:
    return api(
        {
            "/open": {"get": mock(200, "{}")},
            "/closed": {"get": keyed(mock(200, "{}"))},
            "/up": {"get": keyed(proxy(f"{url}/up", parameters={
                "header.X-Key-Name": "context.identity.apiKeyId", "header.X-Key": "context.identity.apiKey"}))},
        },
        gateway_responses={"INVALID_API_KEY": {
            "statusCode": 403,
            "responseParameters": {"gatewayresponse.header.X-Type": "context.error.responseType"},
        }},
    )


FILE = gateway_file(
    stages={"prod": {}, "test": {}},
    plans={"gold": plan("prod"), "trial": plan("test"), "none": plan("prod")},
    keys={
        "acme": key(ACME, "gold", "trial"),
        "zoo": key(ZOO, "gold"),
        "planless": key("planless-0123456789-012345"),
        "off": key("off-0123456789-0123456789", "gold", enabled=False),
    },
)


@pytest.fixture(scope="module")
def served():
    with Upstream() as stub, Gateway({"fastgw.yaml": FILE, "api.json": document(stub.url)}) as gateway:
        gateway.stub = stub
        yield gateway


@pytest.mark.parametrize("path", ["/prod/closed", "/test/closed"])
def test_a_key_of_a_plan_of_the_stage_is_let_in(served, path):
    assert served.fetch(get(path, with_key(ACME))).status == 200


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/prod/closed", []),
        ("/prod/closed", ["x-api-key:"]),
        ("/prod/closed", [with_key("wrong-0123456789-0123456789")]),
        ("/prod/closed", [with_key(ACME[:-1])]),
        ("/prod/closed", [with_key(ACME + "0")]),
        ("/prod/closed", [with_key(ACME.upper())]),
        ("/prod/closed", [with_key("acme")]),
        ("/prod/closed", [with_key("off-0123456789-0123456789")]),
        ("/prod/closed", [with_key("planless-0123456789-012345")]),
        ("/test/closed", [with_key(ZOO)]),
        ("/prod/closed", [with_key(ACME), with_key(ACME)]),
        ("/prod/closed", [with_key(ACME), with_key(ZOO)]),
        ("/prod/closed", [f"x_api_key: {ACME}"]),
        ("/prod/closed", [f"Authorization: Bearer {ACME}"]),
        (f"/prod/closed?x-api-key={ACME}", []),
    ],
    ids=["none", "empty", "wrong", "short", "long", "case", "name", "disabled", "planless", "other-stage", "twice",
         "two-keys", "spelling", "authorization", "query"],
)
def test_everybody_else_is_refused(served, path, fields):
    answer = served.fetch(get(path, *fields))
    assert (answer.status, answer.body) == (403, FORBIDDEN)
    assert answer.get("x-amzn-ErrorType") == "ForbiddenException"
    assert answer.get("X-Type") == "INVALID_API_KEY"


def test_a_spelling_of_the_header_in_any_case(served):
    assert served.fetch(get("/prod/closed", f"X-API-Key: {ACME}")).status == 200


def test_a_route_that_asks_for_no_key_lets_everybody_in(served):
    for fields in ([], [with_key(ACME)], [with_key("wrong-0123456789-0123456789")]):
        assert served.fetch(get("/prod/open", *fields)).status == 200


def test_the_key_reaches_the_integration_and_can_be_mapped(served):
    assert served.fetch(get("/prod/up", with_key(ACME))).status == 200
    sent = served.stub.to("/up")[-1]
    assert sent.get("x-api-key") == ACME
    assert sent.get("X-Key-Name") == "acme"
    assert sent.get("X-Key") == ACME


def test_a_refused_request_never_reaches_the_integration(served):
    before = len(served.stub.requests)
    assert served.fetch(get("/prod/up", with_key("wrong-0123456789-0123456789"))).status == 403
    assert len(served.stub.requests) == before


def test_the_connection_lives_on(served):
    with Wire(served.port) as wire:
        for value, status in ((ACME, 200), ("wrong", 403), (ZOO, 200), (LATE, 403)):
            assert wire.request(get("/prod/closed", with_key(value))).status == status


FULL = gateway_file(
    account={"throttle": {"rate": 10000, "burst": 5000}},
    plans={"gold": plan(methods={"GET /closed": {"rate": 5, "burst": 2}}, throttle={"rate": 0.5, "burst": 20},
                        quota={"limit": 7, "period": "WEEK", "offset": 1}), "iron": plan("test")},
    keys={"acme": key(ACME, "gold"), "zoo": key(ZOO, "iron")},
    stages={"prod": {"throttle": {"rate": 9, "burst": 8}, "methods": {
        "*/*": {"throttle": {"rate": 3, "burst": 4}}, "GET /closed": {"concurrency": 6}}}, "test": {}},
)


def explained(tmp_path, *fields: str, file: dict = FULL) -> dict[str, str]:
    for name, content in (("fastgw.yaml", file), ("api.json", document("http://127.0.0.1:9"))):
        (tmp_path / name).write_text(json.dumps(content))
    options = [word for field in fields for word in ("-H", field)]
    done = command("explain", str(tmp_path / "fastgw.yaml"), "GET", "/prod/closed", *options,
                   FASTGW_REDIS_URL="redis://127.0.0.1:1/0")
    return dict(re.split(r"\s{2,}", line, maxsplit=1) for line in done.stdout.splitlines() if "  " in line)


@pytest.mark.parametrize(("away", "said"), [("local", "each node has its share"), ("closed", "is refused"),
                                            ("open", "is let through")])
def test_explain_says_what_nodes_share(tmp_path, away, said):
    gold = {**FULL["plans"]["gold"], "nodes": {"share": True, "away": away}}
    rows = explained(tmp_path, with_key(ACME), file={**FULL, "plans": {**FULL["plans"], "gold": gold}})
    assert rows["shared"].startswith("plan gold, between the nodes") and rows["shared"].endswith(said)
    assert "shared" not in explained(tmp_path, with_key(ACME))


def test_explain_shows_the_key_and_the_limits_that_apply(tmp_path):
    rows = explained(tmp_path, with_key(ACME))
    assert rows["key"] == "acme"
    assert {name: value for name, value in rows.items() if name.startswith("limit")} == {
        "limit PLAN_METHOD": "5/s, burst 2, each key of plan gold",
        "limit PLAN": "0.5/s, burst 20, each key of plan gold",
        "limit QUOTA": "7 each WEEK, offset 1, each key of plan gold",
        "limit STAGE_METHOD": "3/s, burst 4",
        "limit STAGE": "9/s, burst 8",
        "limit ACCOUNT": "10000/s, burst 5000",
        "limit CONCURRENCY": "6 at one time",
    }
    assert rows["phases"].startswith("PARSE ROUTE KEY THROTTLE")
    for fields in ([], [with_key(ZOO)], [with_key("wrong")]):
        rows = explained(tmp_path, *fields)
        assert rows["answer"] == "403 INVALID_API_KEY"
        assert rows["key"].startswith("required")


def test_a_reload_brings_and_takes_keys():
    changed = gateway_file(plans={"gold": plan()}, keys={"late": key(LATE, "gold"), "zoo": key(ZOO, "gold")})
    first = gateway_file(plans={"gold": plan()}, keys={"acme": key(ACME, "gold"), "zoo": key(ZOO, "gold")})
    files = {"fastgw.yaml": first, "api.json": document("http://127.0.0.1:9")}
    with Gateway(files, env={"FASTGW_WORKERS": "2"}) as gateway, gateway.wire() as wire:
        def asked(value):
            return {one.request(get("/prod/closed", with_key(value))).status for one in (wire, *others)}

        others = [gateway.wire() for _ in range(8)]
        assert (asked(ACME), asked(LATE), asked(ZOO)) == ({200}, {403}, {200})
        for _ in range(3):
            gateway.write("fastgw.yaml", changed)
            assert gateway.reload().returncode == 0
            assert (asked(ACME), asked(LATE), asked(ZOO)) == ({403}, {200}, {200})
            gateway.write("fastgw.yaml", first)
            assert gateway.reload().returncode == 0
            assert (asked(ACME), asked(LATE), asked(ZOO)) == ({200}, {403}, {200})
        for one in others:
            one.close()

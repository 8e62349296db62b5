"""The firewall on the wire: actions, order, what blocked requests are answered, addresses, rates over workers."""

import json

from tests.support.client import Wire, get
from tests.support.definition import mock, openapi, proxy
from tests.support.firewall import looks, protected, rule, under
from tests.support.keys import ACME, api, gateway_file, key, keyed, plan
from tests.support.process import Gateway, command
from tests.support.upstream import Upstream

OPEN = openapi({"/{proxy+}": {"any": mock(200, "{}")}})
BAD = "X-Bad: 1"
HAS_BAD = {"size": {"field": {"header": "x-bad"}, "comparison": "GE", "bytes": 0}}


def post(path: str, body: bytes, *fields: str, chunked: bool = False) -> bytes:
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    data = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: a", framing, *fields, "", ""]).encode() + data


def statuses(gateway: Gateway, *requests: bytes) -> list[int]:
    with Wire(gateway.port) as wire:
        return [wire.request(request).status for request in requests]


def test_every_action_in_the_order_of_priorities():
    rules = [
        rule("late", 9, under("/order", HAS_BAD), response={"status": 418}),
        rule("first", 1, under("/order/allowed"), "allow"),
        rule("counted", 3, under("/counted"), "count", labels=["seen:counted", "seen:often"]),
        rule("by-label", 4, {"and": [{"label": "seen:"}, HAS_BAD]}),
        rule("plain", 5, under("/plain")),
        rule("own", 6, under("/own"), response={
            "status": 429, "body": '{"slow": "down"}', "content_type": "application/json",
            "headers": {"Retry-After": "7", "X-Why": "own"}}),
        rule("not", 7, under("/not", {"not": HAS_BAD})),
        rule("or", 8, under("/either", {"or": [HAS_BAD, looks("query_string", "x")]})),
    ]
    with Gateway({"fastgw.yaml": protected(rules), "api.json": OPEN}) as gateway:
        asked = [get("/prod/order", BAD), get("/prod/order/allowed", BAD), get("/prod/order")]
        assert statuses(gateway, *asked) == [418, 200, 200]
        assert statuses(gateway, get("/prod/counted"), get("/prod/counted", BAD)) == [200, 403]
        assert statuses(gateway, get("/prod/not"), get("/prod/not", BAD)) == [403, 200]
        either = [get("/prod/either"), get("/prod/either", BAD), get("/prod/either?x")]
        assert statuses(gateway, *either) == [200, 403, 403]
        with Wire(gateway.port) as wire:
            plain, own = wire.request(get("/prod/plain")), wire.request(get("/prod/own"))
        assert (plain.status, plain.body) == (403, b'{"message":"Forbidden"}')
        assert plain.get("x-amzn-ErrorType") == "ForbiddenException"
        assert (own.status, own.body) == (429, b'{"slow": "down"}')
        assert (own.get("Content-Type"), own.get("Retry-After"), own.get("X-Why")) == ("application/json", "7", "own")


def test_a_default_that_blocks_lets_in_what_a_rule_allows():
    rules = [rule("health", 1, looks("uri_path", "/prod/health", "exactly"), "allow")]
    file = protected(rules, default="block", response={"status": 503, "body": "closed"})
    with Gateway({"fastgw.yaml": file, "api.json": OPEN}) as gateway, Wire(gateway.port) as wire:
        assert wire.request(get("/prod/health")).status == 200
        answer = wire.request(get("/prod/healthy"))
        assert (answer.status, answer.body) == (503, b"closed")


def test_it_is_asked_before_routes_preflights_keys_and_validation():
    document = api({"/keyed": {"get": keyed(mock(200, "{}"))}})
    document["x-amazon-apigateway-cors"] = {"allowOrigins": ["*"], "allowMethods": ["GET"]}
    file = gateway_file(stage={"firewall": "edge"}, plans={"gold": plan()}, keys={"acme": key(ACME, "gold")},
                        firewalls={"edge": {"rules": [rule("bad", 1, HAS_BAD, response={"status": 418})]}})
    preflight = b"OPTIONS /prod/keyed HTTP/1.1\r\nHost: a\r\nOrigin: https://x\r\n"
    preflight += b"Access-Control-Request-Method: GET\r\n"
    with Gateway({"fastgw.yaml": file, "api.json": document}) as gateway:
        asked = [get("/prod/keyed", BAD), get("/prod/nothing", BAD), preflight + b"X-Bad: 1\r\n\r\n"]
        assert statuses(gateway, *asked) == [418] * 3
        assert statuses(gateway, get("/prod/keyed"), get("/prod/nothing")) == [403, 404]
        assert statuses(gateway, get("/elsewhere/keyed", BAD)) == [404]      # another stage's requests are not its
        assert gateway.metric('^fastgw_failures_total{failure="WAF_FILTERED"}') == 3


def test_addresses_of_the_client_and_of_a_forwarding_header():
    def forwarded(which: str, fallback: str = "match") -> dict:
        return {"forwarded": {"header": "X-Client", "which": which, "fallback": fallback}}

    rules = [
        rule("v4", 1, under("/peer", {"ip_set": {"set": "loopback"}})),
        rule("not-there", 2, under("/other", {"ip_set": {"addresses": ["10.0.0.0/8", "2001:db8::/32"]}})),
        rule("first", 3, under("/first", {"ip_set": {"set": "bad", **forwarded("first")}})),
        rule("last", 4, under("/last", {"ip_set": {"set": "bad", **forwarded("last", "no_match")}})),
        rule("any", 5, under("/any", {"ip_set": {"set": "bad", **forwarded("any")}})),
    ]
    sets = {"ip_sets": {"loopback": ["127.0.0.0/8"], "bad": ["192.0.2.0/24", "2001:db8::/33"]}}
    with Gateway({"fastgw.yaml": protected(rules, sections=sets), "api.json": OPEN}) as gateway:
        def asked(path: str, *values: str) -> list[int]:
            return statuses(gateway, *(get(path, f"X-Client: {value}") for value in values))

        assert statuses(gateway, get("/prod/peer"), get("/prod/other"), get("/prod/first")) == [403, 200, 200]
        assert asked("/prod/first", "192.0.2.9, 10.0.0.1", "10.0.0.1, 192.0.2.9", "::ffff:192.0.2.1", "no address") == [
            403, 200, 403, 403]
        last = ["192.0.2.9, 10.0.0.1", "10.0.0.1, 2001:db8:7fff::1", "2001:db8:8000::1", "nobody"]
        assert asked("/prod/last", *last) == [200, 403, 200, 200]
        assert asked("/prod/any", "10.0.0.1, 192.0.2.9, ::1", "10.0.0.1", "10.0.0.1, x") == [403, 200, 403]


def test_a_rate_is_exact_over_two_workers_and_apart_by_key():
    rates = {"by_user": {"limit": 20, "window": 600, "keys": [{"header": "X-User"}],
                         "scope": looks("uri_path", "/prod/user", "starts_with")}}
    rules = [
        rule("user", 1, {"rate": rates["by_user"]}),
        rule("client", 2, under("/client", {"rate": {"limit": 7, "window": 300}})),
        rule("path", 3, under("/path", {"rate": {"limit": 2, "window": 60, "keys": ["ip", "method", "uri_path"]}})),
        rule("forwarded", 4, {"rate": {"limit": 1, "keys": ["forwarded_ip"],
                                       "scope": looks("uri_path", "/prod/fwd", "starts_with")}}),
    ]
    files = {"fastgw.yaml": protected(rules), "api.json": OPEN}
    with Gateway(files, env={"FASTGW_WORKERS": "2"}) as gateway:
        found = []
        for _ in range(30):             # each connection may be another worker's
            found += statuses(gateway, get("/prod/user", "X-User: a"), get("/prod/user", "X-User: b"))
        assert (found[::2].count(200), found[1::2].count(200)) == (20, 20)
        assert statuses(gateway, *[get("/prod/user")] * 25) == [200] * 25       # no such header: not counted
        assert statuses(gateway, *[get("/prod/client")] * 9) == [200] * 7 + [403] * 2
        assert statuses(gateway, *[get("/prod/path/1")] * 3, *[get("/prod/path/2")] * 3) == [200, 200, 403] * 2
        fields = ["X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 10.0.0.1, 1.1.1.1", "X-Forwarded-For: 10.0.0.2",
                  "X-Forwarded-For: unknown"]
        assert statuses(gateway, *(get("/prod/fwd", field) for field in fields)) == [200, 403, 200, 403]
        before = gateway.metric('^fastgw_firewall_requests_total{firewall="edge",rule="user",action="block"}')
        assert before == 20
        gateway.reload()
        assert statuses(gateway, get("/prod/user", "X-User: a")) == [403]       # a deployment forgets no count


def test_the_beginning_of_a_body_and_no_more():
    needle = looks("body", "needle")
    rules = [
        rule("begins", 1, under("/begin", needle)),
        rule("big", 2, under("/big", {"byte_match": {"field": {"body": {"oversize": "match"}}, "value": "needle"}})),
        rule("size", 3, under("/size", {"size": {"field": "body", "comparison": "GT", "bytes": 1024}})),
    ]
    within, beyond = b"x" * 1018 + b"needle", b"x" * 1019 + b"needle"
    with Upstream() as stub:
        document = openapi({"/{proxy+}": {"any": proxy(f"{stub.url}/{{proxy}}")}})
        files = {"fastgw.yaml": protected(rules, body_bytes=1024), "api.json": document}
        with Gateway(files) as gateway:
            for chunked in (False, True):
                asked = [post("/prod/begin", body, chunked=chunked) for body in (within, beyond, b"", within + beyond)]
                assert [gateway.fetch(request).status for request in asked] == [403, 200, 200, 403]
                asked = [post("/prod/big", body, chunked=chunked) for body in (b"y" * 1024, b"y" * 1025)]
                assert [gateway.fetch(request).status for request in asked] == [200, 403]
                asked = [post("/prod/size", body, chunked=chunked) for body in (b"y" * 1024, b"y" * 1025)]
                assert [gateway.fetch(request).status for request in asked] == [200, 403]


def test_a_long_body_is_looked_at_and_streamed():
    """What is held is sent first, as long as the body says it is, whatever the pieces it came in."""
    rules = [rule("needle", 1, looks("body", "needle"))]
    body = bytes(range(256)) * 4096
    with Upstream() as stub:
        document = openapi({"/{proxy+}": {"any": proxy(f"{stub.url}/{{proxy}}")}})
        with Gateway({"fastgw.yaml": protected(rules), "api.json": document}) as gateway:
            for chunked in (False, True):
                request = post("/prod/long", body, chunked=chunked)
                with Wire(gateway.port) as wire:
                    for start, end in ((0, 100), (100, 3000), (3000, 20_000), (20_000, len(request))):
                        wire.send(request[start:end])
                    assert wire.answer("POST").status == 200
                assert stub.requests[-1].request.body == body
                assert stub.requests[-1].request.path == "/long"
            head = post("/prod/long", body, "Expect: 100-continue")
            with Wire(gateway.port) as wire:
                wire.send(head[: -len(body)])
                assert wire.interim().status == 100
                wire.send(body)
                assert wire.answer("POST").status == 200
            assert stub.requests[-1].request.body == body


def test_a_client_that_leaves_while_its_body_is_waited_for_leaves_nothing():
    rules = [rule("needle", 1, looks("body", "needle"))]
    with Gateway({"fastgw.yaml": protected(rules), "api.json": OPEN}) as gateway:
        for _ in range(3):
            with Wire(gateway.port) as wire:
                wire.send(post("/prod/x", b"y" * 9000)[:4000])


def test_the_log_says_what_the_firewall_said():
    names = ("wafResponseCode", "webaclArn", "waf.status", "waf.error", "status")
    log = {"file": "log.txt", "format": json.dumps({name: f"$context.{name}" for name in names} | {
        "id": "$context.requestId"})}
    rules = [rule("bad", 1, HAS_BAD)]
    with Gateway({"fastgw.yaml": protected(rules, stage={"log": log}), "api.json": OPEN}) as gateway:
        assert statuses(gateway, get("/prod/a"), get("/prod/a", BAD)) == [200, 403]
        gateway.stop()
        lines = [json.loads(line) for line in (gateway.folder / "log.txt").read_text().splitlines()]
    arn = lines[0]["webaclArn"]
    assert arn.startswith("arn:aws:wafv2:us-east-1:000000000000:regional/webacl/edge/")
    assert [[line[name] for name in names] for line in lines] == [
        ["WAF_ALLOW", arn, "200", "-", "200"], ["WAF_BLOCK", arn, "200", "-", "403"]]


def test_no_door_is_opened():
    rules = [rule("slow", 1, {"regex_match": {"field": {"header": "x-bad"}, "patterns": ["^(a+)+$"]}}),
             {"name": "core", "priority": 2, "rule_group": "core"},
             rule("often", 3, {"rate": {"limit": 1_000_000}}), rule("body", 4, looks("body", "needle"))]
    with Gateway({"fastgw.yaml": protected(rules), "api.json": OPEN}) as gateway:
        asked = [get("/prod/a?b=c"), get("/prod/a?b=1'%20or%201=1")]
        asked += [post("/prod/a", b"x=needle"), post("/prod/a", b"x=y")]
        assert statuses(gateway, *asked * 200) == [200, 403, 403, 200] * 200
        assert gateway.metric("^fastgw_(door_[a-z_]+|doors)_total") == 0


def test_the_ops_listener_shows_what_rules_matched_and_no_secret():
    rules = [rule("seen", 1, looks("uri_path", "/prod/seen"), "count"), rule("bad", 2, HAS_BAD)]
    secrets = ["Authorization: Bearer s3cret", "Cookie: a=s3cret", "x-api-key: s3cret", "X-Other: s3cret"]
    with Gateway({"fastgw.yaml": protected(rules, samples=3), "api.json": OPEN}) as gateway:
        for _ in range(5):
            assert statuses(gateway, get("/prod/seen?key=s3cret", BAD, *secrets)) == [403]
        assert statuses(gateway, get("/prod/other")) == [200]
        status, text = gateway.ops("/firewall")
    assert status == 200
    assert "s3cret" not in text
    told = json.loads(text)
    assert [(row["rule"], row["action"], row["requests"]) for row in told["rules"]] == [
        ("seen", "count", 5), ("bad", "block", 5), ("(default)", "allow", 1)]
    found = [(sample["rule"], sample["action"], sample["path"]) for sample in told["samples"]]
    assert sorted(found) == [("(default)", "ALLOW", "/prod/other"), *[("bad", "BLOCK", "/prod/seen")] * 3,
                             *[("seen", "COUNT", "/prod/seen")] * 3]
    assert {sample["client"] for sample in told["samples"]} == {"127.0.0.1"}


def test_explain_names_the_rule(tmp_path):
    rules = [{"name": "core", "priority": 1, "rule_group": "core"}, rule("own", 2, HAS_BAD, response={"status": 418})]
    for name, document in {"fastgw.yaml": protected(rules), "api.json": OPEN}.items():
        (tmp_path / name).write_text(json.dumps(document))

    def explained(*words: str) -> str:
        return command("explain", str(tmp_path / "fastgw.yaml"), "GET", *words).stdout

    assert "edge: rule core/sqli_query blocks" in explained("/prod/a?b=1%20or%201=1")
    assert "edge: rule (default) allows" in explained("/prod/a")
    told = explained("/prod/a", "-H", "X-Bad: 1")
    assert "edge: rule own blocks" in told
    assert "418" in told

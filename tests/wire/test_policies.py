"""Policies of APIs on the wire: who is let in, what the others are told, and that no spelling gets around a denial."""

import json
from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.cache import cached, counting
from tests.support.client import get
from tests.support.definition import mock, openapi, proxy, several
from tests.support.judge import normal
from tests.support.message import Response
from tests.support.policy import statement
from tests.support.process import Gateway
from tests.support.upstream import Upstream
from tests.wire.corpus_a1 import DENIED
from tests.wire.test_gil import DOORS

MASKED = "arn:aws:execute-api:us-east-1:********0000:wire"


def policy(*statements: dict[str, object]) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def denying(resource: object, **elements: object) -> dict[str, object]:
    """Everything is allowed but this."""
    return policy(statement(Resource="execute-api:/*"), statement("Deny", Resource=resource, **elements))


def fixed(own: object, **extensions: object) -> dict:
    paths = {"/": {"any": mock(200, '"root"')}, "/{proxy+}": {"any": mock(200, '"below"')}}
    return openapi(paths, policy=own, **extensions)


def gateway(document: dict, api: dict[str, object] | None = None, **settings: object) -> Gateway:
    file = several({"wire": {"definition": "api.json", "id": "wire", "stages": {"prod": {}}, **(api or {})}},
                   domains={"*": [{"api": "wire", "stage": "prod"}]}, settings=settings)
    return Gateway({"fastgw.yaml": file, "api.json": document})


def message(answer: Response) -> str:
    assert (answer.status, answer.get("x-amzn-ErrorType")) == (403, "AccessDeniedException")
    assert answer.get("Content-Type") == "application/json"
    whole = json.loads(answer.body)
    assert list(whole) == ["Message"]
    return whole["Message"]


# --- TRIALS B1: no spelling of a denied path passes

@pytest.fixture(scope="module")
def guarded() -> Iterator[Served]:
    """/admin and everything below it is denied by the API's policy; the rest is passed on."""
    with Upstream() as stub:
        document = openapi({"/": {"any": proxy(f"{stub.url}/")}, "/{proxy+}": {"any": proxy(f"{stub.url}/{{proxy}}")}},
                           policy=denying(["execute-api:/*/*/admin", "execute-api:/*/*/admin/*"]))
        with gateway(document) as running:
            yield Served(running, stub)
            assert stub.unclean == []


@pytest.mark.parametrize(("name", "path", "expect"), DENIED, ids=[name for name, _, _ in DENIED])
@pytest.mark.parametrize("method", ("GET", "POST"))
def test_b1_denied_path(guarded: Served, name: str, path: bytes, expect: str, method: str) -> None:
    guarded.upstream.clear()
    request = f"{method} ".encode() + path + b" HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 0\r\n\r\n"
    answer = guarded.fetch(request)
    forwarded = [normal(recorded.request.target) for recorded in guarded.upstream.whole()]
    assert not any(target == "/admin" or target.startswith("/admin/") for target in forwarded)
    if expect == "refuse":
        assert (answer.status, forwarded) == (400, [])
    elif answer.status == 200:
        assert forwarded == [normal(path.decode())]
    else:
        assert answer.status in (400, 403) and forwarded == []


@pytest.mark.parametrize("resource", ("admin", "admin/", "admin/*"))
def test_b1_one_denial_holds_for_the_slash_at_the_end(resource: str) -> None:
    """"/admin/" is a spelling of /admin to the router, and of what is below it to many an upstream."""
    with gateway(fixed(denying(f"execute-api:/*/GET/{resource}"))) as running:
        assert running.fetch(get("/admin/")).status == 403
        assert running.fetch(get("/admins")).status == 200


def test_a_denial_of_one_method_holds_for_who_overrides_it() -> None:
    with gateway(fixed(denying("execute-api:/*/DELETE/*"))) as running:
        assert running.fetch(get("/a")).status == 200
        assert running.fetch(get("/a", "X-HTTP-Method-Override: DELETE")).status == 403
        assert running.fetch(b"DELETE /a HTTP/1.1\r\nHost: a\r\nX-HTTP-Method-Override: GET\r\n\r\n").status == 200


# --- what is refused, and how

@pytest.fixture(scope="module")
def selective() -> Iterator[Gateway]:
    own = policy(statement(Resource="execute-api:/prod/GET/open/*"),
                 statement("Deny", Resource="execute-api:/prod/GET/open/never"))
    with gateway(fixed(own)) as running:
        yield running


def test_what_is_allowed_passes(selective: Gateway) -> None:
    assert selective.fetch(get("/open/a")).status == 200


def test_what_nobody_allows_is_refused(selective: Gateway) -> None:
    assert message(selective.fetch(get("/other/%61%2b?q=1"))) == (
        f"User: anonymous is not authorized to perform: execute-api:Invoke on resource: {MASKED}/prod/GET/other/a%2B")


def test_what_is_denied_is_refused_with_those_words(selective: Gateway) -> None:
    assert message(selective.fetch(get("/open/never"))) == (
        f"User: anonymous is not authorized to perform: execute-api:Invoke on resource: {MASKED}/prod/GET/open/never "
        "with an explicit deny")


def test_the_root_is_a_resource(selective: Gateway) -> None:
    assert message(selective.fetch(get("/"))).endswith(f"{MASKED}/prod/GET/")


def test_nothing_is_asked_of_a_policy_where_there_is_no_route() -> None:
    document = openapi({"/a": {"get": mock(200)}}, policy=policy(statement("Deny")))
    with gateway(document) as running:
        answer = running.fetch(get("/b"))
        assert (answer.status, json.loads(answer.body)) == (403, {"message": "Missing Authentication Token"})


def test_a_gateway_response_has_the_words_and_the_type() -> None:
    template = '{"why":$context.error.messageString,"type":"$context.error.responseType"}'
    responses = {"ACCESS_DENIED": {"statusCode": 404, "responseTemplates": {"application/json": template}}}
    with gateway(fixed(policy(statement("Deny")), gateway_responses=responses)) as running:
        answer = running.fetch(get("/a"))
        assert answer.status == 404
        why = f"User: anonymous is not authorized to perform: execute-api:Invoke on resource: {MASKED}/prod/GET/a"
        assert json.loads(answer.body) == {"why": f"{why} with an explicit deny", "type": "ACCESS_DENIED"}


def test_a_refused_body_is_not_read() -> None:
    """A client that waits for 100 Continue gets its refusal instead."""
    with gateway(fixed(policy(statement("Deny")))) as running:
        answer = running.fetch(b"POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert answer.status == 403 and answer.closes


# --- conditions

def asked(running: Gateway, *fields: str, path: str = "/a") -> int:
    return running.fetch(get(path, *fields)).status


def test_addresses() -> None:
    own = denying("execute-api:/*", Condition={"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}})
    with gateway(fixed(own), trusted_proxies="127.0.0.1") as running:
        assert asked(running) == 403
        assert asked(running, "X-Forwarded-For: 203.0.113.9") == 200
        assert asked(running, "X-Forwarded-For: 203.0.114.9") == 403
        assert asked(running, "X-Forwarded-For: 2001:db8::7") == 200
        assert asked(running, "X-Forwarded-For: ::ffff:203.0.113.7") == 200
        assert asked(running, "X-Forwarded-For: 203.0.113.9, 6.6.6.6") == 403
    with gateway(fixed(own)) as running:
        assert asked(running, "X-Forwarded-For: 203.0.113.9") == 403, "a stranger is not believed"


def test_fields() -> None:
    own = policy(statement(Condition={"StringLike": {"aws:Referer": "https://shop.example/*"}}),
                 statement("Deny", Condition={"StringLike": {"aws:UserAgent": ["*bot*", "curl/*"]}}))
    with gateway(fixed(own)) as running:
        good = "Referer: https://shop.example/a"
        assert asked(running) == 403
        assert asked(running, good) == 200
        assert asked(running, "rEFERER: https://shop.example/") == 200
        assert asked(running, "Referer: https://shop.example.evil/") == 403
        assert asked(running, "Referer: ") == 403
        assert asked(running, good, "User-Agent: Mozilla") == 200
        assert asked(running, good, "User-Agent: a bot") == 403
        assert asked(running, good, "User-Agent: Mozilla", "User-Agent: a bot") == 403, "no second field hides one"
        assert asked(running, good, "User-Agent: a bot", "User-Agent: Mozilla") == 403
        assert asked(running, "Referer: https://evil/", good) == 403


def test_transport() -> None:
    own = denying("execute-api:/*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    with gateway(fixed(own), trusted_proxies="127.0.0.1") as running:
        assert asked(running) == 403
        assert asked(running, "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https") == 200
        assert asked(running, "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: http") == 403


def test_times() -> None:
    for operator, status in (("DateGreaterThan", 200), ("DateLessThan", 403)):
        own = policy(statement(Condition={operator: {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}))
        with gateway(fixed(own)) as running:
            assert asked(running) == status


def test_what_needs_a_signer_is_absent() -> None:
    own = policy(statement(Condition={"Null": {"aws:PrincipalArn": "true"}}),
                 statement("Deny", Principal={"AWS": "000000000000"}),
                 statement("Deny", Condition={"StringLike": {"aws:username": "*"}}))
    with gateway(fixed(own)) as running:
        assert asked(running) == 200


# --- the rest of a gateway

def test_a_policy_opens_no_door() -> None:
    own = denying("execute-api:/*/*/no", Condition={"StringNotLike": {"aws:UserAgent": "a*"}})
    with gateway(fixed(own)) as running:
        for _ in range(50):
            assert (asked(running), asked(running, path="/no")) == (200, 403)
        assert running.metric(DOORS) == 0


def test_each_stage_is_asked_about_itself() -> None:
    file = several({"wire": {"definition": "api.json", "id": "wire", "stages": {"prod": {}, "test": {}}}})
    own = denying("execute-api:/prod/*")
    with Gateway({"fastgw.yaml": file, "api.json": fixed(own)}) as running:
        assert (running.fetch(get("/test/a")).status, running.fetch(get("/prod/a")).status) == (200, 403)
        assert running.fetch(get("/_aws/execute-api/wire/prod/a")).status == 403
        assert running.fetch(get("/prod/a", host="wire.execute-api.eu-west-1.example")).status == 403


def test_a_policy_of_the_file_goes_before_the_definitions() -> None:
    with gateway(fixed(policy(statement())), {"policy": policy(statement("Deny"))}) as running:
        assert asked(running) == 403


def test_who_may_have_a_fresh_answer() -> None:
    """Of those whom the stage's cache would ask for the permission."""
    fresh = "execute-api:InvalidateCache"
    own = policy(statement(), statement(Action=fresh, Resource="execute-api:/prod/GET/free"),
                 statement(Action=fresh, Condition={"StringEquals": {"aws:UserAgent": "admin"}}))
    with Upstream() as stub:
        document = openapi({"/{proxy+}": {"get": cached(proxy(f"{stub.url}/{{proxy}}"))}}, policy=own)
        stages = {"prod": {"cache": {"x_cache": True, "unauthorized": "FAIL_WITH_403"}}}
        with gateway(document, {"stages": stages}) as running:
            for path, fields, status in (("/free", (), 200), ("/kept", ("User-Agent: admin",), 200),
                                         ("/kept", (), 403)):
                stub.on(path, counting())
                first = running.fetch(get(path)).body
                assert running.fetch(get(path)).body == first, "it is cached"
                answer = running.fetch(get(path, "Cache-Control: max-age=0", *fields))
                assert answer.status == status
                assert (running.fetch(get(path)).body != first) == (status == 200)


# --- disableExecuteApiEndpoint

def test_an_api_without_its_endpoint_answers_under_its_domain_alone() -> None:
    document = fixed(None, endpoint_configuration={"disableExecuteApiEndpoint": True})
    del document["x-amazon-apigateway-policy"]
    with gateway(document) as running:
        assert running.fetch(get("/a")).status == 200
        for path, host in (("/prod/a", "wire.execute-api.us-east-1.amazonaws.com"), ("/prod/a", "WIRE.execute-api.x"),
                           ("/_aws/execute-api/wire/prod/a", "gw.test")):
            answer = running.fetch(get(path, host=host))
            assert (answer.status, json.loads(answer.body)) == (403, {"message": "Forbidden"}), path

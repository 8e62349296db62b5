"""Policies of APIs on the wire: who is let in, what the others are told, and that no spelling gets around a denial."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastgw.load import load
from fastgw.plan.explain import explain
from fastgw.settings import Settings, engine_settings
from tests.conftest import Served
from tests.support.authorizers import HANDLER, asks, scheme, token
from tests.support.authorizers import policy as answered
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

ALLOWED = "execute-api:/*"
FRESH = "execute-api:InvalidateCache"
TEMPLATE = '{"why":$context.error.messageString,"type":"$context.error.responseType"}'


def policy(*statements: dict[str, object]) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def denying(resource: object, **elements: object) -> dict[str, object]:
    """Everything is allowed but this."""
    return policy(statement(Resource=ALLOWED), statement("Deny", Resource=resource, **elements))


def fixed(own: object = None, **extensions: object) -> dict:
    paths = {"/": {"any": mock(200, '"root"')}, "/{proxy+}": {"any": mock(200, '"below"')}}
    return openapi(paths, **({"policy": own} if own is not None else {}), **extensions)


def passed_on(url: str, own: object) -> dict:
    return openapi({"/": {"any": proxy(f"{url}/")}, "/{proxy+}": {"any": proxy(f"{url}/{{proxy}}")}}, policy=own)


def past(operator: str) -> dict[str, object]:
    return policy(statement(Condition={operator: {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}))


SIGNED_ONLY = policy(
    statement(Condition={"Null": {"aws:PrincipalArn": "true"}}),
    statement("Deny", Principal={"AWS": "000000000000"}),
    statement("Deny", Condition={"StringLike": {"aws:username": "*"}}))
HOME = {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}}
SHOP = policy(
    statement(Condition={"StringLike": {"aws:Referer": "https://shop.example/*"}}),
    statement("Deny", Condition={"StringLike": {"aws:UserAgent": ["*bot*", "curl/*"]}}))


def documents(url: str) -> dict[str, dict]:
    """APIs by their ids, each at the host ID.test in its stage prod."""
    return {
        "guarded": passed_on(url, denying(["execute-api:/*/*/admin", "execute-api:/*/*/admin/*"])),
        "slash1": fixed(denying("execute-api:/*/GET/admin")),
        "slash2": fixed(denying("execute-api:/*/GET/admin/")),
        "slash3": fixed(denying("execute-api:/*/GET/admin/*")),
        "verbs": fixed(denying("execute-api:/*/DELETE/*")),
        "selective": fixed(policy(statement(Resource="execute-api:/prod/GET/open/*"),
                                  statement("Deny", Resource="execute-api:/prod/GET/open/never"))),
        "unrouted": openapi({"/a": {"get": mock(200)}}, policy=policy(statement("Deny"))),
        "responses": fixed(policy(statement("Deny")), gateway_responses={
            "ACCESS_DENIED": {"statusCode": 404, "responseTemplates": {"application/json": TEMPLATE}}}),
        "addresses": fixed(denying(ALLOWED, Condition=HOME)),
        "fields": fixed(SHOP),
        "transport": fixed(denying(ALLOWED, Condition={"Bool": {"aws:SecureTransport": "false"}})),
        "after": fixed(past("DateGreaterThan")),
        "before": fixed(past("DateLessThan")),
        "nobody": fixed(SIGNED_ONLY),
        "stages": fixed(denying("execute-api:/prod/*")),
        "file": fixed(policy(statement())),
        "hidden": fixed(endpoint_configuration={"disableExecuteApiEndpoint": True}),
        "fresh": openapi({"/{proxy+}": {"get": cached(proxy(f"{url}/{{proxy}}"))}}, policy=policy(
            statement(), statement(Action=FRESH, Resource="execute-api:/prod/GET/free"),
            statement(Action=FRESH, Condition={"StringEquals": {"aws:UserAgent": "admin"}}))),
    }


def api_section(name: str) -> dict[str, object]:
    stages: dict[str, object] = {"prod": {"cache": {"unauthorized": "FAIL_WITH_403"}} if name == "fresh" else {}}
    if name == "stages":
        stages["test"] = {}
    section = {"definition": f"{name}.json", "id": name, "stages": stages}
    return section | ({"policy": policy(statement("Deny"))} if name == "file" else {})


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """Every API of documents(). None of their requests opens a door to Python."""
    with Upstream() as stub:
        definitions = documents(stub.url)
        file = several({name: api_section(name) for name in definitions},
                       domains={f"{name}.test": [{"api": name, "stage": "prod"}] for name in definitions},
                       settings={"trusted_proxies": "127.0.0.1"})
        files = {f"{name}.json": document for name, document in definitions.items()}
        with Gateway({"fastgw.yaml": file, **files}) as gateway:
            yield Served(gateway, stub)
            assert stub.unclean == []
            assert gateway.metric(DOORS) == 0


def ask(served: Served, name: str, path: str = "/a", *fields: str) -> Response:
    return served.fetch(get(path, *fields, host=f"{name}.test"))


def message(answer: Response) -> str:
    assert (answer.status, answer.get("x-amzn-ErrorType")) == (403, "AccessDeniedException")
    assert answer.get("Content-Type") == "application/json"
    whole = json.loads(answer.body)
    assert list(whole) == ["Message"]
    return whole["Message"]


def nobody_may(name: str, resource: str) -> str:
    return ("User: anonymous is not authorized to perform: execute-api:Invoke on resource: "
            f"arn:aws:execute-api:us-east-1:********0000:{name}/prod/GET{resource}")


# --- TRIALS B1: no spelling of a denied path passes

@pytest.mark.parametrize(("name", "path", "expect"), DENIED, ids=[name for name, _, _ in DENIED])
@pytest.mark.parametrize("method", ("GET", "POST"))
def test_b1_denied_path(served: Served, name: str, path: bytes, expect: str, method: str) -> None:
    """/admin and everything below it is denied by the API's policy; the rest is passed on."""
    served.upstream.clear()
    request = f"{method} ".encode() + path + b" HTTP/1.1\r\nHost: guarded.test\r\nContent-Length: 0\r\n\r\n"
    answer = served.fetch(request)
    forwarded = [normal(recorded.request.target) for recorded in served.upstream.whole()]
    assert not any(target == "/admin" or target.startswith("/admin/") for target in forwarded)
    if expect == "refuse":
        assert (answer.status, forwarded) == (400, [])
    elif answer.status == 200:
        assert forwarded == [normal(path.decode())]
    else:
        assert answer.status in (400, 403) and forwarded == []


@pytest.mark.parametrize("name", ("slash1", "slash2", "slash3"))
def test_b1_one_denial_holds_for_the_slash_at_the_end(served: Served, name: str) -> None:
    """"/admin/" is a spelling of /admin to the router, and of what is below it to many an upstream."""
    assert ask(served, name, "/admin/").status == 403
    assert ask(served, name, "/admins").status == 200


def test_a_denial_of_one_method_holds_for_who_overrides_it(served: Served) -> None:
    assert ask(served, "verbs").status == 200
    assert ask(served, "verbs", "/a", "X-HTTP-Method-Override: DELETE").status == 403
    deleted = b"DELETE /a HTTP/1.1\r\nHost: verbs.test\r\n"
    assert served.fetch(deleted + b"\r\n").status == 403
    assert served.fetch(deleted + b"X-HTTP-Method-Override: GET\r\n\r\n").status == 200


# --- what is refused, and how

def test_what_is_allowed_passes(served: Served) -> None:
    assert ask(served, "selective", "/open/a").status == 200


def test_what_nobody_allows_is_refused(served: Served) -> None:
    assert message(ask(served, "selective", "/other/%61%2b?q=1")) == nobody_may("selective", "/other/a%2B")


def test_what_is_denied_is_refused_with_those_words(served: Served) -> None:
    assert message(ask(served, "selective", "/open/never")) == (
        nobody_may("selective", "/open/never") + " with an explicit deny")


def test_the_root_is_a_resource(served: Served) -> None:
    assert message(ask(served, "selective", "/")) == nobody_may("selective", "/")


def test_nothing_is_asked_of_a_policy_where_there_is_no_route(served: Served) -> None:
    answer = ask(served, "unrouted", "/b")
    assert (answer.status, json.loads(answer.body)) == (403, {"message": "Missing Authentication Token"})


def test_a_gateway_response_has_the_words_and_the_type(served: Served) -> None:
    answer = ask(served, "responses")
    assert answer.status == 404
    assert json.loads(answer.body) == {
        "why": nobody_may("responses", "/a") + " with an explicit deny", "type": "ACCESS_DENIED"}


def test_a_refused_body_is_not_read(served: Served) -> None:
    """A client that waits for 100 Continue gets its refusal instead."""
    answer = served.fetch(b"POST /a HTTP/1.1\r\nHost: file.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert answer.status == 403 and answer.closes


# --- conditions

@pytest.mark.parametrize(("forwarded", "status"), (
    (None, 403), ("203.0.113.9", 200), ("203.0.114.9", 403), ("2001:db8::7", 200), ("::ffff:203.0.113.7", 200),
    ("203.0.113.9, 6.6.6.6", 403),
))
def test_addresses(served: Served, forwarded: str | None, status: int) -> None:
    fields = () if forwarded is None else (f"X-Forwarded-For: {forwarded}",)
    assert ask(served, "addresses", "/a", *fields).status == status


GOOD = "Referer: https://shop.example/a"


@pytest.mark.parametrize(("fields", "status"), (
    ((), 403), ((GOOD,), 200), (("rEFERER: https://shop.example/",), 200),
    (("Referer: https://shop.example.evil/",), 403), (("Referer: ",), 403), (("Refe_rer: https://shop.example/",), 403),
    ((GOOD, "User-Agent: Mozilla"), 200), ((GOOD, "User-Agent: a bot"), 403),
    # No second field hides one.
    ((GOOD, "User-Agent: Mozilla", "User-Agent: a bot"), 403),
    ((GOOD, "User-Agent: a bot", "User-Agent: Mozilla"), 403),
    (("Referer: https://evil/", GOOD), 403),
))
def test_fields(served: Served, fields: tuple[str, ...], status: int) -> None:
    assert ask(served, "fields", "/a", *fields).status == status


@pytest.mark.parametrize(("proto", "status"), (("https", 200), ("http", 403), ("wss", 403)))
def test_transport(served: Served, proto: str, status: int) -> None:
    fields = ("X-Forwarded-For: 1.2.3.4", f"X-Forwarded-Proto: {proto}")
    assert ask(served, "transport", "/a", *fields).status == status


def test_times(served: Served) -> None:
    assert (ask(served, "after").status, ask(served, "before").status) == (200, 403)


def test_what_needs_a_signer_is_absent(served: Served) -> None:
    assert ask(served, "nobody").status == 200


# --- the rest of a gateway

def test_each_stage_is_asked_about_itself(served: Served) -> None:
    host = "stages.execute-api.eu-west-1.example"
    assert [served.fetch(get(path, host=host)).status for path in ("/test/a", "/prod/a")] == [200, 403]
    assert served.fetch(get("/_aws/execute-api/stages/prod/a")).status == 403


def test_a_policy_of_the_file_goes_before_the_definitions(served: Served) -> None:
    assert ask(served, "file").status == 403


@pytest.mark.parametrize(("path", "fields", "status"), (
    ("/free", (), 200), ("/kept", ("User-Agent: admin",), 200), ("/kept", (), 403)))
def test_who_may_have_a_fresh_answer(served: Served, path: str, fields: tuple[str, ...], status: int) -> None:
    """Of those whom the stage's cache would ask for the permission."""
    served.upstream.on(path, counting())
    first = ask(served, "fresh", path).body
    assert ask(served, "fresh", path).body == first, "it is cached"
    assert ask(served, "fresh", path, "Cache-Control: max-age=0", *fields).status == status
    assert (ask(served, "fresh", path).body != first) == (status == 200)


# --- beside an authorizer

def test_a_denial_goes_before_an_authorizer_and_its_answer_allows_a_fresh_answer() -> None:
    own = policy(statement("Deny", Resource="execute-api:/prod/GET/denied"))
    function = {"code": ".", "handler": "app.handler", "runtime": "python3", "timeout": 30, "memory": 256}
    stages = {"prod": {"cache": {"unauthorized": "FAIL_WITH_403"}}}
    file = several({"a": {"definition": "api.json", "id": "a", "stages": stages}}, functions={"auth": function},
                   domains={"*": [{"api": "a", "stage": "prod"}]})
    with Upstream() as stub:
        stub.default = counting()
        operation = asks(cached(proxy(f"{stub.url}/{{proxy}}")), "token")
        document = openapi({"/{proxy+}": {"get": operation}}, policy=own) | {
            "components": {"securitySchemes": {"token": scheme("token")}}}
        with Gateway({"fastgw.yaml": file, "api.json": document, "app.py": HANDLER}) as gateway:
            some, more = (f"X-Token: {token({'reply': {'principalId': 'a', 'policyDocument': document}})}"
                          for document in (answered("Allow", "*"), answered("Allow", "*", Action="execute-api:*")))
            for path, field in (("/denied", some), ("/denied/", some), ("/denied", "X-None: 1")):
                assert message(gateway.fetch(get(path, field))).endswith("/prod/GET/denied with an explicit deny")
            assert gateway.metric("^fastgw_door_authorize_total") == 0
            assert gateway.fetch(get("/in", "X-None: 1")).status == 401
            for field, status in ((some, 403), (more, 200)):
                first = gateway.fetch(get("/in", field)).body
                assert gateway.fetch(get("/in", field, "Cache-Control: max-age=0")).status == status
                assert (gateway.fetch(get("/in", field)).body != first) == (status == 200)


# --- disableExecuteApiEndpoint

def test_an_api_without_its_endpoint_answers_under_its_domain_alone(served: Served) -> None:
    assert ask(served, "hidden").status == 200
    for path, host in (("/prod/a", "hidden.execute-api.us-east-1.amazonaws.com"), ("/prod/a", "HIDDEN.execute-api.x"),
                       ("/_aws/execute-api/hidden/prod/a", "gw.test")):
        answer = served.fetch(get(path, host=host))
        assert (answer.status, json.loads(answer.body)) == (403, {"message": "Forbidden"}), path


def test_an_api_at_every_host_is_not_found_at_its_endpoint(tmp_path: Path) -> None:
    document = fixed(endpoint_configuration={"disableExecuteApiEndpoint": True})
    file = several({"hidden": {"definition": "api.json", "id": "hidden"}})
    for name, content in (("fastgw.yaml", file), ("api.json", document)):
        (tmp_path / name).write_text(json.dumps(content))
    loaded = load([str(tmp_path / "fastgw.yaml")])
    assert loaded.problems == ()
    settings = Settings()
    for host, answer in (("hidden.execute-api.x", "403 NO_SUCH_API"), ("other.execute-api.x", "200 by the gateway")):
        rows = dict(explain(loaded.gateway, settings, engine_settings(settings), "GET", "/a", [("Host", host)]))
        assert rows["answer"] == answer

"""Lambda authorizers behind a whole gateway, run by its own function host."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.support.authorizers import HANDLER, NODE, allows, http, policy, rest, token
from tests.support.client import Wire, eventually, get
from tests.support.definition import several
from tests.support.message import Response
from tests.support.process import Gateway
from tests.support.upstream import Upstream

DOORS = "^fastgw_door_[a-z_]+_total"
ASKED = "^fastgw_authorizer_(found|asked)_total"
ACCOUNT = "123456789012"


def functions() -> dict[str, object]:
    own = {"code": ".", "handler": "app.handler", "runtime": "python3", "timeout": 30, "memory": 256}
    return {
        "auth": own, "slow": {**own, "timeout": 0.5}, "echo": {**own, "handler": "app.echo"},
        "node": {**own, "handler": "index.handler", "runtime": "nodejs20.x", "memory": 512},
    }


def files(url: str, **extensions: object) -> dict[str, object]:
    log = {"file": "access.log", "format": json.dumps({name: f"$context.{name}" for name in (
        "requestId", "extendedRequestId", "status", "authorizer.principalId",
        "authorizer.age", "authorizer.status", "authorizer.error",
        "authorizer.integrationStatus", "authorizer.latency", "authorize.status", "authorize.error", "error.message")})}
    apis = {
        "rest": {"definition": "rest.json", "id": "rest", "stages": {
            "prod": {"variables": {"color": "red"}, "log": log}, "dev": {"variables": {"color": "red"}}}},
        "http": {"definition": "http.json", "id": "http", "kind": "HTTP", "stages": {"$default": {"log": log}}},
    }
    domains = {"*": [{"api": "rest", "base_path": "r", "stage": "prod"},
                     {"api": "rest", "base_path": "d", "stage": "dev"}, {"api": "http"}]}
    whole = several(apis, functions=functions(), domains=domains, account_id=ACCOUNT, region="eu-west-1")
    return {"fastgw.yaml": whole, "rest.json": rest(url, **extensions), "http.json": http(url), "app.py": HANDLER,
            "index.js": NODE}


@dataclass
class Served:
    gateway: Gateway
    stub: Upstream

    def ask(self, path: str, told: object = None, *fields: str, method: str = "GET") -> Response:
        """told: what the token says, or a token as it is."""
        given = [] if told is None else [f"X-Token: {told if isinstance(told, str) else token(told)}"]
        return self.gateway.fetch(get(path, *given, *fields, method=method))

    def calls(self) -> int:
        return int(self.gateway.metric("^fastgw_calls_total"))

    def logged(self, answer: Response) -> dict[str, object]:
        """The line of the access log of one answer."""
        own = answer.get("x-amzn-RequestId") or answer.get("apigw-requestid")
        path = self.gateway.folder / "access.log"
        lines = eventually(
            lambda: path.exists() and [json.loads(line) for line in path.read_text().splitlines() if own in line],
            f"a line of {own}")
        return lines[0]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Upstream() as stub, Gateway(files(stub.url, api_key_source="HEADER")) as gateway:
        yield Served(gateway, stub)


# --- what a function may answer

ALL_OF = f"arn:aws:execute-api:eu-west-1:{ACCOUNT}"
NO = "User is not authorized to access this resource"
EXPLICIT = NO + " with an explicit deny"
ON_THIS_MACHINE = {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}
ELSEWHERE = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
UNKNOWN = {"Sounds": {"aws:SourceIp": "a"}}
BOTH = policy("Allow", "*") | {"Statement": [*policy("Allow", "*")["Statement"], *policy("Deny")["Statement"]]}


def says(document: object) -> dict:
    return {"reply": {"principalId": "ann", "policyDocument": document}}


TABLE: dict[str, tuple[str, object, int, str | None]] = {
    # what it does: (path, what the token says, status, message)
    "allows": ("/r/token", allows(), 200, None),
    "allows by a wildcard": ("/r/token", allows(resource=f"{ALL_OF}:rest/*/GET/to*"), 200, None),
    "allows everything": ("/r/token", allows(resource="*"), 200, None),
    "allows another method": ("/r/token", allows(resource=f"{ALL_OF}:rest/*/POST/*"), 403, NO),
    "allows another API": ("/r/token", allows(resource=f"{ALL_OF}:other/*/GET/*"), 403, NO),
    "allows another stage": ("/r/token", allows(resource=f"{ALL_OF}:rest/dev/*"), 403, NO),
    "denies": ("/r/token", says(policy("Deny")), 403, EXPLICIT),
    "denies and allows": ("/r/token", says(BOTH), 403, EXPLICIT),
    "allows by a condition": ("/r/token", says(policy(Condition=ON_THIS_MACHINE)), 200, None),
    "allows by a condition that fails": ("/r/token", says(policy(Condition=ELSEWHERE)), 403, NO),
    "raises Unauthorized": ("/r/token", {"raise": "Unauthorized"}, 401, "Unauthorized"),
    "raises something else": ("/r/token", {"raise": "unauthorized!"}, 500, None),
    "ends": ("/r/token", {"exit": True}, 500, None),
    "no principalId": ("/r/token", {"reply": {"policyDocument": policy()}}, 500, None),
    "an empty principalId": ("/r/token", allows(""), 500, None),
    "a principalId that is no text": ("/r/token", allows(5), 500, None),     # type: ignore[arg-type]
    "no policyDocument": ("/r/token", {"reply": {"principalId": "ann"}}, 500, None),
    "a policy that is none": ("/r/token", says({"Statement": "x"}), 500, None),
    "a policy with an unknown operator": ("/r/token", says(policy(Condition=UNKNOWN)), 500, None),
    "a policy as a text": ("/r/token", says(json.dumps(policy())), 500, None),
    "no object": ("/r/token", {"text": "yes"}, 500, None),
    "nothing": ("/r/token", {"text": None}, 500, None),
    "a list in context": ("/r/token", allows(context={"a": [1]}), 500, None),
    "an object in context": ("/r/token", allows(context={"a": {}}), 500, None),
    "a context that is no object": ("/r/token", allows(context=[1]), 500, None),
    "a usage key that is no text": ("/r/token", allows(usageIdentifierKey=5), 500, None),
    "a simple answer, unasked": ("/r/token", {"reply": {"isAuthorized": True}}, 500, None),
    "simple: yes": ("/simple", {"reply": {"isAuthorized": True}}, 200, None),
    "simple: no": ("/simple", {"reply": {"isAuthorized": False}}, 403, "Forbidden"),
    "simple: a text": ("/simple", {"reply": {"isAuthorized": "true"}}, 500, "Internal Server Error"),
    "simple: nothing": ("/simple", {"reply": {}}, 500, "Internal Server Error"),
    "simple: a policy": ("/simple", allows(), 500, "Internal Server Error"),
    "simple: a deep context": ("/simple", {"reply": {"isAuthorized": True, "context": {"a": {"b": [1]}}}}, 200, None),
    "HTTP: allows": ("/policy", allows(), 200, None),
    "HTTP: denies": ("/policy", says(policy("Deny")), 403, "Forbidden"),
    "HTTP: unauthorized": ("/policy", {"raise": "Unauthorized"}, 401, "Unauthorized"),
    "HTTP: fails": ("/policy", {"raise": "no"}, 500, "Internal Server Error"),
    "HTTP 1.0: allows": ("/old", allows(), 200, None),
    "HTTP 1.0: no principalId": ("/old", {"reply": {"policyDocument": policy()}}, 500, "Internal Server Error"),
    "a function that nobody has credentials for": ("/r/lost", allows(), 500, None),
    "no token": ("/r/token", None, 401, "Unauthorized"),
    "HTTP: no token": ("/simple", None, 401, "Unauthorized"),
    "a token that does not fit": ("/r/strict", "x" + token(allows()), 401, "Unauthorized"),
    "a token that fits": ("/r/strict", allows("strict"), 200, None),
}
UNASKED = {"no token", "HTTP: no token", "a token that does not fit", "a function that nobody has credentials for"}


@pytest.mark.parametrize("name", TABLE)
def test_every_outcome(served: Served, name: str) -> None:
    path, told, status, message = TABLE[name]
    before, reached = served.calls(), len(served.stub.whole())
    answer = served.ask(path, told)
    assert answer.status == status, answer.raw
    if status != 200:
        key = "Message" if status == 403 and path.startswith("/r/") else "message"
        assert json.loads(answer.body) == {key: message}
        assert len(served.stub.whole()) == reached
    if name in UNASKED:
        assert served.calls() == before
    if status in (401, 500) and name not in UNASKED:        # what is no decision is not kept
        assert served.ask(path, told).status == status
        assert served.calls() == before + 2


def test_the_log_says_what_became_of_it(served: Served) -> None:
    line = served.logged(served.ask("/r/token", allows("log", context={"age": 5})))
    assert (line["status"], line["authorizer.status"], line["authorize.status"]) == ("200", "200", "200")
    assert (line["authorizer.principalId"], line["authorizer.age"]) == ("log", "5")
    assert line["authorizer.integrationStatus"] == "200"
    line = served.logged(served.ask("/r/token", {"raise": "it is secret"}))
    assert (line["authorizer.status"], line["authorizer.error"]) == ("500", "the authorizer's function failed")
    assert line["authorizer.principalId"] == "-"
    line = served.logged(served.ask("/policy", {"reply": {"principalId": "log", "policyDocument": policy("Deny")}}))
    assert (line["authorizer.status"], line["authorize.status"]) == ("200", "403")
    log = (served.gateway.folder / "access.log").read_text()
    assert "it is secret" not in log
    assert token({"raise": "it is secret"}) not in log + served.gateway.stderr()


# --- what is told

def test_context_goes_to_the_backend(served: Served) -> None:
    served.stub.clear()
    told = allows("ann", context={"age": 5, "old": True, "none": None})
    assert served.ask("/r/token", told).status == 200
    request = served.stub.only("/up")
    assert (request.get("X-User"), request.get("X-Age"), request.get("X-Old"), request.get("X-None")) == (
        "ann", "5", "true", None)
    assert served.ask("/r/template", allows("ann", context={"age": 1.5})).body == b"ann 1.5 "
    served.stub.clear()
    assert served.ask("/policy", allows("bob", context={"deep": {"a": [1, None]}})).status == 200
    request = served.stub.only("/up")
    assert (request.get("X-User"), request.get("X-Deep")) == ("bob", '{"a":[1,null]}')


def test_context_goes_to_events(served: Served) -> None:
    context = {"age": 5, "old": True}
    found = json.loads(served.ask("/r/event", allows("ann", context=context)).body)["requestContext"]["authorizer"]
    assert isinstance(found.pop("integrationLatency"), int)
    assert found == {"principalId": "ann", "age": "5", "old": "true"}
    told = {"reply": {"isAuthorized": True, "context": {"age": 5, "deep": {"a": []}}}}
    found = json.loads(served.ask("/event2/7", told).body)["requestContext"]["authorizer"]
    assert found == {"lambda": {"age": 5, "deep": {"a": []}}}
    found = json.loads(served.ask("/event1", allows("ann", context={"age": 5})).body)["requestContext"]["authorizer"]
    assert isinstance(found.pop("integrationLatency"), int)
    assert found == {"principalId": "ann", "age": 5}


def shown(served: Served, path: str, told: dict, *fields: str, method: str = "GET") -> dict:
    """The event that the authorizer got."""
    served.stub.clear()
    body = json.loads(served.ask(path, told | {"show": True}, *fields, method=method).body)
    context = body["requestContext"]["authorizer"]
    return json.loads(context.get("lambda", context)["event"])


def test_what_a_token_authorizer_is_told(served: Served) -> None:
    told = allows()
    assert shown(served, "/r/event?q=1", told) == {
        "type": "TOKEN", "authorizationToken": token(told | {"show": True}),
        "methodArn": f"arn:aws:execute-api:eu-west-1:{ACCOUNT}:rest/prod/GET/event",
    }


def test_what_a_request_authorizer_of_format_2_is_told(served: Served) -> None:
    told = {"reply": {"isAuthorized": True}}
    event = shown(served, "/event2/7?a=1&a=2", told, "Cookie: a=b; c=d")
    assert (event["version"], event["type"], event["routeKey"], event["rawPath"]) == (
        "2.0", "REQUEST", "GET /event2/{id}", "/event2/7")
    assert event["routeArn"] == f"arn:aws:execute-api:eu-west-1:{ACCOUNT}:http/$default/GET/event2/7"
    assert event["identitySource"] == [token(told | {"show": True})]
    assert (event["cookies"], event["queryStringParameters"], event["pathParameters"]) == (
        ["a=b", "c=d"], {"a": "1,2"}, {"id": "7"})
    assert event["requestContext"]["http"]["method"] == "GET"
    assert event["requestContext"]["accountId"] == ACCOUNT
    assert "authorizer" not in event["requestContext"]
    assert not {"body", "isBase64Encoded"} & event.keys()
    assert "content-length" not in event["headers"]


# --- decisions

def test_a_decision_is_kept_for_its_identity_and_nothing_else(served: Served) -> None:
    everything = allows("kept", "*")
    served.ask("/r/token", everything)
    before = served.calls()
    for path, method in (("/r/token", "GET"), ("/r/token", "POST"), ("/r/token/1", "GET"), ("/r/token/2", "DELETE")):
        assert served.ask(path, everything, method=method).status == 200
    assert served.calls() == before
    served.ask("/r/token", allows("other", "*"))                # another identity
    served.ask("/d/token", everything)                          # another stage
    served.ask("/r/request", everything)                        # another authorizer
    assert served.calls() == before + 3


def test_a_kept_policy_is_looked_at_for_each_method(served: Served) -> None:
    told = allows("each", [f"arn:aws:execute-api:eu-west-1:{ACCOUNT}:rest/prod/GET/token",
                           f"arn:aws:execute-api:eu-west-1:{ACCOUNT}:rest/prod/*/token/1*"])
    before = served.calls()
    statuses = [served.ask(path, told, method=method).status for path, method in (
        ("/r/token", "GET"), ("/r/token", "POST"), ("/r/token/1", "DELETE"), ("/r/token/12", "GET"),
        ("/r/token/2", "GET"), ("/r/token/%31", "GET"), ("/r/token/x/../2", "GET"))]
    assert statuses == [200, 403, 200, 200, 403, 200, 403]
    assert served.calls() == before + 1
    assert served.ask("/d/token", told).status == 403


def test_a_denied_path_has_one_spelling(served: Served) -> None:
    told = {"reply": {"principalId": "spell", "policyDocument": {"Version": "2012-10-17", "Statement": [
        *policy("Allow", "*")["Statement"],
        *policy("Deny", f"arn:aws:execute-api:eu-west-1:{ACCOUNT}:rest/prod/GET/token/secret")["Statement"]]}}}
    for path in ("secret", "secret/", "%73ecret", "x/../secret", "./secret", "/secret"):
        assert served.ask(f"/r/token/{path}", told).status == 403, path
    assert served.ask("/r/token/open", told).status == 200


def test_with_a_time_to_live_of_zero_everybody_is_asked_about(served: Served) -> None:
    before = served.calls()
    assert [served.ask("/r/each", allows("zero")).status for _ in range(3)] == [200] * 3
    assert served.calls() == before + 3


def test_all_sources_of_an_identity_are_needed(served: Served) -> None:
    told = allows("both")
    before = served.calls()
    assert [served.ask(path, told).status for path in ("/r/both", "/r/both?q=", "/r/both?q=1&q=2")] == [401] * 3
    assert served.ask("/r/both?q=1").status == 401
    assert served.calls() == before
    assert [served.ask(f"/r/both?q={q}", told).status for q in ("1", "2", "1")] == [200] * 3
    assert served.calls() == before + 2


def test_equal_requests_ask_once(served: Served) -> None:
    told = allows("together") | {"sleep": 0.3}
    before, known = served.calls(), served.gateway.metric(ASKED)
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(served.gateway.port)) for _ in range(8)]
        for wire in wires:
            wire.send(get("/r/token", f"X-Token: {token(told)}"))
        eventually(lambda: served.gateway.metric(ASKED) == known + 8, "8 requests that are decided or wait for it")
        wires[0].reset()
        assert [wire.answer().status for wire in wires[1:]] == [200] * 7
    assert served.calls() == before + 1


def test_a_kept_decision_opens_no_door(served: Served) -> None:
    told = get("/r/token", f"X-Token: {token(allows('doors'))}")
    other = get("/policy", f"X-Token: {token({'reply': {'principalId': 'no', 'policyDocument': policy('Deny')}})}")
    with served.gateway.wire() as wire:
        assert (wire.request(told).status, wire.request(other).status) == (200, 403)
        before = served.gateway.metric(DOORS)
        for _ in range(20):
            wire.send((told + other + get("/r/token")) * 4)
            assert [wire.answer().status for _ in range(12)] == [200, 403, 401] * 4
        assert served.gateway.metric(DOORS) == before
    assert served.gateway.metric("^fastgw_authorizer_found_total") >= 160


def test_continue_is_said_after_the_decision_only(served: Served) -> None:
    expects = ("Expect: 100-continue", "Content-Length: 5")
    with served.gateway.wire() as wire:
        wire.send(get("/r/token", *expects, method="POST"))
        assert wire.answer().status == 401
        assert wire.ends()
    for told, statuses in ((allows("go", "*"), (100, 200)), ({"raise": "Unauthorized"}, (401,)),
                           ({"reply": {"principalId": "no", "policyDocument": policy("Deny")}}, (403,))):
        with served.gateway.wire() as wire:
            wire.send(get("/r/token", f"X-Token: {token(told)}", *expects, method="POST"))
            if statuses[0] == 100:
                assert wire.interim().status == 100
                wire.send(b"hello")
            assert wire.answer().status == statuses[-1]


def test_an_open_route_asks_nobody(served: Served) -> None:
    before = served.calls()
    assert served.ask("/r/open").status == 200
    assert served.calls() == before


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed (Debian: nodejs)")
def test_an_authorizer_in_node(served: Served) -> None:
    served.stub.clear()
    assert served.ask("/r/node", "eve").status == 200
    assert served.stub.only("/up").get("X-User") == "eve"
    assert served.ask("/r/node", "who").status == 401


# --- reload, keys, caches

def test_a_reload_with_a_changed_authorizer_asks_anew() -> None:
    with Upstream() as stub, Gateway(files(stub.url)) as gateway:
        served = Served(gateway, stub)
        told = allows("again", "*")
        assert [served.ask("/r/token", told).status for _ in range(2)] == [200, 200]
        before = served.calls()
        gateway.reload()
        assert served.ask("/r/token", told).status == 200
        assert served.calls() == before, "nothing has changed"
        changed = rest(stub.url)
        changed["components"]["securitySchemes"]["token"]["x-amazon-apigateway-authorizer"][
            "authorizerResultTtlInSeconds"] = 60
        gateway.write("rest.json", changed)
        gateway.reload()
        eventually(lambda: served.ask("/r/token", told).status == 200 and served.calls() > before, "a question anew")
        gateway.write("app.py", "import json\ndef handler(event, context):\n    raise Exception('Unauthorized')\n")
        assert served.ask("/r/token", told).status == 200, "a decision outlives the function that made it"


def test_keys_that_authorizers_give() -> None:
    value = "key-of-ann-0123456789-0123456789"
    with Upstream() as stub:
        given = files(stub.url, api_key_source="AUTHORIZER")
        definition = given["rest.json"]
        definition["components"]["securitySchemes"]["k"] = {"type": "apiKey", "name": "x-api-key", "in": "header"}
        definition["paths"]["/token"]["get"]["security"] = [{"token": [], "k": []}]
        given["fastgw.yaml"] |= {
            "keys": {"ann": {"value": value, "plans": ["gold"]}},
            "plans": {"gold": {"stages": [{"api": "rest", "stage": "prod"}],
                               "quota": {"limit": 3, "period": "MONTH"}}},
        }
        with Gateway(given) as gateway:
            served = Served(gateway, stub)
            told = allows("ann", "*", usageIdentifierKey=value)
            assert served.ask("/r/token", allows("no key", "*"), f"x-api-key: {value}").status == 403
            assert served.ask("/r/token", allows("bad key", "*", usageIdentifierKey="x" * 30)).status == 403
            assert served.ask("/r/token", told, "x-api-key: something").status == 200
            assert [served.ask("/r/token", told).status for _ in range(3)] == [200, 200, 429]
            assert value not in gateway.stderr() + (gateway.folder / "access.log").read_text()


def test_a_cached_answer_is_one_identitys() -> None:
    async def who(exchange) -> None:
        await exchange.reply(200, (exchange.request.get("X-User") or "nobody").encode(), "Cache-Control: max-age=60")

    with Upstream(who) as stub:
        given = files(stub.url)
        given["fastgw.yaml"]["apis"]["rest"]["stages"]["prod"]["cache"] = {"ttl": 300, "x_cache": True}
        with Gateway(given) as gateway:
            served = Served(gateway, stub)
            for path in ("/r/token", "/r/request"):
                for user in ("ann", "bob", "ann", "bob"):
                    answer = served.ask(path, allows(user, "*"))
                    assert (answer.status, answer.body) == (200, user.encode())
                assert answer.get("X-Cache") == "HIT"
            denied = {"reply": {"principalId": "ann", "policyDocument": policy("Deny", "*")}}
            assert served.ask("/r/token", denied).status == 403
            assert served.ask("/r/token").status == 401


def test_a_slow_authorizer_holds_up_nobody_else(served: Served) -> None:
    told = allows("slow") | {"sleep": 0.5}
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(served.ask("/r/token", told).status))
    thread.start()
    assert served.ask("/r/open").status == 200
    assert served.ask("/r/token", allows("quick")).status == 200
    assert answers == []
    thread.join(30)
    assert answers == [200]

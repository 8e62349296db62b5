"""Signed requests through a running gateway: who is let in, what everybody else is told, and what is never shown."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fastgw.parts.auth.sealed import issue, new_key, read_key, seal
from tests.support.client import get
from tests.support.definition import mock, openapi, proxy
from tests.support.message import Response
from tests.support.process import Gateway, command
from tests.support.signed import CHUNKED, Message, in_chunks, sign
from tests.support.upstream import Upstream

SECRETS = {"AKIAALICE": "planted-secret-of-alice", "AKIABOB": "planted-secret-of-bob", "AKIALATE": "planted-late"}
TOKEN = "planted-session-token"
KEY = new_key()
ALLOW = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "arn:aws:execute-api:*:*:*/prod/*/pets*"}]}
DENY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "*", "Resource": "*"},
    {"Effect": "Deny", "Action": "execute-api:Invoke", "Resource": "arn:aws:execute-api:*:*:*/*/DELETE/*"}]}
MAPPED = {f"header.X-{name}": f"context.identity.{name}" for name in ("userArn", "caller", "user", "accountId")}
DOORS = "^fastgw_(door_[a-z_]+|doors)_total"


def asking(operation: dict) -> dict:
    """The operation, for signed requests alone."""
    return {**operation, "x-amazon-apigateway-auth": {"type": "AWS_IAM"}}


def document(url: str) -> dict:
    signed = asking(proxy(f"{url}/up", parameters=MAPPED))
    return openapi({
        "/pets": {"get": signed, "post": signed, "put": signed, "delete": signed, "head": signed},
        "/pets/{id}": {"get": signed},
        "/other": {"get": signed},
        "/fixed": {"get": asking(mock(200, "{}"))},
        "/open": {"get": mock(200, "{}")},
    })


def file(**changes: object) -> dict:
    users = {
        "alice": {"keys": {"AKIAALICE": {"secret_file": "alice.txt"}}, "groups": ["readers"]},
        "bob": {"keys": {"AKIABOB": {"secret": seal(read_key(KEY), "AKIABOB", SECRETS["AKIABOB"])}},
                "policies": {"most": DENY}},
        "carol": {"keys": {"AKIACAROL": {"secret_file": "alice.txt"}}},
        "dave": {"keys": {"AKIADAVE": {"secret_file": "alice.txt", "session_token_file": "token.txt"}},
                 "policies": {"most": DENY}},
    }
    return {
        "fastgw": 1,
        "apis": {"pets": {"definition": "api.json", "stages": {"prod": {}}},
                 "http": {"definition": "http.json", "kind": "HTTP", "stages": {"prod": {}}}},
        "domains": {"*": [{"api": "pets"}], "http.example": [{"api": "http"}]},
        "account_id": "123456789012",
        "region": "eu-west-1",
        "log": {"file": "access.log", "format": "$context.requestId $context.status $context.identity.userArn "
                                                "$context.error.message"},
        "iam": {"users": users | changes, "groups": {"readers": {"policies": {"read": ALLOW}}},
                "roles": {"batch": {"policies": {"most": DENY}}}},
    }


def files(url: str) -> dict[str, object]:
    return {"fastgw.yaml": file(), "api.json": document(url), "http.json": openapi({"/pets": {
        "get": asking(proxy(f"{url}/up"))}}), "alice.txt": SECRETS["AKIAALICE"], "token.txt": TOKEN}


@pytest.fixture(scope="module")
def served() -> Iterator[Gateway]:
    with Upstream() as stub, Gateway(files(stub.url), env={"FASTGW_IAM_KEY": KEY}) as gateway:
        gateway.stub = stub
        yield gateway


def message(verb: str = "GET", path: str = "/prod/pets", query: str = "", body: bytes = b"",
            host: str = "any.example") -> Message:
    return Message(verb.encode(), path.encode(), query.encode(), ((b"Host", host.encode()),), body)


def signed(plain: Message, key: str = "AKIAALICE", secret: str | None = None, at: float | None = None,
           **options: object) -> Message:
    secret = SECRETS.get(key, SECRETS["AKIAALICE"]) if secret is None else secret
    return sign(plain, key, secret, int(time.time() if at is None else at), region="eu-west-1", **options)


def wire_bytes(it: Message) -> bytes:
    target = it.path + (b"?" + it.query if it.query else b"")
    fields = b"".join(b"%b: %b\r\n" % field for field in it.fields)
    length = b"Content-Length: %d\r\n" % len(it.body) if it.body else b""
    return it.verb + b" " + target + b" HTTP/1.1\r\n" + fields + length + b"\r\n" + it.body


def ask(gateway: Gateway, it: Message) -> Response:
    return gateway.fetch(wire_bytes(it))


def refused(answer: Response) -> tuple[int, str | None, str]:
    body = json.loads(answer.body)
    return answer.status, answer.get("x-amzn-errortype"), body.get("message") or body.get("Message")


# --- let in

def test_who_signs_is_let_in_and_is_known(served: Gateway) -> None:
    assert ask(served, signed(message(query="b=2&a=1&a=0"))).status == 200
    told = served.stub.requests[-1].request
    assert told.get("X-userArn") == "arn:aws:iam::123456789012:user/alice"
    assert told.get("X-accountId") == "123456789012"
    assert re.fullmatch("AIDA[A-Z2-7]{17}", told.get("X-caller") or "")
    assert told.get("X-user") == told.get("X-caller")
    assert ask(served, signed(message(), "AKIABOB")).status == 200
    assert served.stub.requests[-1].request.get("X-userArn") == "arn:aws:iam::123456789012:user/bob"


def test_a_session_of_a_role(served: Gateway) -> None:
    now = int(time.time())
    made = issue(read_key(KEY), "batch", "night", now, now + 900)
    plain = message().with_field(b"X-Amz-Security-Token", made.token.encode())
    assert ask(served, signed(plain, made.access_key, made.secret)).status == 200
    told = served.stub.requests[-1].request
    assert told.get("X-userArn") == "arn:aws:sts::123456789012:assumed-role/batch/night"
    assert re.fullmatch("AROA[A-Z2-7]{17}:night", told.get("X-caller") or "")
    over = issue(read_key(KEY), "batch", "night", now - 100, now - 1)
    plain = message().with_field(b"X-Amz-Security-Token", over.token.encode())
    assert refused(ask(served, signed(plain, over.access_key, over.secret))) == (
        403, "ExpiredTokenException", "The security token included in the request is expired")


def test_a_key_with_a_token_of_another_system(served: Gateway) -> None:
    plain = message().with_field(b"X-Amz-Security-Token", TOKEN.encode())
    assert ask(served, signed(plain, "AKIADAVE")).status == 200
    assert refused(ask(served, signed(message(), "AKIADAVE")))[1] == "UnrecognizedClientException"


def test_bodies_however_they_come(served: Gateway) -> None:
    body = b'{"name": "rex"}' * 1000
    whole = wire_bytes(signed(message("POST", body=body)))
    head = whole.index(b"\r\n\r\n") + 4
    for cuts in ([whole], [whole[:head], whole[head:]], [whole[: head + 5], whole[head + 5 : -7], whole[-7:]]):
        with served.wire() as wire:
            wire.deliver(cuts)
            assert wire.answer("POST").status == 200
        assert served.stub.requests[-1].request.body == body
    pieces = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:100], body[100:])) + b"0\r\n\r\n"
    chunked = whole[:head].replace(b"Content-Length: %d" % len(body), b"Transfer-Encoding: chunked") + pieces
    assert served.fetch(chunked).status == 200
    assert served.stub.requests[-1].request.body == body


def test_a_body_that_waits_to_be_asked_for(served: Gateway) -> None:
    whole = wire_bytes(signed(message("POST", body=b"body")))
    whole = whole.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n", 1)
    head = whole.index(b"\r\n\r\n") + 4
    with served.wire() as wire:
        wire.send(whole[:head])
        assert wire.interim().status == 100
        wire.send(whole[head:])
        assert wire.answer("POST").status == 200
    bad = whole.replace(b"AKIAALICE", b"AKIAALICF")
    with served.wire() as wire:
        wire.send(bad[:head])           # refused without its body
        assert wire.answer("POST").status == 403


def test_other_bodies_are_refused_and_unsigned_ones_are_not_read(served: Gateway) -> None:
    before = len(served.stub.requests)
    good = signed(message("POST", body=b"good"))
    assert refused(ask(served, replace(good, body=b"evil")))[1] == "InvalidSignatureException"
    assert len(served.stub.requests) == before
    plain = message("POST", body=b"any").with_field(b"X-Amz-Content-Sha256", b"UNSIGNED-PAYLOAD")
    unsigned = signed(plain, digest=b"UNSIGNED-PAYLOAD")
    for body in (b"any", b"other" * 50_000):
        assert ask(served, replace(unsigned, body=body)).status == 200
        assert served.stub.requests[-1].request.body == body


@pytest.mark.parametrize("coding", ["aws-chunked", "aws-chunked, identity"])
def test_a_body_in_signed_chunks_reaches_the_upstream_without_them(served: Gateway, coding: str) -> None:
    pieces = [b"a" * 8192, b"b" * 100]
    plain = message("PUT")
    made = in_chunks(plain, pieces, "AKIAALICE", SECRETS["AKIAALICE"], int(time.time()), region="eu-west-1",
                     coding=coding)
    whole = wire_bytes(made)
    for cuts in ([whole], [whole[:2000], whole[2000:]]):
        with served.wire() as wire:
            wire.deliver(cuts)
            assert wire.answer("PUT").status == 200
        told = served.stub.requests[-1].request
        assert told.body == b"".join(pieces)
        assert told.get("content-encoding") is None
        assert told.get("x-amz-decoded-content-length") is None
        assert told.get("x-amz-content-sha256") is None
    before = len(served.stub.requests)
    assert ask(served, replace(made, body=made.body.replace(b"bbb", b"bbc", 1))).status == 403
    assert ask(served, replace(made, body=made.body[:-40])).status == 403
    assert len(served.stub.requests) == before
    assert CHUNKED in dict(made.fields).values()


def test_what_botocore_signs(served: Gateway) -> None:
    auth = pytest.importorskip("botocore.auth", reason="botocore, the oracle, is not installed (pip install .[dev])")
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    who = Credentials("AKIABOB", SECRETS["AKIABOB"])
    for kind in (auth.SigV4Auth, auth.SigV4QueryAuth):
        for path, query, body in (("/prod/pets", "", b""), ("/prod/pets/a%20b", "q=1&q=0&z=%C3%BC", b""),
                                  ("/prod//pets/./x/..", "a", b""), ("/prod/pets", "x=a/b:c", b"body")):
            if body and kind is auth.SigV4QueryAuth:
                continue
            request = AWSRequest(method="POST" if body else "GET", url=f"http://any.example{path}?{query}".rstrip("?"),
                                 data=body, headers={"Host": "any.example", "X-Amz-Meta": "a   b", "Accept": "*/*"})
            kind(who, "execute-api", "eu-west-1").add_auth(request)
            parts = urlsplit(request.url)
            fields = tuple((name.encode(), value.encode()) for name, value in request.headers.items())
            made = Message(request.method.encode(), parts.path.encode(), parts.query.encode(), fields, body)
            answer = ask(served, made)
            assert answer.status == 200, (path, query, answer.body)
            assert ask(served, replace(made, verb=b"HEAD")).status == 403


def test_no_door_is_opened(served: Gateway) -> None:
    before = served.metric(DOORS)
    with served.wire() as wire:
        for number in range(50):
            wire.send(wire_bytes(signed(message(query=f"n={number}"))))
            assert wire.answer().status == 200
            wire.send(wire_bytes(signed(message(), secret="wrong")))
            assert wire.answer().status == 403
    assert served.metric(DOORS) == before


# --- kept out

def test_nothing_signed(served: Gateway) -> None:
    assert refused(ask(served, message())) == (
        403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    assert served.fetch(get("/prod/open")).status == 200


def test_what_others_are_told(served: Gateway) -> None:
    bearer = message().with_field(b"Authorization", b"Bearer planted-token")
    status, kind, told = refused(ask(served, bearer))
    assert (status, kind) == (403, "IncompleteSignatureException")
    assert told.startswith("Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256")
    assert "planted" not in told
    assert refused(ask(served, signed(message(), "AKIANOBODY"))) == (
        403, "UnrecognizedClientException", "The security token included in the request is invalid.")
    status, kind, told = refused(ask(served, signed(message(), secret="wrong")))
    assert (status, kind) == (403, "InvalidSignatureException")
    assert "The Canonical String for this request should have been\n'GET\n/prod/pets\n\nhost:any.example\n" in told
    old = time.time() - 6 * 60
    assert refused(ask(served, signed(message(), at=old)))[2].startswith("Signature expired: ")
    assert refused(ask(served, signed(message(), at=time.time() + 6 * 60)))[2].startswith("Signature not yet current: ")
    for shift in (-4.9, 4.9):
        assert ask(served, signed(message(), at=time.time() + shift * 60)).status == 200


def test_another_request_than_the_one_that_was_signed(served: Gateway) -> None:
    before = len(served.stub.requests)
    good = signed(message(query="a=1"))
    for other in (replace(good, query=b"a=2"), replace(good, path=b"/prod/pets/1"), replace(good, verb=b"DELETE"),
                  good.with_field(b"Host", b"else.example")):
        assert refused(ask(served, other))[1] == "InvalidSignatureException"
    assert len(served.stub.requests) == before


def test_what_policies_say(served: Gateway) -> None:
    arn = "arn:aws:execute-api:eu-west-1:********9012:pets/prod"
    for key, verb, path, told in (
        ("AKIAALICE", "GET", "/prod/other", "user/alice is not authorized to perform: execute-api:Invoke on resource: "
         f"{arn}/GET/other"),
        ("AKIABOB", "DELETE", "/prod/pets", "user/bob is not authorized to perform: execute-api:Invoke on resource: "
         f"{arn}/DELETE/pets with an explicit deny"),
        ("AKIACAROL", "GET", "/prod/pets", "user/carol is not authorized to perform: execute-api:Invoke on resource: "
         f"{arn}/GET/pets"),
    ):
        status, kind, said = refused(ask(served, signed(message(verb, path), key)))
        assert (status, kind) == (403, "AccessDeniedException")
        assert said.startswith(f"User: arn:aws:iam::123456789012:{told}"), said
    assert ask(served, signed(message("GET", "/prod/fixed"), "AKIABOB")).status == 200


def test_http_apis_say_forbidden(served: Gateway) -> None:
    plain = message(host="http.example")
    for it in (plain, signed(plain, secret="wrong"), signed(plain, "AKIANOBODY")):
        answer = ask(served, it)
        assert (answer.status, answer.body) == (403, b'{"message":"Forbidden"}')
    assert ask(served, signed(plain, "AKIABOB")).status == 200


def test_a_removed_key_is_out_with_the_reload() -> None:
    with Upstream() as stub, Gateway(files(stub.url), env={"FASTGW_IAM_KEY": KEY}) as gateway:
        assert ask(gateway, signed(message())).status == 200
        gateway.write("fastgw.yaml", file(alice={}))
        assert gateway.reload().returncode == 0
        assert refused(ask(gateway, signed(message())))[1] == "UnrecognizedClientException"
        disabled = {"secret_file": "alice.txt", "enabled": False}
        gateway.write("fastgw.yaml", file(alice={"keys": {"AKIAALICE": disabled}}))
        assert gateway.reload().returncode == 0
        assert refused(ask(gateway, signed(message())))[1] == "UnrecognizedClientException"


def test_a_gateway_without_the_key_of_its_secrets_does_not_start(tmp_path: Path) -> None:
    for name, content in files("http://127.0.0.1:9").items():
        (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    run = command("run", str(tmp_path / "fastgw.yaml"), "--ops", "off", "--listen", "127.0.0.1:0")
    assert run.returncode != 0
    assert "the secret of access key AKIABOB is encrypted: set FASTGW_IAM_KEY_FILE" in run.stderr


def test_secrets_are_shown_nowhere(served: Gateway) -> None:
    """Planted ones: in no log, no answer of the ops listener, no error."""
    plain = message(query="X-Amz-Security-Token=planted-token").with_field(b"X-Amz-Security-Token", TOKEN.encode())
    assert ask(served, signed(plain, "AKIADAVE", "wrong")).status == 403
    assert ask(served, signed(message(), "AKIABOB")).status == 200
    shown = [served.stderr()]
    for path in ("/metrics", "/live", "/routes", "/plans", "/keys", "/upstreams", "/config", "/healthz", "/"):
        shown.append(served.ops(path)[1])
    told = json.loads(ask(served, signed(message(), secret="wrong")).body)["message"]
    assert "planted-secret" not in told
    log = (served.folder / "access.log").read_text()
    assert "arn:aws:iam::123456789012:user/bob" in log
    for text in (*shown, log):
        assert not re.search("planted", text), text
    assert KEY not in "".join(shown)
    for words in (("routes",), ("validate",), ("export", "--api", "pets"), ("explain", "GET", "/prod/pets")):
        run = command(words[0], str(served.folder / "fastgw.yaml"), *words[1:], FASTGW_IAM_KEY=KEY)
        assert not re.search("planted", run.stdout + run.stderr), words

"""AWS integrations of REST APIs, byte for byte: what a service is sent, that its signature holds, and every fault."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.conftest import Served
from tests.support.client import get
from tests.support.definition import INTEGRATION, openapi, several
from tests.support.giver import Giver, assumed
from tests.support.message import Request, Response
from tests.support.process import Gateway, command
from tests.support.services import ENVIRONMENT
from tests.support.upstream import Exchange, Upstream, scripted

ROLE = "arn:aws:iam::123456789012:role/notes"
JSON = "application/json"
REQUEST = "integration.request."

ANSWERS = {
    "4\\d{2}": {"statusCode": "400", "responseTemplates": {JSON: '{"refused": $input.json("$.__type")}'}},
    "5\\d{2}": {"statusCode": "502", "responseTemplates": {JSON: '{"message": "broken"}'}},
    "default": {"statusCode": "200"},
}


def aws(uri: str, template: str | None = None, *, kind: str = "aws", method: str = "POST", credentials: str = "",
        parameters: dict | None = None, timeout_ms: int = 5000, responses: dict | None = None) -> dict:
    """arn:aws:apigateway:eu-west-1:{uri}; parameters without their "integration.request." prefix."""
    integration = {"type": kind, "httpMethod": method, "uri": f"arn:aws:apigateway:eu-west-1:{uri}",
                   "timeoutInMillis": timeout_ms, "responses": ANSWERS if responses is None else responses}
    if template is not None:
        integration["requestTemplates"] = {JSON: template}
    if credentials:
        integration["credentials"] = credentials
    if parameters:
        integration["requestParameters"] = {f"{REQUEST}{name}": source for name, source in parameters.items()}
    return {"responses": {"200": {"description": "ok"}}, INTEGRATION: integration}


FORM = {"header.Content-Type": "'application/x-www-form-urlencoded'"}

ROUTES = {
    "/get/{id}": {"get": aws("dynamodb:action/GetItem", '{"id": "$input.params("id")"}')},
    "/passed": {"post": aws("dynamodb:action/PutItem")},
    "/own-target": {"post": aws("kinesis:action/PutRecord", "{}", parameters={
        "header.X-Amz-Target": "'Kinesis_20131202.PutRecords'", "header.Content-Type": "'application/x-amz-json-1.0'",
        "header.Referer": "'dropped'"})},
    "/publish": {"post": aws("sns:action/Publish", "Message=$util.urlEncode($input.body)", parameters={
        **FORM, "querystring.TopicArn": "method.request.querystring.topic"})},
    "/queue": {"post": aws("sqs:path/123456789012/orders", "Action=SendMessage&MessageBody=$input.body",
                           parameters=FORM)},
    "/object/{key+}": {"any": aws("s3:path/pics/{key}", method="ANY", parameters={
        "querystring.response-content-type": "method.request.querystring.type",
        "header.x-amz-meta-note": "method.request.header.note"})},
    "/object-of/{key}": {"get": aws("s3:action/GetObject&Bucket=pics&Key={key}")},
    "/mapped-key": {"get": aws("s3:path/pics/{key}", method="GET", parameters={
        "path.key": "method.request.querystring.key"})},
    "/bucket/{key}": {"get": aws("pics.s3:path/{key}", method="GET")},
    "/role": {"get": aws("dynamodb:action/Scan", "{}", credentials=ROLE)},
    "/quick": {"get": aws("dynamodb:action/Scan", "{}", timeout_ms=300)},
    "/stream": {"post": aws("firehose:action/PutRecord", kind="aws_proxy")},
    "/nowhere": {"get": aws("kinesis:action/ListStreams", "{}")},
}


@pytest.fixture(scope="module")
def giver() -> Iterator[Giver]:
    with Giver() as found:
        found.sts((200, assumed("ROLE")))
        yield found


@pytest.fixture(scope="module")
def services(giver: Giver) -> Iterator[Served]:
    with Upstream(scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")) as stub:
        file = several({"api": {"definition": "api.json"}}, services={
            "default": {"endpoint": stub.url}, "sts": {"endpoint": giver.url},
            "s3": {"region": "eu-central-1"}})
        with Gateway({"fastgw.yaml": file, "api.json": openapi(ROUTES)},
                     env={**ENVIRONMENT, "FASTGW_UPSTREAM_ALLOW_PRIVATE": None}) as gateway:
            yield Served(gateway, stub)
            assert stub.unclean == []
            for secret in (ENVIRONMENT["AWS_SECRET_ACCESS_KEY"], "secret-ROLE", "token-ROLE"):
                assert secret not in gateway.stderr()


def ask(services: Served, raw: str | bytes) -> tuple[Response, Request]:
    """The answer, and the one request that reached the service."""
    services.upstream.clear()
    answer = services.fetch(raw)
    (recorded,) = services.upstream.seen(1)
    return answer, recorded.request


def post(path: str, body: str = "", *headers: str) -> str:
    lines = [f"POST {path} HTTP/1.1", "Host: x", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body])


def check_signature(request: Request, service: str, region: str = "eu-west-1", secret: str | None = None) -> None:
    """By botocore, from what arrived."""
    auth = pytest.importorskip("botocore.auth", reason="botocore, the oracle, is not installed (pip install .[dev])")
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    given = dict(part.split("=", 1) for part in request.get("Authorization").split(" ", 1)[1].split(", "))
    access, date, *_ = given["Credential"].split("/")
    assert given["Credential"].endswith(f"/{region}/{service}/aws4_request")
    names = given["SignedHeaders"].split(";")
    assert {"host", "x-amz-date"} <= set(names)
    assert {name for name in request.names() if name.startswith("x-amz-")} <= set(names)
    url = f"http://{request.get('Host')}{request.target}"
    theirs = AWSRequest(method=request.method, url=url, data=request.body,
                        headers={name: request.get(name) for name in names if name != "host"})
    theirs.context["timestamp"] = request.get("X-Amz-Date")
    kind = auth.S3SigV4Auth if service == "s3" else auth.SigV4Auth
    signer = kind(Credentials(access, secret or ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]), service, region)
    canonical = signer.canonical_request(theirs)
    text = signer.string_to_sign(theirs, canonical)
    assert date == request.get("X-Amz-Date")[:8]
    assert signer.signature(text, theirs) == given["Signature"], canonical
    assert abs((datetime.now(UTC) - datetime.strptime(request.get("X-Amz-Date"), "%Y%m%dT%H%M%S%z")).total_seconds()
               ) < 900


def test_an_action_in_json(services: Served) -> None:
    answer, request = ask(services, get("/get/7", "Authorization: mine", "X-Amz-Date: mine", "X-Amz-Target: mine",
                                        "Cookie: a"))
    assert (answer.status, answer.body) == (200, b"{}")
    assert (request.method, request.target, request.body) == ("POST", "/", b'{"id": "7"}')
    assert request.get("Host") == services.upstream.authority
    assert request.values("X-Amz-Target") == [b"DynamoDB_20120810.GetItem"]
    assert request.values("Content-Type") == [b"application/x-amz-json-1.0"]
    assert request.values("Accept") == [b"application/json"]
    assert request.get("User-Agent").startswith("AmazonAPIGateway_")
    assert request.names() == {"host", "x-amz-target", "content-type", "accept", "user-agent", "x-amzn-trace-id",
                               "x-amz-date", "authorization", "content-length"}
    check_signature(request, "dynamodb")


def test_a_body_without_a_template_is_passed_on(services: Served) -> None:
    _, request = ask(services, post("/passed", '{"TableName": "T"}', "Content-Type: application/json"))
    assert request.body == b'{"TableName": "T"}'
    assert request.values("Content-Type") == [b"application/x-amz-json-1.0"]
    check_signature(request, "dynamodb")


def test_what_is_mapped_wins(services: Served) -> None:
    _, request = ask(services, post("/own-target", "{}", "Content-Type: application/json"))
    assert request.values("X-Amz-Target") == [b"Kinesis_20131202.PutRecords"]
    assert request.values("Content-Type") == [b"application/x-amz-json-1.0"]
    assert "referer" not in request.names()
    check_signature(request, "kinesis")


def test_an_action_in_a_query(services: Served) -> None:
    _, request = ask(services, post("/publish?topic=arn:aws:sns:eu-west-1:1:a%20b", "hi & bye",
                                    "Content-Type: application/json"))
    assert request.target == "/?Action=Publish&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A1%3Aa%20b"
    assert request.body == b"Message=hi+%26+bye"
    assert request.values("Content-Type") == [b"application/x-www-form-urlencoded"]
    check_signature(request, "sns")


def test_a_path(services: Served) -> None:
    _, request = ask(services, post("/queue", "{}", "Content-Type: application/json"))
    assert (request.target, request.body) == ("/123456789012/orders", b"Action=SendMessage&MessageBody={}")
    check_signature(request, "sqs")


@pytest.mark.parametrize(("path", "target"), [
    ("/object/a.png", "/pics/a.png"), ("/object/a/b%20c.png", "/pics/a/b%20c.png"),
    ("/object/x(1)*~%C3%BC", "/pics/x%281%29%2A~%C3%BC"),
    ("/object/a.png?type=image/png", "/pics/a.png?response-content-type=image%2Fpng"),
    ("/object/a.png?type=a%2Bb+c", "/pics/a.png?response-content-type=a%2Bb%20c"),
    ("/object-of/k%201", "/pics/k%201"), ("/bucket/k", "/pics/k"),
    ("/mapped-key?key=a%2Fb", "/pics/a%2Fb"),
])
def test_objects(services: Served, path: str, target: str) -> None:
    _, request = ask(services, get(path, "note: n"))
    assert request.target == target
    assert request.get("X-Amz-Content-Sha256") == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    check_signature(request, "s3", "eu-central-1")


def test_an_object_is_written(services: Served) -> None:
    _, request = ask(services, "PUT /object/k HTTP/1.1\r\nHost: x\r\nnote: n\r\nContent-Type: text/plain\r\n"
                               "Content-Length: 4\r\n\r\nbody")
    assert (request.method, request.body, request.get("x-amz-meta-note")) == ("PUT", b"body", "n")
    check_signature(request, "s3", "eu-central-1")


@pytest.mark.parametrize("key", ["..", "%2e%2e", ""])
def test_a_request_cannot_lead_elsewhere(services: Served, key: str) -> None:
    services.upstream.clear()
    answer = services.fetch(get(f"/mapped-key?key={key}" if key else "/mapped-key"))
    assert answer.status == 400
    assert services.upstream.whole() == []


def test_a_role_is_assumed_once(services: Served, giver: Giver) -> None:
    wires = [services.wire() for _ in range(3)]
    services.upstream.clear()
    for wire in wires:
        wire.send(get("/role"))
    assert [wire.answer().status for wire in wires] == [200, 200, 200]
    for wire in wires:
        wire.close()
    assert [form["RoleArn"] for *_, form in giver.seen] == [ROLE]
    (request, *_) = [recorded.request for recorded in services.upstream.seen(3)]
    assert request.get("Authorization").startswith("AWS4-HMAC-SHA256 Credential=ASIAROLE/")
    assert request.get("X-Amz-Security-Token") == "token-ROLE"
    check_signature(request, "dynamodb", secret="secret-ROLE")


def test_a_proxy_passes_the_body_and_nothing_that_chooses_the_action(services: Served) -> None:
    services.upstream.default = scripted(b'HTTP/1.1 202 OK\r\nX-Of: it\r\nContent-Length: 8\r\n\r\n{"a": 1}')
    answer, request = ask(services, post("/stream?Action=x", '{"Record": {}}', "X-Amz-Target: Other.Delete",
                                         "X-Amz-Security-Token: t", "X-Own: o", "Content-Type: application/json"))
    services.upstream.default = scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    assert (answer.status, answer.body, answer.get("X-Of")) == (202, b'{"a": 1}', "it")
    assert (request.target, request.body) == ("/", b'{"Record": {}}')
    assert request.values("X-Amz-Target") == [b"Firehose_20150804.PutRecord"]
    assert not {"x-own", "x-amz-security-token"} & request.names()
    check_signature(request, "firehose")


# What a service answers when it does not do what it is asked.


def answering(services: Served, raw: bytes, path: str = "/get/1", **options: object) -> Response:
    services.upstream.behaviours["/"] = scripted(raw, **options)
    try:
        return services.fetch(get(path))
    finally:
        del services.upstream.behaviours["/"]


def message(status: int, body: dict) -> bytes:
    text = json.dumps(body).encode()
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(text), text)


@pytest.mark.parametrize(("status", "kind", "wanted", "body"), [
    (400, "ThrottlingException", 400, {"refused": "ThrottlingException"}),
    (400, "ProvisionedThroughputExceededException", 400, {"refused": "ProvisionedThroughputExceededException"}),
    (403, "AccessDeniedException", 400, {"refused": "AccessDeniedException"}),
    (503, "ServiceUnavailable", 502, {"message": "broken"}),
    (500, "InternalServerError", 502, {"message": "broken"}),
])
def test_selection_by_the_services_status(services: Served, status: int, kind: str, wanted: int, body: dict) -> None:
    answer = answering(services, message(status, {"__type": kind}))
    assert (answer.status, json.loads(answer.body)) == (wanted, body)


@pytest.mark.parametrize(("raw", "status"), [
    (b"", 502), (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", 502), (b"HTTP/1.1 200 OK\r\nConten", 502),
    (b"nonsense\r\n\r\n", 502), (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 502),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", 502),
])
def test_cut_and_malformed_answers(services: Served, raw: bytes, status: int) -> None:
    answer = answering(services, raw, close=True)
    assert answer.status == status
    assert set(json.loads(answer.body)) == {"message"}
    assert services.fetch(get("/get/2")).status == 200


def test_a_slow_service(services: Served) -> None:
    async def never(exchange: Exchange) -> None:
        await exchange.body()
        while not exchange.reader.at_eof():
            await exchange.reader.read(100)
        exchange.close()

    services.upstream.behaviours["/"] = never
    answer = services.fetch(get("/quick"))
    del services.upstream.behaviours["/"]
    assert (answer.status, json.loads(answer.body)) == (504, {"message": "Endpoint request timed out"})
    services.gateway.wait_idle()


def test_a_client_that_leaves_takes_the_call_with_it(services: Served) -> None:
    async def never(exchange: Exchange) -> None:
        await exchange.body()
        while not exchange.reader.at_eof():
            await exchange.reader.read(100)
        exchange.close()

    services.upstream.clear()
    services.upstream.behaviours["/"] = never
    wire = services.wire()
    wire.send(get("/get/1"))
    services.upstream.seen(1)
    wire.reset()
    services.gateway.wait_idle()
    del services.upstream.behaviours["/"]


# Gateways of their own: nobody there, and nobody to be.


def one(endpoint: str, route: dict, **sections: object) -> dict[str, object]:
    file = several({"api": {"definition": "api.json"}}, services={"default": {"endpoint": endpoint}}, **sections)
    return {"fastgw.yaml": file, "api.json": openapi({"/x": {"get": route}})}


def test_nobody_listens_and_then_nobody_to_be(upstream: Upstream) -> None:
    route = aws("dynamodb:action/Scan", "{}")
    with Gateway(one("http://127.0.0.1:1", route), env=ENVIRONMENT) as gateway:
        answer = gateway.fetch(get("/x"))
        assert (answer.status, json.loads(answer.body)) == (
            504, {"message": "Network error communicating with endpoint"})
        shown = gateway.ops("/config")[1] + command("environ", **ENVIRONMENT).stdout
        assert ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in shown + gateway.stderr()
    halved = ENVIRONMENT | {"AWS_ACCESS_KEY_ID": ""}
    with Gateway(one(upstream.url, route), env=halved) as gateway:
        answer = gateway.fetch(get("/x"))
        assert (answer.status, json.loads(answer.body)) == (500, {"message": "Internal server error"})
        assert "the environment has AWS_SECRET_ACCESS_KEY without AWS_ACCESS_KEY_ID" in gateway.stderr()
        assert ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in gateway.stderr()
    assert upstream.whole() == []

"""VALIDATE from the wire: required parameters, bodies against models, and what of it reaches the upstream."""

import json
from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import byte_by_byte, get, random_splits
from tests.support.definition import mock, openapi, proxy, several
from tests.support.message import Response
from tests.support.process import Gateway
from tests.support.upstream import Upstream

DOORS = "^fastgw_(door_[a-z_]+|doors)_total"
VALIDATORS = {
    "all": {"validateRequestBody": True, "validateRequestParameters": True},
    "body": {"validateRequestBody": True},
    "parameters": {"validateRequestParameters": True},
}
PET = {
    "type": "object", "required": ["name", "age"], "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 2, "pattern": "^[A-Z]"},
        "age": {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "mother": {"$ref": "#/components/schemas/Pet"},
        "note": {"type": "string", "nullable": True},
    },
}
GOOD = b'{"name": "Rex", "age": 3, "mother": {"name": "Mia", "age": 9}, "note": null}'
BAD = b'{"name": "Rex", "age": "3"}'
DETAIL = {"BAD_REQUEST_BODY": {
    "responseTemplates": {"application/json":
                          '{"message":$context.error.messageString,"detail":"$context.error.validationErrorString"}'},
    "responseParameters": {"gatewayresponse.header.X-Detail": "context.error.validationErrorString"},
}}
INVALID = {"message": "Invalid request body"}


def parameter(name: str, where: str, **fields: object) -> dict:
    return {"name": name, "in": where, "required": True, "schema": {"type": "string"}, **fields}


def content(**media: object) -> dict:
    names = {"json": "application/json", "default": "$default", "patch": "application/merge-patch+json"}
    return {"content": {names.get(name, name): {"schema": schema} for name, schema in media.items()}}


def reference(name: str) -> dict:
    return {"$ref": f"#/components/schemas/{name}"}


def validated(operation: dict, validator: str = "all", **fields: object) -> dict:
    return {**operation, **fields, "x-amazon-apigateway-request-validator": validator}


def document(url: str) -> dict:
    pet = {"requestBody": content(json=reference("Pet"))}
    required = [parameter("q2", "query"), parameter("q1", "query"), parameter("X-Need", "header"),
                parameter("optional", "query", required=False), parameter("issuer", "path")]
    found = openapi(
        {
            "/pets": {"post": validated(proxy(f"{url}/pets"), **pet), "put": proxy(f"{url}/unchecked")},
            "/mock": {"post": validated(mock(200, '{"fixed":1}'), **pet)},
            "/parameters": {"get": validated(proxy(f"{url}/parameters"), "parameters", parameters=required),
                            "post": validated(proxy(f"{url}/parameters"), parameters=required[:2], **pet)},
            "/body-only": {"post": validated(proxy(f"{url}/body-only"), "body", parameters=required, **pet)},
            "/path/{id}": {"get": validated(proxy(f"{url}/path/{{id}}"), "parameters")},
            "/media": {"post": validated(proxy(f"{url}/media"), requestBody=content(
                json=reference("Pet"), patch={"required": ["patch"]}, default={"required": ["other"]}))},
            "/json-only": {"post": validated(proxy(f"{url}/json-only"), **pet)},
            "/person": {"post": validated(proxy(f"{url}/person"), requestBody=content(json=reference("Person")))},
        },
        request_validators=VALIDATORS,
        gateway_responses=DETAIL,
    )
    found["components"] = {"schemas": {
        "Pet": PET,
        "Person": {"properties": {"house": reference("House")}, "required": ["name"]},
        "House": {"properties": {"people": {"type": "array", "items": reference("Person")}}},
    }}
    return found


def strict_document(url: str) -> dict:
    """Without any validator."""
    body = content(json={"required": ["a"]})
    return openapi({
        "/pets": {"post": {**proxy(f"{url}/strict"), "requestBody": {**body, "required": True}},
                  "put": {**proxy(f"{url}/strict"), "requestBody": body}},
        "/parameters": {"get": {**proxy(f"{url}/strict"), "parameters": [parameter("X-Need", "header")]}},
        "/ranges": {"post": {**proxy(f"{url}/strict"), "requestBody": content(**{
            "application/*": {"required": ["a"]}, "application/json": {"required": ["b"]},
            "text/plain": {"type": "string"}})}},
    })


@pytest.fixture(scope="module")
def checked() -> Iterator[Served]:
    with Upstream() as stub:
        aws = document(stub.url)
        files = {
            "fastgw.yaml": several(
                {
                    "aws": {"definition": "aws.json", "stages": {"aws": {}, "all": {"validation": "strict"}}},
                    "plain": {"definition": "plain.json", "stages": {"plain": {}}},
                    "strict": {"definition": "strict.json", "stages": {"open": {}, "strict": {"validation": "strict"}}},
                },
                domains={"*": [{"api": "aws"}], "plain": [{"api": "plain"}], "strict": [{"api": "strict"}]},
            ),
            "aws.json": aws,
            "plain.json": {key: value for key, value in aws.items() if not key.endswith("gateway-responses")},
            "strict.json": strict_document(stub.url),
        }
        with Gateway(files) as gateway:
            yield Served(gateway, stub)
            assert stub.unclean == []


def post(path: str, body: bytes | None, *headers: str, host: str = "gw.test", method: str = "POST") -> bytes:
    return get(path, *headers, host=host, method=method, body=body)


def json_post(path: str, body: bytes, *headers: str, **options: str) -> bytes:
    return post(path, body, "Content-Type: application/json", *headers, **options)


def refused(checked: Served, request: bytes, status: int = 400) -> Response:
    """The answer to a request that the upstream must not see."""
    before = len(checked.upstream.whole())
    answer = checked.fetch(request)
    assert answer.status == status, answer.raw + answer.body
    assert len(checked.upstream.whole()) == before
    return answer


def admitted(checked: Served, request: bytes) -> bytes:
    """The body that the upstream got."""
    before = len(checked.upstream.whole())
    answer = checked.fetch(request)
    assert answer.status == 200, answer.raw + answer.body
    (seen,) = checked.upstream.whole()[before:]
    return seen.request.body


# --- texts


def test_the_service_s_texts(checked: Served) -> None:
    answer = refused(checked, json_post("/plain/pets", BAD, host="plain"))
    assert answer.body == b'{"message":"Invalid request body"}'
    assert answer.values("Content-Type") == [b"application/json"]
    assert answer.values("x-amzn-ErrorType") == [b"BadRequestException"]
    answer = refused(checked, get("/plain/parameters", host="plain"))
    assert answer.body == b'{"message":"Missing required request parameters: [X-Need, issuer, q1, q2]"}'
    assert answer.values("x-amzn-ErrorType") == [b"BadRequestException"]


def test_the_detail_is_for_gateway_responses(checked: Served) -> None:
    answer = refused(checked, json_post("/aws/pets", BAD))
    detail = '[instance type (string) does not match any allowed primitive type (allowed: ["integer"])]'
    assert json.loads(answer.body) == {**INVALID, "detail": detail}
    assert answer.values("X-Detail") == [detail.encode()]
    answer = refused(checked, json_post("/aws/pets", b"{}"))
    assert json.loads(answer.body)["detail"] == '[object has missing required properties (["age","name"])]'
    answer = checked.fetch(get("/aws/parameters"))
    assert b"detail" not in answer.body


def test_pointers_behind_a_setting() -> None:
    settings = {"FASTGW_VALIDATION_POINTERS": "true"}
    with Upstream() as stub, Gateway({"api.json": document(stub.url)}, env=settings) as gateway:
        answer = gateway.fetch(json_post("/pets", b'{"name": "Rex", "age": 1, "mother": {"name": "A", "age": 1}}'))
        assert json.loads(answer.body)["detail"].startswith("[#/mother/name: ")


# --- parameters


NEED = "X-Need: 1"


@pytest.mark.parametrize(("path", "headers", "missing"), [
    ("?q1=1&q2=2", [NEED], "issuer"),
    ("?q1=1", [NEED], "issuer, q2"),
    ("?q2=2&q1", [NEED], "issuer, q1"),
    ("?q2=2&q1=", [NEED], "issuer, q1"),
    ("?q2=2&q1=%20+%09", [NEED], "issuer, q1"),
    ("?q2=2&q1=1&q1=", [NEED], "issuer, q1"),
    ("?q2=2&q1=&q1=1", [NEED], "issuer"),
    ("?q2=2&%711=1", [NEED], "issuer"),
    ("?q2=2&Q1=1", [NEED], "issuer, q1"),
    ("?q2=2&q1=%00", [NEED], "issuer, q1"),
    ("?q1=1&q2=2", ["X-Need:  \t "], "X-Need, issuer"),
    ("?q1=1&q2=2", ["x-need: 1"], "X-Need, issuer"),
    ("?q1=1&q2=2", ["X_Need: 1"], "X-Need, issuer"),
    ("?q1=1&q2=2", ["X-Need: 1", "X-Need: "], "X-Need, issuer"),
    ("?q1=1&q2=2&X-Need=1", [], "X-Need, issuer"),
])
def test_missing_and_blank_parameters(checked: Served, path: str, headers: list[str], missing: str) -> None:
    answer = refused(checked, get(f"/aws/parameters{path}", *headers))
    assert json.loads(answer.body) == {"message": f"Missing required request parameters: [{missing}]"}


def test_parameters_that_are_there(checked: Served) -> None:
    assert admitted(checked, post("/aws/parameters?q1=%200&q2=a", GOOD)) == GOOD
    admitted(checked, get("/aws/path/1"))
    answer = refused(checked, get("/aws/path/%20"))
    assert json.loads(answer.body) == {"message": "Missing required request parameters: [id]"}


def test_parameters_go_before_the_body(checked: Served) -> None:
    answer = refused(checked, post("/aws/parameters?q1=1", BAD))
    assert json.loads(answer.body) == {"message": "Missing required request parameters: [q2]"}


def test_what_the_validator_leaves_out(checked: Served) -> None:
    assert admitted(checked, json_post("/aws/body-only", GOOD)) == GOOD
    refused(checked, json_post("/aws/body-only", BAD))
    assert admitted(checked, json_post("/aws/pets", BAD, method="PUT")) == BAD


def test_header_names_in_any_case_where_strict(checked: Served) -> None:
    refused(checked, get("/strict/parameters", host="strict"))
    admitted(checked, get("/strict/parameters", "x-NEED: 1", host="strict"))
    admitted(checked, get("/open/parameters", host="strict"))


# --- media types


@pytest.mark.parametrize(("media", "body", "status"), [
    ("application/json", GOOD, 200),
    ("Application/JSON ; charset=utf-8", GOOD, 200),
    ("application/json", b'{"other": 1}', 400),
    (None, GOOD, 200),
    (None, b'{"other": 1}', 400),
    ("application/merge-patch+json", b'{"patch": 1}', 200),
    ("application/merge-patch+json", GOOD, 400),
    ("text/plain", b'{"other": 1}', 200),
    ("text/plain", b"plain", 400),
    ("application/jsonx", b'{"other": 1}', 200),
    ("", b'{"other": 1}', 200),
])
def test_media_types(checked: Served, media: str | None, body: bytes, status: int) -> None:
    headers = [] if media is None else [f"Content-Type: {media}"]
    answer = checked.fetch(post("/aws/media", body, *headers))
    assert answer.status == status, answer.body


def test_a_media_type_without_a_model_is_not_checked(checked: Served) -> None:
    assert admitted(checked, post("/aws/json-only", BAD, "Content-Type: text/plain")) == BAD
    refused(checked, post("/aws/json-only", BAD, "Content-Type: application/json;a=b"))


def test_of_several_content_types_one_with_a_model_counts(checked: Served) -> None:
    both = ("Content-Type: text/plain", "Content-Type: application/json")
    refused(checked, post("/aws/json-only", BAD, *both))
    refused(checked, post("/aws/json-only", BAD, *reversed(both)))
    refused(checked, post("/aws/json-only", BAD, "Content_Type: text/plain"))


@pytest.mark.parametrize(("media", "body", "status"), [
    ("application/json", b'{"b": 1}', 200),
    ("application/json", b'{"a": 1}', 400),
    ("application/xml", b'{"a": 1}', 200),
    ("application/xml", b"<a/>", 400),
    ("text/plain", b"anything", 200),
    ("text/csv", b'{"a": 1, "b": 2}', 415),
    ("application", b'{"a": 1, "b": 2}', 415),
])
def test_ranges_and_undeclared_media_types_where_strict(checked: Served, media: str, body: bytes, status: int) -> None:
    answer = checked.fetch(post("/strict/ranges", body, f"Content-Type: {media}", host="strict"))
    assert answer.status == status, answer.body


def test_strict_looks_at_every_content_type(checked: Served) -> None:
    headers = ("Content-Type: application/json", "Content-Type: text/csv")
    answer = refused(checked, post("/strict/ranges", b'{"b": 1}', *headers, host="strict"), 415)
    assert json.loads(answer.body) == {"message": "Unsupported Media Type"}


# --- bodies


@pytest.mark.parametrize("body", [
    b"", b"nonsense", b"[]", b"null", b" ", b'{"name": "Rex", "age": 3', GOOD + b"x", b"\xef\xbb\xbf" + GOOD,
    b'{"name": "Rex", "age": 3, "age": 3}', b'{"name": "R\xff", "age": 3}', b'{"name": "R\\ud800", "age": 3}',
    b'{"name": "Rex", "age": 3.5}', b'{"name": "Rex", "age": -1}', b'{"name": "rex", "age": 3}',
    b'{"name": "R", "age": 3}', b'{"name": "Rex", "age": 3, "more": 1}', b'{"name": "Rex", "age": 3, "tags": [1]}',
    b'{"name": "Rex", "age": 3, "mother": {}}', b'{"name": "Rex", "age": NaN}', b"[" * 100_000,
])
def test_bodies_that_are_refused(checked: Served, body: bytes) -> None:
    answer = refused(checked, json_post("/aws/pets", body))
    assert json.loads(answer.body)["message"] == "Invalid request body"
    assert "Traceback" not in answer.body.decode()


def test_an_absent_body_is_an_empty_object(checked: Served) -> None:
    refused(checked, post("/aws/pets", None))
    chunked = b"POST /aws/pets HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert b"missing required properties" in refused(checked, chunked).body
    assert checked.fetch(post("/aws/json-only", None, "Content-Type: text/plain")).status == 200


def test_an_absent_body_where_strict(checked: Served) -> None:
    chunked = b"%s /strict/pets HTTP/1.1\r\nHost: strict\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    refused(checked, post("/strict/pets", None, host="strict"))
    refused(checked, chunked % b"POST")
    assert admitted(checked, post("/strict/pets", None, host="strict", method="PUT")) == b""
    assert admitted(checked, chunked % b"PUT") == b""


def test_keywords_that_the_service_ignores(checked: Served) -> None:
    body = b'{"name": "Rex", "age": 0, "tags": ["a", "b", "c"]}'
    assert admitted(checked, json_post("/aws/pets", body)) == body
    detail = json.loads(refused(checked, json_post("/all/pets", body)).body)["detail"]
    assert "greater than the required minimum" in detail and "array is too long" in detail


def test_circular_models(checked: Served) -> None:
    deep = b'{"name": 1, "house": {"people": [{"name": 2, "house": {"people": [%s]}}]}}'
    assert admitted(checked, json_post("/aws/person", deep % b'{"name": 3}')) == deep % b'{"name": 3}'
    refused(checked, json_post("/aws/person", deep % b'{"nam": 3}'))


def test_a_fixed_answer_is_checked_too(checked: Served) -> None:
    assert checked.fetch(json_post("/aws/mock", GOOD)).body == b'{"fixed":1}'
    assert checked.fetch(json_post("/aws/mock", BAD)).status == 400


# --- how it arrives


def chunks(data: bytes, size: int) -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def chunked_post(body: bytes, size: int) -> bytes:
    head = b"POST /aws/pets HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + chunks(body, size)


LONG = json.dumps({"name": "Rex" + "x" * 300_000, "age": 1}).encode()


@pytest.mark.parametrize("body", [GOOD, LONG], ids=["short", "long"])
@pytest.mark.parametrize("cut", ["whole", "bytes", "random"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_split_bodies(checked: Served, body: bytes, cut: str, framing: str) -> None:
    good, bad = body, body.replace(b"age", b"agf")
    for content, status in ((good, 200), (bad, 400)):
        request = json_post("/aws/pets", content) if framing == "length" else chunked_post(content, 7000)
        parts = {"whole": [request], "bytes": byte_by_byte(request, 600), "random": random_splits(request, cut)}[cut]
        before = len(checked.upstream.whole())
        with checked.wire() as wire:
            wire.deliver(parts)
            answer = wire.answer("POST")
            assert answer.status == status
            assert not answer.closes and wire.request(get("/aws/path/after")).status == 200
        seen = checked.upstream.whole()[before:-1]
        assert [one.request.body for one in seen] == ([good] if status == 200 else [])


def test_pipelined_behind_a_refused_body(checked: Served) -> None:
    with checked.wire() as wire:
        wire.send(json_post("/aws/pets", BAD) + json_post("/aws/pets", GOOD) + get("/aws/parameters")
                  + chunked_post(BAD, 5) + json_post("/aws/pets", GOOD))
        assert [wire.answer("POST").status for _ in range(5)] == [400, 200, 400, 400, 200]


def test_missing_parameters_before_the_body_has_come(checked: Served) -> None:
    with checked.wire() as wire:
        wire.send(b"POST /aws/parameters HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n")
        answer = wire.answer("POST")
        assert answer.status == 400 and answer.closes


def test_continue_is_told_once_the_parameters_are_right(checked: Served) -> None:
    head = b"POST /aws/parameters?q1=1%s HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    with checked.wire() as wire:
        wire.send(head % (b"", len(GOOD)))
        assert wire.answer("POST").status == 400
    with checked.wire() as wire:
        wire.send(head % (b"&q2=2", len(GOOD)))
        assert wire.interim().status == 100
        wire.send(GOOD)
        assert wire.answer("POST").status == 200


def test_a_client_that_leaves_while_its_body_is_awaited(checked: Served) -> None:
    before = len(checked.upstream.whole())
    with checked.wire() as wire:
        wire.send(b"POST /aws/pets HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + GOOD)
    checked.gateway.wait_idle()
    assert len(checked.upstream.whole()) == before


def test_a_body_over_the_limit() -> None:
    with Upstream() as stub, Gateway({"api.json": document(stub.url)}, env={"FASTGW_BODY_BYTES": "2000"}) as gateway:
        long = json.dumps({"name": "R" * 3000, "age": 1}).encode()
        for request in (json_post("/pets", long), chunked_post(long, 500).replace(b"/aws", b"")):
            answer = gateway.fetch(request)
            assert (answer.status, json.loads(answer.body)) == (413, {"message": "Request Too Long"})
        assert stub.whole() == []


# --- other APIs, other plans


def test_an_http_api_answers_its_own_text() -> None:
    with Upstream() as stub:
        operation = {**proxy(f"{stub.url}/a"), "requestBody": content(json={"required": ["a"]})}
        arguments = ("--kind", "http", "--validation", "strict")
        with Gateway({"api.json": openapi({"/a": {"post": operation}})}, arguments=arguments) as gateway:
            answer = gateway.fetch(json_post("/a", b"{}"))
            assert (answer.status, answer.body) == (400, b'{"message":"Bad Request"}')
            assert gateway.fetch(json_post("/a", b'{"a":1}')).status == 200


def test_a_model_that_cannot_be_compiled_is_refused_at_start_and_at_a_reload() -> None:
    def with_pattern(pattern: str) -> dict:
        found = openapi({"/a": {"post": validated(mock(200, "{}"), requestBody=content(json=reference("P")))}},
                        request_validators=VALIDATORS)
        return {**found, "components": {"schemas": {"P": {"pattern": pattern}}}}

    with Gateway({"api.json": with_pattern("^a+$")}) as gateway:
        gateway.write("api.json", with_pattern("("))
        told = gateway.reload()
        assert told.returncode != 0 and "error: model P: pattern at #/pattern" in told.stdout + told.stderr
        assert gateway.fetch(json_post("/a", b'"aa"')).status == 200
        assert gateway.fetch(json_post("/a", b'"b"')).status == 400
    with pytest.raises(AssertionError, match="error: model P: pattern at #/pattern"), \
            Gateway({"api.json": with_pattern("(")}):
        pass


def test_the_cache_is_asked_after_the_check() -> None:
    with Upstream() as stub:
        api = openapi({"/a": {"get": validated(proxy(f"{stub.url}/a"), parameters=[parameter("X-Need", "header")])}},
                      request_validators=VALIDATORS)
        stages = {"$default": {"cache": {"enabled": True, "x_cache": True}}}
        files = {"fastgw.yaml": several({"a": {"definition": "api.json", "stages": stages}}), "api.json": api}
        with Gateway(files) as gateway:
            assert [gateway.fetch(get("/a", "X-Need: 1")).values("X-Cache") for _ in range(2)] == [[b"MISS"], [b"HIT"]]
            assert gateway.fetch(get("/a")).status == 400
            assert len(stub.whole()) == 1


# --- doors


def test_a_compiled_model_opens_no_door(checked: Served) -> None:
    requests = [json_post("/aws/pets", GOOD), json_post("/aws/pets", BAD), chunked_post(GOOD, 10),
                chunked_post(BAD, 3), get("/aws/parameters"), json_post("/aws/person", b'{"name": 1}')]
    with checked.wire() as wire:
        for _ in range(200):
            wire.send(b"".join(requests))
            assert [wire.answer("POST").status for _ in requests] == [200, 400, 200, 400, 400, 200]
    assert checked.gateway.metric(DOORS) == 0


def test_a_model_that_is_not_compiled_is_checked_behind_a_door() -> None:
    with Upstream() as stub:
        both = {"const": {"a": 1}, "enum": [{"a": 1}, {"b": 1}]}
        api = openapi({"/door": {"post": validated(proxy(f"{stub.url}/door"), requestBody=content(json=both))}},
                      request_validators=VALIDATORS, gateway_responses=DETAIL)
        with Gateway({"api.json": {**api, "openapi": "3.1.0"}}) as gateway:
            assert gateway.fetch(json_post("/door", b'{"a": 1}')).status == 200
            answer = gateway.fetch(json_post("/door", b'{"b": 1}'))
            assert answer.status == 400 and "must be same as const" in json.loads(answer.body)["detail"]
            assert gateway.metric("^fastgw_door_validate_total") == 2
            assert gateway.fetch(json_post("/door", b'{"a": 1, "a": 1}')).status == 400
            assert gateway.fetch(json_post("/door", b"[" * 5000)).status == 400
            assert gateway.metric("^fastgw_door_validate_total") == 2, "what is no strict JSON never gets there"
            assert gateway.metric("^fastgw_doors_total") == 2
            assert len(stub.whole()) == 1

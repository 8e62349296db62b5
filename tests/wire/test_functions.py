"""Lambda functions behind a whole gateway, run by its own function host."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import root, server
from tests.support.client import eventually
from tests.support.definition import INTEGRATION, openapi, several
from tests.support.process import Gateway, alive, children, command_line
from tests.support.tls import SecureWire, entry, trusting
from tests.support.tls import files as certificate_files

HANDLER = """\
import json, os, sys, time

def handler(event, context):
    path = event.get("rawPath") or event.get("path") or ""
    if path.endswith("/reply"):
        return json.loads(event["body"])
    if path.endswith("/throw"):
        raise ValueError("no such pet")
    if path.endswith("/exit"):
        os._exit(1)
    if path.endswith("/hang"):
        time.sleep(60)
    if path.endswith("/wait"):
        while not os.path.exists(event["body"]):
            time.sleep(0.01)
    if path.endswith("/pid"):
        return {"statusCode": 200, "body": str(os.getpid())}
    return {"statusCode": 200, "body": json.dumps(event)}

def plain(event, context):
    if event.get("fail"):
        raise ValueError(event["fail"])
    if event.get("file"):
        open(event["file"], "w").close()
    return {"got": event}
"""

ARN = "arn:aws:lambda:us-east-1:123456789012:function"


def uri(function: str) -> str:
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"


def proxy(function: str, **more: object) -> dict:
    return {"responses": {}, INTEGRATION: {"type": "aws_proxy", "httpMethod": "POST", "uri": uri(function), **more}}


def custom(function: str, parameters: dict[str, str] | None = None) -> dict:
    return {
        "responses": {"200": {"description": "ok"}, "404": {"description": "absent"}},
        INTEGRATION: {
            "type": "aws",
            "httpMethod": "POST",
            "uri": uri(function),
            "requestParameters": parameters or {},
            "responses": {"default": {"statusCode": "200"}, ".*no such.*": {"statusCode": "404"}},
        },
    }


REST = openapi({
    "/": {"any": proxy(f"{ARN}:pets:live")},
    "/{proxy+}": {"any": proxy(f"{ARN}:${{stageVariables.which}}")},
    "/slow/hang": {"get": proxy("slow")},
    "/custom": {"post": custom("plain")},
    "/custom/later": {"post": custom("plain", {"integration.request.header.X-Amz-Invocation-Type": "'Event'"})},
    "/broken": {"get": proxy("broken")},
}, binary_media_types=["image/png"])
HTTP = {
    "openapi": "3.0.1",
    "info": {"title": "http", "version": "1"},
    "paths": {
        "/one/{id}": {"x-amazon-apigateway-any-method": proxy(f"{ARN}:pets", payloadFormatVersion="1.0")},
        "/$default": {"x-amazon-apigateway-any-method": {
            "isDefaultRoute": True,
            "responses": {},
            INTEGRATION: {"type": "AWS_PROXY", "uri": f"{ARN}:pets", "payloadFormatVersion": "2.0"},
        }},
    },
}


def functions(**more: object) -> dict[str, object]:
    pets = {"code": ".", "handler": "app.handler", "runtime": "python3", "timeout": 30, "memory": 256}
    return {
        "pets": pets,
        "plain": {**pets, "handler": "app.plain"},
        "slow": {**pets, "timeout": 0.5},
        "broken": {**pets, "handler": "absent.handler"},
        **more,
    }


def files(**more: object) -> dict[str, object]:
    apis = {
        "rest": {"definition": "rest.json", "stages": {"prod": {"variables": {"which": "pets"}}}},
        "http": {"definition": "http.json", "kind": "HTTP", "stages": {"$default": {}, "dev": {}}},
    }
    domains = {"*": [{"api": "rest", "base_path": "shop", "stage": "prod"}, {"api": "http"}]}
    sections = {"functions": functions(), "domains": domains, **more}
    return {
        "fastgw.yaml": several(apis, **sections), "rest.json": REST, "http.json": HTTP, "app.py": HANDLER,
    }


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    domains = {"*": entry("one"), "mutual.test": entry("one", truststore="root.pem")}
    certificates = {**certificate_files(one=server("mutual.test")), "root.pem": root().pem}
    with Gateway({**files(tls={"domains": domains}), **certificates}, tls=True) as running:
        yield running


def ask(gateway: Gateway, path: str, *fields: str, method: str = "GET", body: str = "", host: str = "h.example:80"):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *fields]
    lines += [f"Content-Length: {len(body.encode())}"] if body else []
    return gateway.fetch(("\r\n".join(lines) + "\r\n\r\n").encode() + body.encode())


def reply(gateway: Gateway, answer: object, path: str = "/shop/reply", *fields: str):
    """What a client gets where a function replies so."""
    body = answer if isinstance(answer, str) else json.dumps(answer)
    return ask(gateway, path, "Content-Type: application/json", *fields, method="POST", body=body)


def test_the_event_of_a_rest_api(gateway: Gateway) -> None:
    answer = ask(
        gateway, "/shop/a%2Bb//c/?x=1&x=2+3&y", "user-agent: test", "X-One: 1", "x-one: 2", "Connection: close",
        "X-Forwarded-For: 6.6.6.6", "X_Amzn-Trace-Id: forged", method="PUT", body="\u00e9",
    )
    assert answer.status == 200, answer.raw
    event = json.loads(answer.body)
    context = event.pop("requestContext")
    identity = context.pop("identity")
    for name in ("deploymentId", "extendedRequestId", "requestId", "requestTime", "requestTimeEpoch", "resourceId"):
        assert context.pop(name), name
    trace = event["headers"].pop("X-Amzn-Trace-Id")
    assert event["multiValueHeaders"].pop("X-Amzn-Trace-Id") == [trace]
    assert answer.get("x-amzn-trace-id") == trace
    assert identity.pop("sourceIp") == "127.0.0.1"
    assert identity.pop("userAgent") == "test"
    assert set(identity.values()) == {None}
    assert context == {
        "accountId": "000000000000", "apiId": "rest", "domainName": "h.example", "domainPrefix": "h",
        "httpMethod": "PUT", "path": "/shop/a%2Bb//c/", "protocol": "HTTP/1.1", "resourcePath": "/{proxy+}",
        "stage": "prod",
    }
    assert event == {
        "resource": "/{proxy+}", "path": "/shop/a%2Bb//c/", "httpMethod": "PUT",
        "headers": {
            "Host": "h.example:80", "User-Agent": "test", "X-One": "2", "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Port": str(gateway.port), "X-Forwarded-Proto": "http",
        },
        "multiValueHeaders": {
            "Host": ["h.example:80"], "User-Agent": ["test"], "X-One": ["1", "2"], "X-Forwarded-For": ["127.0.0.1"],
            "X-Forwarded-Port": [str(gateway.port)], "X-Forwarded-Proto": ["http"],
        },
        "queryStringParameters": {"x": "2 3", "y": ""},
        "multiValueQueryStringParameters": {"x": ["1", "2 3"], "y": [""]},
        "pathParameters": {"proxy": "a%2Bb//c"},
        "stageVariables": {"which": "pets"}, "body": "\u00e9", "isBase64Encoded": False,
    }


@pytest.mark.parametrize(
    ("path", "host", "seen", "told"),
    [
        ("/prod/a/b", "rest.execute-api.localhost", "/a/b", "/prod/a/b"),
        ("/_aws/execute-api/rest/prod/a/b", "h.example", "/a/b", "/prod/a/b"),
        ("/shop/a/b", "h.example", "/shop/a/b", "/shop/a/b"),
        ("//prod//a//b/", "rest.execute-api.localhost", "/a//b/", "/prod//a//b/"),
        ("/shop//a/./b", "h.example", "/shop/a/b", "/shop//a/./b"),
    ],
)
def test_the_paths_of_a_rest_event(gateway: Gateway, path: str, host: str, seen: str, told: str) -> None:
    event = json.loads(ask(gateway, path, host=host).body)
    assert (event["path"], event["requestContext"]["path"]) == (seen, told)


def test_the_event_of_format_1(gateway: Gateway) -> None:
    answer = ask(gateway, "/dev/one/a%20b?q=%20", "Content-Type: text/plain", "X-A: 1", "X-A: 2", method="POST",
                 body="x")
    event = json.loads(answer.body)
    context, headers = event.pop("requestContext"), event.pop("headers")
    assert (headers["X-A"], headers["Content-Length"], headers["Host"]) == ("2", "1", "h.example:80")
    assert event.pop("multiValueHeaders")["X-A"] == ["1", "2"]
    assert context["requestId"] == context["extendedRequestId"] == answer.get("apigw-requestid")
    assert (context["path"], context["stage"], context["resourcePath"]) == ("/dev/one/a b", "dev", "/one/{id}")
    assert event == {
        "version": "1.0", "resource": "/one/{id}", "path": "/dev/one/a b", "httpMethod": "POST",
        "queryStringParameters": {"q": " "}, "multiValueQueryStringParameters": {"q": [" "]},
        "pathParameters": {"id": "a b"}, "stageVariables": None, "body": "x", "isBase64Encoded": False,
    }


def test_the_event_of_format_2(gateway: Gateway) -> None:
    answer = ask(
        gateway, "/dev/x%20y?q=1&q=%202", "Cookie: a=1; b=2", "X-A: 1", "x-a: 2", "User-Agent: test", method="POST",
        body="x",
    )
    event = json.loads(answer.body)
    context = event.pop("requestContext")
    assert context.pop("time")
    assert context.pop("timeEpoch")
    assert event["headers"].pop("x-amzn-trace-id")
    assert context == {
        "accountId": "000000000000", "apiId": "http", "domainName": "h.example", "domainPrefix": "h",
        "http": {"method": "POST", "path": "/dev/x y", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                 "userAgent": "test"},
        "requestId": answer.get("apigw-requestid"), "routeKey": "$default", "stage": "dev",
    }
    assert event == {
        "version": "2.0", "routeKey": "$default", "rawPath": "/dev/x y", "rawQueryString": "q=1&q=%202",
        "cookies": ["a=1", "b=2"], "queryStringParameters": {"q": "1, 2"}, "body": "eA==", "isBase64Encoded": True,
        "headers": {
            "host": "h.example:80", "x-a": "1,2", "user-agent": "test", "content-length": "1",
            "x-forwarded-for": "127.0.0.1", "x-forwarded-port": str(gateway.port), "x-forwarded-proto": "http",
        },
    }
    least = json.loads(ask(gateway, "/y").body)
    assert not least.keys() & {"cookies", "queryStringParameters", "body", "pathParameters", "stageVariables"}
    assert (least["rawQueryString"], least["isBase64Encoded"]) == ("", False)


def test_the_certificate_of_a_client(gateway: Gateway) -> None:
    own = root().issue("client", client=True)
    expected = {
        "clientCertPem": own.chain.decode(),
        "subjectDN": "CN=client",
        "issuerDN": "CN=Test Root",
        "validity": {"notBefore": f"{own.certificate.not_valid_before_utc:%b %e %H:%M:%S %Y} GMT",
                     "notAfter": f"{own.certificate.not_valid_after_utc:%b %e %H:%M:%S %Y} GMT"},
    }
    found = []
    with SecureWire(gateway.tls_port, "mutual.test", trusting(own=own.write(gateway.folder, "own"))) as wire:
        for path in ("/shop/x", "/dev/one/a", "/y"):
            event = json.loads(wire.request(f"GET {path} HTTP/1.1\r\nHost: mutual.test\r\n\r\n").body)
            context = event["requestContext"]
            assert event["headers"].get("X-Forwarded-Proto", event["headers"].get("x-forwarded-proto")) == "https"
            found.append(context.get("identity", context.get("authentication"))["clientCert"])
    for each in found:
        serial = each.pop("serialNumber").replace(":", "")
        assert int(serial, 16) == own.certificate.serial_number
        assert each == expected
    with SecureWire(gateway.tls_port, "other.test") as wire:
        event = json.loads(wire.request("GET /shop/x HTTP/1.1\r\nHost: other.test\r\n\r\n").body)
        assert "clientCert" not in event["requestContext"]["identity"]


INTERNAL = b'{"message":"Internal server error"}'


@pytest.mark.parametrize(
    ("answer", "status", "headers", "body"),
    [
        ({"statusCode": 201, "body": "x"}, 201, {"content-type": ["application/json"]}, b"x"),
        ({"statusCode": "201"}, 201, {}, b""),
        ({"headers": {"X-A": "1"}}, 200, {"X-A": ["1"]}, b""),
        ({"statusCode": 200, "headers": None, "body": None}, 200, {}, b""),
        ({"statusCode": 200, "headers": {"content-type": "text/html"}, "body": "<p>"}, 200,
         {"Content-Type": ["text/html"]}, b"<p>"),
        ({"statusCode": 200, "headers": {"X-Solo": "solo"}, "multiValueHeaders": {"x-solo": ["multi"]}}, 200,
         {"X-Solo": ["multi, solo"]}, b""),
        ({"statusCode": 200, "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}, "headers": {"set-cookie": "c=3"}},
         200, {"Set-Cookie": ["a=1", "b=2", "c=3"]}, b""),
        ({"statusCode": 200, "headers": {"X-True": True, "X-One": 1}}, 200, {"X-True": ["true"], "X-One": ["1"]}, b""),
        ({"statusCode": 200, "headers": {"Server": "mine", "Transfer-Encoding": "gzip"}}, 200,
         {"x-amzn-Remapped-Server": ["mine"], "Transfer-Encoding": []}, b""),
        ({"statusCode": 200, "body": "eA==", "isBase64Encoded": True}, 200, {}, b"eA=="),
        ({"statusCode": 200, "body": 5}, 200, {}, b"5"),
        ({}, 502, {"x-amzn-ErrorType": ["InternalServerErrorException"]}, INTERNAL),
        ("5", 502, {}, INTERNAL),
        ('"text"', 502, {}, INTERNAL),
        ("null", 502, {}, INTERNAL),
        ("[]", 502, {}, INTERNAL),
        ({"statusCode": 200, "more": 1}, 502, {}, INTERNAL),
        ({"statusCode": "OK"}, 502, {}, INTERNAL),
        ({"statusCode": 99}, 502, {}, INTERNAL),
        ({"statusCode": 600}, 502, {}, INTERNAL),
        ({"statusCode": True}, 502, {}, INTERNAL),
        ({"statusCode": 200, "headers": "X-A: 1"}, 502, {}, INTERNAL),
        ({"statusCode": 200, "headers": {"X-A": {}}}, 502, {}, INTERNAL),
        ({"statusCode": 200, "headers": {"X-A": "1\r\nX-B: 2"}}, 502, {}, INTERNAL),
        ({"statusCode": 200, "headers": {"X A": "1"}}, 502, {}, INTERNAL),
        ({"statusCode": 200, "multiValueHeaders": {"X-A": {"a": 1}}}, 502, {}, INTERNAL),
        ({"statusCode": 200, "multiValueHeaders": {"X-A": "1"}}, 502, {}, INTERNAL),
        ({"statusCode": 200, "body": {"a": 1}}, 502, {}, INTERNAL),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict | str) else "",
)
def test_replies_to_a_rest_api(
    gateway: Gateway, answer: object, status: int, headers: dict[str, list[str]], body: bytes
) -> None:
    found = reply(gateway, answer)
    assert (found.status, found.body) == (status, body)
    for name, values in headers.items():
        assert [value.decode() for value in found.values(name)] == values, found.raw
    assert bool(found.get("x-amzn-trace-id")) == (status != 502)


def test_a_body_in_base64_is_decoded_for_who_accepts_it(gateway: Gateway) -> None:
    sent = {"statusCode": 200, "body": "eA==", "isBase64Encoded": True}
    assert reply(gateway, sent, "/shop/reply", "Accept: image/png, */*").body == b"x"
    assert reply(gateway, sent, "/shop/reply", "Accept: */*, image/png").body == b"eA=="
    wrong = reply(gateway, {**sent, "body": "\u00e9"}, "/shop/reply", "Accept: image/png")
    assert (wrong.status, wrong.body) == (500, INTERNAL)
    event = json.loads(ask(gateway, "/shop/x", "Content-Type: image/png; a=b", method="POST", body="x").body)
    assert (event["body"], event["isBase64Encoded"]) == ("eA==", True)


@pytest.mark.parametrize(
    ("answer", "status", "headers", "body"),
    [
        ({"a": 1}, 200, {"content-type": ["application/json"]}, b'{"a": 1}'),
        ('"text"', 200, {"content-type": ["application/json"]}, b'"text"'),
        ({"statusCode": 201, "body": "x"}, 201, {"content-type": ["text/plain; charset=utf-8"]}, b"x"),
        ({"statusCode": 200, "cookies": ["a=1", "b=2"], "headers": {"X-A": "1"}}, 200,
         {"Set-Cookie": ["a=1", "b=2"], "X-A": ["1"]}, b""),
        ({"statusCode": 200, "body": "eA==", "isBase64Encoded": True}, 200, {}, b"x"),
        ({"statusCode": 200, "headers": {"Connection": "close", "Content-Length": "9"}}, 200, {"Connection": [
            "keep-alive"]}, b""),
        ({"statusCode": "no"}, 500, {}, b'{"message":"Internal Server Error"}'),
        ({"statusCode": 200, "cookies": "a=1"}, 500, {}, b'{"message":"Internal Server Error"}'),
        ({"statusCode": 200, "body": "?", "isBase64Encoded": True}, 500, {}, b'{"message":"Internal Server Error"}'),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict | str) else "",
)
def test_replies_of_format_2(
    gateway: Gateway, answer: object, status: int, headers: dict[str, list[str]], body: bytes
) -> None:
    found = reply(gateway, answer, "/reply")
    assert (found.status, found.body) == (status, body)
    for name, values in headers.items():
        assert [value.decode() for value in found.values(name)] == values, found.raw


@pytest.mark.parametrize("path", ["/shop/throw", "/shop/exit", "/shop/slow/hang", "/shop/broken"])
def test_a_function_that_fails(gateway: Gateway, path: str) -> None:
    answer = ask(gateway, path)
    assert (answer.status, answer.body) == (502, INTERNAL)
    assert answer.get("x-amzn-errortype") == "InternalServerErrorException"


def test_a_function_of_an_http_api_that_fails(gateway: Gateway) -> None:
    answer = ask(gateway, "/throw")
    assert (answer.status, answer.body) == (500, b'{"message":"Internal Server Error"}')


def test_a_custom_integration_sees_the_error_message(gateway: Gateway, tmp_path: Path) -> None:
    good = ask(gateway, "/shop/custom", method="POST", body='{"a": 1}')
    assert (good.status, json.loads(good.body)) == (200, {"got": {"a": 1}})
    absent = ask(gateway, "/shop/custom", method="POST", body='{"fail": "no such pet"}')
    assert (absent.status, json.loads(absent.body)["errorMessage"]) == (404, "no such pet")
    other = ask(gateway, "/shop/custom", method="POST", body='{"fail": "else"}')
    assert other.status == 200
    broken = ask(gateway, "/shop/custom", method="POST", body='{"fail": ')
    assert (broken.status, broken.body) == (500, INTERNAL)
    file = tmp_path / "made"
    later = ask(gateway, "/shop/custom/later", method="POST", body=json.dumps({"file": str(file)}))
    assert (later.status, later.body) == (200, b"")
    eventually(file.exists, "what was asked for later", 15)


def processes(gateway: Gateway) -> list[int]:
    """Of functions."""
    (host,) = (pid for pid in children(gateway.pid) if b"function_process" in command_line(pid))
    return children(host)


def test_a_gateway_that_stops_lets_functions_end_and_leaves_none(tmp_path: Path) -> None:
    with Gateway(files()) as gateway, gateway.wire() as wire:
        go = tmp_path / "go"
        body = str(go)
        wire.send(f"POST /shop/wait HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        eventually(lambda: len(processes(gateway)) == 1, "the function's process", 15)
        ran = processes(gateway)
        os.kill(gateway.pid, signal.SIGTERM)
        eventually(lambda: "draining" in gateway.stderr(), "the drain", 15)
        go.touch()
        assert wire.answer("POST").status == 200
        assert gateway.exited() == 0
        assert not [pid for pid in ran if alive(pid)]


def test_a_host_that_dies_takes_its_processes_along_and_comes_back() -> None:
    with Gateway(files()) as gateway:
        ran = int(ask(gateway, "/shop/pid").body)
        (host,) = (pid for pid in children(gateway.pid) if b"function_process" in command_line(pid))
        os.kill(host, signal.SIGKILL)
        eventually(lambda: not alive(ran), "the end of the function's process", 15)
        eventually(lambda: ask(gateway, "/shop/pid").status == 200, "another host", 30)


def test_a_reload_brings_functions_and_takes_them_away() -> None:
    with Gateway(files(functions={"pets": functions()["pets"], "plain": functions()["plain"],
                                  "slow": functions()["slow"], "broken": functions()["broken"]})) as gateway:
        before = ask(gateway, "/shop/pid").body
        assert gateway.reload().returncode == 0
        assert ask(gateway, "/shop/pid").body == before
        changed = files()
        changed["fastgw.yaml"]["functions"]["pets"]["environment"] = {"A": 1}
        gateway.write("fastgw.yaml", changed["fastgw.yaml"])
        assert gateway.reload().returncode == 0
        assert ask(gateway, "/shop/pid").body != before
        listed = changed["fastgw.yaml"]["functions"]
        listed["plian"] = listed.pop("plain")
        gateway.write("fastgw.yaml", changed["fastgw.yaml"])
        refused = gateway.reload()
        assert refused.returncode != 0
        assert 'no function is named "plain"' in refused.stdout + refused.stderr
        assert 'did you mean "plian"?' in refused.stdout + refused.stderr
        assert ask(gateway, "/shop/custom", method="POST", body="{}").status == 200
        del listed["plian"]
        gateway.write("fastgw.yaml", changed["fastgw.yaml"])
        assert gateway.reload().returncode == 0        # the function is the service's now: nobody here may ask there
        assert ask(gateway, "/shop/custom", method="POST", body="{}").status == 500

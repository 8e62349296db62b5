"""HTTP_PROXY: what of the request reaches the upstream, what is mapped into it, and what comes back."""

from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import get
from tests.support.definition import openapi, proxy, several
from tests.support.message import Request
from tests.support.process import Gateway
from tests.support.upstream import Upstream, scripted

MAPPINGS = {
    "path.pathVar": "method.request.path.id",
    "path.fromQuery": "method.request.querystring.p",
    "querystring.mapped": "method.request.header.X-In",
    "querystring.multi": "method.request.multivaluequerystring.m",
    "querystring.stage": "context.stage",
    "querystring.none": "method.request.header.X-Absent",
    "header.X-Path": "method.request.path.id",
    "header.X-Last": "method.request.querystring.m",
    "header.X-Static": "'a static value'",
    "header.X-Colour": "stageVariables.colour",
    "header.X-Ip": "context.identity.sourceIp",
    "header.X-Method": "context.httpMethod",
    "header.X-Over": "method.request.header.X-In",
    "header.X-None": "method.request.querystring.absent",
}


@pytest.fixture(scope="module")
def mapped() -> Iterator[Served]:
    with Upstream() as stub:
        document = openapi(
            {
                "/m/{id}": {
                    "any": proxy(f"{stub.url}/base/{{pathVar}}/{{fromQuery}}?own=1", parameters=MAPPINGS)
                },
                "/stage/{id}": {
                    "get": proxy("http://127.0.0.1:${stageVariables.port}/${stageVariables.colour}/{id}")
                },
                "/verb": {"any": proxy(f"{stub.url}/verb", method="PUT")},
                "/fixed": {"get": proxy(f"{stub.url}/fixed/path")},
                "/deep/{proxy+}": {"any": proxy(f"{stub.url}/d/{{proxy}}")},
                "/two/{a}/{b}": {"get": proxy(f"{stub.url}/two/{{b}}/{{a}}")},
            }
        )
        variables = {"colour": "red", "port": str(stub.port)}
        files = {
            "fastgw.yaml": several(
                {
                    "shop": {
                        "definition": "api.json",
                        "id": "abc123",
                        "stages": {"$default": {"variables": variables}},
                    }
                }
            ),
            "api.json": document,
        }
        with Gateway(files) as gateway:
            yield Served(gateway, stub)
            assert stub.unclean == []


def sent(served: Served, request: bytes) -> Request:
    served.upstream.clear()
    assert served.fetch(request).status == 200
    (recorded,) = served.upstream.seen(1)
    return recorded.request


def test_mapping_sources_and_targets(mapped: Served) -> None:
    request = sent(mapped, get("/m/seven?m=1&m=2&p=pp", "X-In: in", "X-Over: client's"))
    assert request.path == "/base/seven/pp"
    query = request.query.split("&")
    assert query[0] == "own=1" and query[1:4] == ["m=1", "m=2", "p=pp"]
    assert "mapped=in" in query and "stage=%24default" in [item.replace("$", "%24") for item in query]
    assert not any(item.startswith("none") for item in query)
    headers = {
        name: request.get(name) for name in ("X-Path", "X-Last", "X-Static", "X-Colour", "X-Ip", "X-Method")
    }
    assert headers == {
        "X-Path": "seven",
        "X-Last": "2",
        "X-Static": "a static value",
        "X-Colour": "red",
        "X-Ip": "127.0.0.1",
        "X-Method": "GET",
    }
    assert request.get("X-Over") == "in"
    assert "x-none" not in request.names()


def test_mapping_multi_values(mapped: Served) -> None:
    request = sent(mapped, get("/m/x?m=1&m=2&p=q", "X-In: in"))
    multi = [item for item in request.query.split("&") if item.startswith("multi=")]
    assert multi in (["multi=1,2"], ["multi=1%2C2"], ["multi=1", "multi=2"])


@pytest.mark.parametrize(
    ("path", "expected"),
    (
        ("/m/a%20b?p=c", "/base/a%20b/c"),
        ("/m/test%2Balias?p=c", "/base/test%2Balias/c"),
        ("/m/%C3%A9?p=c", "/base/%C3%A9/c"),
        ("/m/x?p=a%20b", "/base/x/a%20b"),
        ("/m/x?p=a+b", "/base/x/a%20b"),
        ("/m/x?p=a%2Fb", "/base/x/a%2Fb"),
        ("/m/x?p=a%3Fb", "/base/x/a%3Fb"),
    ),
)
def test_mapped_path_values_stay_one_segment(mapped: Served, path: str, expected: str) -> None:
    """Path values go on as they came, still encoded; decoded ones (query) are encoded for their place."""
    assert sent(mapped, get(path, "X-In: x")).path == expected


def test_stage_variables_in_the_uri(mapped: Served) -> None:
    assert sent(mapped, get("/stage/7")).path == "/red/7"


def test_method_of_the_integration(mapped: Served) -> None:
    request = sent(mapped, get("/verb", method="POST", body=b"hello"))
    assert (request.method, request.body) == ("PUT", b"hello")


def test_fixed_uri_keeps_the_query(mapped: Served) -> None:
    assert sent(mapped, get("/fixed?a=1&b=%2F&a=2")).target == "/fixed/path?a=1&b=%2F&a=2"


@pytest.mark.parametrize(
    ("path", "expected"),
    (
        ("/deep/a", "/d/a"),
        ("/deep/a/b/c", "/d/a/b/c"),
        ("/deep/a%20b/c;d?x=1", "/d/a%20b/c;d?x=1"),
        ("/deep/a/./b", "/d/a/b"),
        ("/two/1/2", "/two/2/1"),
    ),
)
def test_path_parameters(mapped: Served, path: str, expected: str) -> None:
    assert sent(mapped, get(path)).target == expected


def test_request_headers(mapped: Served) -> None:
    """Passed on, dropped, and added, as SPEC section 1 lists them."""
    dropped = (
        "Content-MD5: x",
        "Max-Forwards: 3",
        "Proxy-Authenticate: x",
        "Server: x",
        "TE: trailers",
        "Trailer: X",
        "Upgrade: h2c",
        "WWW-Authenticate: x",
        "Content-Encoding: identity",
        "Via: 1.1 x",
    )
    kept = (
        "Accept: text/html",
        "Accept-Encoding: br",
        "Authorization: Bearer t",
        "Cookie: a=1",
        "Date: today",
        "Range: bytes=0-1",
        "Referer: https://r.test/",
        "User-Agent: test/1",
        "X-Custom: 1",
        "Age: 3",
        "Pragma: x",
        "Content-Type: text/plain",
        'If-None-Match: "e"',
    )
    request = sent(mapped, get("/fixed", *dropped, *kept))
    names = {field.partition(":")[0].lower() for field in dropped}
    assert not names & request.names()
    for field in kept:
        name, _, value = field.partition(": ")
        assert request.get(name) == value
    assert request.get("Host") == mapped.upstream.authority
    assert request.get("X-Amzn-Apigateway-Api-Id") == "abc123"
    assert (request.get("X-Amzn-Trace-Id") or "").startswith("Root=1-")


def test_added_headers_where_the_client_sent_none(mapped: Served) -> None:
    request = sent(mapped, b"GET /fixed HTTP/1.1\r\nHost: gw.test\r\n\r\n")
    assert request.get("User-Agent") == "AmazonAPIGateway_abc123"
    assert request.get("Accept") == "application/json"


def test_repeated_request_headers_keep_their_order(mapped: Served) -> None:
    request = sent(mapped, get("/fixed", "X-Many: 1", "X-Other: o", "X-Many: 2"))
    assert b",".join(request.values("X-Many")).replace(b" ", b"") == b"1,2"


def test_response_headers(mapped: Served) -> None:
    """What the gateway says of itself is kept apart from what the upstream said."""
    mapped.upstream.on(
        "/fixed/path",
        scripted(
            b"HTTP/1.1 200 OK\r\nServer: backend/1\r\nDate: Fri, 20 Nov 2026 10:40:22 GMT\r\n"
            b"Content-Length: 2\r\n"
            b'Connection: keep-alive\r\nX-Custom: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nETag: "e"\r\n'
            b"Content-Type: text/plain\r\nCache-Control: no-store\r\nx-amzn-RequestId: upstream-id\r\n\r\nok"
        ),
    )
    answer = mapped.fetch(get("/fixed"))
    assert answer.body == b"ok"
    assert answer.get("x-amzn-Remapped-Server") == "backend/1"
    assert answer.get("x-amzn-Remapped-Date") == "Fri, 20 Nov 2026 10:40:22 GMT"
    assert answer.get("x-amzn-Remapped-Content-Length") == "2"
    assert answer.get("x-amzn-Remapped-Connection") == "keep-alive"
    assert answer.get("Server") != "backend/1"
    assert answer.get("Date") != "Fri, 20 Nov 2026 10:40:22 GMT"
    assert answer.values("Set-Cookie") == [b"a=1", b"b=2"]
    assert [answer.get(name) for name in ("X-Custom", "ETag", "Content-Type", "Cache-Control")] == [
        "1",
        '"e"',
        "text/plain",
        "no-store",
    ]
    assert answer.get("x-amzn-RequestId") != "upstream-id"


@pytest.mark.parametrize("status", (200, 201, 202, 301, 400, 401, 404, 409, 418, 429, 500, 503, 599))
def test_statuses_pass_through(served: Served, status: int) -> None:
    served.upstream.on(
        f"/status-{status}", scripted(f"HTTP/1.1 {status} Whatever\r\nContent-Length: 2\r\n\r\nno".encode())
    )
    answer = served.fetch(get(f"/status-{status}"))
    assert (answer.status, answer.body, answer.get("x-amzn-ErrorType")) == (status, b"no", None)

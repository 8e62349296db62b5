"""CORS: a MOCK OPTIONS method, and x-amazon-apigateway-cors, where the gateway answers and replaces."""

from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import get
from tests.support.definition import mock, openapi, proxy, several
from tests.support.process import Gateway
from tests.support.upstream import Upstream, scripted

ORIGIN, STRANGER = "https://app.test", "https://evil.test"
PREFLIGHT = ("Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-custom")

CORS = {
    "allowOrigins": [ORIGIN, "https://second.test"],
    "allowMethods": ["GET", "PUT"],
    "allowHeaders": ["x-custom", "content-type"],
    "exposeHeaders": ["x-seen"],
    "maxAge": 600,
    "allowCredentials": True,
}


def test_mock_options_method() -> None:
    document = openapi(
        {
            "/pets": {
                "get": mock(200, "{}"),
                "options": mock(
                    200,
                    None,
                    {
                        "Access-Control-Allow-Origin": "'*'",
                        "Access-Control-Allow-Methods": "'GET,OPTIONS'",
                        "Access-Control-Allow-Headers": "'Content-Type,X-Api-Key'",
                    },
                ),
            }
        }
    )
    with Gateway({"api.json": document}) as gateway:
        answer = gateway.fetch(get("/pets", f"Origin: {ORIGIN}", *PREFLIGHT, method="OPTIONS"))
    assert answer.status == 200
    assert answer.get("Access-Control-Allow-Origin") == "*"
    assert answer.get("Access-Control-Allow-Methods") == "GET,OPTIONS"
    assert answer.get("Access-Control-Allow-Headers") == "Content-Type,X-Api-Key"


@pytest.fixture(scope="module", params=("some", "all"))
def cors(request: pytest.FixtureRequest) -> Iterator[tuple[Served, str]]:
    settings = CORS if request.param == "some" else {"allowOrigins": ["*"], "allowMethods": ["*"]}
    with Upstream() as stub:
        stub.on(
            "/pets",
            scripted(
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAccess-Control-Allow-Origin: http://backend.test\r\n"
                b"Access-Control-Allow-Credentials: maybe\r\nX-Seen: 1\r\n\r\n{}"
            ),
        )
        document = openapi(
            {"/pets": {"get": proxy(f"{stub.url}/pets"), "put": proxy(f"{stub.url}/pets")}}, cors=settings
        )
        files = {
            "fastgw.yaml": several({"shop": {"definition": "api.json", "kind": "HTTP"}}),
            "api.json": document,
        }
        with Gateway(files) as gateway:
            yield Served(gateway, stub), request.param


def test_preflight(cors: tuple[Served, str]) -> None:
    """Answered by the gateway, though no OPTIONS route exists."""
    served, which = cors
    served.upstream.clear()
    answer = served.fetch(get("/pets", f"Origin: {ORIGIN}", *PREFLIGHT, method="OPTIONS"))
    assert (answer.status, answer.body) == (204, b"")
    assert answer.get("Access-Control-Allow-Origin") == (ORIGIN if which == "some" else "*")
    if which == "some":
        assert answer.tokens("Access-Control-Allow-Methods") == [b"get", b"put"]
        assert answer.tokens("Access-Control-Allow-Headers") == [b"x-custom", b"content-type"]
        assert answer.get("Access-Control-Max-Age") == "600"
        assert answer.get("Access-Control-Allow-Credentials") == "true"
    assert served.upstream.whole() == []


def test_preflight_of_a_stranger(cors: tuple[Served, str]) -> None:
    served, which = cors
    answer = served.fetch(get("/pets", f"Origin: {STRANGER}", *PREFLIGHT, method="OPTIONS"))
    allowed = answer.get("Access-Control-Allow-Origin")
    assert allowed == (None if which == "some" else "*")


def test_backend_cors_headers_are_replaced(cors: tuple[Served, str]) -> None:
    served, which = cors
    answer = served.fetch(get("/pets", f"Origin: {ORIGIN}"))
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.get("Access-Control-Allow-Origin") == (ORIGIN if which == "some" else "*")
    assert answer.get("Access-Control-Allow-Credentials") == ("true" if which == "some" else None)
    if which == "some":
        assert answer.get("Access-Control-Expose-Headers") == "x-seen"
        assert b"origin" in answer.tokens("Vary")


def test_a_stranger_s_request_gets_no_permission(cors: tuple[Served, str]) -> None:
    served, which = cors
    answer = served.fetch(get("/pets", f"Origin: {STRANGER}"))
    assert answer.status == 200
    assert answer.get("Access-Control-Allow-Origin") == (None if which == "some" else "*")


def test_without_origin(cors: tuple[Served, str]) -> None:
    served, _ = cors
    answer = served.fetch(get("/pets"))
    assert answer.get("Access-Control-Allow-Origin") in (None, "*")
    assert b"backend.test" not in answer.raw

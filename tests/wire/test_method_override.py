"""X-HTTP-Method-Override: of REST APIs, before routing; an HTTP API passes it on."""

from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import Wire, get
from tests.support.definition import mock, openapi, proxy
from tests.support.process import Gateway
from tests.support.upstream import Upstream


@pytest.fixture(scope="module", params=["REST", "HTTP"])
def either(request: pytest.FixtureRequest) -> Iterator[tuple[str, Served]]:
    with Upstream() as stub:
        document = openapi({
            "/it": {"put": proxy(f"{stub.url}/put"), "post": proxy(f"{stub.url}/post"),
                    "get": proxy(f"{stub.url}/get")},
            "/any": {"any": proxy(f"{stub.url}/any")},
            "/fixed": {"delete": mock(200, "gone")},
        })
        options = ("--kind", request.param.lower())
        with Gateway({"api.json": document}, arguments=options) as gateway:
            yield request.param, Served(gateway, stub)
            assert stub.unclean == []


def fetched(served: Served, path: str, override: str, method: str = "POST") -> tuple[int, list[tuple[str, str]]]:
    """The status, and what reached the upstream."""
    served.upstream.clear()
    with Wire(served.gateway.port) as wire:
        body = b"body" if method == "POST" else None
        status = wire.request(get(path, override, method=method, body=body)).status
        found = [(seen.request.method, seen.request.path) for seen in served.upstream.whole()]
        assert wire.request(get("/any")).status == 200      # the answer was framed as the client expects it
    return status, found


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_the_method_that_is_named(either: tuple[str, Served], method: str) -> None:
    kind, served = either
    expected = method if kind == "REST" else "POST"
    found = [(expected, f"/{expected.lower()}")]
    assert fetched(served, "/it", f"X-HTTP-Method-Override: {method}") == (200, found)
    assert fetched(served, "/any", f"x-http-method-override: {method}") == (200, [(expected, "/any")])


def test_it_decides_what_exists(either: tuple[str, Served]) -> None:
    kind, served = either
    assert fetched(served, "/it", "X-HTTP-Method-Override: DELETE")[0] == (403 if kind == "REST" else 200)
    assert fetched(served, "/fixed", "X-HTTP-Method-Override: DELETE")[0] == (200 if kind == "REST" else 404)


@pytest.mark.parametrize("named", ["HEAD", "put", "TRACE", "CONNECT", "", "PUT, GET", "NOPE"])
def test_what_is_no_method_here_changes_nothing(either: tuple[str, Served], named: str) -> None:
    assert fetched(either[1], "/any", f"X-HTTP-Method-Override: {named}") == (200, [("POST", "/any")])


def test_head_stays_head(either: tuple[str, Served]) -> None:
    assert fetched(either[1], "/any", "X-HTTP-Method-Override: GET", "HEAD") == (200, [("HEAD", "/any")])


def test_another_spelling_is_no_override(either: tuple[str, Served]) -> None:
    assert fetched(either[1], "/any", "X_HTTP_Method_Override: GET") == (200, [("POST", "/any")])

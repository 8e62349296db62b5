"""TRIALS C3: nothing a client sends moves the target away from the configured authority."""

import ipaddress
import json
import socket
from pathlib import Path

import pytest

from tests.conftest import Served
from tests.support.client import get
from tests.support.definition import openapi, proxy
from tests.support.process import Gateway, command
from tests.support.upstream import Upstream


@pytest.mark.parametrize(
    "target",
    (
        "http://169.254.169.254/latest/meta-data",
        "http://gw.test@169.254.169.254/",
        "http://169.254.169.254#gw.test/",
        "https://169.254.169.254/",
        "ftp://gw.test/",
        "//169.254.169.254:80",
        "169.254.169.254:80",
    ),
)
def test_c3_absolute_form_cannot_choose_the_target(served: Served, target: str) -> None:
    answer = served.fetch(get(target))
    if answer.status == 200:
        assert answer.body == b"/169.254.169.254:80"
    else:
        assert answer.status == 400


@pytest.mark.parametrize(
    "host", ("169.254.169.254", "localhost", "[::1]", "127.0.0.1:1", "metadata.internal")
)
def test_c3_host_does_not_choose_the_target(served: Served, host: str) -> None:
    path = f"/c3-host-{host.strip('[]').replace(':', '-')}"
    assert served.fetch(get(path, host=host)).status == 200
    assert served.upstream.only(path).get("Host") in (served.upstream.authority, host)


@pytest.mark.parametrize(
    "path",
    (
        "/@169.254.169.254/x",
        "//169.254.169.254/x",
        "/http://169.254.169.254/x",
        "/x@y:80/z",
        "/%40evil/x",
        "/a%0d%0aHost:%20evil/x",
        "/a%0aX:%20y",
        "/..%2f..%2fx",
        "/%2f%2fevil",
        "/%09x",
        "/a%20HTTP/1.1",
        "/:80/x",
        "/?url=http://169.254.169.254/",
        "/.evil.test/x",
        "/x%23y",
        "/x%3fy=1",
    ),
)
def test_c3_path_values_stay_in_the_path(served: Served, path: str) -> None:
    """Refused, or the configured upstream gets them as a path."""
    before = len(served.upstream.requests)
    answer = served.fetch(get(path))
    assert answer.status in (200, 400)
    assert len(served.upstream.requests) - before == (answer.status == 200)


@pytest.mark.parametrize("value", ("evil.test", "evil.test/x", "user@evil.test", "x\\evil", "a%0d%0aHost: e"))
def test_c3_mapped_values_cannot_break_out(value: str) -> None:
    """A query parameter mapped into path, query and header of the upstream request."""
    with Upstream() as stub:
        operation = proxy(
            f"{stub.url}/fixed/{{part}}",
            parameters={
                "path.part": "method.request.querystring.v",
                "querystring.q": "method.request.querystring.v",
                "header.X-V": "method.request.querystring.v",
            },
        )
        with Gateway({"api.json": openapi({"/m": {"get": operation}})}) as gateway:
            answer = gateway.fetch(
                get("/m?v=" + value.replace("%", "%25").replace(" ", "%20").replace("\\", "%5C"))
            )
            crlf = gateway.fetch(get("/m?v=a%0d%0aX-Injected:%20y"))
        for recorded in stub.whole():
            assert recorded.request.path.startswith("/fixed/")
            assert "x-injected" not in recorded.request.names()
            assert ".." not in recorded.request.path.split("/")
        assert {answer.status, crlf.status} <= {200, 400, 500}
        assert stub.unclean == []


def test_c3_a_name_that_resolves_to_a_private_address_needs_opt_in() -> None:
    """DNS that moves to an address of this machine does not open the machine."""
    name = socket.gethostname()
    try:
        found = {ipaddress.ip_address(item[4][0]) for item in socket.getaddrinfo(name, 80)}
    except OSError:
        found = set()
    if not found or not all(address.is_private or address.is_loopback for address in found):
        pytest.skip("this machine's own name does not resolve to a private address")
    with Upstream(address="0.0.0.0") as stub:
        document = openapi({"/x": {"get": proxy(f"http://{name}:{stub.port}/x", timeout_ms=2000)}})
        with Gateway({"api.json": document}, env={"FASTGW_UPSTREAM_ALLOW_PRIVATE": None}) as gateway:
            assert gateway.fetch(get("/x")).status in (502, 504)
            assert stub.connections == []
        with Gateway({"api.json": document}) as gateway:
            assert gateway.fetch(get("/x")).status == 200


@pytest.mark.parametrize("uri", ("http://{host}/x", "http://up.test{rest}/x", "http://{user}@up.test/"))
def test_c3_request_values_in_the_authority_are_refused_at_load(uri: str, tmp_path: Path) -> None:
    name = uri.partition("{")[2].partition("}")[0]
    document = openapi({f"/v/{{{name}}}": {"get": proxy(uri)}})
    definition = tmp_path / "api.json"
    definition.write_text(json.dumps(document))
    run = command("validate", str(definition))
    assert run.returncode == 1, run.stdout + run.stderr
    assert name in run.stdout + run.stderr

"""Who a request comes from: the peer, or the client that trusted hops name. Nobody else is believed (TRIALS C2)."""

from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import get
from tests.support.definition import mock, openapi, proxy
from tests.support.message import Request
from tests.support.process import Gateway
from tests.support.upstream import Upstream

CLIENT = "203.0.113.9"


def definition(url: str) -> dict:
    """Every request is passed on, and tells its upstream what the gateway takes for the client's address."""
    mapped = {"header.X-Source": "context.identity.sourceIp"}
    return openapi({"/{place}": {"any": proxy(f"{url}/{{place}}", parameters=mapped)}})


def gateway(stub: Upstream, trusted: str) -> Gateway:
    env = {"FASTGW_X_FORWARDED": "true", "FASTGW_TRUSTED_PROXIES": trusted}
    return Gateway({"api.json": definition(stub.url)}, env=env)


@pytest.fixture(scope="module", params=("nobody", "somebody else"))
def stranger(request: pytest.FixtureRequest) -> Iterator[Served]:
    """A gateway that does not trust its peer."""
    with Upstream() as stub, gateway(stub, "" if request.param == "nobody" else "10.0.0.0/8,unix") as served:
        yield Served(served, stub)


@pytest.fixture(scope="module")
def trusting(request: pytest.FixtureRequest) -> Iterator[Served]:
    with Upstream() as stub, gateway(stub, "127.0.0.0/8, 10.1.0.0/16, 2001:db8::/32") as served:
        yield Served(served, stub)


def forwarded(served: Served, path: str, *fields: str) -> Request:
    assert served.fetch(get(path, *fields)).status == 200
    return served.upstream.only(path)


def test_a_stranger_is_not_believed(stranger: Served) -> None:
    request = forwarded(stranger, "/stranger", f"X-Forwarded-For: {CLIENT}", "X-Forwarded-Proto: https",
                        "X-Forwarded-Port: 443")
    assert request.get("X-Source") == "127.0.0.1"
    assert request.get("X-Forwarded-For") == "127.0.0.1"
    assert request.get("X-Forwarded-Proto") == "http"
    assert request.get("X-Forwarded-Port") == str(stranger.gateway.port)


@pytest.mark.parametrize(
    ("lists", "source"),
    (
        ((CLIENT,), CLIENT),
        (("6.6.6.6, " + CLIENT,), CLIENT),
        ((CLIENT + ", 10.1.2.3",), CLIENT),
        ((CLIENT, "10.1.2.3, 10.1.2.4"), CLIENT),
        (("6.6.6.6, " + CLIENT, "10.1.2.3"), CLIENT),
        ((CLIENT + ", 10.2.0.1",), "10.2.0.1"),
        (("2001:db9::7, 2001:db8::1",), "2001:db9::7"),
        (("::ffff:" + CLIENT,), CLIENT),
        ((CLIENT + ":4711",), CLIENT),
        (("[2001:db9::7]:4711, 10.1.0.1",), "2001:db9::7"),
        (("[2001:db9::7]",), "2001:db9::7"),
        ((CLIENT + ", , 10.1.2.3,",), CLIENT),
        (("10.1.2.3, 10.1.2.4",), "10.1.2.3"),
        (("6.6.6.6, unknown, 10.1.2.3",), "10.1.2.3"),
        (("6.6.6.6, _hidden",), "127.0.0.1"),
        (("6.6.6.6, 1.2.3.4.5",), "127.0.0.1"),
        (("6.6.6.6, [2001:db9::7",), "127.0.0.1"),
        (("6.6.6.6, 1.2.3.4:x",), "127.0.0.1"),
        (("6.6.6.6, 1.2.3.4:123456",), "127.0.0.1"),
        (("",), "127.0.0.1"),
        ((), "127.0.0.1"),
    ),
)
def test_a_trusted_hop_names_its_client(trusting: Served, lists: tuple[str, ...], source: str) -> None:
    trusting.upstream.clear()
    request = forwarded(trusting, "/hop", *(f"X-Forwarded-For: {one}" for one in lists))
    assert request.get("X-Source") == source
    chain = ", ".join([*filter(None, lists), "127.0.0.1"])
    assert request.values("x-forwarded-for") == [chain.encode()]


def test_other_spellings_say_nothing(trusting: Served) -> None:
    trusting.upstream.clear()
    request = forwarded(trusting, "/spelt", f"X_Forwarded_For: {CLIENT}", f"X.Forwarded-For: {CLIENT}",
                        "X_Forwarded_Proto: https")
    assert request.get("X-Source") == "127.0.0.1"
    assert request.get("X-Forwarded-For") == "127.0.0.1"
    assert request.get("X-Forwarded-Proto") == "http"
    assert CLIENT.encode() not in request.raw


def test_scheme_and_port_of_a_trusted_hop(trusting: Served) -> None:
    trusting.upstream.clear()
    request = forwarded(trusting, "/port", "X-Forwarded-Proto: https", "X-Forwarded-Port: 443")
    assert (request.get("X-Forwarded-Proto"), request.get("X-Forwarded-Port")) == ("https", "443")
    trusting.upstream.clear()
    request = forwarded(trusting, "/port", "X-Forwarded-Proto: ftp", "X-Forwarded-Port: 65536")
    assert (request.get("X-Forwarded-Proto"), request.get("X-Forwarded-Port")) == (
        "http", str(trusting.gateway.port))


def test_what_else_a_trusted_hop_says_is_dropped(trusting: Served) -> None:
    """Forwarded and X-Forwarded-Host are not read, so they are not passed on."""
    trusting.upstream.clear()
    request = forwarded(trusting, "/else", "Forwarded: for=6.6.6.6", "X-Forwarded-Host: evil.test")
    assert request.names().isdisjoint({"forwarded", "x-forwarded-host"})


def test_an_answer_of_the_gateway_s_own_names_the_client() -> None:
    answer = mock(200, "{}", {"X-Seen": "context.identity.sourceIp"})
    env = {"FASTGW_TRUSTED_PROXIES": "127.0.0.1"}
    with Gateway({"api.json": openapi({"/who": {"get": answer}})}, env=env) as served:
        told = served.fetch(get("/who", f"X-Forwarded-For: {CLIENT}"))
    assert told.get("X-Seen") == CLIENT

"""TRIALS A4: upstream faults. Right statuses, no poisoned follow-up, truncation in sight of the client."""

from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import Closed, Wire, eventually, get
from tests.support.definition import pass_through
from tests.support.message import Response
from tests.support.process import Gateway
from tests.support.upstream import Exchange, Upstream, scripted
from tests.wire.faults_a4 import FAULTS, Fault, answer_again_when_idle


@pytest.fixture(scope="module")
def faulty() -> Iterator[Served]:
    with Upstream() as stub, Gateway({"api.json": pass_through(stub.url, timeout_ms=700)}) as gateway:
        for fault in FAULTS:
            stub.on(f"/{fault.id}", fault.behaviour)
        yield Served(gateway, stub)
        assert stub.unclean == []


def fault_answer(wire: Wire, fault: Fault) -> Response | None:
    """The answer, or None where the connection ended in sight before one."""
    wire.send(get(f"/{fault.id}", method=fault.method))
    try:
        return wire.answer(fault.method)
    except Closed:
        return None


def as_expected(fault: Fault, answer: Response | None) -> bool:
    if answer is None:
        return fault.expect == "cut"
    match fault.expect:
        case "relay":
            return answer.status == 200 and answer.body == b"hello" and answer.complete
        case "bodiless":
            return answer.body == b"" and answer.status in (
                int(fault.id[:3]) if fault.id[0].isdigit() else 200,
                502,
            )
        case "refuse":
            # A connection lost before any answer may also count as an endpoint that cannot be reached.
            lost = {504} if fault.id == "reset-before-head" else set()
            return answer.status in {502} | lost and answer.complete
        case "cut":
            return answer.status == 502 or not answer.complete
        case _:
            return answer.status == 504 and answer.complete


def test_a4_has_36_faults() -> None:
    assert len({fault.id for fault in FAULTS}) == 36


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a4_fault(fault: Fault, faulty: Served) -> None:
    with faulty.wire() as wire:
        answer = fault_answer(wire, fault)
        assert as_expected(fault, answer), answer
        if fault.behaviour is answer_again_when_idle:
            # Only surplus that comes before the next request can be told from that request's answer.
            used = faulty.upstream.connections[-1]
            eventually(lambda: not used.open, "the poisoned connection closed")
        if answer and answer.complete and not answer.closes:
            assert wire.request(get("/same-connection")).body == b"/same-connection"
    for number in range(5):
        path = f"/after-{fault.id}-{number}"
        assert faulty.fetch(get(path)).body == path.encode()


def test_a4_faults_side_by_side_with_good_requests(faulty: Served) -> None:
    """A bad answer touches nobody else's: good and bad ones interleaved on shared pools."""
    for fault in FAULTS:
        if fault.expect == "timeout" or fault.behaviour is answer_again_when_idle:
            continue
        with faulty.wire() as bad, faulty.wire() as good:
            bad.send(get(f"/{fault.id}", method=fault.method))
            assert good.request(get(f"/beside-{fault.id}")).body == f"/beside-{fault.id}".encode()


def test_a4_502_and_504_bodies(faulty: Served) -> None:
    refused, late = faulty.fetch(get("/garbage")), faulty.fetch(get("/hang"))
    assert refused.body == b'{"message":"Internal server error"}'
    assert late.body == b'{"message":"Endpoint request timed out"}'
    assert {refused.get("x-amzn-ErrorType"), late.get("x-amzn-ErrorType")} == {"InternalServerErrorException"}


def test_a4_hop_by_hop_fields_are_stripped(served: Served) -> None:
    served.upstream.on(
        "/hop-answer",
        scripted(
            b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Private\r\nKeep-Alive: timeout=5\r\n"
            b"X-Private: 1\r\n"
            b"Proxy-Authenticate: Basic\r\nProxy-Connection: keep-alive\r\nTrailer: X-T\r\nUpgrade: h2c\r\n"
            b"X-Public: 2\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"
        ),
    )
    answer = served.fetch(get("/hop-answer"))
    assert answer.body == b"hello" and answer.trailers == ()
    assert answer.get("X-Public") == "2"
    gone = {"keep-alive", "x-private", "proxy-authenticate", "proxy-connection", "trailer", "upgrade"}
    assert not gone & answer.names(), answer.raw


def test_a4_close_delimited_body_is_whole(served: Served) -> None:
    served.upstream.on(
        "/close-delimited",
        scripted(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end", close=True),
    )
    with served.wire() as wire:
        answer = wire.request(get("/close-delimited"))
        assert (answer.status, answer.body, answer.complete) == (200, b"until the end", True)
        assert wire.request(get("/next")).body == b"/next"


def test_a4_http_1_0_upstream(served: Served) -> None:
    served.upstream.on(
        "/one-zero", scripted(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", close=True)
    )
    answer = served.fetch(get("/one-zero"))
    assert (answer.start[0], answer.status, answer.body) == (b"HTTP/1.1", 200, b"hello")


def test_a4_bytes_left_over_close_the_upstream_connection(served: Served) -> None:
    """The connection that said too much is never used again, also when the surplus comes late."""
    used: list[int] = []

    async def remember(exchange: Exchange) -> None:
        used.append(exchange.connection.number)
        await exchange.body()
        await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokEXTRA")

    served.upstream.on("/surplus", remember)
    for _ in range(5):
        assert served.fetch(get("/surplus")).body == b"ok"
    assert len(set(used)) == 5

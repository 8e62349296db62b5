"""TRIALS A4 in other cuts: the same faults in small segments, and mutated answers, are judged alike."""

import random
from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import Closed, byte_by_byte, get, random_splits
from tests.support.definition import pass_through
from tests.support.message import Body, Response, Unclean, parse_response_head, response_framing
from tests.support.process import Gateway
from tests.support.upstream import Upstream
from tests.wire.faults_a4 import FAULTS, OK, Fault, head, in_pieces, interim
from tests.wire.test_a3_differential import mutate
from tests.wire.test_a4_faults import as_expected, fault_answer

FIXED = [fault for fault in FAULTS if fault.answer]


@pytest.fixture(scope="module")
def faulty() -> Iterator[Served]:
    env = {"FASTGW_UPSTREAM_IDLE_TIMEOUT": "1"}
    with (
        Upstream() as stub,
        Gateway({"api.json": pass_through(stub.url, timeout_ms=1000)}, env=env) as gateway,
    ):
        yield Served(gateway, stub)
        assert stub.unclean == []


@pytest.mark.parametrize("cut", ("bytes", "splits"))
@pytest.mark.parametrize("fault", FIXED, ids=lambda fault: fault.id)
def test_a4_fault_in_pieces(fault: Fault, cut: str, faulty: Served) -> None:
    segments = byte_by_byte(fault.answer, 600) if cut == "bytes" else random_splits(fault.answer, fault.id)
    faulty.upstream.on(f"/{fault.id}", in_pieces(segments, fault.close))
    with faulty.wire() as wire:
        answer = fault_answer(wire, fault)
        assert as_expected(fault, answer), answer
    path = f"/after-{fault.id}"
    assert faulty.fetch(get(path)).body == path.encode()


GOOD = (
    OK,
    head(b"Transfer-Encoding: chunked", b"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-T: 1\r\n\r\n"),
    head(b'ETag: "e"\r\nCache-Control: no-store\r\nContent-Length: 3', b"abc", b"404 Not Found"),
    interim(b"103 Early Hints", b"Link: </a>\r\n") + OK,
    head(b"X-A: b", b"", b"204 No Content"),
    head(b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0", b""),
)


def strictly(answer: bytes) -> Response | None:
    """The one whole answer that these bytes are, or None where they are anything else."""
    while True:
        text, found, rest = answer.partition(b"\r\n\r\n")
        if not found:
            return None
        try:
            response = parse_response_head(text)
            body = Body(response_framing(response, "GET"), extensions=True)
            body.feed(rest)
        except Unclean:
            return None
        if 100 <= response.status < 200 and response.status != 101:
            answer = rest
            continue
        framed = {name.lower() for name, _ in body.trailers} & {b"content-length", b"transfer-encoding"}
        if not body.done or body.rest or framed or response.status == 101:
            return None
        return Response(response.start, response.headers, response.raw, bytes(body.data))


def run_mutations(faulty: Served, count: int, seed: int) -> None:
    chance = random.Random(seed)
    for number in range(count):
        answer = mutate(chance.choice(GOOD), chance)
        path = f"/mutated-{number % 50}"
        faulty.upstream.on(path, in_pieces(random_splits(answer, str(number)) if answer else [], close=True))
        with faulty.wire() as wire:
            wire.send(get(path))
            try:
                seen = wire.answer()
            except Closed:
                seen = None
            expected = strictly(answer)
            if expected:
                assert seen and (seen.status, seen.body, seen.complete) == (
                    expected.status,
                    expected.body,
                    True,
                ), answer
            if seen and not seen.closes and seen.complete:
                assert wire.request(get("/same")).body == b"/same", answer
        assert faulty.fetch(get("/other")).body == b"/other", answer


def test_a4_mutated_answers(faulty: Served) -> None:
    run_mutations(faulty, 600, seed=5)


@pytest.mark.trial
def test_a4_mutated_answers_full(faulty: Served) -> None:
    run_mutations(faulty, 20_000, seed=6)

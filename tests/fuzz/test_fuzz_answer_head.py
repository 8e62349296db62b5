"""Answers of upstreams under a committed corpus and seeded mutations of it; h11 is the second opinion."""

import h11
import pytest

from fastgw._core.plan import Plan
from fastgw._core.probe import Message, answer
from fastgw.plan.rules import REMAP_PREFIX, names
from tests.fuzz.mutation import Mutator, corpus
from tests.fuzz.opinion import agree, body_of, clean, values

CORPUS = corpus("answer_head")
TOKENS = [
    b"\r\n", b"\r", b"\n", b"\r\n ", b"\r\n\r\n", b"\0", b"\t", b"\x0b", b"\x7f", b"\x80", b" ", b":", b",", b";",
    b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404 x\r\n", b"HTTP/1.1 204 y\r\n",
    b"Content-Length: 5\r\n", b"Content-Length: 05\r\n", b"content-length: 0\r\n", b"Content_Length: 7\r\n",
    b"Content-Length: 5, 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding:\tchunked \r\n",
    b"Transfer_Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"Connection: close\r\n",
    b"Connection: keep-alive\r\n", b"Connection: x, content-length\r\n", b"X: " + b"y" * 200 + b"\r\n",
    b"0\r\n\r\n", b"5\r\nhello\r\n", b"5;a=b\r\nhello\r\n", b"ffffffff\r\n", b"hello",
]
PLAN = Plan(names(), REMAP_PREFIX.encode(), b"marker")
VERBS = {0: b"GET", 1: b"HEAD", 2: b"POST"}


def rules(found: Message, verb: int) -> None:
    """What holds for every answer whose head was taken (RFC 9112 section 6.3)."""
    assert 200 <= found.status <= 599
    assert clean(found)
    lengths, codings = values(found, b"content-length"), values(found, b"transfer-encoding")
    assert len(lengths) + len(codings) <= 1
    assert all(value.isdigit() for value in lengths)
    if verb == 1 or found.status in (204, 304):
        assert found.framing == "none"
    elif codings:
        assert codings[0].lower() == b"chunked" and found.minor
        assert found.framing == "chunked"
    elif lengths:
        assert found.framing == ("length" if int(lengths[0]) else "none")
    else:
        assert found.framing == "close"
        assert not found.keep
    if found.result == "done":
        assert found.framing != "none" or not found.body
        assert found.framing != "length" or len(found.body) == int(lengths[0])
    if b"close" in [item.strip().lower() for value in values(found, b"connection") for item in value.split(b",")]:
        assert not found.keep


def agreement(raw: bytes, found: Message, verb: int, ended: bool) -> None:
    """h11 takes what is taken here, and reads it alike."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=VERBS[verb], target="/", headers=[("Host", "a"), ("Content-Length", "0")]))
    client.send(h11.EndOfMessage())
    client.receive_data(raw)
    if ended:
        client.receive_data(b"")
    while isinstance(head := client.next_event(), h11.InformationalResponse):
        pass
    assert isinstance(head, h11.Response)
    assert head.status_code == found.status
    assert agree(found, head.headers.raw_items())
    assert body_of(client, raw, found) == (found.body if found.result == "done" else None)


def check(mutator: Mutator, raw: bytes, verb: int, ended: bool) -> bool:
    """Every property of one input; whether it is an answer that is taken."""
    found = answer(PLAN, [raw], verb=verb, ended=ended)
    for segments in ([raw[i : i + 1] for i in range(len(raw))], mutator.cut(raw), mutator.cut(raw)):
        other = answer(PLAN, segments, verb=verb, ended=ended)
        assert (other.result, other.status) == (found.result, found.status), (raw, segments)
        if found.result != "bad":
            assert other == found, (raw, segments)
    assert found.result != "more" or not ended
    if not found.status:
        return False
    rules(found, verb)
    if found.result != "bad":
        agreement(raw[: found.used], found, verb, ended)
    return found.result == "done"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("raw", CORPUS)
def test_corpus(raw: bytes, verb: int) -> None:
    mutator = Mutator(0, CORPUS, TOKENS)
    for ended in (False, True):
        for end in range(len(raw) + 1):
            check(mutator, raw[:end], verb, ended)


def run(seed: int, count: int) -> None:
    mutator = Mutator(seed, CORPUS, TOKENS)
    chance = mutator.chance
    taken = sum(
        check(mutator, raw, chance.choice(list(VERBS)), chance.random() < 0.5) for raw in mutator.messages(count)
    )
    assert taken > count // 20, "the mutations hardly ever make an answer that is taken"


@pytest.mark.parametrize("seed", range(4))
def test_mutations(seed: int) -> None:
    run(seed, 5000)


@pytest.mark.trial
@pytest.mark.parametrize("seed", range(100, 110))
def test_many_mutations(seed: int) -> None:
    run(seed, 100_000)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 " + b"a" * 2000 + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + b"a" * 2000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + b"X: a\r\n" * 10 + b"\r\n",
    ],
    ids=["reason", "value", "fields"],
)
def test_limits_wherever_the_head_is_cut(head: bytes) -> None:
    mutator = Mutator(1, CORPUS, TOKENS)
    for segments in ([head], *(mutator.cut(head) for _ in range(50))):
        assert answer(PLAN, segments, head_bytes=1024, head_fields=10).result == "bad"
    assert answer(PLAN, [head]).result == "done"


def test_trailers_and_extensions_are_bounded() -> None:
    """Neither is relayed, so neither may go on for ever."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert answer(PLAN, [head + b"0\r\nX: " + b"a" * 9000]).result == "bad"
    assert answer(PLAN, [head + b"1;" + b"a" * 9000]).result == "bad"
    assert answer(PLAN, [head + b"1;a\r\nx\r\n" * 1000]).result == "more"
    assert answer(PLAN, [head + b"1;a\r\nx\r\n" * 9000]).result == "bad"

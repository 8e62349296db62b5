"""Request heads, and chunked bodies behind them, under a committed corpus and seeded mutations of it.

The parser of h11 is the second opinion: what both take, both must read alike.
"""

import re

import h11
import pytest

from fastgw._core.path import canonical
from fastgw._core.plan import Plan
from fastgw._core.probe import Message, request
from fastgw.errors import CODE
from fastgw.plan.rules import REMAP_PREFIX, names
from tests.fuzz.mutation import Mutator, corpus
from tests.fuzz.opinion import agree, body_of, clean, values

CORPUS = corpus("request_head")
TOKENS = [
    b"\r\n", b"\r", b"\n", b"\r\n ", b"\r\n\r\n", b"\0", b"\t", b"\x0b", b"\x7f", b"\x80", b" ", b":", b",", b";",
    b"%", b"%2f", b"%00", b"..", b"//", b"?", b"#", b"\\", b"@", b"http://", b"http://a", b"HTTP/1.1", b"HTTP/1.0",
    b"Host: a\r\n", b"Host: b\r\n", b"host : a\r\n", b"Content-Length: 5\r\n", b"Content-Length: 05\r\n",
    b"content-length: 0\r\n", b"Content_Length: 7\r\n", b"Transfer-Encoding: chunked\r\n", b"TRANSFER-ENCODING:\r\n",
    b"Transfer_Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"Connection: close\r\n",
    b"Connection: host, transfer-encoding\r\n", b"Expect: 100-continue\r\n", b"X: " + b"y" * 200 + b"\r\n",
    b"0\r\n\r\n", b"5\r\nhello\r\n", b"5;a=b\r\nhello\r\n", b"ffffffff\r\n", b"GET ", b"OPTIONS * ", b"POST ",
]
PLAN = Plan(names(), REMAP_PREFIX.encode(), b"marker")
METHODS = {b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"}
REFUSALS = {
    CODE[name]
    for name in (
        "BAD_MESSAGE", "URI_TOO_LONG", "HEADERS_TOO_LARGE", "EXPECTATION_FAILED", "METHOD_NOT_ALLOWED",
        "METHOD_NOT_IMPLEMENTED", "VERSION_NOT_SUPPORTED", "REQUEST_TOO_LARGE",
    )
}


def rules(found: Message) -> None:
    """What holds for every head that was taken."""
    assert found.method in METHODS
    assert found.minor in (0, 1)
    assert clean(found)
    hosts = values(found, b"host")
    assert len(hosts) == 1 or (not hosts and not found.minor)
    assert found.host == found.host.lower()
    lengths, codings = values(found, b"content-length"), values(found, b"transfer-encoding")
    assert len(lengths) + len(codings) <= 1
    if codings:
        assert codings[0].lower() == b"chunked" and found.minor
        assert found.framing == "chunked"
    elif lengths:
        assert lengths[0].isdigit() and int(lengths[0]) == found.length
        assert found.framing == ("length" if found.length else "none")
    else:
        assert found.framing == "none"
    assert all(value.lower() == b"100-continue" for value in values(found, b"expect"))
    options = {item.strip().lower() for value in values(found, b"connection") for item in value.split(b",")}
    assert found.keep == (b"close" not in options and (found.minor == 1 or b"keep-alive" in options))
    assert not re.search(rb"[^!-~]", found.path + found.query)
    assert canonical(found.canonical) == found.canonical
    assert not {b".", b".."} & set(found.canonical.split(b"/"))


def agreement(raw: bytes, found: Message) -> None:
    """h11 takes what is taken here, and reads it alike. The reverse does not hold: the rules here are more."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(raw)
    head = server.next_event()
    assert isinstance(head, h11.Request)
    assert head.method == found.method
    assert head.http_version == b"1.%d" % found.minor
    if head.target.startswith(b"/"):
        assert head.target == found.path + (b"?" + found.query if b"?" in head.target else b"")
    assert agree(found, head.headers.raw_items())
    assert body_of(server, raw, found) == (None if found.framing == "length" else found.body)


def check(mutator: Mutator, raw: bytes) -> bool:
    """Every property of one input; whether it is a request that is taken."""
    found = request(PLAN, [raw])
    for segments in ([raw[i : i + 1] for i in range(len(raw))], mutator.cut(raw), mutator.cut(raw)):
        other = request(PLAN, segments)
        assert other.result == found.result, (raw, segments)
        if found.result == "done":
            assert other == found, (raw, segments)
    if found.result == "done":
        rules(found)
        agreement(raw[: found.used], found)
        return True
    assert found.result in REFUSALS or found.result in ("more", "bad")
    return False


@pytest.mark.parametrize("raw", CORPUS)
def test_corpus(raw: bytes) -> None:
    mutator = Mutator(0, CORPUS, TOKENS)
    check(mutator, raw)
    for end in range(len(raw)):
        check(mutator, raw[:end])


def run(seed: int, count: int) -> None:
    mutator = Mutator(seed, CORPUS, TOKENS)
    taken = sum(check(mutator, raw) for raw in mutator.messages(count))
    assert taken > count // 20, "the mutations hardly ever make a request that is taken"


@pytest.mark.parametrize("seed", range(4))
def test_mutations(seed: int) -> None:
    run(seed, 5000)


@pytest.mark.trial
@pytest.mark.parametrize("seed", range(100, 110))
def test_many_mutations(seed: int) -> None:
    run(seed, 100_000)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", "URI_TOO_LONG"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 2000 + b"\r\n\r\n", "HEADERS_TOO_LARGE"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X" * 2000 + b": a\r\n\r\n", "HEADERS_TOO_LARGE"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 20 + b"\r\n", "HEADERS_TOO_LARGE"),
    ],
    ids=["target", "value", "name", "fields"],
)
def test_limits_wherever_the_head_is_cut(head: bytes, name: str) -> None:
    mutator = Mutator(1, CORPUS, TOKENS)
    for segments in ([head], *(mutator.cut(head) for _ in range(50))):
        assert request(PLAN, segments, head_bytes=1024, head_fields=10).result == CODE[name]
    assert request(PLAN, [head]).result == "done"

"""TRIALS A3: what the gateway forwards is one same message to every reader.

Readers: our own strict one, h11, aiohttp's compiled parser, and nginx where installed.
"""

import asyncio
import json
import random
from collections.abc import Iterator

import h11
import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import HttpRequestParser

from tests.support import judge
from tests.support.client import Wire, eventually, get, random_splits, whole
from tests.support.message import read_requests
from tests.support.nginx import Nginx
from tests.support.process import Gateway
from tests.support.upstream import Upstream
from tests.wire.corpus_a1 import CORPUS

Seen = list[tuple[str, str, bytes]]
"""Method, target and body of each message, in order."""

EXTRA = (
    get("/plain"),
    get("/a/b%20c?x=1&y=%2F"),
    get("/", "Accept: */*", method="HEAD"),
    get("/body", method="POST", body=b"x" * 70000),
    get("/empty", method="PUT", body=b""),
    get("/old", version="HTTP/1.0"),
    get("/options", method="OPTIONS"),
    get("/c", "Transfer-Encoding: chunked", method="POST") + b"5;a=b\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
)


def by_ours(raw: bytes) -> Seen:
    return [(r.method, r.target, r.body) for r in read_requests(raw)]


def by_h11(raw: bytes) -> Seen:
    seen: Seen = []
    reader = h11.Connection(h11.SERVER)
    reader.receive_data(raw)
    while True:
        event = reader.next_event()
        if isinstance(event, h11.Request):
            seen.append((event.method.decode(), event.target.decode(), b""))
        elif isinstance(event, h11.Data):
            method, target, body = seen[-1]
            seen[-1] = method, target, body + bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            assert not event.headers, "trailers"
            reader.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            reader.send(h11.EndOfMessage())
            if reader.our_state is h11.MUST_CLOSE:
                return seen
            reader.start_next_cycle()
        else:
            return seen


def by_aiohttp(raw: bytes) -> Seen:
    async def read() -> Seen:
        loop = asyncio.get_running_loop()
        parser = HttpRequestParser(BaseProtocol(loop), loop, 2**30, max_line_size=2**17, max_field_size=2**17)
        messages, _, _ = parser.feed_data(raw)
        return [(message.method, message.path, payload.read_nowait()) for message, payload in messages]

    return asyncio.run(read())


def without_partial(seen: Seen, raw: bytes) -> Seen:
    """Readers differ in how they show a last message that was cut off in its body: leave it out."""
    return seen[: len(by_ours(raw))]


@pytest.fixture(scope="module")
def forwarded() -> Iterator[list[bytes]]:
    """The bytes of every connection the gateway opened while the whole corpus was sent."""
    with (
        Upstream() as upstream,
        Gateway(
            {"api.json": judge.judged_definition(upstream.url)},
            env={"FASTGW_HEAD_TIMEOUT": "1", "FASTGW_BODY_IDLE_TIMEOUT": "1"},
        ) as gateway,
    ):
        inputs = [case.data for case in CORPUS if case.expect in ("pass", "either")] + list(EXTRA)
        judge.run(gateway.port, upstream, [(whole(data), data) for data in inputs])
        assert upstream.unclean == []
        raws = [bytes(connection.raw) for connection in upstream.connections]
        assert sum(len(by_ours(raw)) for raw in raws) > 40
        yield raws


@pytest.mark.parametrize("reader", (by_h11, by_aiohttp), ids=("h11", "aiohttp"))
def test_a3_same_messages(reader: object, forwarded: list[bytes]) -> None:
    for raw in forwarded:
        assert without_partial(reader(raw), raw) == by_ours(raw)  # type: ignore[operator]


def test_a3_same_messages_nginx(forwarded: list[bytes]) -> None:
    log_format = 'log_format seen escape=json \'[$connection,"$request_method","$request_uri"]\';'
    with_messages = [raw for raw in forwarded if by_ours(raw)]
    expected = [[(method, target) for method, target, _ in by_ours(raw)] for raw in with_messages]
    total = sum(map(len, expected))
    with Nginx("location / { return 200 ok; }", http=log_format, log="{folder}/seen.log seen") as nginx:
        for raw, messages in zip(with_messages, expected, strict=True):
            with Wire(nginx.port) as wire:
                wire.deliver([raw])
                assert [wire.answer(method).status for method, _ in messages] == [200] * len(messages)
        log = nginx.folder / "seen.log"
        eventually(lambda: log.read_text().count("\n") >= total, "nginx's log lines")
        by_connection: dict[int, list[tuple[str, str]]] = {}
        for connection, method, target in map(json.loads, log.read_text().splitlines()):
            by_connection.setdefault(connection, []).append((method, target))
    seen = [by_connection[number] for number in sorted(by_connection)]
    assert [one[: len(want)] for one, want in zip(seen, expected, strict=True)] == expected


def mutate(data: bytes, chance: random.Random) -> bytes:
    """A few random edits: delete, double, replace, insert something meaningful, swap two lines."""
    spice = (
        b"\r",
        b"\n",
        b"\0",
        b" ",
        b"\t",
        b":",
        b";",
        b",",
        b"0",
        b"\r\n",
        b"\r\n\r\n",
        b"\x0b",
        b"\xff",
        b"%",
        b"/",
        b"#",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"5\r\n",
    )
    out = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(out) + 1)
        match chance.randrange(4):
            case 0:
                del out[at : at + chance.randint(1, 3)]
            case 1:
                out[at:at] = out[at : at + chance.randint(1, 20)]
            case 2:
                out[at : at + 1] = chance.choice(spice)
            case _:
                out[at:at] = chance.choice(spice)
    return bytes(out)


def run_mutations(count: int, seed: int, at_once: int = 64, batch: int = 500) -> None:
    """Most of the time goes into waiting for deadlines: a long run keeps many streams open at once."""
    chance = random.Random(seed)
    seeds = [case.data for case in CORPUS if len(case.data) < 2000] + [
        data for data in EXTRA if len(data) < 2000
    ]
    with (
        Upstream() as upstream,
        Gateway(
            {"api.json": judge.judged_definition(upstream.url)},
            env={
                "FASTGW_HEAD_TIMEOUT": "0.5",
                "FASTGW_BODY_IDLE_TIMEOUT": "0.5",
                "FASTGW_KEEPALIVE_TIMEOUT": "2",
            },
        ) as gateway,
    ):
        for start in range(0, count, batch):
            inputs = [mutate(chance.choice(seeds), chance) for _ in range(min(batch, count - start))]
            streams = [(random_splits(data, str(chance.random())) if data else [], data) for data in inputs]
            outcomes = judge.run(gateway.port, upstream, streams, threads=at_once)
            broken = [(data, o.problems) for data, o in zip(inputs, outcomes, strict=True) if o.problems]
            assert not broken
            assert upstream.unclean == []
            for connection in upstream.connections:
                raw = bytes(connection.raw)
                assert (
                    without_partial(by_h11(raw), raw) == by_ours(raw) == without_partial(by_aiohttp(raw), raw)
                )
                connection.raw.clear()
            upstream.clear()


def test_a3_mutations() -> None:
    run_mutations(1500, seed=3)


@pytest.mark.trial
@pytest.mark.parametrize("seed", range(4, 14))
def test_a3_mutations_full(seed: int) -> None:
    """A million in all."""
    run_mutations(100_000, seed, at_once=400, batch=5000)

"""First flights of TLS under a committed corpus and mutations of it, before an engine that chooses by their name.

What is looked for is memory, and a connection that stays: under a sanitizer a stray read ends the process, and without
one the counts of live objects must come back to zero. corpus: tests/fuzz/tls/corpus.txt, one flight a line in Python's
byte escapes. Add the input of every bug.
"""

import asyncio
import contextlib
import ssl

import pytest

from fastgw._core.step import Answer
from tests.fuzz.mutation import Mutator, corpus
from tests.support.certificates import root, server
from tests.support.door import Doors, eventually, run
from tests.unit.test_core_tls import context, spec

CORPUS = corpus("tls")
TOKENS = [b"\x16\x03\x01", b"\x00\x00", b"\xff\xff", b"\x00\x10", b"h2", b"\x08http/1.1", b"api.test", b"*", b".",
          b"\x00\x23", b"\x00\x29", b"\x00\x05\x01\x00\x00\x00\x00", b"\x00\x2a", b"\x01\x00", b"\x14\x03\x03"]
AT_ONCE = 8


def served() -> Doors:
    domains = (spec("api.test", server("api.test"), trust=root().pem), spec("*.wild.test", server("*.wild.test")),
               spec("*", server()))
    made = context(*domains, alpn=(b"h2", b"http/1.1"))
    return Doors({"/": lambda _: Answer(200)}, tls=made, head_timeout_ms=300)


async def send(doors: Doors, segments: list[bytes]) -> None:
    client = await doors.client()
    with contextlib.suppress(OSError, EOFError):
        for segment in segments:
            client.writer.write(segment)
            await client.writer.drain()
            await asyncio.sleep(0)
        await asyncio.wait_for(client.reader.read(1 << 16), 10)     # an alert, a flight, or the end
    await client.close()


async def storm(seed: int, count: int) -> None:
    mutator = Mutator(seed, CORPUS, TOKENS)
    async with served() as doors:
        flights = [*CORPUS, *mutator.messages(count)] if seed == 1 else list(mutator.messages(count))
        for at in range(0, len(flights), AT_ONCE):
            await asyncio.gather(*(send(doors, mutator.cut(flight)) for flight in flights[at : at + AT_ONCE]))
        assert await eventually(lambda: doors.engine.live()["tls"] == 0)
        good = ssl.create_default_context(cadata=root().pem.decode())
        assert (await (await doors.client(good)).ask("/"))[0] == 200


@pytest.mark.parametrize("seed", [1, 2])
def test_flights(seed: int) -> None:
    run(storm(seed, 40))


@pytest.mark.trial
def test_flights_at_length() -> None:
    for seed in range(3, 40):
        run(storm(seed, 600))

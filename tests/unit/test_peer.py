"""Calls over a socket pair."""

import asyncio
import socket

import pytest

from fastgw.runtime.peer import Peer, PeerGone, Refused


def with_peers(body, left=None, right=None):
    async def run():
        ours, theirs = socket.socketpair()
        a, b = await Peer.open(ours, left or {}), await Peer.open(theirs, right or {})
        try:
            await asyncio.wait_for(body(a, b), 10)
        finally:
            await a.close()
            await b.close()

    asyncio.run(run())


async def echo(payload):
    return payload


async def refuse(problems):
    raise Refused(*problems)


async def fail(_):
    raise KeyError("x")


async def never(_):
    await asyncio.Event().wait()


VERBS = {"echo": echo, "refuse": refuse, "fail": fail, "never": never}


def test_calls_go_both_ways_at_once_and_large():
    async def body(a, b):
        large = b"x" * 3_000_000
        answers = await asyncio.gather(*(p.call("echo", (n, large)) for n in range(3) for p in (a, b)))
        assert [n for n, _ in answers] == [0, 0, 1, 1, 2, 2]
        assert all(text == large for _, text in answers)

    with_peers(body, VERBS, VERBS)


def test_a_slow_answer_holds_up_nobody():
    async def body(a, _):
        slow = asyncio.create_task(a.call("never"))
        assert await a.call("echo", 1) == 1
        slow.cancel()

    with_peers(body, right=VERBS)


def test_refusals_and_failures_reach_the_caller():
    async def body(a, _):
        with pytest.raises(Refused) as caught:
            await a.call("refuse", ("one", "two"))
        assert caught.value.problems == ("one", "two")
        with pytest.raises(Refused, match="fail: KeyError: 'x'"):
            await a.call("fail")
        with pytest.raises(Refused, match="KeyError"):
            await a.call("no such verb")
        with pytest.raises(TimeoutError):
            await a.call("never", timeout=0.01)

    with_peers(body, right=VERBS)


def test_the_end_of_the_other_process_ends_every_call():
    async def body(a, b):
        waiting = asyncio.create_task(a.call("never"))
        await a.call("echo")
        await b.close()
        with pytest.raises(PeerGone):
            await waiting
        assert a.gone.is_set()
        with pytest.raises(PeerGone):
            await a.call("echo")

    with_peers(body, right=VERBS)

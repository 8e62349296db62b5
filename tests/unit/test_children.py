"""Children that end when they should not."""

import asyncio
import socket

import pytest

from fastgw.runtime.children import Child, ending
from fastgw.runtime.handover import receive_descriptors, send_descriptors
from fastgw.runtime.peer import PeerGone


def test_a_child_that_died_before_it_was_told_anything():
    async def run():
        child = await Child.spawn("worker-0", "fastgw.runtime.worker")
        child.kill()
        await child.process.wait()
        with pytest.raises(PeerGone):
            await child.start([0], None, {})
        assert await child.wait() == -9

    asyncio.run(run())


def test_a_child_ends_when_nobody_tells_it_anything():
    async def run():
        child = await Child.spawn("worker-0", "fastgw.runtime.worker")
        child._sock.close()
        assert await asyncio.wait_for(child.wait(), 20) == 0

    asyncio.run(run())


def test_descriptors_arrive_and_their_absence_is_told():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send_descriptors(ours, [ours.fileno(), theirs.fileno()])
        received = receive_descriptors(theirs)
        assert len(received) == 2
        for number in received:
            socket.socket(fileno=number).close()
        ours.shutdown(socket.SHUT_WR)
        assert receive_descriptors(theirs) == []


def test_endings_in_words():
    assert (ending(3), ending(-9)) == ("exit status 3", "killed by signal 9")

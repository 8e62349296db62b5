"""The lease words against a naive account of tokens, and against many processes at once."""

import multiprocessing
import os

from hypothesis import given, settings
from hypothesis import strategies as st

from fastgw._core import lease
from fastgw._core.cells import FIRST, Cells, create

HAS, NONE, SPENT = range(3)
CELL = FIRST + 1


def fresh():
    descriptor = create(FIRST + 8, 1)
    cells = Cells(descriptor)
    os.close(descriptor)
    return cells


class Account:
    """What the two words mean, written plainly."""

    def __init__(self):
        self.tokens = self.until = self.pause = 0
        self.spent = False

    def good(self, now):
        return self.tokens if self.until > now else 0

    def state(self, now):
        if self.good(now):
            return HAS
        return SPENT if self.spent and self.pause > now else NONE

    def take(self, now):
        if not self.good(now):
            return False
        self.tokens -= 1
        return True

    def give_back(self):
        self.tokens += 1

    def claim(self, low, now, until):
        if self.good(now) > low or self.pause > now:
            return False
        self.pause, self.spent = until, False
        return True

    def grant(self, n, now, until):
        stale = self.tokens - self.good(now)
        self.tokens = self.good(now) + n
        self.until, self.pause, self.spent = until, 0, False
        return stale

    def mark_spent(self, until):
        self.pause, self.spent = until, True

    def surplus(self, most, now):
        kept = min(self.good(now), most)
        out, self.tokens = self.tokens - kept, kept
        return out


steps = st.one_of(
    st.tuples(st.just("take")),
    st.tuples(st.just("give_back")),
    st.tuples(st.just("claim"), st.integers(0, 5), st.integers(0, 30)),
    st.tuples(st.just("grant"), st.integers(1, 9), st.integers(0, 30)),
    st.tuples(st.just("spent"), st.integers(0, 30)),
    st.tuples(st.just("surplus"), st.integers(0, 9)),
)


@settings(max_examples=400, deadline=None)
@given(st.integers(1, 2**42), st.lists(st.tuples(st.integers(0, 20), steps), max_size=40))
def test_agrees_with_the_account(now, history):
    cells, account = fresh(), Account()
    for later, (name, *numbers) in history:
        now += later
        match name, numbers:
            case "take", _:
                assert lease.take(cells, CELL, now) == account.take(now)
            case "give_back", _:
                lease.give_back(cells, CELL)
                account.give_back()
            case "claim", (low, span):
                assert lease.claim(cells, CELL, low, now, now + span) == account.claim(low, now, now + span)
            case "grant", (n, span):
                assert lease.grant(cells, CELL, n, now, now + span) == account.grant(n, now, now + span)
            case "spent", (span,):
                lease.spent(cells, CELL, now + span)
                account.mark_spent(now + span)
            case "surplus", (most,):
                assert lease.surplus(cells, CELL, most, now) == account.surplus(most, now)
        assert lease.state(cells, CELL, now) == account.state(now)
        assert lease.held(cells, CELL, now) == account.good(now)


def _take_all(descriptor, given, pipe):
    cells = Cells(descriptor)
    taken = 0
    for _ in range(given):
        taken += lease.take(cells, CELL, 1)
        if lease.claim(cells, CELL, 1 << 19, 1, 2):
            lease.grant(cells, CELL, 3, 1, 1000)
            taken -= 3
    pipe.send(taken)


def test_a_token_is_taken_once_by_many_processes():
    descriptor = create(FIRST + 8, 4)
    cells = Cells(descriptor)
    lease.grant(cells, CELL, 5_000, 1, 1000)
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)
    children = [fork.Process(target=_take_all, args=(descriptor, 2_000, theirs)) for _ in range(4)]
    for child in children:
        child.start()
    net = sum(ours.recv() for _ in children)
    for child in children:
        child.join()
    assert net + lease.held(cells, CELL, 1) == 5_000
    os.close(descriptor)


def test_one_worker_tells_of_an_outage():
    cells = fresh()
    assert [lease.outage(cells, begins) for begins in (False, True, True, False, False, True)] == [
        False, True, False, True, False, True]

"""The bucket's word against a bucket that counts its credit, and the quota's word against a calendar."""

import datetime
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastgw._core import cells as core
from fastgw._core.cells import FIRST, Cells

SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def cells():
    fd = core.create(1024, 1)
    yield Cells(fd)
    os.close(fd)


class Bucket:
    """Credit in ns: a token costs an interval, and time gives it back, up to a whole burst."""

    def __init__(self, rate: int, burst: int, now: int) -> None:
        self.interval = SECOND // rate
        self.depth = self.credit = self.interval * burst
        self.last = now

    def _settle(self, now: int) -> None:
        self.credit = min(self.depth, self.credit + now - self.last)
        self.last = now

    def take(self, now: int) -> bool:
        self._settle(now)
        if self.credit < self.interval:
            return False
        self.credit -= self.interval
        return True

    def left(self, now: int) -> int:
        self._settle(now)
        return self.credit // self.interval


RATES = st.sampled_from([1, 2, 5, 100, 1000, 10_000, 1_000_000])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "take", "has", "left"]),
        st.one_of(st.just(0), st.integers(0, 3 * SECOND), st.just(86_400 * SECOND)),
    ),
    max_size=60,
)


@given(rate=RATES, burst=st.integers(0, 30), steps=STEPS)
@settings(deadline=None)
def test_the_word_is_a_bucket(cells, rate, burst, steps):
    now = 10**6 * SECOND
    cells.store(FIRST, 0)
    twin = Bucket(rate, burst, now)
    for step, passed in steps:
        now += passed
        if step == "take":
            assert cells.take(FIRST, rate, burst, now) == twin.take(now)
        elif step == "has":
            assert cells.has(FIRST, rate, burst, now) == (twin.left(now) > 0)
        else:
            assert cells.left(FIRST, rate, burst, now) == twin.left(now)


@given(rate=RATES, burst=st.integers(0, 30), jumps=st.lists(st.integers(-5 * SECOND, SECOND // 10), max_size=100))
@settings(deadline=None)
def test_whatever_the_clock_does_no_more_than_the_burst_and_what_time_gave(cells, rate, burst, jumps):
    now = 10**6 * SECOND
    cells.store(FIRST, 0)
    admitted = cells.take(FIRST, rate, burst, now)
    forward = 0
    for jump in jumps:
        now += jump
        forward += max(0, jump)
        admitted += cells.take(FIRST, rate, burst, now)
    assert admitted <= burst + forward * rate / SECOND


@given(st.lists(st.tuples(RATES, st.integers(1, 30), st.integers(0, SECOND)), min_size=1, max_size=40))
@settings(deadline=None)
def test_a_change_of_the_limit_never_admits_more_than_the_new_burst_at_once(cells, changes):
    now = 10**6 * SECOND
    cells.store(FIRST, 0)
    for rate, burst, passed in changes:
        now += passed
        admitted = sum(cells.take(FIRST, rate, burst, now) for _ in range(burst + 5))
        assert admitted <= burst
        assert cells.left(FIRST, rate, burst, now) == 0


def test_a_rate_of_nothing_never_refills(cells):
    cells.store(FIRST, 0)
    now = core.now_ns()
    assert [cells.take(FIRST, 0, 3, now) for _ in range(5)] == [True] * 3 + [False] * 2
    assert not cells.take(FIRST, 0, 3, now + 365 * 86_400 * SECOND)
    assert not cells.take(FIRST, 0, 0)


# Quotas

EPOCH = datetime.date(1970, 1, 1)
PERIODS = {1: 0, 2: 6, 3: 27}


def number(period: int, offset: int, day: int) -> int:
    """The window of a day, by the calendar."""
    date = EPOCH + datetime.timedelta(days=day)
    if period == 1:
        return date.toordinal()
    if period == 2:     # the Sunday plus offset on or before it
        return (date - datetime.timedelta(days=(date.isoweekday() - offset) % 7)).toordinal() // 7
    return date.year * 12 + date.month - (date.day <= offset)


WINDOWS = st.sampled_from(sorted(PERIODS)).flatmap(lambda period: st.tuples(
    st.just(period), st.integers(0, PERIODS[period])))


@given(kind=WINDOWS, day=st.integers(10, 60_000))
@settings(deadline=None)
def test_a_window_begins_where_the_calendar_says(kind, day):
    for earlier in (day - 1, day, day + 1):
        same = number(*kind, earlier) == number(*kind, day)
        assert (core.window(*kind, earlier) == core.window(*kind, day)) == same
    assert core.window(*kind, day) <= core.window(*kind, day + 1) <= core.window(*kind, day) + 1


@given(
    kind=WINDOWS, limit=st.integers(0, 5),
    steps=st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 7, 31, 400, -1, -7, -31, -400]), st.booleans()), max_size=60),
)
@settings(deadline=None)
def test_a_quota_counts_within_its_window_whatever_the_clock_does(cells, kind, limit, steps):
    day, last, count = 20_000, None, 0
    cells.store(FIRST, 0)
    for passed, several in steps:
        day += passed
        window = number(*kind, day)
        if last is None or window > last:
            last, count = window, 0
        elif window < last - 1:
            last = window
        if several:
            cells.add_usage(FIRST, core.window(*kind, day), 2)
            count += 2
        admitted = cells.use(FIRST, core.window(*kind, day), limit)
        assert admitted == (limit == 0 or count < limit)
        count += admitted
        assert cells.usage(FIRST, core.window(*kind, day)) == count


def test_midnight_met_twice_begins_one_day(cells):
    cells.store(FIRST, 0)
    today, tomorrow = core.window(1, 0, 20_000), core.window(1, 0, 20_001)
    assert cells.use(FIRST, today, 2) and cells.use(FIRST, tomorrow, 2) and cells.use(FIRST, today, 2)
    assert not cells.use(FIRST, today, 2)
    assert not cells.use(FIRST, tomorrow, 2)

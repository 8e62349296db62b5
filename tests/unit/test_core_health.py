"""Ejection, the way back, the budget of retries, and the limit that follows latency: under a clock of the test's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgw._core.probe_group import Group

MEMBERS = [(f"10.0.0.{n}:80".encode(), 1) for n in range(10)]


def group(count: int, **options: int) -> Group:
    return Group("round_robin", MEMBERS[:count], **options)


def eject(real: Group, number: int, now: int) -> bool:
    return any([real.bad(number, now) for _ in range(5)])


def test_five_failures_in_a_row_eject() -> None:
    real = group(2)
    for _ in range(3):
        assert not any([real.bad(0, 1) for _ in range(4)])
        real.good(0, 1)
    assert [real.bad(0, 1) for _ in range(5)] == [False] * 4 + [True]
    assert not real.well(0, 1) and real.well(1, 1)
    assert real.state(0, 1) == "ejected"


@pytest.mark.parametrize(("count", "most"), [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (10, 5)])
def test_half_of_a_group_at_most_and_never_the_last(count: int, most: int) -> None:
    real = group(count)
    assert sum(eject(real, number, 1) for number in range(count)) == most


def test_never_the_last_whatever_the_percentage() -> None:
    real = group(3, percent=100)
    assert [eject(real, number, 1) for number in range(3)] == [True, True, False]


def test_no_ejection_where_it_is_switched_off() -> None:
    real = group(2, failures=0)
    assert not any([real.bad(0, 1) for _ in range(300)])


def test_the_way_back_is_a_trial() -> None:
    """One request a second until one goes well; then the slow start."""
    real = group(2, slow_start=5_000)
    eject(real, 0, 1000)
    assert not real.well(0, 10_999)
    assert real.well(0, 11_000) and real.state(0, 11_000) == "on trial"
    real.good(0, 11_500)
    assert real.well(0, 11_500) and real.state(0, 11_500) == "slow start"
    assert real.state(0, 16_500) == "healthy"


def test_a_failed_trial_ejects_for_longer() -> None:
    real = group(2)
    now = 1000
    eject(real, 0, now)
    for times in (1, 2, 3):
        assert not real.well(0, now + times * 10_000 - 1)
        now += times * 10_000
        assert real.well(0, now)
        assert real.bad(0, now), "one failure is enough on trial"
    real.well(0, now + 40_000)
    real.good(0, now + 40_000)
    later = now + 40_000 + 4 * 10_000 + 1
    assert eject(real, 0, later)
    assert not real.well(0, later + 9_999) and real.well(0, later + 10_000), "long well: the count starts anew"


# --- retries

@given(st.lists(st.booleans(), max_size=400), st.integers(0, 100))
def test_retries_are_a_fifth_of_the_requests_and_a_few(fails: list[bool], active: int) -> None:
    """TRIALS D5, whatever the order in which requests fail."""
    real = group(2)
    real.set_active(0, active)
    retries = 0
    for failed in fails:
        real.earn()
        retries += failed and real.retry()
        assert retries <= 0.2 * len(fails) + 3


def test_savings_cover_the_requests_in_hand_and_no_more() -> None:
    real = group(2)
    real.set_active(0, 64)
    for _ in range(100_000):
        real.earn()
    assert sum(real.retry() for _ in range(1000)) == 64 + 3


# --- latency

def test_the_limit_follows_latency() -> None:
    """10 ms for each request in hand, and 200 allowed: it is given about 20, and more as it mends."""
    real = group(2, max_latency_us=200_000, most=1000)
    now, active = 0, 0

    def run(rounds: int, per_request_us: int) -> None:
        nonlocal now, active
        for _ in range(rounds):
            now += 100
            active = min(real.admits, 400)
            real.set_active(0, active)
            real.sample(per_request_us * active, now)

    run(100, 10_000)
    assert 10 <= real.admits <= 30
    run(100, 100)
    assert real.admits == 1000


def test_no_limit_where_none_is_set() -> None:
    real = group(2)
    real.set_active(0, 10_000)
    assert not real.closed_to_more

"""The timer wheel under a clock that the test moves."""

import random
from collections.abc import Iterator
from contextlib import closing

import pytest

from fastgw._core.probe import Wheel

START = 123_457
TICK = 10
TURN = 1024 * TICK


@pytest.fixture
def wheel() -> Iterator[Wheel]:
    with closing(Wheel(START)) as made:
        yield made


def fired(wheel: Wheel, until: int, step: int = TICK) -> list[tuple[int, int]]:
    """(timer, ms after START) for what fires until then, the clock moving in steps."""
    found = []
    for now in range(step, until + 1, step):
        found += [(number, now) for number in wheel.advance(step)]
    return found


@pytest.mark.parametrize("after", [1, 9, 10, 11, 25, 500, 10_229, 10_240, 10_250, 25_000, 75_000])
def test_one_deadline(wheel: Wheel, after: int) -> None:
    """Never early, and at most one tick late; also when it is more than a turn away."""
    wheel.set(0, START + after)
    ((number, at),) = fired(wheel, after + 2 * TICK)
    assert number == 0
    assert after <= at <= after + 2 * TICK - 1


def test_a_deadline_that_has_passed_fires_at_the_next_tick(wheel: Wheel) -> None:
    wheel.set(0, START - 5000)
    assert wheel.advance(TICK) == [0]


def test_a_later_deadline(wheel: Wheel) -> None:
    wheel.set(0, START + 100)
    assert fired(wheel, 90) == []
    wheel.set(0, START + 300)
    assert wheel.queued == 1
    assert fired(wheel, 200) == []
    assert [number for number, _ in fired(wheel, 30)] == [0]


def test_an_earlier_deadline(wheel: Wheel) -> None:
    wheel.set(0, START + 30_000)
    wheel.set(0, START + 5000)
    wheel.set(0, START + 50)
    assert wheel.queued == 1
    assert [number for number, _ in fired(wheel, 70)] == [0]
    assert wheel.queued == 0


@pytest.mark.parametrize("off", [lambda wheel: wheel.set(0, 0), lambda wheel: wheel.drop(0)], ids=["set", "drop"])
def test_off(wheel: Wheel, off) -> None:
    wheel.set(0, START + 100)
    wheel.set(1, START + 100)
    off(wheel)
    assert [number for number, _ in fired(wheel, 12_000)] == [1]
    assert wheel.queued == 0
    wheel.set(0, START + 12_100)
    assert [number for number, _ in fired(wheel, 200)] == [0]


def test_it_ticks_only_while_something_is_queued(wheel: Wheel) -> None:
    assert not wheel.ticking
    wheel.set(0, START + 50)
    assert wheel.ticking
    fired(wheel, 100)
    assert not wheel.ticking
    wheel.advance(3_600_000)
    wheel.set(0, START + 3_600_100 + 40)
    assert [number for number, _ in fired(wheel, 60)] == [0]


@pytest.mark.parametrize("jump", [TURN - TICK, TURN, TURN + TICK, 7 * TURN + 3])
def test_a_loop_that_stood_still(wheel: Wheel, jump: int) -> None:
    """Everything that came due meanwhile fires once; the rest stays."""
    for number in range(15):
        wheel.set(number, START + 1 + number * 700)
    wheel.set(15, START + jump + 5000)
    expected = [number for number in range(15) if 1 + number * 700 <= jump]
    assert sorted(wheel.advance(jump)) == expected
    assert wheel.queued == 16 - len(expected)


@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_calls(wheel: Wheel, seed: int) -> None:
    """Against the plain reading: due at the first tick that does not lie before the deadline."""
    chance = random.Random(seed)
    now, deadlines = START, dict[int, int]()
    for _ in range(20_000):
        number = chance.randrange(16)
        match chance.randrange(6):
            case 0:
                wheel.drop(number)
                deadlines.pop(number, None)
            case 1:
                wheel.set(number, 0)
                deadlines.pop(number, None)
            case 2 | 3:
                deadlines[number] = now + chance.choice((1, 15, 200, 3000, 40_000)) * chance.randint(0, 10)
                wheel.set(number, deadlines[number])
            case _:
                ms = chance.choice((TICK, TICK, TICK, 7, 100, 4000, 60_000))
                now += ms
                due = wheel.advance(ms)
                assert len(due) == len(set(due))
                assert all(deadlines.pop(number) <= now for number in due)
                # What was set after the tick of its deadline is looked at by the next one.
                assert all(deadline > now - 2 * TICK for deadline in deadlines.values())
    assert sorted(wheel.advance(1_000_000)) == sorted(deadlines)
    assert wheel.queued == 0

"""TRIALS S3: the time of a key's look-up does not tell how much of a value is right."""

import gc
import random
import statistics
import string
import time

import pytest

from tests.unit.test_core_keys import Tables, ring

PREFIXES = (0, 1, 8, 16, 24, 31, 32)
"""Leading characters that are those of a key."""
TIMINGS = 1_000_000
KEPT = 0.9
"""Share of the timings that count: the slowest are the machine's."""
MOST = 4.5
"""Of Welch's t, above which two means are taken to differ (Test Vector Leakage Assessment)."""

VALUE = "".join(random.Random(3).choices(string.ascii_letters, k=40))


def guesses(chance: random.Random, prefix: int, count: int) -> list[bytes]:
    """Values of the key's length that leave it at this place."""
    found = []
    for _ in range(count):
        other = chance.choice([c for c in string.digits if c != VALUE[prefix]])
        rest = "".join(chance.choices(string.ascii_letters, k=len(VALUE) - prefix - 1))
        found.append((VALUE[:prefix] + other + rest).encode())
    return found


def welch(one: list[int], other: list[int]) -> float:
    spread = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return abs(statistics.fmean(one) - statistics.fmean(other)) / spread**0.5


def timed(look, count: int) -> dict[int, list[int]]:
    """Nanoseconds of look-ups by prefix, in an order that nobody can foresee."""
    chance = random.Random(7)
    asked = [(prefix, value) for prefix in PREFIXES for value in guesses(chance, prefix, 200)]
    times: dict[int, list[int]] = {prefix: [] for prefix in PREFIXES}
    clock = time.perf_counter_ns
    gc.disable()
    try:
        for prefix, value in chance.choices(asked, k=count):
            presented = value[:20] + value[20:]     # in the same place, and as near, for each of them
            begin = clock()
            look(presented)
            end = clock()
            times[prefix].append(end - begin)
    finally:
        gc.enable()
    return times


def worst(times: dict[int, list[int]]) -> float:
    limit = sorted(time for some in times.values() for time in some)[int(KEPT * sum(map(len, times.values())))]
    kept = {prefix: [time for time in some if time <= limit] for prefix, some in times.items()}
    return max(welch(kept[0], kept[prefix]) for prefix in PREFIXES[1:])


@pytest.mark.trial
def test_s3_the_time_tells_nothing() -> None:
    table = Tables().build(ring(("acme", VALUE)))
    # A machine has bad seconds: what is there shows each time.
    assert min(worst(timed(table.find, TIMINGS)) for _ in range(3)) < MOST


@pytest.mark.trial
def test_s3_the_method_sees_a_comparison_that_stops_early() -> None:
    right = VALUE.encode()

    def look(value: bytes) -> bool:
        return all(one == other for one, other in zip(right, value, strict=True))

    assert worst(timed(look, TIMINGS // 10)) > MOST

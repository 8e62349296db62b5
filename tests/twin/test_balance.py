"""The policies beside naive twins: shares, order, and how little a hash moves."""

import hashlib
import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fastgw._core.probe_group import Group

WEIGHTS = st.lists(st.integers(1, 20), min_size=1, max_size=12)
NAMES = [f"10.0.0.{n}:80".encode() for n in range(64)]


def group(policy: str, weights: list[int], **options: int) -> Group:
    return Group(policy, list(zip(NAMES, weights, strict=False)), **options)


class Turns:
    """Smooth weighted round robin as its inventors tell it: earn, choose the richest, pay the round."""

    def __init__(self, weights: list[int]) -> None:
        self.weights = weights
        self.credit = [0] * len(weights)

    def pick(self, may: int) -> int:
        among = [n for n in range(len(self.weights)) if may >> n & 1]
        for n in among:
            self.credit[n] += self.weights[n]
        best = max(among, key=lambda n: (self.credit[n], -n))
        self.credit[best] -= sum(self.weights[n] for n in among)
        return best


@given(WEIGHTS, st.data())
def test_round_robin_as_its_twin(weights: list[int], data: st.DataObject) -> None:
    """Also while endpoints come and go."""
    real, twin = group("round_robin", weights), Turns(weights)
    everybody = (1 << len(weights)) - 1
    for _ in range(60):
        may = data.draw(st.integers(1, everybody)) if data.draw(st.booleans()) else everybody
        assert real.pick(may=may) == twin.pick(may)


@given(WEIGHTS)
def test_a_round_gives_each_its_weight(weights: list[int]) -> None:
    real = group("round_robin", weights)
    for _ in range(3):
        assert Counter(real.pick() for _ in range(sum(weights))) == dict(enumerate(weights))


def test_the_turns_of_a_heavy_endpoint_are_spread() -> None:
    real = group("round_robin", [5, 1, 1])
    assert [real.pick() for _ in range(7)] == [0, 0, 1, 0, 2, 0, 0]


@given(WEIGHTS, st.data())
def test_least_connections(weights: list[int], data: st.DataObject) -> None:
    real = group("least_connections", weights)
    active = [data.draw(st.integers(0, 50)) for _ in weights]
    for number, count in enumerate(active):
        real.set_active(number, count)
    may = data.draw(st.integers(1, (1 << len(weights)) - 1))
    chosen = real.pick(may=may)
    assert may >> chosen & 1
    load = (active[chosen] + 1) / weights[chosen]
    assert load == min((active[n] + 1) / weights[n] for n in range(len(weights)) if may >> n & 1)


def test_least_connections_takes_turns_among_equals() -> None:
    real = group("least_connections", [1] * 4)
    assert Counter(real.pick() for _ in range(40)) == dict.fromkeys(range(4), 10)


# --- hash

KEYS = [hashlib.sha256(str(n).encode()).hexdigest().encode() for n in range(4000)]


@given(st.lists(st.integers(1, 5), min_size=2, max_size=10), st.data())
def test_only_the_keys_of_an_endpoint_that_leaves_move(weights: list[int], data: st.DataObject) -> None:
    """And those of one that comes back are the same ones: rendezvous hashing's bound, exactly."""
    real = group("hash", weights)
    gone = data.draw(st.integers(0, len(weights) - 1))
    everybody = (1 << len(weights)) - 1
    for key in KEYS[:300]:
        before, after = real.pick(key), real.pick(key, everybody & ~(1 << gone))
        assert after == before if before != gone else after != gone


@given(WEIGHTS.filter(lambda weights: len(weights) > 1))
def test_a_choice_does_not_depend_on_the_order_of_the_endpoints(weights: list[int]) -> None:
    members = list(zip(NAMES, weights, strict=False))
    one, other = Group("hash", members), Group("hash", members[::-1])
    for key in KEYS[:100]:
        assert members[one.pick(key)] == members[::-1][other.pick(key)]


def test_each_endpoint_has_the_keys_of_its_weight() -> None:
    weights = [1, 2, 3, 4]
    real = group("hash", weights)
    found = Counter(map(real.pick, KEYS))
    for number, weight in enumerate(weights):
        expected = len(KEYS) * weight / sum(weights)
        assert abs(found[number] - expected) < 5 * math.sqrt(expected), found


def test_a_request_without_a_key_is_given_out_in_turn() -> None:
    real = group("hash", [1, 1, 1])
    assert [real.pick() for _ in range(6)] == [0, 1, 2, 0, 1, 2]


# --- slow start

@given(st.sampled_from(("round_robin", "hash")), st.integers(0, 9))
def test_slow_start_grows_to_the_whole_share(policy: str, tenths: int) -> None:
    real = group(policy, [1, 1], slow_start=10_000)
    real.returned(1, 1)
    keys = KEYS[:2000] if policy == "hash" else [None] * 2000
    found = Counter(real.pick(key, None, 1 + 1000 * tenths) for key in keys)
    share = max(tenths / 10, 1 / 256)
    assert abs(found[1] / 2000 - share / (1 + share)) < 0.05

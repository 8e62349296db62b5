"""The cache's store: bounds, time, eviction, who holds what; and the reading of Cache-Control."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fastgw._core.probe_cache import Store, directives, seconds

Z = b"api/stage"
ENTRY = 1000


@contextmanager
def store(capacity: int = 1_000_000) -> Iterator[Store]:
    """Nothing is left of it."""
    found = Store(capacity)
    try:
        yield found
    finally:
        found.close()
        assert (found.count, found.bytes) == (0, 0)


def key(number: int) -> bytes:
    return b"key-%d" % number


def test_what_is_put_is_found() -> None:
    with store(10_000_000) as s:
        for number in range(3000):
            assert s.put(Z, key(number), b"body-%d" % number)
        assert s.count == 3000
        for number in range(3000):
            assert s.get(key(number)) == b"body-%d" % number
        assert s.get(b"key-3000") is None
        assert s.get(b"") is None


def test_the_last_one_of_a_key_counts() -> None:
    with store() as s:
        s.put(Z, b"k", b"one", asked=5)
        s.put(Z, b"k", b"two", asked=6)
        assert (s.get(b"k"), s.count) == (b"two", 1)
        s.put(Z, b"k", b"late", asked=4)
        assert s.get(b"k") == b"two", "asked for before it, answered after it"


def test_ttl_and_expiry() -> None:
    with store() as s:
        s.put(Z, b"k", b"body", now=100)
        assert s.get(b"k", 100 + 999, 1000) == b"body"
        assert s.get(b"k", 100 + 1000, 1000) is None
        assert s.count == 0, "what is stale is gone"
        s.put(Z, b"k", b"body", now=100, expires=150)
        assert s.get(b"k", 149, 1000) == b"body"
        assert s.get(b"k", 150, 1000) is None


def test_bytes_are_bounded_and_given_back() -> None:
    with store(100_000) as s:
        chance = random.Random(3)
        for _ in range(5000):
            s.put(Z, key(chance.randrange(400)), b"x" * chance.randrange(20_000), room=chance.choice((0, 100)))
            assert s.bytes <= 100_000
        assert s.flush(Z) > 0
        assert s.bytes == 0


def test_an_entry_larger_than_its_share_is_not_taken() -> None:
    """Answers on their way may take a quarter of the bytes: they must not push out what is kept."""
    with store(100_000) as s:
        assert s.put(Z, b"hot", b"x" * 1000)
        assert not s.put(Z, b"k", b"x" * 30_000)
        assert not s.put(Z, b"k", b"x" * 30_000, room=10)
        assert s.put(Z, b"k", b"x" * 20_000)
        assert s.get(b"hot") is not None


def test_nothing_above_the_largest_entry() -> None:
    with store(100_000_000) as s:
        assert s.put(Z, b"k", b"x" * 1_048_576)
        assert not s.put(Z, b"k2", b"x" * 1_048_577)


def test_a_scan_passes_by() -> None:
    """The hot keys are asked for while 50 times as many others pass once."""
    with store(100 * ENTRY) as s:
        body = b"x" * (ENTRY - 200)
        hot = [b"hot-%d" % number for number in range(40)]
        for name in hot:
            s.put(Z, name, body)
        lost = 0
        for number in range(2000):
            s.put(Z, key(number), body)
            name = hot[number % len(hot)]
            if s.get(name) is None:
                lost += 1
                s.put(Z, name, body)
        assert lost <= len(hot), "each may be lost once, before it has shown that it is asked for"
        assert all(s.get(name) is not None for name in hot)


def test_a_scan_without_a_hit_in_between() -> None:
    """What was hit once before the scan outlives a scan of ten times the store."""
    with store(100 * ENTRY) as s:
        body = b"x" * (ENTRY - 200)
        hot = [b"hot-%d" % number for number in range(40)]
        for name in hot:
            s.put(Z, name, body)
            s.get(name)
        for number in range(1000):
            s.put(Z, key(number), body)
        assert sum(s.get(name) is not None for name in hot) >= 30


def test_what_comes_back_soon_is_kept() -> None:
    """A key that left the small queue unasked and is fetched again goes to the main queue."""
    with store(100 * ENTRY) as s:
        body = b"x" * (ENTRY - 200)
        s.put(Z, b"back", body)
        for number in range(150):
            s.put(Z, key(number), body)
        assert s.get(b"back") is None
        s.put(Z, b"back", body)
        for number in range(200, 350):
            s.put(Z, key(number), body)
        assert s.get(b"back") is not None


def test_what_is_held_stays_readable() -> None:
    with store(100 * ENTRY) as s:
        s.put(Z, b"k", b"held")
        numbers = [s.hold(b"k"), s.hold(b"k")]
        s.flush(Z)
        assert (s.get(b"k"), s.count) == (None, 0)
        assert s.bytes > 0, "and counted"
        s.put(Z, b"k", b"new")
        assert [s.held(number) for number in numbers] == [b"held", b"held"]
        for number in numbers:
            s.release(number)
        assert s.get(b"k") == b"new"


def test_held_bytes_count_against_new_entries() -> None:
    with store(10_000) as s:
        held = []
        while s.put(Z, key(len(held)), b"x" * 1000):
            held.append(s.hold(key(len(held))))
        assert len(held) >= 7
        for number in held:
            s.release(number)
        assert s.put(Z, b"k", b"x" * 1000)


def test_zones_are_flushed_and_swept_apart() -> None:
    with store() as s:
        for number in range(100):
            s.put(b"a/one" if number % 2 else b"a/two", key(number), b"body")
        assert s.flush(b"a/one") == 50
        assert s.flush(b"a/one") == 0
        assert s.count == 50
        s.keep_only({b"a/one"})
        assert s.count == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", []),
        (b"no-store", [(b"no-store", None)]),
        (b" a , b=1 ,, c=\"x, y=2\" ", [(b"a", None), (b"b", b"1"), (b"c", b"x, y=2")]),
        (b'private="set-cookie", max-age = 5', [(b"private", b"set-cookie"), (b"max-age", b"5")]),
        (b'a="x\\", public', [(b"a", b'"x\\", public')]),
        (b'a="x\\', [(b"a", b'"x\\')]),
        (b"=5, b=", [(b"=5", None), (b"b", b"")]),
    ],
)
def test_directives(text: bytes, found: list) -> None:
    assert directives(text) == found


@pytest.mark.parametrize(
    ("text", "number"),
    [(b"0", 0), (b"60", 60), (b"", 0), (b"-1", 0), (b"1.5", 0), (b"6o", 0), (b"2147483647", 2147483647),
     (b"9" * 40, 2147483647)],
)
def test_seconds(text: bytes, number: int) -> None:
    assert seconds(text) == number

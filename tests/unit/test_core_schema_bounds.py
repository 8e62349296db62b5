"""What hostile bodies cost the validator (trials J1, J2, J5): where reading stops, and ratios to harmless bodies."""

import itertools
import json
import os
import random
import time

import pytest

from fastgw._core.pcre import pcre_version
from fastgw.plan.schema import compile_schema
from fastgw.plan.schema_refs import Dialect

ANYTHING = compile_schema({})


def seconds(schema, body: bytes, verdict: bool | None = None) -> float:
    """The fastest of some checks."""
    best = float("inf")
    for _ in range(7):
        start = time.perf_counter()
        held = schema.holds(body)
        best = min(best, time.perf_counter() - start)
        assert verdict is None or held == verdict
    return best


def keys(names) -> bytes:
    return b"{" + b",".join(b'"%s":1' % name for name in names) + b"}"


def test_j1_nesting_stops_at_the_limit():
    for opening in (b"[", b'{"a":', b'[{"b":'):
        fault, _, _, at = ANYTHING.check(opening * 100_000)
        assert fault == "depth"
        assert at <= 64 * len(opening)
    deep = compile_schema({}, depth=1000)
    assert deep.holds(b"[" * 1000 + b"]" * 1000)
    assert not deep.holds(b"[" * 1001 + b"]" * 1001)
    with pytest.raises(ValueError, match="depth"):
        compile_schema({}, depth=2000)


def test_j1_a_million_names_stop_at_the_limit():
    body = keys(b"k%d" % n for n in range(1_000_000))
    fault, _, _, at = ANYTHING.check(body)
    assert fault == "keys"
    assert body[:at].count(b":") == 65_536
    assert ANYTHING.holds(keys(b"k%d" % n for n in range(65_536)))


def test_j1_names_that_the_schema_knows_do_not_count():
    body = json.dumps([{"a": 1, "b": 2}] * 50_000).encode()
    assert compile_schema({"items": {"properties": {"a": {}, "b": {}}}}).holds(body)
    assert ANYTHING.check(body)[0] == "keys"


def test_j1_a_name_twice_is_seen_at_once():
    body = keys(itertools.repeat(b"same", 100_000))
    assert ANYTHING.check(body)[3] == len(b'{"same":1,')


def test_j1_a_large_body_leaves_no_trace():
    """The next body is checked as the one before it was."""
    small = json.dumps({"a": [1, 2], "b": {"c": None}}).encode()
    for _ in range(3):
        assert not ANYTHING.holds(keys(b"k%d" % n for n in range(100_000)))
        assert ANYTHING.holds(small)
        assert not ANYTHING.holds(b'{"k1":1,"k1":2}')


@pytest.mark.parametrize("number", [b"9" * 100_000, b"-0." + b"0" * 99_999 + b"1", b"1e" + b"9" * 99_998])
def test_j1_long_numbers_are_linear(number):
    schema = compile_schema({"minimum": -(10**50), "multipleOf": 7}, dialect=Dialect.DRAFT7)
    half = number[: len(number) // 2]
    assert seconds(schema, number) < 6 * seconds(schema, half) + 0.001


def test_alternatives_in_alternatives_stop_at_their_bound():
    """Three ways at each of 60 levels: 3^60 readings without the bound."""
    node = {"$ref": "#/definitions/node"}
    branches = [{"properties": {"x": node}, "required": [name]} for name in "yz"]
    schema = compile_schema({"definitions": {"node": {"anyOf": [*branches, {"properties": {"x": node}}]}}, **node})
    assert schema.holds(b'{"x":' * 4 + b"{}" + b"}" * 4)
    assert schema.check(b'{"x":' * 60 + b"{}" + b"}" * 60)[0] == "work"


def test_alternatives_nested_in_the_schema_alone():
    schema: dict = {"type": "integer"}
    for _ in range(100):
        schema = {"allOf": [schema]}
    assert compile_schema(schema).holds(b"1")
    assert not compile_schema(schema).holds(b'"1"')


@pytest.mark.skipif(pcre_version() is None, reason="libpcre2-8 is not installed: no pattern is compiled")
class TestJ2:
    """^(a+)+$ takes 2^n steps on n letters and one that does not fit."""

    @pytest.mark.parametrize("length", [26, 2000])
    def test_is_cut(self, length):
        text = json.dumps("a" * length + "!").encode()
        schema = compile_schema({"pattern": "^(a+)+$"})
        assert schema.check(text)[0] == "work"
        assert seconds(schema, text) < 0.001 * (1 + length / 200), "trial J2: under 1 ms for 26 letters"

    def test_is_cut_closed_in_every_place(self):
        """An undecided match is no match for `pattern`, and none for `not` either."""
        text, name = b'"' + b"a" * 30 + b'!"', b'{"' + b"a" * 30 + b'!":1}'
        for schema in ({"not": {"pattern": "^(a+)+$"}}, {"anyOf": [{"pattern": "^(a+)+$"}, {}]}):
            assert compile_schema(schema).check(text)[0] == "work"
        schema = {"patternProperties": {"^(a+)+$": {}}}
        assert compile_schema(schema).check(name)[0] == "work"

    def test_many_texts_share_one_purse(self):
        """Each text alone is decided; a body with thousands of them is refused early."""
        schema = compile_schema({"items": {"not": {"pattern": "^(a+)+$"}}})
        dear = "a" * 11 + "!"
        assert schema.holds(json.dumps([dear] * 5).encode())
        fault, _, _, at = schema.check(json.dumps([dear] * 100_000).encode())
        assert fault == "work"
        assert at < 100 * (len(dear) + 4)

    def test_linear_patterns_are_never_cut(self):
        schema = compile_schema({"pattern": "^(?:[a-z]+ )*$"})
        assert schema.holds(json.dumps("abc " * 20_000).encode())


def test_j5_names_cannot_collide():
    """Names alike in length, start, middle and end, as a hash of parts would have them, beside random ones."""
    random.seed(5)
    alike = [b"x" * 20 + b"%05d" % n + b"y" * 40 for n in range(10_000)]
    others = [random.randbytes(33).hex()[:65].encode() for _ in range(10_000)]
    assert seconds(ANYTHING, keys(alike), True) < 3 * seconds(ANYTHING, keys(others), True)


def test_j5_many_small_objects_with_the_same_names():
    """A table for all objects of a body: the same names again and again must not crowd it."""
    body = json.dumps([{"a": n, "b": [n]} for n in range(5_000)]).encode()
    flat = keys(os.urandom(8).hex().encode() for _ in range(10_000))
    assert seconds(ANYTHING, body, True) < 5 * seconds(ANYTHING, flat, True)


def test_j5_unique_items_are_linear():
    schema = compile_schema({"uniqueItems": True})
    items = [{"a": n, "b": [n], "c": "x"} for n in range(10_000)]
    few, many = (json.dumps(items[:count]).encode() for count in (5_000, 10_000))
    assert seconds(schema, many, True) < 4 * seconds(schema, few, True)
    twice = json.dumps([*items, {"c": "x", "b": [7.0], "a": 7}]).encode()
    assert schema.check(twice)[0] == "uniqueItems"

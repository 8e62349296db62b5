"""Globs of the engine: what fits, and in how many steps."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastgw._core.probe_policy import fits


def pieces(pattern: str) -> list[bytes | str]:
    return [part if part in ("*", "?") else part.encode() for part in re.findall(r"[*?]|[^*?]+", pattern)]


def naive(pattern: str, text: str) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


@pytest.mark.parametrize(("pattern", "text", "expected"), (
    ("", "", True), ("", "a", False), ("*", "", True), ("**", "", True), ("?", "", False), ("?", "a", True),
    ("a*", "a", True), ("*a", "a", True), ("a*a", "a", False), ("a*a", "aa", True), ("a*b*c", "a-b-c", True),
    ("a*b*c", "abbc", True), ("a*bc*c", "abc", False), ("*?", "", False), ("*?*", "a", True), ("?*?", "a", False),
    ("*a?c*", "xxabcxx", True), ("*a?c*", "xxabxcxx", False), ("*a?c*d", "abcd", True), ("*ab*ab*", "abab", True),
    ("*ab*ab*", "abxa", False), ("a?", "ab", True), ("a?", "abc", False),
))
def test_globs(pattern: str, text: str, expected: bool) -> None:
    assert fits(pieces(pattern), text.encode())[0] is expected


@given(st.text("ab*?", max_size=14), st.text("ab", max_size=24))
@settings(max_examples=400, deadline=None)
def test_a_glob_is_what_its_regular_expression_is(pattern: str, text: str) -> None:
    assert fits(pieces(pattern), text.encode())[0] is naive(pattern, text)


@given(st.lists(st.sampled_from(["a", "b", "?", "ab", "a?b"]), min_size=40, max_size=90), st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_parts_longer_than_a_word_are_found(parts: list[str], before: int) -> None:
    part = "".join(parts)
    text = "b" * before + part.replace("?", "a") + "bb"
    assert fits(pieces(f"*{part}*"), text.encode())[0]
    assert fits(pieces(f"*{part}c*"), text.encode())[0] is False


LONG = 20_000
HOSTILE = (
    "*a" * 200 + "*b", "*a" * 200 + "b", "*" + "a" * 50 + "b*", "*" + "a?" * 25 + "b*", "*?" * 200 + "*b*",
    "a*" * 200 + "?b", "*" + "?" * 60 + "b*", "*aab" * 100 + "*", "*" + "a" * 30 + "?" + "a" * 30 + "b*",
)


@pytest.mark.parametrize("pattern", HOSTILE)
def test_steps_grow_with_the_text_alone(pattern: str) -> None:
    found = [fits(pieces(pattern), b"a" * n) for n in (LONG, 2 * LONG)]
    assert not any(fitted for fitted, _ in found)
    for (_, steps), n in zip(found, (LONG, 2 * LONG), strict=True):
        assert steps <= n + 2 * len(pattern)


def test_a_part_longer_than_a_word_costs_one_comparison_for_each_of_its_places() -> None:
    """The bound that is written at the search: the first 64 bytes of such a part are found in one walk."""
    part = "a" * 40 + "?" + "a" * 40 + "b"
    _, steps = fits(pieces(f"*{part}*"), b"ab" * LONG)
    assert steps <= 2 * LONG + len(part)

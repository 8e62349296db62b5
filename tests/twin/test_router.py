"""The router against tests/twin/oracle_router.py, and its rules one by one."""

import re
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastgw._core.router import Router
from fastgw.model.api import METHODS
from tests.twin import oracle_router

GET, HEAD, POST = METHODS.index("GET"), METHODS.index("HEAD"), METHODS.index("POST")
ANY = len(METHODS)

# Few and overlapping words, so that prefixes split and levels compete.
words = st.sampled_from([b"a", b"b", b"ab", b"abc", b"abd", b"a.b", b"aa", b"%2F", b"~", b"...", b"b-a"])
literals = st.sampled_from([b"", b"a", b"b", b".", b"..."])


@st.composite
def mixed_segments(draw):
    inner = draw(st.lists(st.sampled_from([b"a", b"b", b".", b"..."]), max_size=2))
    outer = [draw(literals), *inner, draw(literals)]
    return b"{p}".join(outer)


route_segments = st.one_of(words, words, st.just(b"{p}"), mixed_segments())


@st.composite
def routes(draw):
    segments = draw(st.lists(route_segments, max_size=5))
    if draw(st.integers(0, 3)) == 0:
        segments.append(b"{p+}")
    slash = b"/" if segments and draw(st.booleans()) else b""
    return draw(st.integers(0, ANY)), b"/" + b"/".join(segments) + slash


tables = st.lists(routes(), max_size=12, unique_by=lambda route: (route[0], shape(route[1])))
path_segments = st.one_of(words, words, st.just(b""), st.text("ab.", max_size=6).map(str.encode))
paths = st.lists(path_segments, max_size=7).map(lambda segments: b"/" + b"/".join(segments))


def shape(route: bytes) -> tuple[bytes, ...]:
    """What makes two routes the same: their segments without a slash at the end."""
    return tuple(oracle_router.segments_of(route))


@settings(max_examples=1000, deadline=None)
@given(tables, st.lists(st.tuples(st.integers(0, ANY - 1), paths), min_size=1, max_size=12))
def test_agrees_with_the_oracle(table, requests):
    numbered = [(verb, route, number) for number, (verb, route) in enumerate(table)]
    router = Router(numbered)
    for verb, path in requests:
        exact = memoryview(array("B", list(path)))  # no byte behind it: a sanitizer sees an over-read
        assert router.match(verb, exact) == oracle_router.match(numbered, verb, path), (table, verb, path)
        assert router.steps(verb, path) <= node_bound(route for _, route, _ in numbered)


def node_bound(table) -> int:
    """The most nodes a table can have: the root, and for each segment its slash and itself."""
    return 1 + sum(2 * len(shape(route)) for route in table)


def one(router: Router, verb: int, path: bytes) -> int | None:
    found = router.match(verb, path)
    return None if found is None else found[0]


def table(*routes: tuple[int, bytes]) -> Router:
    return Router((verb, route, number) for number, (verb, route) in enumerate(routes))


def test_text_beats_variable_beats_greedy_at_each_level():
    router = table(
        (GET, b"/pets/{proxy+}"), (GET, b"/pets/{id}"), (GET, b"/pets/dog"), (GET, b"/pets/{id}/toys")
    )
    assert one(router, GET, b"/pets/dog") == 2
    assert one(router, GET, b"/pets/do") == 1
    assert one(router, GET, b"/pets/dogs") == 1
    assert one(router, GET, b"/pets/dog/toys") == 3
    assert one(router, GET, b"/pets/dog/bed") == 0


def test_the_verb_falls_through_to_wider_routes():
    router = table((GET, b"/pets/dog"), (POST, b"/pets/{id}"), (ANY, b"/{proxy+}"))
    assert one(router, GET, b"/pets/dog") == 0
    assert one(router, POST, b"/pets/dog") == 1
    assert one(router, METHODS.index("PUT"), b"/pets/dog") == 2


def test_the_verb_beats_any_on_the_same_path():
    router = table((ANY, b"/pets"), (GET, b"/pets"))
    assert (one(router, GET, b"/pets"), one(router, POST, b"/pets")) == (1, 0)


def test_head_is_not_implied_by_get():
    assert one(table((GET, b"/pets")), HEAD, b"/pets") is None


@pytest.mark.parametrize("verb", [-1, ANY, ANY + 1, 1000])
def test_a_verb_off_the_list_finds_nothing(verb):
    assert one(table((ANY, b"/pets")), verb, b"/pets") is None


def test_http_api_example_routes():
    """SPEC.md section 2: the example of the developer guide; $default is the caller's answer to None."""
    router = table(
        (GET, b"/pets/dog/1"), (GET, b"/pets/dog/{id}"), (GET, b"/pets/{proxy+}"), (ANY, b"/{proxy+}")
    )
    assert one(router, GET, b"/pets/dog/1") == 0
    assert router.match(GET, b"/pets/dog/2") == (1, [b"2"])
    assert router.match(GET, b"/pets/cat/1") == (2, [b"cat/1"])
    assert router.match(POST, b"/test/5") == (3, [b"test/5"])
    assert router.match(POST, b"/") is None


def test_one_trailing_slash_is_ignored_on_both_sides():
    router = table((GET, b"/"), (GET, b"/pets/"), (GET, b"/pets/{id}"))
    assert [one(router, GET, path) for path in (b"/", b"/pets", b"/pets/", b"/pets/1/")] == [0, 1, 1, 2]
    assert router.match(GET, b"/pets/1/") == (2, [b"1"])
    assert one(router, GET, b"/pets//") is None


def test_a_greedy_value_keeps_what_the_client_asked():
    router = table((GET, b"/files/{key+}"))
    assert router.match(GET, b"/files/a/b/") == (0, [b"a/b/"])
    assert router.match(GET, b"/files//a//") == (0, [b"/a//"])
    for nothing in (b"/files", b"/files/", b"/files//", b"/files///"):
        assert router.match(GET, nothing) is None


def test_an_empty_segment_is_no_value():
    router = table((GET, b"/a/{id}/b"), (GET, b"/m/{id}.json"), (GET, b"/{first}/m"))
    for path in (b"/a//b", b"/m/.json", b"//m"):
        assert router.match(GET, path) is None


def test_parameters_stay_percent_encoded():
    router = table((GET, b"/alias/{name}/{rest+}"))
    assert router.match(GET, b"/alias/test%2Balias/%2F/%C3%A9") == (0, [b"test%2Balias", b"%2F/%C3%A9"])


def test_case_counts():
    assert one(table((GET, b"/Pets")), GET, b"/pets") is None


@pytest.mark.parametrize("path", [b"", b"pets", b"*", b"http://a/pets"])
def test_a_path_without_a_leading_slash_finds_nothing(path):
    assert one(table((GET, b"/pets"), (ANY, b"/{p+}")), GET, path) is None


def test_mixed_segments_come_between_text_and_variable():
    router = table(
        (GET, b"/c/{base}...{head}"), (GET, b"/c/{all}"), (GET, b"/c/a...b"), (GET, b"/c/{name}.json")
    )
    assert router.match(GET, b"/c/a...b") == (2, [])
    assert router.match(GET, b"/c/main...fix") == (0, [b"main", b"fix"])
    assert router.match(GET, b"/c/x...y.json") == (3, [b"x...y"])
    assert router.match(GET, b"/c/...fix") == (1, [b"...fix"])


def test_an_empty_table_finds_nothing():
    assert Router([]).match(GET, b"/") is None


def test_bytes_behind_the_path_are_not_read():
    router = table((GET, b"/pets/{id}"), (GET, b"/pets"))
    buffer = memoryview(b"/pets/12345")
    assert router.match(GET, buffer[:5]) == (1, [])
    assert router.match(GET, buffer[:8]) == (0, [b"12"])


@pytest.mark.parametrize(
    ("routes", "named"),
    [
        ([(GET, b"/a"), (GET, b"/a/")], "b'/a/'"),
        ([(GET, b"/{a}"), (GET, b"/{b}")], "b'/{b}'"),
        ([(ANY, b"/{a+}"), (ANY, b"/{b+}")], "b'/{b+}'"),
        ([(GET, b"/{a}.x"), (GET, b"/{b}.x")], "b'/{b}.x'"),
        ([(GET, b"pets")], "starts with"),
        ([(GET, b"")], "starts with"),
        ([(GET, b"/{}")], "proper name"),
        ([(GET, b"/{+}")], "proper name"),
        ([(GET, b"/{a{b}}")], "unbalanced"),
        ([(GET, b"/{a")], "unbalanced"),
        ([(GET, b"/a}")], "unbalanced"),
        ([(GET, b"/}a{")], "unbalanced"),
        ([(GET, b"/{a}{b}")], "without text between"),
        ([(GET, b"/x{a+}")], "whole segment"),
        ([(GET, b"/{a+}/b")], "nothing may follow"),
        ([(GET, b"/a//b")], "canonical"),
        ([(GET, b"//")], "canonical"),
        ([(GET, b"/a/../b")], "canonical"),
        ([(GET, b"/%61")], "canonical"),
        ([(GET, b"/%2e%2e")], "canonical"),
        ([(GET, b"/caf\xc3\xa9")], "no request path"),
        ([(GET, b"/a b")], "no request path"),
        ([(GET, b"/%zz")], "no request path"),
        ([(GET, b"/" + b"a/" * 129)], "128 segments"),
        ([(GET, b"/{p}" * 33)], "32 variables"),
        ([(GET, b"/{a}.{b}" * 17)], "32 variables"),
        ([(8, b"/a")], "verb 8"),
        ([(-1, b"/a")], "verb -1"),
    ],
)
def test_a_bad_table_is_refused_by_name(routes, named):
    with pytest.raises(ValueError, match=re.escape(named)):
        table(*routes)


@pytest.mark.parametrize("number", [-1, 2**31])
def test_a_route_number_out_of_range_is_refused(number):
    with pytest.raises(ValueError, match="out of range"):
        Router([(GET, b"/a", number)])


def test_the_largest_route_fits():
    router = table((GET, b"/{p}" * 32), (POST, b"/a" * 128), (POST, b"/{p}" * 31 + b"/{p+}"))
    assert router.match(GET, b"/ab" * 32) == (0, [b"ab"] * 32)
    assert one(router, POST, b"/a" * 128) == 1
    assert router.match(POST, b"/a" * 127) == (2, [b"a"] * 31 + [b"a" + b"/a" * 95])


def test_backtracking_is_bounded_by_the_table():
    """Every level may be text or variable and the last one decides: the worst table for a matcher that
    forgets, and the deepest stack of open levels."""
    depth = 128
    routes = [(GET, b"/a" * k + b"/{p}" + b"/a" * (depth - 2 - k) + b"/x") for k in range(depth - 1)]
    router = table(*routes)
    for path in (b"/a" * depth, b"/a" * 5000, b"/a" * 5000 + b"/", b"/" * 5000, b"/" + b"a" * 60000):
        assert router.match(GET, path) is None
        assert router.steps(GET, path) <= node_bound(route for _, route in routes)
    assert router.match(GET, b"/a" * (depth - 1) + b"/x") == (depth - 2, [b"a"])


def test_a_full_binary_table_is_entered_once_per_node():
    depth = 10
    routes = [
        (GET, b"".join(b"/a" if choice >> level & 1 else b"/{p}" for level in range(depth)))
        for choice in range(2**depth)
    ]
    router = table(*routes)
    assert one(router, GET, b"/a" * depth) == 2**depth - 1
    assert router.match(POST, b"/a" * depth) is None
    assert router.steps(POST, b"/a" * depth) < 2 ** (depth + 3)
    assert router.steps(POST, b"/a" * depth * 400) < 2 ** (depth + 3)


def test_steps_do_not_grow_with_the_table():
    small, large = ([(GET, b"/api/r%05d/{id}" % i) for i in range(size)] for size in (10, 10_000))
    path = b"/api/r00007/42"
    assert table(*large).match(GET, path) == table(*small).match(GET, path) == (7, [b"42"])
    assert table(*large).steps(GET, path) <= table(*small).steps(GET, path) + 5

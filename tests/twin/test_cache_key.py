"""Keys of the cache against tests/twin/oracle_cache.py: equal keys, if and only if equal meaning."""

import functools
import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastgw._core.probe_cache import key_of
from fastgw.load import LoadOptions, load
from fastgw.plan.compiler import compile_plan
from fastgw.runtime.slots import Slots
from fastgw.settings import Settings
from tests.support.cache import cached
from tests.support.definition import openapi, proxy, several
from tests.twin import oracle_cache

KEYS = (None, [], ["querystring.a"], ["header.X-A", "querystring.b"], ["querystring.a", "querystring.b", "header.X-A"])
STAGES = ("", "/one")


@functools.cache
def plan(number: int) -> object:
    """A stage at the root and one below /one, each passing everything on under the number's keys."""
    keys = KEYS[number]
    full = None if keys is None else [f"method.request.{key}" for key in keys]
    document = openapi({"/{proxy+}": {"get": cached(proxy("http://127.0.0.1:1/{proxy}"), keys=full)}})
    stages = {name: {"cache": {"ttl": 60}} for name in ("$default", "one")}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "api.json").write_text(json.dumps(document))
        main = Path(folder) / "fastgw.yaml"
        main.write_text(json.dumps(several({"shop": {"definition": "api.json", "stages": stages}})))
        loaded = load([str(main)], LoadOptions())
    assert loaded.gateway, loaded.problems
    return compile_plan(loaded.gateway, Settings(), Slots().assign(loaded.gateway))


@dataclass(frozen=True)
class Asked:
    stage: str
    path: bytes
    query: bytes
    host: str
    headers: tuple[tuple[str, str], ...]
    port: int

    def head(self) -> bytes:
        target = self.stage.encode() + self.path + (b"?" + self.query if self.query else b"")
        lines = [b"GET " + target + b" HTTP/1.1", b"Host: " + self.host.encode()]
        lines += [f"{name}: {value}".encode() for name, value in self.headers]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def meaning(self, keys: list[str] | None) -> tuple | None:
        return oracle_cache.meaning(self.stage, self.path, self.query, self.host, list(self.headers), keys, self.port)


def joined(words: str, most: int) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(words.encode().split()), max_size=most).map(b"".join)


paths = st.tuples(st.just(b"/"), joined("x X / %78 %2E . %20 + y", 5)).map(b"".join)
queries = joined("a b = & a=1 &a=1 b=2 %61=1 &a=2 &b=%31 a=+ a=%20 a=%2B + 1 ,", 5)
header_names = st.sampled_from(("X-A", "x-a", "X-B", "Accept-Encoding", "Cookie"))
header_values = st.sampled_from(("", "1", "2", "1,2", "gzip", "br, gzip", "gzip;q=0", "gzip;q=0.5 , br", "*", "*;q=0",
                                 "identity;q=0", "identity", "x-gzip", "foo"))
asked = st.builds(
    Asked,
    st.sampled_from(STAGES),
    paths,
    queries,
    st.sampled_from(("a.test", "A.test", "b.test")),
    st.lists(st.tuples(header_names, header_values), max_size=3).map(tuple),
    st.sampled_from((80, 81)),
)


@st.composite
def alike(draw: st.DrawFn) -> tuple[Asked, Asked]:
    """Two requests that differ in one part, or in none."""
    first, second = draw(asked), draw(asked)
    part = draw(st.sampled_from(("stage", "path", "query", "host", "headers", "port")))
    return first, replace(first, **{part: getattr(second, part)})


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(range(len(KEYS))), st.one_of(alike(), st.tuples(asked, asked)))
def test_equal_keys_if_and_only_if_equal_meaning(number: int, two: tuple[Asked, Asked]) -> None:
    keys = KEYS[number]
    found = [key_of(plan(number), one.head(), one.port) for one in two]
    meant = [one.meaning(keys) for one in two]
    for one, key, meaning in zip(two, found, meant, strict=True):
        # A path below the stage that is empty or a dot segment may leave the stage, and then be no route.
        if meaning is None:
            assert key is None, one
    if None not in found and None not in meant and not any(leaves(one) for one in two):
        assert (found[0] == found[1]) == (meant[0] == meant[1]), two


def leaves(one: Asked) -> bool:
    """Dot segments lead out of the stage's own part of the path."""
    return bool(one.stage) and b".." in one.path.replace(b"%2E", b".")


@pytest.mark.parametrize("number", range(len(KEYS)))
def test_most_requests_of_the_twin_have_a_key(number: int) -> None:
    """So that the comparison above compares something."""
    one = Asked("/one", b"/x", b"a=1", "a.test", (("X-A", "1"),), 80)
    assert key_of(plan(number), one.head()) is not None
    assert one.meaning(KEYS[number]) is not None


def test_the_longest_heads_have_a_key() -> None:
    one = Asked("", b"/x", b"a=" + b"1" * 12_000, "a.test", tuple(("X-A", "2" * 1000) for _ in range(2)), 80)
    assert key_of(plan(4), one.head()) is not None

"""The walk of mappings into bodies, against Python's json."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from fastgw._core.probe_coding import walked
from fastgw.plan.http_mapping import way
from tests.fuzz.mutation import Mutator, corpus

NAMES = st.sampled_from(["a", "b", "a b", "\u00e9", "long" * 20, "0"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=20)
WAYS = st.lists(NAMES | st.integers(0, 4), max_size=4)


def written(steps: list[str | int]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f"['{step}']" for step in steps)


@settings(max_examples=300, deadline=None)
@given(VALUES, WAYS, st.booleans(), st.sampled_from([None, 1]))
def test_as_python_walks(value: object, steps: list[str | int], plain: bool, indent: int | None) -> None:
    body = json.dumps(value, ensure_ascii=plain, indent=indent).encode(errors="surrogatepass")
    expected: object = value
    for step in steps:
        kind = list if isinstance(step, int) else dict
        if not isinstance(expected, kind) or (step >= len(expected) if kind is list else step not in expected):
            expected = None
            break
        expected = expected[step]
    found = walked(body, way(written(steps)))
    if not steps:
        assert found == body
    elif expected is None or found is None:
        assert found is None and expected is None
    elif isinstance(expected, str):
        assert found.decode() == expected
    else:
        assert json.loads(found) == expected


def test_broken_bodies_are_walked_to_an_end() -> None:
    """What is found lies within the body, whatever it is; a sanitizer sees a read beyond it."""
    ways = [way(path) for path in ("$", "$.a", "$.id", "$[0]", "$[1].a", "$.a.b[2]", "$['k1']")]
    for body in Mutator(9, corpus("json"), [b"{", b"[", b'"', b",", b":", b"\\", b"\0", b"\xff"]).messages(3000):
        for steps in ways:
            found = walked(body, steps)
            assert found is None or len(found) <= len(body)

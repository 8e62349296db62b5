"""The header rules of the engine and of the naive reader: the same fields reach the upstream, in the same order."""

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Served
from tests.support.client import get
from tests.twin import oracle_headers as oracle
from tests.twin.oracle_headers import Field

NUMBERS = itertools.count()
OTHERS = ("x-one", "x-two", "accept-language", "cookie", "x-forwarded", "x-amzn-other", "content-type", "te-other")
NAMES = sorted(oracle.HOP_BY_HOP | oracle.DROPPED | oracle.IDENTITY | oracle.ACTED_ON | {*OTHERS})
FRAMING = {"host", "content-length", "transfer-encoding", "expect"}


@st.composite
def spellings(draw: st.DrawFn) -> str:
    """A name in any case, its dashes perhaps as "_" or "."; never one that frames a message."""
    name = draw(st.sampled_from(NAMES))
    spelt = "".join(draw(st.sampled_from("-_.")) if char == "-" else char for char in name)
    spelt = draw(st.sampled_from((name, name, spelt)))
    cased = "".join(char.upper() if draw(st.booleans()) else char for char in spelt)
    return cased if cased.lower() not in FRAMING else f"x-{cased}"


def connection_lists() -> st.SearchStrategy[str]:
    return st.lists(spellings(), max_size=3).map(", ".join)


@st.composite
def fields(draw: st.DrawFn) -> list[Field]:
    """Each with a value of its own, so that they can be told apart."""
    found = []
    for number in range(draw(st.integers(0, 8))):
        name = draw(spellings())
        value = draw(connection_lists()) if name.lower() == "connection" else f"value-{number}"
        found.append((name, value))
    return found


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields())
def test_the_same_fields_go_on(served: Served, sent: list[Field]) -> None:
    path = f"/twin-headers/{next(NUMBERS)}"
    answer = served.fetch(get(path, *(f"{name}: {value}" for name, value in sent)))
    assert answer.status == 200
    request = served.upstream.only(path)
    theirs = {value for _, value in sent}
    arrived = [(name, value) for name, value in pairs(request.headers) if value in theirs and value]
    assert arrived == [(name, value) for name, value in oracle.forwarded(sent) if value]
    own = {name.lower() for name, value in pairs(request.headers) if value not in theirs}
    kept = {name.lower() for name, _ in oracle.forwarded(sent)}
    assert own - {"host"} == {"x-amzn-trace-id", "x-amzn-apigateway-api-id", "accept", "user-agent"} - kept


def pairs(headers: object) -> list[Field]:
    return [(text(name), text(value)) for name, value in headers]


def text(value: bytes | str) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value

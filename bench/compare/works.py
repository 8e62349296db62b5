"""The works: what is asked of every target, and what the right answer is."""

import json
from dataclasses import dataclass

from bench import origin

FIXED_BODY = b'{"message":"fixed answer"}'
POSTED = json.dumps({"id": 1, "note": "x" * 1001}).encode()  # 1 KiB
ROUTE_COUNTS = (10, 100, 1_000, 10_000)


@dataclass(frozen=True, slots=True)
class Work:
    """One request, repeated.

    routes       how many routes the target is configured with, 0 for the plain set
    answer       the exact body of the right answer
    origin       the answer comes from the origin, through the target
    """

    name: str
    method: str
    path: str
    answer: bytes
    origin: bool
    body: bytes = b""
    routes: int = 0


FIXED = Work("fixed", "GET", "/fixed", FIXED_BODY, origin=False)
PROXY = Work("proxy", "GET", "/hello", origin.GET_BODY, origin=True)
POST = Work("post", "POST", "/submit", origin.POST_BODY, origin=True, body=POSTED)


def route_path(index: int) -> str:
    """The path of route index without its last segment, which is a parameter."""
    return f"/v1/service-{index}/items"


def route_body(index: int) -> bytes:
    """Every route answers its own number, so that a wrong match shows."""
    return b'{"route":%d}' % index


def routes(count: int) -> Work:
    """count parameterised routes with fixed answers; the request meets the one in the middle."""
    middle = count // 2
    return Work("routes", "GET", f"{route_path(middle)}/42", route_body(middle), origin=False, routes=count)


NAMES = ("fixed", "proxy", "post", "routes", "idle")
EVERYWHERE = frozenset({"fixed", "proxy", "post", "idle"})


def loads(name: str) -> list[Work]:
    """The loads that make up a work; "idle" has its own procedure (idle.py)."""
    if name == "routes":
        return [routes(count) for count in ROUTE_COUNTS]
    return [work for work in (FIXED, PROXY, POST) if work.name == name]

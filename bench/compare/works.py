"""The works: what is asked of every target, and what the right answer is.

Whatever the work, a target gives every request an id, tells it to the client, writes an access-log line with it,
and counts the request in its metrics: what a user would have on is on.
"""

import json
from dataclasses import dataclass
from typing import Any

from bench import origin

FIXED_BODY = b'{"message":"fixed answer"}'
POSTED = json.dumps({"id": 1, "note": "x" * 1001}).encode()  # 1 KiB
ROUTE_COUNTS = (10, 100, 1_000, 10_000)
KEY_COUNTS = (1, 10_000, 1_000_000)
KEYED_ROUTES = 200
KEY_HEADER = "x-api-key"
KEY_RATE = 1_000_000  # requests a second and burst of every key: counted, and never reached


@dataclass(frozen=True, slots=True)
class Work:
    """One request, repeated.

    routes       how many routes the target is configured with, 0 for the plain set
    keys         how many API keys it knows; where there are any, every route asks for one, and each has a limit
    answer       the exact body of the right answer
    origin       the answer comes from the origin, through the target
    cached       the target answers from its cache after the first time
    wrong        a body that must be refused where the target checks bodies
    """

    name: str
    method: str
    path: str
    answer: bytes
    origin: bool
    body: bytes = b""
    routes: int = 0
    keys: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    cached: bool = False
    wrong: bytes = b""

    @property
    def count(self) -> int:
        """What the work's name leaves open: keys or routes, or 0."""
        return self.keys or self.routes


def order(size: int) -> dict[str, Any]:
    """A JSON order that fits ORDER_SCHEMA, of size bytes when written without spaces."""
    items = [
        {"sku": f"AB-{number:04d}", "name": f"article number {number}", "quantity": number + 1, "price": 9.75 + number,
         "tags": ["new", "sale"], "gift": number % 2 == 0}
        for number in range(6)
    ]
    found = {
        "id": "0b2e7c9a-5d6f-4e3b-9a1c-7f8e6d5c4b3a", "customer": 31415, "email": "someone@example.com",
        "status": "open", "total": 87.5, "currency": "EUR",
        "ship_to": {"street": "1 Long Road", "city": "Springfield", "zip": "12345", "country": "US"},
        "items": items, "note": "",
    }  # fmt: skip
    found["note"] = "x" * (size - len(compact(found)))
    return found


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


_ITEM = _object(
    ["sku", "quantity", "price"],
    sku={"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$"},
    name={"type": "string", "maxLength": 80},
    quantity={"type": "integer", "minimum": 1, "maximum": 1000},
    price={"type": "number", "minimum": 0},
    tags={"type": "array", "items": {"type": "string", "enum": ["new", "sale", "used"]}},
    gift={"type": "boolean"},
)
ORDER_SCHEMA = _object(
    ["id", "customer", "status", "total", "items"],
    id={"type": "string", "minLength": 36, "maxLength": 36},
    customer={"type": "integer", "minimum": 1},
    email={"type": "string", "maxLength": 120},
    status={"type": "string", "enum": ["open", "paid", "sent"]},
    total={"type": "number", "minimum": 0},
    currency={"type": "string", "minLength": 3, "maxLength": 3},
    ship_to=_object(
        ["street", "city", "zip", "country"],
        **{name: {"type": "string", "maxLength": 80} for name in ("street", "city", "zip", "country")},
    ),
    items={"type": "array", "items": _ITEM},
    note={"type": "string", "maxLength": 1024},
)
ORDER = compact(order(1024))
WRONG_ORDER = ORDER.replace(b'"status":"open"', b'"status":"lost"')

FIXED = Work("fixed", "GET", "/fixed", FIXED_BODY, origin=False)
PROXY = Work("proxy", "GET", "/hello", origin.GET_BODY, origin=True)
POST = Work("post", "POST", "/submit", origin.POST_BODY, origin=True, body=POSTED)
VALIDATED = Work("validated", "POST", "/orders", origin.POST_BODY, origin=True, body=ORDER, wrong=WRONG_ORDER)
RENDERED = Work(
    "rendered", "GET", "/rendered?id=42&tags=new,sale,used,gift",
    b'{"id":"42","path":"/rendered","tags":[{"n":1,"tag":"NEW"},{"n":2,"tag":"SALE"},{"n":3,"tag":"USED"},'
    b'{"n":4,"tag":"GIFT"}]}', origin=False,
)  # fmt: skip
CACHED = Work("cached", "GET", "/cached", origin.GET_BODY, origin=True, cached=True)


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


def key_value(index: int) -> str:
    """The value of key index; 32 characters."""
    return f"key-{index:07d}-abcdefghijklmnopqrst"


def keys(count: int) -> Work:
    """200 routes to the origin, count keys, each with a limit of its own; the request bears the key in the middle."""
    path = f"{route_path(KEYED_ROUTES // 2)}/42"
    headers = ((KEY_HEADER, key_value(count // 2)),)
    return Work(
        "keys", "GET", path, origin.GET_BODY, origin=True, routes=KEYED_ROUTES, keys=count, headers=headers
    )


NAMES = ("fixed", "proxy", "post", "routes", "keys", "validated", "cached", "rendered", "idle")
EVERYWHERE = frozenset({"fixed", "proxy", "post", "idle"})


def loads(name: str) -> list[Work]:
    """The loads that make up a work; "idle" has its own procedure (idle.py)."""
    if name == "routes":
        return [routes(count) for count in ROUTE_COUNTS]
    if name == "keys":
        return [keys(count) for count in KEY_COUNTS]
    return [work for work in (FIXED, PROXY, POST, VALIDATED, CACHED, RENDERED) if work.name == name]

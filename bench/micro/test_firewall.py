"""What a firewall of twenty rules takes for a request that none of them decides.

Run with: python -m pytest bench/micro/test_firewall.py -s
"""

import statistics

import pytest

from tests.support.firewall import TWENTY, TWENTY_SETS, judge

GET = (
    b"GET /prod/pets/7?page=1&q=grey%20cat HTTP/1.1\r\nHost: api.example.com\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    b"Accept: application/json\r\nReferer: https://shop.example/pets\r\nCookie: session=0123456789abcdef\r\n"
)
BODY = b'{"name": "Tom", "kind": "cat", "tags": ["grey", "old"], "note": "it\'s shy, and 3 years old"}'
POST = GET.replace(b"GET", b"POST", 1) + b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(BODY)
BUDGET_NS = 5_000


@pytest.mark.parametrize(("name", "head", "body"), [("a query", GET, None), ("a JSON body", POST, BODY)])
def test_twenty_rules(name: str, head: bytes, body: bytes | None) -> None:
    asked = judge(TWENTY, sections=TWENTY_SETS)
    assert asked.ask(head + b"\r\n", body)[0] == "(default)"
    found = statistics.median(asked.ask(head + b"\r\n", body, times=20_000)[2] for _ in range(9))
    print(f"{name}: {found:.0f} ns")
    assert found < BUDGET_NS

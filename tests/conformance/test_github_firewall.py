"""GitHub's request bodies through the default rules of the firewall: none is blocked."""

import json
from urllib.parse import urlencode

from tests.support.firewall import judge
from tests.support.shared import load as shared

BODIES: list[dict] = shared("openapi/github_request_bodies.json")["bodies"]


def test_no_example_is_blocked():
    asked = judge([{"name": "core", "priority": 1, "rule_group": "core"}], body_bytes=65_536)
    seen = 0
    for body in BODIES:
        for example in body["examples"]:
            for text in (json.dumps(example), json.dumps(example, ensure_ascii=False, indent=2)):
                data = text.encode()
                head = b"POST /repos/a/b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(data)
                assert asked.ask(head, data)[0] == "(default)", text[:200]
            if isinstance(example, dict):
                query = urlencode({key: value for key, value in example.items() if isinstance(value, str)})[:8000]
                head = f"GET /search?{query} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
                assert asked.ask(head)[0] == "(default)", query[:200]
            seen += 1
    assert seen >= len(BODIES) // 2

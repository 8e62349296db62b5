"""What the default rules see in payloads of the OWASP Core Rule Set, and what they must let pass.

The counts are those of docs/firewall.md: they may only rise.
"""

import json
from pathlib import Path

import pytest

from fastgw._core.probe_firewall import injected
from tests.support.firewall import judge

PAYLOADS = json.loads((Path(__file__).parents[1] / "support" / "crs_payloads.json").read_text())
FOUND = {"942100": 13, "942160": 10, "942170": 3, "942190": 25, "941100": 3, "941110": 3, "941160": 4, "941170": 7}
BENIGN = [
    "It's 5 o'clock and the users' order by date isn't right -- please fix it #12",
    "Select one from the list, or 2 or 3 of them = 5 in all",
    "Don't drop table salt; update the recipe set", "O'Neil and D'Arcy's or Sons' like it",
    'He said "and 3 = x" or "maybe"; it\'s (not) fine', "rock 'n' roll; 'twas the night -- before",
    "user(s), database(s) and version(1.2) are shown", "a < b and c > d", "if (x < 3 && y > 4) return x;",
    "Price: $5 -- was $7; \"sale\" & 'more'",
    'Use <img src="a.png" alt="x"> and <details><summary>x</summary></details>',
    "one = 1; only='2'; once = \"3\"", '"once=1" \'on = 2\' "online=3"', "JavaScript: the good parts",
    "data: see below, thanks", "call time.sleep(5) in python", "I sleep (8 hours) a day", "delete from cart",
    "filter=(status='open' and owner='me')", 'q="exact phrase" OR title:foo -bar', "50% off; 100 % sure",
    "@@ -1,3 +1,4 @@ def foo():", "if a or b: print('c' == 'd')", "group by 2 or order by 3",
]


def core(**overrides: str) -> object:
    return judge([{"name": "core", "priority": 1, "rule_group": "core", "overrides": overrides}])


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in ("sqli", "xss") for name in PAYLOADS[kind]])
def test_payloads(kind, name):
    place = ("sqli", "xss").index(kind)
    found = [text for text in PAYLOADS[kind][name] if injected(text.encode())[place]]
    assert len(found) == FOUND[name]


@pytest.mark.parametrize("text", [*BENIGN, *PAYLOADS["benign"]])
def test_benign_texts(text):
    assert injected(text.encode()) == (False, False)


def test_the_core_group_looks_where_requests_carry_data():
    asked = core()
    sql, script = "1'%20or%20'1'='1", "%3Cscript%3Ealert(1)%3C/script%3E"
    get = "GET {} HTTP/1.1\r\nHost: a\r\n{}\r\n"

    def rule(target: str, *fields: str, body: bytes | None = None) -> str:
        head = get.format(target, "".join(f"{field}\r\n" for field in fields)).encode()
        if body is not None:
            head = head.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nContent-Length: %d\r\n\r\n" % len(body))
        return asked.ask(head, body)[0]

    assert rule(f"/a/{sql}") == "core/sqli_path"
    assert rule(f"/a?b={script}&c=d") == "core/xss_query"
    assert rule(f"/a?{sql.replace('=', '%3D')}=x") == "core/sqli_query"
    assert rule("/a", f"Cookie: a=b; c={sql}") == "core/sqli_cookies"
    assert rule("/a", "User-Agent: <script>") == "core/xss_agents"
    assert rule("/a", body=b'{"a": ["x\\u0027 or 1=1"]}') == "core/sqli_body"
    assert rule("/a", body=f"a=b&c={script}".encode()) == "core/xss_body"
    assert rule("/a?q=I+sleep+well%21", "Cookie: id=7", body=b'{"a": "it\'s"}') == "(default)"
    assert core(**{"*": "count"}).ask(get.format(f"/a?b={sql}", "").encode())[0] == "(default)"

"""Requests that botocore signs, by hypothesis: what it signed is accepted, and the same request, changed, is not."""

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.signed import SKEW, Message, table

auth = pytest.importorskip("botocore.auth", reason="botocore, the oracle, is not installed (pip install .[dev])")
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402

HOST = "host.example"
NOW = 1_700_000_000
KEY, SECRET, REGION, SERVICE = "AKIDEXAMPLE0000000AB", "secret+/of=some key", "eu-west-1", "execute-api"

SEGMENT = st.one_of(
    st.text(max_size=6).map(lambda text: quote(text, safe="")),
    st.sampled_from(["", ".", "..", "a%20b", "%2F", "%252F", "%25", "a+b", "*", "~", "a=b", "@x", "a;b", "%c3%bc"]),
    st.just("!$&'()"),
)
PATH = st.lists(SEGMENT, max_size=5).map(lambda parts: "/" + "/".join(parts))
NAME = st.one_of(st.text(max_size=4).map(lambda text: quote(text, safe="")),
                 st.sampled_from(["a", "A", "b", "a%20", "a-b"]))
VALUE = st.one_of(NAME, st.sampled_from(["", "x", "%2B", "a/b", "12:30", "a+b", "%7E", "%e2%82%ac", "~", "a,b"]))
PAIR = st.one_of(st.tuples(NAME, VALUE).map("=".join), NAME)
QUERY = st.lists(PAIR, max_size=6).map("&".join)
FIELD_VALUE = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
FOLDED = st.lists(st.sampled_from(["a", "B", '"c  d"', "  ", "\t", ",", "=", " x"]), max_size=6).map("".join)
FIELDS = st.lists(
    st.tuples(st.sampled_from(["X-Amz-Meta", "Content-Type", "accept", "X-Custom", "x-b", "My-Header1"]),
              st.one_of(FIELD_VALUE, FOLDED)), max_size=5)
METHOD = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
BODY = st.one_of(st.just(b""), st.binary(max_size=40))
TOKEN = st.one_of(st.just(""), st.sampled_from(["token/with+all==", "x" * 300]))
PAYLOAD = st.sampled_from(["signed", "claimed", "unsigned"])
WAY = st.sampled_from(["header", "date", "query"])


def signed(way: str, method: str, path: str, query: str, fields: list[tuple[str, str]], body: bytes, token: str,
           payload: str, monkeypatch: pytest.MonkeyPatch, at: int = NOW) -> Message:
    """The message that botocore makes, as it stands on the wire. What it signs in the query has no body."""
    body = b"" if way == "query" else body
    request = AWSRequest(method=method, url=f"https://{HOST}{path}" + (f"?{query}" if query else ""), data=body)
    for name, value in fields:
        request.headers.add_header(name, value)
    request.headers["Host"] = HOST
    if way == "date":
        request.headers["Date"] = "to be filled in"
    if payload == "unsigned":
        request.context["payload_signing_enabled"] = False
    elif payload == "claimed" and way != "query":
        request.headers["X-Amz-Content-SHA256"] = auth.sha256(body).hexdigest()
    kind = auth.SigV4QueryAuth if way == "query" else auth.SigV4Auth
    moment = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
    with monkeypatch.context() as patched:
        if hasattr(auth, "get_current_datetime"):
            patched.setattr(auth, "get_current_datetime", lambda *_: moment)
        else:
            patched.setattr(auth.datetime, "datetime", type("Clock", (datetime,), {"utcnow": lambda: moment}))
        kind(Credentials(KEY, SECRET, token or None), SERVICE, REGION).add_auth(request)
    parts = urlsplit(request.url)
    named = tuple((name.encode(), value.encode("latin-1")) for name, value in request.headers.items())
    if way == "query" and payload == "unsigned":
        named += ((b"X-Amz-Content-SHA256", b"UNSIGNED-PAYLOAD"),)
    return Message(method.encode(), parts.path.encode(), parts.query.encode(), named, body)


def keys(token: str = ""):
    return table(KEY, SECRET, token, region=REGION)


@settings(max_examples=300, deadline=None)
@given(way=WAY, method=METHOD, path=PATH, query=QUERY, fields=FIELDS, body=BODY, token=TOKEN, payload=PAYLOAD)
def test_what_botocore_signs_is_accepted_and_nothing_else(
    way: str, method: str, path: str, query: str, fields: list, body: bytes, token: str, payload: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        message = signed(way, method, path, query, fields, body, token, payload, patch)
    known = keys(token)
    assert message.verify(known, NOW).result == "signed", message
    assert message.verify(keys(token + "x"), NOW).result == "stranger"
    other_query = message.query + b"&zz=1" if message.query else b"zz=1"
    for other in (
        replace(message, path=message.path + b"x"),
        replace(message, query=other_query),
        replace(message, verb=b"TRACE"),
        message.with_field(b"Host", b"other.example"),
    ):
        assert other.verify(known, NOW).result == "else", other
    changed = replace(message, body=message.body + b"x").verify(known, NOW).result
    assert changed == ("signed" if (b"X-Amz-Content-SHA256", b"UNSIGNED-PAYLOAD") in message.fields else "else")


@pytest.mark.parametrize("way", ["header", "date", "query"])
@pytest.mark.parametrize("minutes", [-6, -5, -1, 0, 1, 5, 6])
def test_skew(way: str, minutes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five minutes either way; a signature in the query is good for its lifetime instead, here an hour."""
    message = signed(way, "GET", "/pets", "a=1", [], b"", "", "signed", monkeypatch)
    late = 3600 if way == "query" else SKEW
    now = NOW + 60 * minutes
    assert (message.verify(keys(), now).result == "signed") == (-SKEW <= 60 * minutes <= late)


def test_a_replay_is_refused_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    known = keys()
    message = signed("header", "POST", "/pets", "", [], b"{}", "", "signed", monkeypatch)
    for seconds, result in ((0, "signed"), (SKEW, "signed"), (SKEW + 1, "else"), (86_400, "else")):
        assert message.verify(known, NOW + seconds).result == result
    fresh = signed("header", "POST", "/pets", "", [], b"{}", "", "signed", monkeypatch, at=NOW + SKEW + 1)
    assert fresh.verify(known, NOW + SKEW + 1).result == "signed"


def test_members_of_a_query_may_change_places(monkeypatch: pytest.MonkeyPatch) -> None:
    message = signed("header", "GET", "/pets", "b=2&a=1&a=0&c", [], b"", "", "signed", monkeypatch)
    assert replace(message, query=b"c&a=0&b=2&a=1").verify(keys(), NOW).result == "signed"
    assert replace(message, query=b"c&a=0&b=2").verify(keys(), NOW).result == "else"
    assert replace(message, query=b"c&a=0&b=2&a=1&a=1").verify(keys(), NOW).result == "else"

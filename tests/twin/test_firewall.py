"""The firewall's transformations, literals, networks and JSON texts beside naive Python."""

import ipaddress
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fastgw._core.firewall_transform import NAMES
from fastgw._core.probe_firewall import json_found, transformed
from fastgw.model.firewall import POSITIONS, TRANSFORMATIONS
from tests.support.firewall import judge, looks, rule
from tests.twin import oracle_firewall as oracle

PIECES = [
    b"%", b"%41", b"%u0041", b"%uFF1C", b"%uFFFF", b"%u4e2d", b"%zz", b"+", b"&", b"&lt", b"&LT;", b"&#x3c;", b"&#60",
    b"&#1114112;", b"&#xD800;", b"&#x", b"&nbsp;", b"&colon;", b"&colon", b"&#0;", b"\0", b"\xc2\xa0", b"\xa0", b" ",
    b"\t", b"\r\n", b"\v", b"/", b"//", b"/./", b"/../", b"..", b".", b"...", b"\\", b"\\..\\", b"'", b'"', b"^", b",",
    b";", b"(", b"/*", b"*/", b"*", b"QUJD", b"QQ==", b"-_", b"4a", b"\\u0041", b"\\uFF21", b"\\x41",
    b"\\101", b"\\777", b"\\n",
    b"\\z", b"A", b"bc", b"<", b"\xff", b"8",
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=12).map(b"".join)


def test_both_sides_know_the_same_names():
    assert NAMES == TRANSFORMATIONS == ("none", *(one.__name__ for one in oracle.TRANSFORMATIONS))


@settings(max_examples=400)
@given(TEXTS, st.integers(1, len(TRANSFORMATIONS) - 1))
@example(b"a/../../b", 8)
@example(b"../../..", 8)
@example(b"/..//./a/", 8)
@example(b"&#", 4)
@example(b"\\", 14)
def test_transformations(text, which):
    assert transformed(which, text) == oracle.TRANSFORMATIONS[which - 1](text)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.text("ab_-", min_size=1, max_size=4), st.sampled_from(POSITIONS)), min_size=1, max_size=8),
    st.lists(st.text("ab_-", max_size=9), min_size=1, max_size=6),
)
def test_literals_found_in_one_pass_are_those_found_one_by_one(literals, texts):
    field = {"query_argument": "q"}
    asked = judge([rule(f"r{n}", n, looks(field, value, position)) for n, (value, position) in enumerate(literals)])
    for text in texts:
        expected = next((f"r{n}" for n, (value, position) in enumerate(literals)
                         if oracle.byte_match(text.encode(), value.encode(), position)), "(default)")
        assert asked.ask(f"GET /?q={text} HTTP/1.1\r\nHost: a\r\n\r\n".encode())[0] == expected


def network(bits: int) -> st.SearchStrategy[str]:
    kind = ipaddress.IPv4Network if bits == 32 else ipaddress.IPv6Network
    number = st.integers(0, 7).map(lambda n: n << (bits - 3)) | st.integers(0, (1 << bits) - 1)
    return st.tuples(number, st.integers(0, bits)).map(lambda pair: str(kind(pair, strict=False)))


ADDRESSES = (
    st.integers(0, (1 << 32) - 1).map(lambda n: str(ipaddress.IPv4Address(n)))
    | st.integers(0, (1 << 32) - 1).map(lambda n: f"::ffff:{ipaddress.IPv4Address(n)}")
    | st.integers(0, (1 << 128) - 1).map(lambda n: str(ipaddress.IPv6Address(n)))
    | st.integers(0, 7).map(lambda n: str(ipaddress.IPv6Address(n << 125)))
)


@settings(max_examples=60)
@given(st.lists(network(32) | network(128), min_size=1, max_size=8), st.lists(ADDRESSES, min_size=1, max_size=8))
@example(["0.0.0.0/0"], ["1.2.3.4", "::1"])
@example(["::/0", "10.0.0.1/32"], ["10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1", "2001:db8::"])
def test_networks(networks, addresses):
    # An IPv6 network around all mapped addresses is one of IPv6: clients by IPv4 are never in it.
    asked = judge([rule("listed", 1, {"ip_set": {"addresses": networks}})])
    inside = [one for one in addresses + [str(ipaddress.ip_network(one)[0]) for one in networks]]
    for address in inside:
        found = asked.ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", address=address.encode())[0] == "listed"
        mapped = [str(ipaddress.ip_network(one)) for one in networks]
        mapped = [unmapped(one) for one in mapped]
        assert found == oracle.in_networks(address, mapped), address


def unmapped(text: str) -> str:
    one = ipaddress.ip_network(text)
    inner = getattr(one.network_address, "ipv4_mapped", None)
    return f"{inner}/{one.prefixlen - 96}" if inner and one.prefixlen >= 96 else text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4), max_leaves=12)


@settings(max_examples=200)
@given(JSON.filter(lambda value: isinstance(value, list | dict | str)), st.booleans(), st.integers(0, 40))
def test_json_texts(value, escaped, cut):
    text = json.dumps(value, ensure_ascii=escaped, indent=1 if cut % 2 else None).encode("utf-8", "surrogatepass")
    assert json_found(text) == (True, len(text), oracle.json_texts(text))
    whole, end, found = json_found(text[:cut])
    assert whole is (cut >= len(text))
    assert end <= min(cut, len(text))
    assert found == oracle.json_texts(text)[: len(found)] or not whole


@pytest.mark.parametrize(("text", "end"), [
    (b'{"a":1} or 1=1', 8), (b"", 0), (b"a=1", 0), (b'["a\x00\xff"', 6), (b"[" * 300, 256)])
def test_json_goes_as_far_as_it_is_json(text, end):
    assert json_found(text)[:2] == (False, end)

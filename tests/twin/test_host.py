"""Host values against tests/twin/oracle_path.py, and the malformed ones by name."""

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastgw._core.host import parse
from tests.twin import oracle_path


def parse_or_none(raw):
    try:
        return parse(raw)
    except ValueError:
        return None


names = st.lists(st.sampled_from(b"a B 9 - _ ~ . .. xn--p1ai".split()), max_size=6).map(b"".join)
groups = st.lists(
    st.sampled_from(b"0 1 ab FFFF 12345 : : :: 1.2.3.4 256.1.1.1 g %25".split()), max_size=16
).map(b"".join)
ports = st.sampled_from([b"", *b": :1 :80 :65535 :65536 :0 :00080 :000080 :8a ::1".split()])
hosts = st.one_of(
    st.tuples(names, ports).map(b"".join),
    st.tuples(groups, ports).map(lambda parts: b"[" + parts[0] + b"]" + parts[1]),
    st.ip_addresses(v=6).map(lambda address: b"[" + str(address).encode() + b"]:443"),
    st.ip_addresses(v=6).map(lambda address: b"[" + address.exploded.encode() + b"]"),
    st.binary(max_size=6),
    st.text("a.:[]01@%", max_size=12).map(str.encode),
)


@settings(max_examples=2000, deadline=None)
@given(hosts)
def test_agrees_with_the_oracle(raw):
    exact = memoryview(array("B", list(raw)))  # no byte behind it: a sanitizer sees an over-read
    assert parse_or_none(exact) == oracle_path.host(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Example.COM", (b"example.com", 0)),
        (b"example.com.", (b"example.com", 0)),
        (b"example.com.:443", (b"example.com", 443)),
        (b"example.com:", (b"example.com", 0)),
        (b"example.com:00080", (b"example.com", 80)),
        (b"my_host-1~x", (b"my_host-1~x", 0)),
        (b"127.0.0.1:65535", (b"127.0.0.1", 65535)),
        (b"[::]", (b"[::]", 0)),
        (b"[::1]:1", (b"[::1]", 1)),
        (b"[2001:DB8::A]", (b"[2001:db8::a]", 0)),
        (b"[::ffff:192.0.2.1]", (b"[::ffff:192.0.2.1]", 0)),
        (b"[1:2:3:4:5:6:7::]", (b"[1:2:3:4:5:6:7::]", 0)),
    ],
)
def test_taken(raw, expected):
    assert parse(raw) == expected


MALFORMED = [
    b"", b" ", b"a b", b"a\tb", b" a", b"a ", b"a,b", b"a, b", b"user@a", b"user:pw@a", b"a@", b"a:80:80",
    b"a::80", b":80", b":", b".", b"..", b".a", b"a..b", b"a..", b"a\x00", b"a\x01b", b"a\x7f",
    b"caf\xc3\xa9", b"a%41", b"%00", b"a/b", b"a/", b"/", b"http://a", b"a?b", b"a#b", b"a\\b", b"a:99999",
    b"a:0", b"a:-1", b"a:+80", b"a:80a", b"a: 80", b"a:000080", b"[", b"]", b"[]", b"[::1", b"::1", b"::1]",
    b"[::1]x", b"[::1]80", b"[[::1]]", b"[:::]", b"[1::2::3]", b"[1:2:3]", b"[1:2:3:4:5:6:7:8:9]",
    b"[12345::]", b"[::g]", b"[fe80::1%25eth0]", b"[fe80::1%eth0]", b"[v1.a]", b"[::1.2.3]",
    b"[::1.2.3.256]", b"[::01.2.3.4]", b"[127.0.0.1]", b"[1.2.3.4::]", b"a;b", b"a'b", b'a"', b"*", b"*.a",
    b"a!", b"$a", b"(a)", b"a=b", b"a&b", b"<a>", b"{a}", b"a|b", b"a^b", b"`a`",
]  # fmt: skip


@pytest.mark.parametrize("raw", MALFORMED)
def test_refused(raw):
    with pytest.raises(ValueError, match="not a host"):
        parse(raw)


def test_longest_name():
    longest = b"a" * 256
    assert parse(longest + b":1") == (longest, 1)
    for too_long in (b"a" * 257, b"a" * 256 + b".", b"a" * 100_000, b"[" + b"1:" * 50_000 + b"]"):
        assert parse_or_none(too_long) is None


def test_bytes_behind_the_value_are_not_read():
    buffer = memoryview(b"[::1]:8080.a")
    assert parse(buffer[:5]) == (b"[::1]", 0)
    assert parse(buffer[:7]) == (b"[::1]", 8)
    assert parse_or_none(buffer[:4]) is None

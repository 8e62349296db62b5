"""Headers of the PROXY protocol under a committed corpus and seeded mutations of it, beside a plain reading in Python.

corpus: tests/fuzz/proxy/corpus.txt, one header a line in Python's byte escapes. Add the input of every bug.
"""

import ipaddress
import re
import struct

import pytest

from fastgw._core.probe_proxy import BAD, MORE, header_of
from tests.fuzz.mutation import Mutator, corpus

CORPUS = corpus("proxy")
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
TOKENS = [b"PROXY TCP4 ", b"PROXY TCP6 ", b"UNKNOWN", b"\r\n", b"\n", b" ", b"1.2.3.4", b"::1", b"[::1]", b":80", b"0",
          b"65535", b"65536", SIGNATURE, b"\x20", b"\x21\x11\x00\x0c", b"\x21\x21\x00\x24", b"\xff\xff", b"\0"]
LINE = re.compile(rb"PROXY TCP([46]) (\S+) (\S+) ([0-9]{1,5}) ([0-9]{1,5})\r\n")
Found = tuple[int, str | None, int]


def unmapped(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return str(getattr(address, "ipv4_mapped", None) or address)


def literal(text: bytes, version: int) -> str | None:
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    try:
        return None if b"%" in text else unmapped(kind(text.decode("ascii")))
    except ValueError:
        return None


def port(text: bytes) -> int | None:
    plain = text == str(int(text)).encode() and int(text) <= 65535
    return int(text) if plain else None


def line(head: bytes) -> Found:
    text, end, _ = head[:107].partition(b"\r\n")
    if b"\n" in text or not end:
        return (BAD if b"\n" in head[:107] or len(head) >= 107 or head[:6] != b"PROXY "[: len(head)] else MORE), None, 0
    if re.fullmatch(rb"PROXY UNKNOWN( .*)?", text, re.DOTALL):
        return len(text) + 2, None, 0
    fits = LINE.fullmatch(text + end)
    if not fits:
        return BAD, None, 0
    version = int(fits[1])
    source, destination = literal(fits[2], version), literal(fits[3], version)
    ports = port(fits[4]), port(fits[5])
    if source is None or destination is None or None in ports:
        return BAD, None, 0
    return len(text) + 2, source, ports[1]      # type: ignore[return-value]


def binary(head: bytes) -> Found:
    if head[:12] != SIGNATURE[: len(head)]:
        return BAD, None, 0
    if len(head) < 16:
        return MORE, None, 0
    command, family, length = struct.unpack(">BBH", head[12:16])
    payload = head[16 : 16 + length]
    if command not in (0x20, 0x21) or length > 4080:
        return BAD, None, 0
    if len(payload) < length:
        return MORE, None, 0
    if command == 0x20 or family not in (0x11, 0x21):
        return 16 + length, None, 0
    size = 4 if family == 0x11 else 16
    if length < 2 * size + 4:
        return BAD, None, 0
    source = unmapped(ipaddress.ip_address(payload[:size]))
    return 16 + length, source, int.from_bytes(payload[2 * size + 2 : 2 * size + 4])


def opinion(head: bytes) -> Found:
    if not head:
        return MORE, None, 0
    return line(head) if head[:1] == b"P" else binary(head)


def check(head: bytes) -> Found:
    used, address, number = header_of(head)
    found = used, address and str(ipaddress.ip_address(address)), number    # libc writes some of them in another way
    assert found == opinion(head), head
    return found


@pytest.mark.parametrize("head", CORPUS)
def test_corpus(head: bytes) -> None:
    check(head)
    for end in range(len(head)):
        check(head[:end])


def test_mutations() -> None:
    mutator = Mutator(20261121, CORPUS, TOKENS)
    kinds = {(check(head)[0] > 0, check(head)[1] is not None) for head in mutator.messages(20_000)}
    assert kinds == {(True, True), (True, False), (False, False)}

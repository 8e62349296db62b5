"""Compressed request bodies under a committed corpus and seeded mutations of it; Python's zlib is the second opinion.

corpus: tests/fuzz/coding/corpus.txt, one body a line in Python's byte escapes. Add the input of every bug. The decoder
reads a buffer of exact size: a sanitizer sees a read beyond it.
"""

import zlib

import pytest

from fastgw._core.probe_coding import FREE, RATIO, decoded
from fastgw.errors import CODE
from tests.fuzz.mutation import Mutator, corpus

CORPUS = corpus("coding")
TOKENS = [b"\0", b"\xff", b"\x1f\x8b\x08", b"\x78\x9c", b"\x03\x00", b"\0\0\xff\xff", b"\x01\x05\x00\xfa\xffhello"]
CUT, WRONG, LARGE = CODE["BAD_REQUEST_BODY"], CODE["UNSUPPORTED_MEDIA_TYPE"], CODE["REQUEST_TOO_LARGE"]


def window(body: bytes, gzip: bool) -> int:
    """zlib's windowBits; deflate without its wrapper has no header that could be one."""
    if gzip:
        return 31
    wrapped = len(body) >= 2 and body[0] & 15 == 8 and (body[0] * 256 + body[1]) % 31 == 0
    return 15 if wrapped else -15


def opinion(body: bytes, gzip: bool, limit: int) -> bytes | int:
    """What Python's own module makes of it, member by member."""
    most = min(limit, FREE + RATIO * len(body))
    found = b""
    rest = body
    while rest:
        unpacker = zlib.decompressobj(window(body, gzip))
        try:
            found += unpacker.decompress(rest, most + 1 - len(found))
        except zlib.error:
            return WRONG
        if len(found) > most:
            return LARGE
        if not unpacker.eof:
            return CUT
        rest = unpacker.unused_data
        if rest and not gzip:
            return WRONG
    return found


def check(body: bytes, gzip: bool, limit: int) -> bytes | int:
    """Both say the same. Where two things are wrong at once, either may be told."""
    found, theirs = decoded(body, gzip, limit), opinion(body, gzip, limit)
    if isinstance(found, bytes) or isinstance(theirs, bytes):
        assert found == theirs, (body, gzip, limit)
    else:
        assert {found, theirs} <= {CUT, WRONG, LARGE}
    return found


@pytest.mark.parametrize("body", CORPUS)
@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("limit", [0, 1, 14, 100, 65_536, 10_000_000])
def test_the_corpus(body: bytes, gzip: bool, limit: int) -> None:
    check(body, gzip, limit)


@pytest.mark.parametrize("body", CORPUS)
def test_every_cut(body: bytes) -> None:
    for gzip in (False, True):
        for end in range(len(body)):
            check(body[:end], gzip, 1_000_000)


def test_mutations_have_every_outcome() -> None:
    seen = set()
    for number, body in enumerate(Mutator(7, CORPUS, TOKENS).messages(6000)):
        found = check(body, bool(number & 1), (100, 300_000)[number & 2 and 1])
        seen.add("body" if isinstance(found, bytes) else found)
    assert seen == {"body", CUT, WRONG, LARGE}


@pytest.mark.trial
def test_many_mutations() -> None:
    for number, body in enumerate(Mutator(8, CORPUS, TOKENS).messages(500_000)):
        check(body, bool(number & 1), (100, 300_000)[number & 2 and 1])


def test_few_bytes_never_become_many() -> None:
    packed = zlib.compress(b"\0" * 50_000_000, 9)
    assert decoded(packed, False, 100_000_000) == LARGE
    assert decoded(zlib.compress(b"\0" * FREE), False, FREE) == b"\0" * FREE

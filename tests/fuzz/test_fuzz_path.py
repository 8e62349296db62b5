"""Canonical paths under a committed corpus and seeded mutations of it.

corpus: tests/fuzz/path/corpus.txt, one raw path a line in Python's byte escapes. Add the input of every bug.
"""

import ast
import itertools
import random
import re
from array import array
from pathlib import Path

import pytest

from fastgw._core.path import canonical, valid_query
from tests.twin import oracle_path

CORPUS = [
    ast.literal_eval(f"b'{line}'")
    for line in (Path(__file__).parent / "path" / "corpus.txt").read_text("ascii").splitlines()
]
TOKENS = b"/ // /. /.. /./ /../ . .. % %2 %2e %2E %2f %5c %00 %25 %252e %7e %c3%a9 ; ..; \\ # ? ~".split()
FLAGS = [
    {"merge_slashes": merge, "pass_encoded_slash": encoded}
    for merge, encoded in itertools.product((True, False), repeat=2)
]


def check(raw: bytes) -> bool:
    """Every property of the canonical form; whether any setting takes the path at all."""
    taken = False
    exact = memoryview(array("B", list(raw)))  # no byte behind it: a sanitizer sees an over-read
    for flags in FLAGS:
        expected = oracle_path.canonical(raw, **flags)
        try:
            found = canonical(exact, **flags)
        except ValueError:
            found = None
        assert found == expected, (raw, flags)
        if found is None:
            continue
        taken = True
        assert canonical(found, **flags) == found, raw
        assert len(found) <= len(raw)
        assert not {b".", b".."} & set(found.split(b"/")), raw
        assert not re.search(rb"(?i)%(?:2e|00|5c)|[^!-~]", found), raw
        assert not (flags["merge_slashes"] and b"//" in found), raw
    assert valid_query(exact) == oracle_path.valid_query(raw)
    return taken


def mutate(chance: random.Random, raw: bytes) -> bytes:
    where = chance.randint(0, len(raw))
    until = min(len(raw), where + chance.randint(0, 6))
    match chance.randrange(6):
        case 0:
            return raw[:where] + chance.choice(TOKENS) + raw[where:]
        case 1:
            return raw[:where] + raw[until:]
        case 2:
            return raw[:where] + raw[where:until] * chance.randint(2, 5) + raw[until:]
        case 3:
            return raw[:where] + bytes([chance.randrange(256)]) + raw[until:]
        case 4:
            return raw[:where] + chance.choice(CORPUS)[chance.randint(0, 8) :]
        case _:
            return raw[:where] + b"".join(b"%%%02x" % byte for byte in raw[where:until]) + raw[until:]


@pytest.mark.parametrize("raw", CORPUS)
def test_corpus(raw):
    check(raw)


@pytest.mark.parametrize("seed", range(4))
def test_mutations(seed):
    chance = random.Random(seed)
    taken = 0
    for _ in range(5000):
        raw = chance.choice(CORPUS)
        for _ in range(chance.randint(1, 4)):
            raw = mutate(chance, raw)
        taken += check(raw)
    assert taken > 500, "the mutations hardly ever make a path that is taken"


@pytest.mark.parametrize("piece", [b"/..", b"/.", b"//", b"/a/..", b"/%2e%2e", b"/%2e", b"%41", b"/a"])
def test_long_paths(piece):
    """64 KB of one thing: the work is linear and the result the oracle's."""
    check(b"/" + piece * (65536 // len(piece)))

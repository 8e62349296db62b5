"""Transformations, JSON texts and both kinds of injections under a committed corpus and seeded mutations of it.

corpus: tests/fuzz/firewall/corpus.txt. Each text lies in an allocation of its size, so a sanitizer sees a byte read
beyond it.
"""

import pytest

from fastgw._core.probe_firewall import injected, json_found, transformed
from fastgw.model.firewall import TRANSFORMATIONS
from tests.fuzz.mutation import Mutator, corpus
from tests.twin import oracle_firewall

TOKENS = (
    b"' \" ` ; -- # /* */ /*! || && = <> ( ) , . @@ @ % %27 %u0027 &#39; &lt; < > / \\ \\u003c on javascript: "
    b"data: \0 \n \xef\xbc \xef\xbc\x9c union select or and 1 0x sleep( [ ] { } : \xff"
).split(b" ")
MESSAGES = corpus("firewall")


def check(text: bytes) -> None:
    for number, oracle in enumerate(oracle_firewall.TRANSFORMATIONS, 1):
        found = transformed(number, text)
        assert found == oracle(text), (TRANSFORMATIONS[number], text)
        assert len(found) <= len(text)
    whole, end, _ = json_found(text)
    assert end == len(text) or not whole
    assert end <= len(text)
    injected(text)


def test_corpus() -> None:
    for text in MESSAGES:
        check(text)


@pytest.mark.parametrize("seed", range(2))
def test_mutations(seed: int) -> None:
    for text in Mutator(seed, MESSAGES, TOKENS).messages(1500):
        check(text)


@pytest.mark.trial
def test_many_mutations() -> None:
    for text in Mutator(99, MESSAGES, TOKENS).messages(200_000):
        check(text)

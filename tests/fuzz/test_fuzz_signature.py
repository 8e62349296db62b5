"""Authorizations, canonical forms and signed chunks under a committed corpus and seeded mutations of it.

corpus: tests/fuzz/signature/corpus.txt, one request a line in Python's byte escapes, as tests.support.signed reads
them. Add the input of every bug.
"""

import random

import pytest

from tests.fuzz.mutation import Mutator, corpus
from tests.support.signed import Message, in_chunks, parse, seconds, table

CORPUS = corpus("signature")
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = seconds("20150830T123600Z")
KNOWN = table(KEY, SECRET, service="service", roles=((b"reader", 3600),), session_key=b"k" * 32)
TOKENS = (
    b"AWS4-HMAC-SHA256 AWS4-ECDSA-P256-SHA256 Credential= SignedHeaders= Signature= host; fastgw1/ UNSIGNED-PAYLOAD "
    b"X-Amz-Algorithm= &X-Amz-Signature= &X-Amz-Expires=1 X-Amz-Security-Token: , ; / // ../ = & && ? % %2 %2F %2f + "
    b"\xff \x00"
).split(b" ")


def judged(raw: bytes) -> str:
    return parse(raw).verify(KNOWN, NOW).result


@pytest.mark.parametrize("raw", CORPUS)
def test_corpus(raw: bytes) -> None:
    judged(raw)


@pytest.mark.parametrize("seed", range(4))
def test_mutations(seed: int) -> None:
    seen = {judged(raw) for raw in Mutator(seed, CORPUS, TOKENS).messages(4000)}
    assert {"signed", "else", "badly", "not signed", "stranger"} <= seen


@pytest.mark.parametrize("seed", range(2))
def test_chunks(seed: int) -> None:
    """Whatever is made of a body, only the body that was signed passes."""
    chance = random.Random(seed)
    plain = Message(b"PUT", b"/", b"", ((b"Host", b"host.example"),))
    message = in_chunks(plain, [b"some text", b"0;chunk-signature=", b"x" * 50], KEY, SECRET, NOW, service="service")
    mutator = Mutator(seed, [message.body], [b"0;chunk-signature=", b"\r\n", b"ffffffff;", b"8;"])
    for raw in mutator.messages(3000):
        body = raw if chance.random() < 0.9 else raw[: chance.randint(0, len(raw))]
        found = Message(message.verb, message.path, message.query, message.fields, body).verify(KNOWN, NOW)
        assert (found.result == "signed") == (body == message.body), body

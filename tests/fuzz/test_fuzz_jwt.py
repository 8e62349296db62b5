"""Tokens and key sets: whatever comes, an answer or a refusal, and never a key's or token's bytes in its words."""

import json
import time

from fastgw.parts.auth.jwks import BadKeys, read_keys
from fastgw.parts.auth.oidc import Fixed
from fastgw.parts.auth.verifier import Refused, Verifier
from tests.fuzz.mutation import Mutator, corpus
from tests.support.tokens import AUDIENCE, ISSUER, Signer, b64, every_key, kid_of

TOKENS = [b".", b"=", b"==", b"{}", b"[[[[", b"\\u0000", b"\\ud800", b'"alg":"none"', b'"crit":[]', b"1e999", b"\xff",
          b"eyJ", b"Bearer ", b" ", b",", b'"kid":', b'"keys":[', b'"exp":1e3,', b"-", b"_"]
SEED = 5


def parted(message: bytes) -> bytes:
    """A corpus line is a token in clear, its parts between bars: JSON is where mutations find something."""
    return b".".join(b64(part).encode() for part in message.split(b"|"))


def test_tokens() -> None:
    verifier = Verifier({ISSUER: Fixed(read_keys(json.dumps(every_key()).encode()))}, (AUDIENCE,))
    whole = [Signer(kind, kid_of(kind))() for kind in ("RS256", "ES256", "EdDSA")]
    mutator = Mutator(SEED, [*corpus("jwt"), *whole], TOKENS)
    taken = refused = 0
    for message in [*whole, *mutator.messages(1_500)]:
        for token in (message, parted(message)):
            try:
                verifier.verify(token, time.time())
                taken += 1
            except Refused as reason:
                refused += 1
                assert reason.why.isascii() and len(reason.why) < 80
    assert taken >= 3 and refused > 2_000


def test_key_sets() -> None:
    good = json.dumps(every_key()).encode()
    mutator = Mutator(SEED, [good, *corpus("jwt")], TOKENS)
    read = 0
    for message in mutator.messages(400):
        try:
            read += bool(len(read_keys(message)))
        except BadKeys as reason:
            assert len(str(reason)) < 160
    assert read

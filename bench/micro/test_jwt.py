"""What verifying a token costs that was never seen: parsed, signature and claims checked, claims printed.

Run with: python -m pytest bench/micro/test_jwt.py

What a known token costs is the engine's look-up of a decision: `python -m bench.jwt` measures it on the wire.
"""

import json

import pytest

from fastgw._core.step import Request
from fastgw.parts.auth.jwks import read_keys
from fastgw.parts.auth.jwt_authorizer import HttpApiJwt
from fastgw.parts.auth.oidc import Fixed
from fastgw.parts.auth.verifier import Verifier
from tests.support.tokens import AUDIENCE, ISSUER, Signer, every_key, kid_of

BUDGETS = {"RS256": 60.0, "PS256": 70.0, "ES256": 150.0, "EdDSA": 150.0}
"""Microseconds for a token, generous: a change of kind shows, a slow day does not."""


@pytest.mark.parametrize("algorithm", BUDGETS)
def test_a_token_that_was_never_seen(benchmark, algorithm):
    keys = read_keys(json.dumps(every_key()).encode())
    authorizer = HttpApiJwt(Verifier({ISSUER: Fixed(keys)}, (AUDIENCE,)), 300.0, False)
    identity = (b"Bearer " + Signer(algorithm, kid_of(algorithm))(email="someone@example.com", groups=["a", "b"]),)
    request = Request()
    benchmark(lambda: authorizer(request, identity))
    assert benchmark.stats.stats.min * 1e6 < BUDGETS[algorithm]

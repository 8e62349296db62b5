"""What the verification of a signed request costs: a small one within 5 us, in the header and in the query.

Run with: python -m pytest bench/micro/test_signature.py
"""

import time
from collections.abc import Callable
from urllib.parse import quote

import pytest

from fastgw._core.libcrypto import digest
from fastgw._core.probe_signature import Request
from fastgw._core.signature_keys import Signatures
from fastgw.parts.aws.credentials import Credentials
from fastgw.parts.aws.sigv4 import canonical_request, sign, signature, string_to_sign
from fastgw.plan.signatures import scheme

BUDGET_NS = 5_000
DIGEST_NS = 250
"""What one digest of 200 bytes takes where a verification may take BUDGET_NS: slower machines get more."""

KEY, SECRET, REGION, NOW = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", 1_790_000_000
HOST, PATH = b"abc123.execute-api.us-east-1.amazonaws.com", b"/prod/pets/7"
TIMES, ROUNDS = 5_000, 40


def header() -> Request:
    added = sign(b"GET", HOST, PATH, b"page=1", [], b"", Credentials(KEY, SECRET, ""), REGION, "execute-api", NOW)
    return Request(b"GET", PATH, b"page=1", [(b"Host", HOST), (b"Accept", b"*/*"), *added], b"")


def body() -> Request:
    text = b'{"name": "rex", "kind": "dog"}' * 4
    added = sign(b"POST", HOST, PATH, b"", [(b"Content-Type", b"application/json")], text,
                 Credentials(KEY, SECRET, ""), REGION, "execute-api", NOW)
    return Request(b"POST", PATH, b"", [(b"Host", HOST), (b"Content-Type", b"application/json"), *added], text)


def query() -> Request:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(NOW))
    scope = f"{stamp[:8]}/{REGION}/execute-api/aws4_request"
    pairs = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{KEY}/{scope}", "X-Amz-Date": stamp,
             "X-Amz-Expires": "3600", "X-Amz-SignedHeaders": "host", "page": "1"}
    text = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in sorted(pairs.items()))
    _, canonical = canonical_request(b"GET", PATH, text.encode(), [(b"host", HOST)], digest(b"").hex().encode())
    text += f"&X-Amz-Signature={signature(SECRET, scope, string_to_sign(stamp, scope, canonical))}"
    return Request(b"GET", PATH, text.encode(), [(b"Host", HOST), (b"Accept", b"*/*")], b"")


@pytest.mark.parametrize("made", [header, body, query])
def test_a_small_request(made: Callable[[], Request]) -> None:
    known = Signatures(scheme(REGION, 300), [(KEY.encode(), SECRET.encode(), b"", 0)], [], [], b"")
    request = made()
    assert request.verify(known, NOW).result == "signed"
    best, reference, text = float("inf"), float("inf"), b"x" * 200
    for _ in range(ROUNDS):
        best = min(best, request.cost(known, NOW, TIMES))
        started = time.perf_counter_ns()
        for _ in range(TIMES):
            digest(text)
        reference = min(reference, (time.perf_counter_ns() - started) / TIMES)
    allowed = BUDGET_NS * max(1.0, reference / DIGEST_NS)
    assert best <= allowed, f"{best:.0f} ns, allowed {allowed:.0f}"

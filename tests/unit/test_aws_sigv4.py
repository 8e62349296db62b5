"""Our signer against botocore's, and against the test suite of the SDKs."""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgw.parts.aws.credentials import Credentials
from fastgw.parts.aws.sigv4 import (
    ALGORITHM,
    canonical_path,
    canonical_query,
    canonical_request,
    encoded_path,
    encoded_query,
    sign,
    signature,
    string_to_sign,
)
from tests.support.shared import load

auth = pytest.importorskip("botocore.auth", reason="botocore, the oracle, is not installed (pip install .[dev])")
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials as Theirs  # noqa: E402

HOST = b"host.example"
NOW = 1_700_000_000.0
NAMES = st.sampled_from(["X-Amz-Target", "X-Amz-Meta-A", "x-amz-acl", "Content-Type", "X-Amz-Invocation-Type"])
VALUES = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
HEADERS = st.dictionaries(NAMES, VALUES, max_size=4).filter(lambda h: len({name.lower() for name in h}) == len(h))
UNSIGNED_HEADERS = [(b"User-Agent", b"AmazonAPIGateway_abc"), (b"X-Amzn-Trace-Id", b"Root=1-2-3")]
SEGMENT = st.one_of(st.text(max_size=6), st.sampled_from(["", ".", "..", "a b", "ü", "%2F", "a+b", "*", "~", "a=b"]))
PATHS = st.lists(SEGMENT, max_size=5)
PAIRS = st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=4)
SECRET = st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


def theirs(service: str, method: str, path: str, query: str, headers: dict[str, str], body: bytes, secret: str,
           token: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Header fields of a request that botocore signed at NOW."""
    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime.fromtimestamp(NOW, UTC)

        @classmethod
        def utcnow(cls) -> datetime:
            return datetime.fromtimestamp(NOW, UTC).replace(tzinfo=None)

    url = f"http://{HOST.decode()}{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method=method, url=url, headers=headers, data=body)
    kind = auth.S3SigV4Auth if service == "s3" else auth.SigV4Auth
    with monkeypatch.context() as patched:
        if hasattr(auth, "get_current_datetime"):
            patched.setattr(auth, "get_current_datetime", lambda *_: Clock.utcnow())
        else:
            patched.setattr(auth.datetime, "datetime", Clock)
        kind(Theirs("AKID", secret, token or None), service, "eu-west-1").add_auth(request)
    return dict(request.headers.items())


@pytest.mark.parametrize("service", ["dynamodb", "s3"])
@given(method=st.sampled_from(["GET", "PUT", "POST", "DELETE"]), segments=PATHS, pairs=PAIRS, headers=HEADERS,
       body=st.binary(max_size=40), secret=SECRET, token=st.sampled_from(["", "a/b+c=="]))
def test_a_request_is_signed_as_botocore_signs_it(service: str, method: str, segments: list[str],
                                                  pairs: list[tuple[str, str]], headers: dict[str, str], body: bytes,
                                                  secret: str, token: str) -> None:
    path = "/" + "/".join(quote(segment, safe="-_.~") for segment in segments)
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
    with pytest.MonkeyPatch.context() as monkeypatch:
        wanted = theirs(service, method, path, query, headers, body, secret, token, monkeypatch)
    given_headers = [(name.encode(), value.encode()) for name, value in headers.items()]
    added = sign(method.encode(), HOST, path.encode(), query.encode(), given_headers + UNSIGNED_HEADERS, body,
                 Credentials("AKID", secret, token), "eu-west-1", service, NOW)
    names = {name.lower(): value for name, value in wanted.items()}
    for name, value in added:
        assert names[name.decode().lower()] == value.decode()
    assert {name.decode().lower() for name, _ in added} >= {"x-amz-date", "authorization"}


@pytest.mark.parametrize("body", [b"", b"some bytes"])
def test_an_unsigned_body(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}
    given_headers = [(name.encode(), value.encode()) for name, value in headers.items()]
    added = sign(b"PUT", HOST, b"/b/k", b"", given_headers, body, Credentials("AKID", "s"), "eu-west-1", "s3", NOW)
    assert b"X-Amz-Content-Sha256" not in dict(added)
    other = sign(b"PUT", HOST, b"/b/k", b"", given_headers, b"another body", Credentials("AKID", "s"), "eu-west-1",
                 "s3", NOW)
    assert added == other
    signed = sign(b"PUT", HOST, b"/b/k", b"", [], body, Credentials("AKID", "s"), "eu-west-1", "s3", NOW)
    assert dict(signed)[b"Authorization"] != dict(added)[b"Authorization"]


def cases() -> list[dict]:
    return [case for case in load("conformance/sigv4.json")["cases"] if "header" in case]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_the_canonical_forms_of_the_suite(case: dict) -> None:
    """The suite's canonical request, taken apart and put together again, and its signature."""
    wanted = case["header"]["canonical-request"]
    method, path, query, rest = wanted.split("\n", 3)
    fields, names, digest = rest.rsplit("\n", 2)
    if fields.endswith("\n"):
        fields = fields[:-1]
    signed = [line.split(":", 1) for line in fields.split("\n") if line]
    found = canonical_request(method.encode(), path.encode(), canonical_query(query.encode()),
                              [(name.encode(), value.encode()) for name, value in signed], digest.encode())
    assert found[0] == names
    assert found[1].decode().replace("\n\n", "\n") == wanted.replace("\n\n", "\n")
    _, stamp, scope, _ = case["header"]["string-to-sign"].split("\n")
    text = string_to_sign(stamp, scope, found[1])
    assert text.decode() == case["header"]["string-to-sign"]
    assert signature(case["context"]["credentials"]["secret_access_key"], scope, text) == case["header"]["signature"]


def wire_target(case: dict) -> tuple[bytes, bytes]:
    line = case["request"].split("\n")[0]
    target = line[line.index(" ") + 1:line.rindex(" ")]
    path, _, query = target.partition("?")
    return path.encode(), query.encode()


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_the_path_and_query_of_the_suite(case: dict) -> None:
    path, query = wire_target(case)
    _, wanted_path, wanted_query, _ = case["header"]["canonical-request"].split("\n", 3)
    assert canonical_query(query).decode() == wanted_query
    if case["context"]["normalize"]:
        assert canonical_path(encoded_path(path), "service").decode().replace("%25", "%") == wanted_path


def test_spelling() -> None:
    assert encoded_path(b"/a b/%c3%bc/x%2Fy/(z)") == b"/a%20b/%C3%BC/x%2Fy/%28z%29"
    assert canonical_query(b"b=%7e&a=1+2&c&a=") == b"a=&a=1%2B2&b=~&c="
    assert encoded_query([(b"a", b"1")]) == b"a=1"
    assert ALGORITHM == "AWS4-HMAC-SHA256"


def test_a_secret_is_never_shown() -> None:
    assert "hidden" not in repr(Credentials("AKID", "hidden", "hidden"))

"""The verification of signed requests, piece by piece: refusals and their texts, chunks, sessions, hashing."""

import base64
import hashlib
import hmac
from dataclasses import replace

import pytest

from fastgw._core.libcrypto import digest, keyed_digest, self_test
from tests.support.signed import CHUNKED, SKEW, Message, in_chunks, seconds, session, sign, table

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
STAMP = "20261121T060000Z"
NOW = seconds(STAMP)
PLAIN = Message(b"GET", b"/prod/pets", b"a=1", ((b"Host", b"api.example"),))
KNOWN = table(KEY, SECRET)
SCOPE = "20261121/us-east-1/execute-api/aws4_request"


def authorization(message: Message) -> str:
    return dict(message.fields)[b"Authorization"].decode()


def with_authorization(text: str, message: Message = PLAIN) -> Message:
    return sign(message, KEY, SECRET, NOW).with_field(b"Authorization", text.encode())


def refusal(message: Message, now: int = NOW) -> tuple[str, str]:
    found = message.verify(KNOWN, now)
    return found.result, found.message.decode()


def hashed(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# --- hashing

@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 127, 1000])
def test_digests_are_hashlibs(size: int) -> None:
    self_test()
    text = bytes(range(256)) * 4
    assert digest(text[:size], b"-", text) == hashlib.sha256(text[:size] + b"-" + text).digest()
    assert keyed_digest(text[:size], text) == hmac.digest(text[:size], text, "sha256")


# --- refusals

def test_nothing_signed() -> None:
    assert refusal(PLAIN) == ("not signed", "")
    assert refusal(replace(PLAIN, query=b"X-Amz-Date=1&X-Amz-Security-Token=x")) == ("not signed", "")


@pytest.mark.parametrize("text", ["eyJhbGciOi.J9", "Basic dXNlcjpwYXNz=", ""])
def test_another_scheme_lacks_everything(text: str) -> None:
    bare = PLAIN.with_field(b"Authorization", text.encode())
    assert refusal(bare) == ("badly", (
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. "
        "Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a "
        "'X-Amz-Date' or a 'Date' header. "
        f"(Hashed with SHA-256 and encoded with Base64) Authorization={hashed(text)}"))


def test_a_bearer_token_is_no_pair_and_is_not_repeated() -> None:
    text = "Bearer eyJhbGciOi.J9"
    assert refusal(PLAIN.with_field(b"Authorization", text.encode())) == ("badly", (
        "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with "
        f"Base64): '{hashed(text)}'."))


@pytest.mark.parametrize(("what", "told"), [
    ("Credential", "Authorization header requires 'Credential' parameter. "),
    ("SignedHeaders", "Authorization header requires 'SignedHeaders' parameter. "),
    ("Signature", "Authorization header requires 'Signature' parameter. "),
])  # fmt: skip
def test_one_part_is_lacking(what: str, told: str) -> None:
    parts = authorization(sign(PLAIN, KEY, SECRET, NOW)).replace(f"{what}=", f"No{what}=")
    result, message = refusal(with_authorization(parts))
    assert (result, message.partition("(")[0]) == ("badly", told)


@pytest.mark.parametrize(("change", "told"), [
    (("AWS4-HMAC-SHA256 ", "AWS4-ECDSA-P256-SHA256 "), "Signing algorithm 'AWS4-ECDSA-P256-SHA256' is not supported"),
    (("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA512 "), "Signing algorithm 'AWS4-HMAC-SHA512' is not supported"),
    (("aws4_request", "aws4_request/x"), "Credential must have exactly 5 slash-delimited elements"),
    (("us-east-1/execute-api/", ""), "Credential must have exactly 5 slash-delimited elements"),
    (("SignedHeaders=host;", "SignedHeaders="), "'Host' or ':authority' must be a 'SignedHeader'"),
    (("Signature=", "Signature=0, Signature="), "'Signature' must be given once"),
])  # fmt: skip
def test_written_badly(change: tuple[str, str], told: str) -> None:
    result, message = refusal(with_authorization(authorization(sign(PLAIN, KEY, SECRET, NOW)).replace(*change)))
    assert result == "badly"
    assert message.startswith(told)


def test_fields_that_must_be_there_once() -> None:
    good = sign(PLAIN, KEY, SECRET, NOW)
    assert good.verify(KNOWN, NOW).result == "signed"
    for name in (b"Authorization", b"X-Amz-Date", b"x-amz-content-sha256", b"x-amz-security-token"):
        twice = replace(good, fields=(*good.fields, (name, b"x"), (name, b"x")))
        result, message = refusal(twice)
        assert (result, message.lower()) == ("badly", f"'{name.decode().lower()}' must be given once. ")


@pytest.mark.parametrize("stamp", ["20261121T060000", "2026-11-21T06:00:00Z", "20261321T060000Z", "20260229T060000Z",
                                   "20261121T250000Z", "2026112XT060000Z", "19691231T235959Z", ""])
def test_no_time(stamp: str) -> None:
    result, message = refusal(sign(PLAIN, KEY, SECRET, NOW).with_field(b"X-Amz-Date", stamp.encode()))
    assert result == "badly"
    assert message.startswith(f"Date must be in ISO-8601 'basic format'. Got '{stamp}'.")


@pytest.mark.parametrize("moment", ["20240229T235959Z", "20000301T000000Z", "19700101T000000Z", "20991231T235959Z",
                                    "20260228T000000Z", "20270101T000000Z"])
def test_times_are_the_calendars(moment: str) -> None:
    """The skew's bounds are counted, and told, by the same calendar as Python's."""
    at = seconds(moment)
    message = sign(PLAIN, KEY, SECRET, at)
    assert message.verify(KNOWN, at + SKEW).result == "signed"
    told = message.verify(KNOWN, at + SKEW + 60).message.decode()
    ends = [seconds(word) for word in told.replace("(", "").split() if word[:2].isdigit() and word.endswith("Z")]
    assert ends == [at, at + 60, at + SKEW + 60]


def test_the_clock_is_off() -> None:
    message = sign(PLAIN, KEY, SECRET, NOW)
    assert refusal(message, NOW + 301) == ("else", (
        "Signature expired: 20261121T060000Z is now earlier than 20261121T060001Z (20261121T060501Z - 5 min.)"))
    assert refusal(message, NOW - 301) == ("else", (
        "Signature not yet current: 20261121T060000Z is still later than 20261121T055959Z "
        "(20261121T055459Z + 5 min.)"))


def test_another_scope() -> None:
    text = authorization(sign(PLAIN, KEY, SECRET, NOW)).replace(SCOPE, "20261120/eu-west-1/s3/aws5_request")
    assert refusal(with_authorization(text)) == ("else", (
        "Credential should be scoped to a valid region, not 'eu-west-1'. "
        "Credential should be scoped to correct service: 'execute-api'. "
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. "
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        "'20261120' != '20261121', from '20261121T060000Z'. "))


def test_another_signature_is_told_what_was_to_be_signed() -> None:
    result, message = refusal(sign(PLAIN, KEY, SECRET + "x", NOW))
    assert result == "else"
    canonical = (f"GET\n/prod/pets\na=1\nhost:api.example\nx-amz-date:{STAMP}\n\nhost;x-amz-date\n"
                 f"{hashlib.sha256(b'').hexdigest()}")
    assert message == (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details.\n\n"
        f"The Canonical String for this request should have been\n'{canonical}'\n\n"
        f"The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n{STAMP}\n{SCOPE}\n"
        f"{hashlib.sha256(canonical.encode()).hexdigest()}'\n")
    assert SECRET not in message


def test_what_is_too_long_to_be_told_is_left_out() -> None:
    long = replace(PLAIN, query=b"q=" + b"/" * 20_000)
    result, message = refusal(sign(long, KEY, SECRET + "x", NOW))
    assert (result, message[-30:]) == ("else", "ice documentation for details.")


def test_keys_and_tokens_of_others() -> None:
    assert refusal(sign(PLAIN, KEY + "X", SECRET, NOW)) == ("stranger", "")
    token = PLAIN.with_field(b"X-Amz-Security-Token", b"made-up")
    assert refusal(sign(token, KEY, SECRET, NOW)) == ("stranger", "")
    with_token = table(KEY, SECRET, "token")
    assert sign(PLAIN, KEY, SECRET, NOW).verify(with_token, NOW).result == "stranger"
    good = sign(PLAIN.with_field(b"X-Amz-Security-Token", b"token"), KEY, SECRET, NOW)
    assert good.verify(with_token, NOW).result == "signed"


@pytest.mark.parametrize("names", ["host;Host;x-amz-date", "x-amz-date;host", "host;host;x-amz-date",
                                   "host;x-absent;x-amz-date", "host;;x-amz-date", ";host;x-amz-date"])
def test_names_of_fields_that_are_not_in_canonical_form(names: str) -> None:
    text = authorization(sign(PLAIN, KEY, SECRET, NOW)).replace("host;x-amz-date", names)
    assert refusal(with_authorization(text))[0] == "else"


def test_a_query_and_a_field_at_once() -> None:
    both = replace(sign(PLAIN, KEY, SECRET, NOW), query=b"X-Amz-Algorithm=AWS4-HMAC-SHA256")
    assert refusal(both) == ("badly", "A request is signed in its Authorization header or in its query string, not in "
                             "both.")


@pytest.mark.parametrize(("query", "told"), [
    ("X-Amz-Algorithm=x", "AWS query-string parameters must include 'X-Amz-Credential'. "
     "AWS query-string parameters must include 'X-Amz-Date'. "
     "AWS query-string parameters must include 'X-Amz-SignedHeaders'. "
     "AWS query-string parameters must include 'X-Amz-Signature'. "),
    ("X-Amz-Algorithm=x&X-Amz-Algorithm=x", "'X-Amz-Algorithm' must be given once. "),
    ("X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Credential=a&X-Amz-Date=b&X-Amz-SignedHeaders=c&X-Amz-Signature=d",
     "Signing algorithm 'AWS4-ECDSA-P256-SHA256' is not supported; sign with AWS4-HMAC-SHA256."),
    *((f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Date=b&X-Amz-SignedHeaders=c&X-Amz-Signature=d"
       f"&X-Amz-Expires={expires}",
       f"X-Amz-Expires must be a number of seconds from 1 to 604800, got '{expires}'")
      for expires in ("0", "604801", "-1", "1e3", "", "99999999999")),
])  # fmt: skip
def test_a_query_that_is_signed_badly(query: str, told: str) -> None:
    assert refusal(replace(PLAIN, query=query.encode())) == ("badly", told)


# --- the payload

@pytest.mark.parametrize("kind", ["STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
                                  "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"])
def test_payloads_that_are_not_served(kind: str) -> None:
    message = PLAIN.with_field(b"x-amz-content-sha256", kind.encode())
    result, told = refusal(sign(message, KEY, SECRET, NOW, digest=kind.encode()))
    assert (result, told[:70]) == ("badly", f"Signing the payload as '{kind}' is not supported"[:70])


def test_a_digest_that_is_told_is_not_believed() -> None:
    claim = hashlib.sha256(b"good").hexdigest().encode()
    message = replace(PLAIN, verb=b"POST", body=b"evil").with_field(b"x-amz-content-sha256", claim)
    assert refusal(sign(message, KEY, SECRET, NOW, digest=claim))[0] == "else"
    assert refusal(sign(replace(message, body=b"good"), KEY, SECRET, NOW))[0] == "signed"


def test_the_body_is_asked_for_when_all_else_is_judged() -> None:
    good = sign(replace(PLAIN, body=b"x"), KEY, SECRET, NOW)
    late = replace(good, body=None)
    assert refusal(late)[0] == "wants body"
    assert refusal(late, NOW + SKEW + 1)[0] == "else"
    assert refusal(replace(sign(PLAIN, "AKIDOTHER", SECRET, NOW), body=None))[0] == "stranger"
    unsigned = PLAIN.with_field(b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD")
    assert refusal(replace(sign(unsigned, KEY, SECRET, NOW, digest=b"UNSIGNED-PAYLOAD"), body=None))[0] == "signed"


PIECES = [b"a" * 100, b"\r\n0;chunk-signature=", b"z"]


def chunked(pieces: list[bytes] = PIECES) -> Message:
    return in_chunks(replace(PLAIN, verb=b"PUT"), pieces, KEY, SECRET, NOW)


@pytest.mark.parametrize("pieces", [PIECES, [], [b"x" * 70_000]])
def test_signed_chunks(pieces: list[bytes]) -> None:
    message = chunked(pieces)
    found = message.verify(KNOWN, NOW)
    assert (found.result, found.payload) == ("signed", b"".join(pieces))
    assert replace(message, body=None).verify(KNOWN, NOW).result == "wants body"


def test_chunks_that_are_not_those_that_were_signed() -> None:
    message = chunked()
    body = message.body
    first = body.index(b"\r\n", body.index(b"a" * 100)) + 2
    others = [body[:-1], body + b"x", body[:-2], body[first:], body.replace(b"aaa", b"aab", 1), b"",
              body[: body.rindex(b"0;chunk")], body.replace(b"64;", b"064;", 1)[:-90], body.replace(b"64;", b"65;", 1),
              body.replace(b"64;", b"fffffff0;", 1), body.replace(b"64;", b"fffffffff0;", 1),
              body[first:] + body[:first]]
    for other in others:
        assert replace(message, body=other).verify(KNOWN, NOW).result == "else", other[:120]
    short = message.with_field(b"X-Amz-Decoded-Content-Length", b"5")
    assert sign(short, KEY, SECRET, NOW, digest=CHUNKED).verify(KNOWN, NOW).result == "else"


def test_every_byte_of_chunks_counts() -> None:
    message = chunked([b"some text", b"more"])
    for position in range(len(message.body)):
        other = bytearray(message.body)
        other[position] ^= 1 << position % 8
        assert replace(message, body=bytes(other)).verify(KNOWN, NOW).result == "else", position


# --- sessions

MASTER = b"k" * 32
ROLES = ((b"reader", 3600), (b"writer", 900))
ISSUER = table(KEY, SECRET, roles=ROLES, session_key=MASTER)


def of_session(role: str = "writer", expires: int = NOW + 60, key: bytes = MASTER, access_key: str = "ASIAX",
               token: str | None = None, issued: int = NOW - 60) -> Message:
    secret, own = session(key, role, "alice", issued, expires, access_key)
    message = PLAIN.with_field(b"X-Amz-Security-Token", (own if token is None else token).encode())
    return sign(message, access_key, secret, NOW)


def test_a_session() -> None:
    for _ in range(2):          # the second time from its place
        found = of_session().verify(ISSUER, NOW)
        assert (found.result, found.row, found.role) == ("signed", 1, True)
    assert of_session("reader").verify(ISSUER, NOW).row == 0


def test_a_session_that_is_over() -> None:
    assert of_session(expires=NOW + 1).verify(ISSUER, NOW).result == "signed"
    assert of_session(expires=NOW).verify(ISSUER, NOW).result == "long ago"
    assert of_session(expires=NOW + 1).verify(ISSUER, NOW + 1).result == "long ago"


def test_sessions_that_this_gateway_did_not_issue() -> None:
    good = session(MASTER, "writer", "alice", NOW - 60, NOW + 60, "ASIAX")[1]
    assert of_session(key=b"x" * 32).verify(ISSUER, NOW).result == "stranger"
    assert of_session("nobody").verify(ISSUER, NOW).result == "stranger"
    assert of_session(expires=NOW + 840).verify(ISSUER, NOW).result == "signed"
    assert of_session(expires=NOW + 841).verify(ISSUER, NOW).result == "stranger"
    assert of_session(issued=NOW + 61).verify(ISSUER, NOW).result == "stranger"
    assert of_session().verify(KNOWN, NOW).result == "stranger"      # a gateway that issues none
    for token in (good[:-1], good + "0", good.replace("writer", "reader"), good.replace("alice", "bob"),
                  good.replace("fastgw1", "fastgw2"), good.replace("ASIAX", "ASIAY"), "", "//////", "x" * 5000):
        assert of_session(token=token).verify(ISSUER, NOW).result == "stranger", token
    secret = session(MASTER, "writer", "alice", NOW - 60, NOW + 60, "ASIAX")[0]
    message = PLAIN.with_field(b"X-Amz-Security-Token", good.encode())
    assert sign(message, "ASIAY", secret, NOW).verify(ISSUER, NOW).result == "stranger"
    assert sign(message, "ASIAX", secret + "x", NOW).verify(ISSUER, NOW).result == "else"


def test_many_sessions_take_each_others_places() -> None:
    for number in range(3000):
        found = of_session(access_key=f"ASIA{number}").verify(ISSUER, NOW)
        assert found.result == "signed"


def test_two_days_at_midnight() -> None:
    midnight = seconds("20261121T000000Z")
    for shift in (-1, 0, -1, 0, 86_400, -1):
        message = sign(PLAIN, KEY, SECRET, midnight + shift)
        assert message.verify(KNOWN, midnight + shift).result == "signed"

"""The signing suite of the SDKs: each signed request is accepted, and none that differs from it in one bit.

Source of the cases: awslabs/aws-c-auth, tests/aws-signing-test-suite/v4.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fastgw.parts.aws.sigv4 import canonical_path
from tests.support.shared import load
from tests.support.signed import Message, parse, seconds, table

CASES = load("conformance/sigv4.json")["cases"]
BOTH = [(case, way) for case in CASES for way in ("header", "query")]
both = pytest.mark.parametrize(("case", "way"), BOTH, ids=lambda it: it if isinstance(it, str) else it["id"])


def table_of(case: dict):
    context = case["context"]
    given = context["credentials"]
    return table(given["access_key_id"], given["secret_access_key"], given.get("token", ""), region=context["region"],
                 service=context["service"], normalizes=context["normalize"])


def test_all_are_here() -> None:
    assert len(BOTH) >= 76


@both
def test_accepted(case: dict, way: str) -> None:
    found = parse(case[way]["signed-request"]).verify(table_of(case), seconds(case["context"]["timestamp"]))
    assert (found.result, found.message) == ("signed", b"")


@both
def test_what_is_told_of_another_signature_is_what_should_have_been_signed(case: dict, way: str) -> None:
    message = parse(case[way]["signed-request"].replace(case[way]["signature"], "0" * 64))
    found = message.verify(table_of(case), seconds(case["context"]["timestamp"]))
    assert found.result == "else"
    told = case[way]["canonical-request"]
    if "omit_session_token" in case["context"] and case["context"]["omit_session_token"] and way == "query":
        return  # which of its two forms was meant cannot be known
    assert f"\n'{told}'\n" in found.message.decode()
    assert f"\n'{case[way]['string-to-sign']}'\n" in found.message.decode()


def flipped(text: bytes, position: int, bit: int) -> bytes:
    return text[:position] + bytes([text[position] ^ 1 << bit]) + text[position + 1 :]


def means_the_same(name: str, before: bytes, after: bytes, normalizes: bool) -> bool:
    """Bytes that the canonical form leaves out: blanks in a row, segments that a later ".." takes back."""
    if name == "path" and normalizes:
        return canonical_path(before, "execute-api") == canonical_path(after, "execute-api")
    return name == "field" and before.split() == after.split()


def mutations(message: Message, bits: range) -> Iterator[tuple[str, bytes, bytes, Message]]:
    """Every byte of what was signed, with each of the bits turned."""
    for part in ("verb", "path", "query", "body"):
        text = getattr(message, part)
        for position in range(len(text)):
            for bit in bits:
                other = flipped(text, position, (bit + position) % 8)
                yield part, text, other, replace(message, **{part: other})
    for name, value in message.fields:
        for position in range(len(value)):
            for bit in bits:
                other = flipped(value, position, (bit + position) % 8)
                fields = tuple((n, other if (n, v) == (name, value) else v) for n, v in message.fields)
                yield "field", value, other, replace(message, fields=fields)


def refuse_all(case: dict, way: str, bits: range) -> int:
    message, keys, now = parse(case[way]["signed-request"]), table_of(case), seconds(case["context"]["timestamp"])
    seen = 0
    for part, before, after, other in mutations(message, bits):
        found = other.verify(keys, now)
        if found.result == "signed":
            assert means_the_same(part, before, after, case["context"]["normalize"]), (part, before, after)
        seen += 1
    return seen


@both
def test_a_bit_of_each_byte(case: dict, way: str) -> None:
    assert refuse_all(case, way, range(1)) > 200


@pytest.mark.trial
@both
def test_every_bit_of_each_byte(case: dict, way: str) -> None:
    assert refuse_all(case, way, range(8)) > 1600


@both
def test_other_scopes_keys_and_times(case: dict, way: str) -> None:
    text, now, keys = case[way]["signed-request"], seconds(case["context"]["timestamp"]), table_of(case)
    for old, new, result in (
        ("AKIDEXAMPLE", "AKIDEXAMPLF", "stranger"),
        ("us-east-1", "us-east-2", "else"),
        ("service", "servicf", "else"),
        ("aws4_request", "aws4_requesu", "else"),
        ("0830", "0831", "else"),
        ("T123600Z", "T123601Z", "else"),
    ):
        assert parse(text.replace(old, new)).verify(keys, now).result == result, (old, new)
    # The lifetime in the query is the signer's; without one, it is what clocks may differ by.
    lifetime = case["context"]["expiration_in_seconds"] if way == "query" else 300
    for shift, result in ((lifetime, "signed"), (lifetime + 1, "else"), (-300, "signed"), (-301, "else")):
        assert parse(text).verify(keys, now + shift).result == result, shift


@both
def test_another_secret_and_no_signature(case: dict, way: str) -> None:
    message, now = parse(case[way]["signed-request"]), seconds(case["context"]["timestamp"])
    context = case["context"]
    given = context["credentials"]
    other = table(given["access_key_id"], given["secret_access_key"] + "x", given.get("token", ""),
                  region=context["region"], service=context["service"], normalizes=context["normalize"])
    assert message.verify(other, now).result == "else"
    bare = parse("\n".join([case["request"], ""]))
    assert bare.verify(table_of(case), now).result == "not signed"

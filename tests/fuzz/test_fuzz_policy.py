"""Policy documents under a committed corpus and seeded mutations of it.

corpus: tests/fuzz/policy/corpus.txt, one document a line in Python's byte escapes. Add the input of every bug. A
document is read or refused with reasons, whatever it holds; what is read can be compiled and judged, and a policy of
which nothing allows allows nothing.
"""

import json
import random

import pytest

from fastgw._core.probe_policy import judge
from fastgw.model.policy import PolicyKind
from fastgw.model.policy_document import read_policy
from fastgw.parts.auth.policy import PolicyError, compile_policy
from tests.fuzz.mutation import Mutator, corpus
from tests.support.policy import API, USER, facts

CORPUS = corpus("policy")
TOKENS = [
    b'"', b"\\\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b"1e999", b"-1", b"9" * 40, b"*", b"?", b"${",
    b"${*}", b"${aws:username}", b"${aws:PrincipalTag/a, 'b'}", b"arn:", b"::::::", b"execute-api:/", b"\\u0000",
    b"\\ud800", b"Not", b"IfExists", b"ForAllValues:", b"Allow", b"Deny", b"Null", b"2001:db8::/129", b"0.0.0.0/0",
    b"a" * 3000, b"[" * 50, b'"Condition":{', b"aws:SourceIp", b"aws:EpochTime", b"%2f", b"\xc3\xa9", b"\x80",
]  # fmt: skip
REQUESTS = [
    facts(), facts("/prod/GET/"), facts("/prod/GET/a/", told=USER, address="10.1.2.3", agent="curl/8"),
    facts("/prod/GET/" + "a" * 5000, referer="x" * 5000, secure=True, address="2001:db8::1"),
]  # fmt: skip


def check(text: bytes) -> bool:
    """Whether it was a policy."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return False
    read = False
    for kind in PolicyKind:
        policy, faults = read_policy(given, kind)
        assert all(fault.message for fault in faults)
        if policy is None:
            assert any(not fault.warning for fault in faults)
            continue
        try:
            compiled = compile_policy(policy, API)
        except PolicyError:
            continue
        read = True
        for request in REQUESTS:
            said, number = judge(compiled, request)
            assert (number < 0) == (said == "silent")
            assert said != "allow" or policy.statements[number].allow
    return read


@pytest.mark.parametrize("line", range(len(CORPUS)))
def test_each_document_of_the_corpus_is_read(line: int) -> None:
    assert check(CORPUS[line])


@pytest.mark.parametrize("seed", range(4))
def test_mutated_texts(seed: int) -> None:
    for text in Mutator(seed, CORPUS, TOKENS).messages(1_000):
        check(text)


VALUES = (
    None, True, 0, -1, 1e999, 10**400, "", "*", "Allow", "Deny", "${", "${aws:username}", "${aws:x}", "arn:aws:x",
    "a" * 3000, "execute-api:/*", "execute-api:Invoke", "arn:aws:execute-api:*:*:*${aws:Referer, 'a'}*?", "10.0.0.0/8",
    "2026-01-01", "\0", "\ud800", "é", [], {}, ["*"], ["*", "*"], {"AWS": "*"},
    {"StringLike": {"aws:UserAgent": "*"}}, [[["*"]]],
)
KEYS = ("Effect", "NotAction", "Condition", "NotPrincipal", "AWS", "StringNotLikeIfExists", "ForAllValues:StringLike",
        "Null", "aws:Referer", "aws:PrincipalTag/x", "aws:principaltag/", "ArnLike", "x")


def mutated(chance: random.Random, value: object) -> object:
    """A value with about one of its parts replaced, left out, renamed or doubled."""
    if chance.random() < 0.12:
        return chance.choice(VALUES)
    if isinstance(value, dict):
        found = {}
        for key, item in value.items():
            if chance.random() > 0.06:
                found[chance.choice(KEYS) if chance.random() < 0.06 else key] = mutated(chance, item)
        return found
    if isinstance(value, list):
        return [mutated(chance, item) for item in value for _ in range(2 if chance.random() < 0.1 else 1)]
    return value


def test_mutated_trees() -> None:
    chance, read = random.Random(7), 0
    whole = [json.loads(text) for text in CORPUS]
    for _ in range(3_000):
        read += check(json.dumps(mutated(chance, chance.choice(whole))).encode())
    assert read > 100, "of what is changed a little enough stays a policy"

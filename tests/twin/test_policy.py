"""Compiled policies beside a plain reading of the same documents: statements x conditions x globs."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.policy import API, NOON, compiled, facts, said
from tests.twin.oracle_policy import decide

TEXTS = st.sampled_from(["a", "ab", "ann", "b*", "a?b", "curl/8", "", "A"])
PATTERNS = st.sampled_from(["a", "a*", "*", "?", "*b", "a?*", "${aws:username}", "${aws:username}*", "A", "*${*}",
                            "${aws:Referer, 'ab'}", "curl/*", "*n*"])
OPERATORS = st.sampled_from(["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase",
                             "StringLike", "StringNotLike"])
QUANTIFIED = st.tuples(st.sampled_from(["", "", "ForAnyValue:", "ForAllValues:"]),
                       st.sampled_from(["", "", "IfExists"]))


def listed(values: st.SearchStrategy) -> st.SearchStrategy:
    return values | st.lists(values, min_size=1, max_size=3)


def decorated(operators: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(operators, QUANTIFIED).map(lambda drawn: drawn[1][0] + drawn[0] + drawn[1][1])


def block(operators: st.SearchStrategy[str], keys: list[str], values: st.SearchStrategy) -> st.SearchStrategy:
    return st.dictionaries(decorated(operators), st.dictionaries(st.sampled_from(keys), listed(values), min_size=1,
                                                                  max_size=2), min_size=1, max_size=2)


BLOCKS = st.one_of(
    block(OPERATORS, ["aws:UserAgent", "aws:referer", "aws:username", "aws:SourceVpc"], PATTERNS),
    block(st.sampled_from(["IpAddress", "NotIpAddress"]), ["aws:SourceIp"],
          st.sampled_from(["10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "2001:db8::/32", "10.1.2.2/31", "::/0"])),
    block(st.sampled_from(["DateLessThan", "DateGreaterThanEquals", "DateEquals", "DateNotEquals"]),
          ["aws:CurrentTime", "aws:EpochTime"], st.sampled_from(["2026-01-01T12:00:00Z", "1767268800", "2025-12-31"])),
    block(st.sampled_from(["NumericGreaterThan", "NumericLessThanEquals", "NumericNotEquals"]), ["aws:EpochTime"],
          st.sampled_from([1767268800, "1767268799.5", "5"])),
    block(st.just("Bool"), ["aws:SecureTransport"], st.sampled_from([True, "false", "True"])),
    block(st.sampled_from(["ArnLike", "ArnNotLike", "ArnEquals"]), ["aws:PrincipalArn"],
          st.sampled_from(["arn:aws:iam::*:user/*", "arn:aws:iam::123456789012:user/a?n", "*", "arn:*:iam::*"])),
    block(st.just("BinaryEquals"), ["aws:UserAgent"], st.sampled_from(["YW5u", "YWI="])),
    st.dictionaries(st.just("Null"), st.dictionaries(st.sampled_from(["aws:Referer", "aws:SourceIp", "aws:username"]),
                                                     st.sampled_from([True, "false"]), min_size=1), min_size=1),
)
RESOURCES = listed(st.sampled_from([
    "*", "execute-api:/*", "execute-api:/prod/GET/pets", "execute-api:/*/GET/*", "execute-api:/prod/*/pets/*",
    f"{API}/prod/GET/${{aws:username}}*", "arn:aws:execute-api:*:*:abc/*", "arn:aws:execute-api:us-*:*:*/prod/*",
    "arn:aws:execute-api:*", f"{API}/prod/GET/p?ts", f"{API}/*/*/*e*s*",
]))
PRINCIPALS = st.one_of(st.just("*"), st.fixed_dictionaries({"AWS": listed(st.sampled_from([
    "*", "123456789012", "arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:user/ann", "999999999999"]))}))
ACTIONS = listed(st.sampled_from(["*", "execute-api:*", "execute-api:Invoke", "EXECUTE-API:in*",
                                  "execute-api:InvalidateCache", "execute-api:?nvoke"]))


@st.composite
def statements(draw: st.DrawFn) -> dict[str, object]:
    effect = draw(st.sampled_from(["Allow", "Deny"]))
    whole: dict[str, object] = {"Effect": effect}
    if draw(st.integers(0, 3)):
        whole["Action"] = "*"
    else:
        whole[draw(st.sampled_from(["Action", "NotAction"]))] = draw(ACTIONS)
    whole[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(RESOURCES)
    if draw(st.integers(0, 3)):
        whole["Principal"] = "*"
    else:
        whole["Principal" if effect == "Allow" else draw(st.sampled_from(["Principal", "NotPrincipal"]))] = \
            draw(PRINCIPALS)
    if draw(st.booleans()):
        whole["Condition"] = draw(BLOCKS)
    return whole


PATHS = st.sampled_from(["/prod/GET/", "/prod/GET/pets", "/prod/GET/pets/", "/test/POST/pets/1", "/prod/GET/ann/x",
                         "/prod/GET/x:abc/prod/GET/pets"])
REQUESTS = st.fixed_dictionaries({"path": PATHS, "secure": st.booleans()}, optional={
    "agent": TEXTS, "referer": TEXTS, "username": TEXTS,
    "address": st.sampled_from(["10.1.2.3", "11.0.0.1", "2001:db8::1"]),
    "account": st.sampled_from(["123456789012", "999999999999"]),
    "arn": st.sampled_from(["arn:aws:iam::123456789012:user/ann", "arn:aws:iam::999999999999:role/ci"]),
})
TOLD = {"username": "principal.username", "account": "identity.accountId", "arn": "principal.arn"}


@given(st.lists(statements(), min_size=1, max_size=3), REQUESTS)
@settings(max_examples=1_500, deadline=None)
def test_a_policy_says_what_its_document_says(drawn: list[dict[str, object]], request: dict[str, object]) -> None:
    document = {"Version": "2012-10-17", "Statement": drawn}
    own = {name: value for name, value in request.items() if name in ("agent", "referer", "address", "secure")}
    told = {name: str(request[field]) for field, name in TOLD.items() if field in request}
    probed = facts(str(request["path"]), told=told, **own)
    plain = {**request, "resource": API + str(request["path"]), "slashed": probed["slashed"], "time": NOON / 1e6}
    assert said(compiled(document), probed) == decide(document, plain, API)

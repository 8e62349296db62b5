"""Policies by rows: what each says of a request, on the compiled evaluator.

Sources: IAM user guide, "Condition operators", "Conditions with multiple context keys or values", "Principal",
"Resource", "Variables and tags"; API Gateway developer guide, "Policy evaluation outcome tables".
"""

import pytest

from fastgw._core.probe_policy import judge, verdict
from fastgw.model.policy import PolicyKind
from tests.support.policy import NOON, SESSION, USER, compiled, document, facts, said, statement

ALLOW, DENY, SILENT = "allow", "deny", "silent"

TABLE_A = (
    (ALLOW, ALLOW, ALLOW), (ALLOW, SILENT, ALLOW), (ALLOW, DENY, DENY),
    (SILENT, ALLOW, ALLOW), (SILENT, SILENT, SILENT), (SILENT, DENY, DENY),
    (DENY, ALLOW, DENY), (DENY, SILENT, DENY), (DENY, DENY, DENY),
)
TABLE_B = (
    (ALLOW, ALLOW, ALLOW), (ALLOW, SILENT, SILENT), (ALLOW, DENY, DENY),
    (SILENT, ALLOW, SILENT), (SILENT, SILENT, SILENT), (SILENT, DENY, DENY),
    (DENY, ALLOW, DENY), (DENY, SILENT, DENY), (DENY, DENY, DENY),
)


@pytest.mark.parametrize(("identity", "resource", "expected"), TABLE_A)
def test_table_a_of_one_account(identity: str, resource: str, expected: str) -> None:
    assert verdict(identity, resource, False) == expected


@pytest.mark.parametrize(("identity", "resource", "expected"), TABLE_B)
def test_table_b_of_two_accounts(identity: str, resource: str, expected: str) -> None:
    assert verdict(identity, resource, True) == expected


@pytest.mark.parametrize(("resource", "expected"), ((ALLOW, ALLOW), (SILENT, SILENT), (DENY, DENY)))
def test_without_an_authorizer_the_policy_itself_has_to_allow(resource: str, expected: str) -> None:
    assert verdict(SILENT, resource, False) == expected


# --- statements

STATEMENTS = (
    ("one that allows", [statement()], ALLOW),
    ("one that denies", [statement("Deny")], DENY),
    ("a denial behind", [statement(), statement("Deny")], DENY),
    ("a denial before", [statement("Deny"), statement()], DENY),
    ("another action", [statement(Action="execute-api:InvalidateCache")], SILENT),
    ("all actions", [statement(Action="execute-api:*")], ALLOW),
    ("every action", [statement(Action="*")], ALLOW),
    ("an action in another case", [statement(Action="EXECUTE-API:iNVOKE")], ALLOW),
    ("an action's beginning", [statement(Action="execute-api:In*")], ALLOW),
    ("one letter of an action", [statement(Action="execute-api:?nvoke")], ALLOW),
    ("a list of actions", [statement(Action=["execute-api:ManageConnections", "execute-api:Invoke"])], ALLOW),
    ("all but the action", [statement(NotAction="execute-api:Invoke")], SILENT),
    ("all but another action", [statement(NotAction="execute-api:Manage*")], ALLOW),
    ("a denial of all but another", [statement(), statement("Deny", NotAction="execute-api:Manage*")], DENY),
)


@pytest.mark.parametrize(("_name", "statements", "expected"), STATEMENTS)
def test_statements(_name: str, statements: list[dict[str, object]], expected: str) -> None:
    assert said(compiled(document(*statements)), facts()) == expected


HERE = "arn:aws:execute-api:eu-west-1:123456789012:abc"

RESOURCES = (
    ("*", "/prod/GET/pets", True),
    (f"{HERE}/prod/GET/pets", "/prod/GET/pets", True),
    (f"{HERE}/prod/GET/pets", "/prod/GET/pets/1", False),
    (f"{HERE}/prod/GET/pets", "/prod/GET/Pets", False),
    (f"{HERE}/prod/GET/pets/*", "/prod/GET/pets/1", True),
    (f"{HERE}/prod/GET/pets/*", "/prod/GET/pets/1/toys/2", True),
    (f"{HERE}/prod/GET/pets/*", "/prod/GET/pets", False),
    (f"{HERE}/*/GET/pets", "/test/GET/pets", True),
    (f"{HERE}/prod/*/pets", "/prod/POST/pets", True),
    (f"{HERE}/prod/GET/*/toys", "/prod/GET/pets/1/toys", True),
    (f"{HERE}/*", "/prod/GET/", True),
    (f"{HERE}/prod/GET/", "/prod/GET/", True),
    (f"{HERE}/prod/GET/?ets", "/prod/GET/pets", True),
    (f"{HERE}/prod/GET/?pets", "/prod/GET/pets", False),
    (f"{HERE}/prod/GET/p*s*", "/prod/GET/pets", True),
    (f"{HERE}/prod/GET/*?ts", "/prod/GET/pets", True),
    ("arn:aws:execute-api:*:*:abc/*", "/prod/GET/pets", True),
    ("arn:aws:execute-api:*:*:*", "/prod/GET/pets", True),
    ("arn:aws:execute-api:*", "/prod/GET/pets", True),
    ("arn:aws:execute-api:eu-west-1:*", "/prod/GET/pets", True),
    ("arn:aws:execute-api:us-east-1:*:abc/*", "/prod/GET/pets", False),
    ("arn:aws:execute-api:eu-west-1:000000000000:abc/*", "/prod/GET/pets", False),
    ("arn:aws:execute-api:eu-west-1:123456789012:abd/*", "/prod/GET/pets", False),
    ("arn:aws-cn:execute-api:*:*:abc/*", "/prod/GET/pets", False),
    ("arn:*:execute-api:*:*:abc/*", "/prod/GET/pets", True),
    ("arn:aws:execute-api:eu-*:*:abc/*", "/prod/GET/pets", True),
    ("execute-api:/*", "/prod/GET/pets", True),
    ("execute-api:/prod/GET/pets", "/prod/GET/pets", True),
    ("execute-api:/prod/POST/*", "/prod/GET/pets", False),
    ("execute-api:/test/*", "/prod/GET/pets", False),
    # A wildcard of one part of the ARN takes no colon of the next: a path cannot play the API's part.
    ("arn:aws:execute-api:*:*:abc/prod/GET/public", "/prod/GET/private/:x:abc/prod/GET/public", False),
    ("arn:aws:execute-api:eu-*:123456789012:abc/prod/GET/open", "/prod/GET/x:123456789012:abc/prod/GET/open", False),
    # One spelling of a path: escapes as the gateway writes them.
    (f"{HERE}/prod/GET/%70ets", "/prod/GET/pets", True),
    (f"{HERE}/prod/GET/caf%c3%a9", "/prod/GET/caf%C3%A9", True),
    (f"{HERE}/prod/GET/café", "/prod/GET/caf%C3%A9", True),
    (f"{HERE}/prod/GET/a b", "/prod/GET/a%20b", True),
    # Literal wildcards.
    (f"{HERE}/prod/GET/a${{*}}", "/prod/GET/a*", True),
    (f"{HERE}/prod/GET/a${{*}}", "/prod/GET/ab", False),
    (f"{HERE}/prod/GET/a${{?}}b", "/prod/GET/axb", False),
    (f"{HERE}/prod/GET/${{$}}{{x}}", "/prod/GET/${x}", True),
)


@pytest.mark.parametrize(("resource", "path", "expected"), RESOURCES)
def test_resources(resource: str, path: str, expected: bool) -> None:
    policy = compiled(document(statement(Resource=resource)))
    assert said(policy, facts(path)) == (ALLOW if expected else SILENT)
    inverted = compiled(document(statement("Deny", NotResource=resource)))
    assert said(inverted, facts(path)) == (SILENT if expected else DENY)


@pytest.mark.parametrize(("effect", "resource", "path", "expected"), (
    ("Deny", "execute-api:/*/GET/admin", "/prod/GET/admin/", DENY),
    ("Deny", "execute-api:/*/GET/admin/*", "/prod/GET/admin/", DENY),
    ("Deny", "execute-api:/*/GET/admin", "/prod/GET/admins", SILENT),
    ("Allow", "execute-api:/*/GET/pets", "/prod/GET/pets/", ALLOW),
    ("Allow", "execute-api:/*/GET/pets/*", "/prod/GET/pets/", SILENT),
))
def test_a_slash_at_the_end_gets_around_no_denial(effect: str, resource: str, path: str, expected: str) -> None:
    assert said(compiled(document(statement(effect, Resource=resource))), facts(path)) == expected


def test_a_denial_of_everything_else_holds_for_both_spellings() -> None:
    policy = compiled(document(statement(), statement("Deny", NotResource="execute-api:/*/GET/pets/*")))
    assert said(policy, facts("/prod/GET/pets/1")) == ALLOW
    assert said(policy, facts("/prod/GET/pets/")) == DENY, "/pets itself is not below /pets/"


# --- principals

ANN, CI = "arn:aws:iam::123456789012:user/ann", "arn:aws:iam::999999999999:role/ci"

PRINCIPALS = (
    ("*", None, True), ("*", USER, True),
    ({"AWS": "*"}, None, True), ({"AWS": "*"}, SESSION, True),
    ({"AWS": ANN}, USER, True), ({"AWS": ANN}, SESSION, False), ({"AWS": ANN}, None, False),
    ({"AWS": "123456789012"}, USER, True), ({"AWS": "123456789012"}, SESSION, False),
    ({"AWS": "123456789012"}, None, False),
    ({"AWS": "arn:aws:iam::123456789012:root"}, USER, True), ({"AWS": "arn:aws:iam::999999999999:root"}, USER, False),
    ({"AWS": CI}, SESSION, True), ({"AWS": "arn:aws:iam::999999999999:role/c"}, SESSION, False),
    ({"AWS": "arn:aws:sts::999999999999:assumed-role/ci/run7"}, SESSION, True),
    ({"AWS": "arn:aws:sts::999999999999:assumed-role/ci/run8"}, SESSION, False),
    ({"AWS": [ANN, "999999999999"]}, SESSION, True),
    ({"AWS": "arn:aws:iam::123456789012:user/Ann"}, USER, False),
    ({"Service": "lambda.amazonaws.com"}, USER, False),
    ({"Federated": "accounts.google.com", "AWS": ANN}, USER, True),
)


@pytest.mark.parametrize(("principal", "told", "expected"), PRINCIPALS)
def test_principals(principal: object, told: dict[str, str] | None, expected: bool) -> None:
    request = facts(told=told or {})
    assert said(compiled(document(statement(Principal=principal))), request) == (ALLOW if expected else SILENT)
    inverted = compiled(document(statement("Deny", NotPrincipal=principal)))
    assert said(inverted, request) == (SILENT if expected else DENY)


# --- conditions

def when(operator: str, key: str, value: object) -> dict[str, object]:
    return {operator: {key: value}}


AGENT, REFERER, NAME = "aws:UserAgent", "aws:Referer", "aws:username"

CONDITIONS = (
    # Strings.
    (when("StringEquals", AGENT, "curl/8"), {"agent": "curl/8"}, True),
    (when("StringEquals", AGENT, "CURL/8"), {"agent": "curl/8"}, False),
    (when("StringEquals", AGENT, "curl*"), {"agent": "curl/8"}, False),
    (when("StringEquals", AGENT, ["a", "curl/8"]), {"agent": "curl/8"}, True),
    (when("StringEquals", AGENT, "curl/8"), {}, False),
    (when("StringNotEquals", AGENT, "curl/8"), {"agent": "curl/8"}, False),
    (when("StringNotEquals", AGENT, ["a", "b"]), {"agent": "curl/8"}, True),
    (when("StringNotEquals", AGENT, ["a", "curl/8"]), {"agent": "curl/8"}, False),
    (when("StringNotEquals", AGENT, "curl/8"), {}, True),
    (when("StringEqualsIgnoreCase", AGENT, "CURL/8"), {"agent": "curl/8"}, True),
    (when("StringEqualsIgnoreCase", AGENT, "CURL/88"), {"agent": "curl/8"}, False),
    (when("StringEqualsIgnoreCase", AGENT, "CURL"), {"agent": "curl/8"}, False),
    (when("StringNotEqualsIgnoreCase", AGENT, "CURL/8"), {"agent": "curl/8"}, False),
    (when("StringNotEqualsIgnoreCase", AGENT, "CURL/8"), {}, True),
    (when("StringLike", REFERER, "https://*.example.org/*"), {"referer": "https://a.example.org/x"}, True),
    (when("StringLike", REFERER, "https://*.example.org/*"), {"referer": "https://example.org/x"}, False),
    (when("StringLike", REFERER, "https://?.example.org/*"), {"referer": "https://a.example.org/"}, True),
    (when("StringLike", REFERER, "*"), {}, False),
    (when("StringLike", REFERER, "*"), {"referer": ""}, False),
    (when("StringNotLike", REFERER, "https://*"), {"referer": "http://a"}, True),
    (when("StringNotLike", REFERER, "*"), {}, True),
    (when("BinaryEquals", AGENT, "Y3VybC84"), {"agent": "curl/8"}, True),
    (when("BinaryEquals", AGENT, "Y3VybC85"), {"agent": "curl/8"}, False),
    # Keys are told in any case.
    (when("StringEquals", "AWS:useragent", "curl/8"), {"agent": "curl/8"}, True),
    (when("StringEquals", "aws:PrincipalTag/TEAM", "red"), {"told": USER}, True),
    (when("StringEquals", "aws:principaltag/team", "blue"), {"told": USER}, False),
    (when("StringEquals", "aws:PrincipalTag/other", "red"), {"told": USER}, False),
    # The caller.
    (when("StringEquals", NAME, "ann"), {"told": USER}, True),
    (when("StringEquals", NAME, "ann"), {"told": SESSION}, False),
    (when("StringEquals", "aws:userid", "AROACI:run7"), {"told": SESSION}, True),
    (when("StringEquals", "aws:PrincipalAccount", "123456789012"), {"told": USER}, True),
    (when("StringEquals", "aws:PrincipalAccount", "123456789012"), {}, False),
    (when("StringEquals", "aws:PrincipalType", "User"), {"told": USER}, True),
    (when("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::999999999999:role/*"), {"told": SESSION}, True),
    (when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/c?"), {"told": SESSION}, True),
    (when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:user/*"), {"told": SESSION}, False),
    (when("ArnNotEquals", "aws:PrincipalArn", ANN), {"told": USER}, False),
    (when("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:user/*"), {"told": SESSION}, True),
    (when("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:user/*"), {}, True),
    (when("StringLike", "aws:PrincipalArn", "arn:*:role/ci"), {"told": SESSION}, True),
    # Numbers and dates.
    (when("NumericEquals", "aws:MultiFactorAuthAge", 3600), {"told": SESSION}, True),
    (when("NumericNotEquals", "aws:MultiFactorAuthAge", "3600"), {"told": SESSION}, False),
    (when("NumericNotEquals", "aws:MultiFactorAuthAge", "3600"), {}, True),
    (when("NumericLessThan", "aws:MultiFactorAuthAge", "3600"), {"told": SESSION}, False),
    (when("NumericLessThanEquals", "aws:MultiFactorAuthAge", "3600"), {"told": SESSION}, True),
    (when("NumericGreaterThan", "aws:MultiFactorAuthAge", "3599.5"), {"told": SESSION}, True),
    (when("NumericGreaterThanEquals", "aws:MultiFactorAuthAge", "3601"), {"told": SESSION}, False),
    (when("NumericLessThan", "aws:MultiFactorAuthAge", "9999"), {}, False),
    (when("NumericGreaterThan", "aws:EpochTime", "1767268799"), {}, True),
    (when("NumericGreaterThan", "aws:EpochTime", "1767268800"), {}, False),
    (when("DateEquals", "aws:CurrentTime", "2026-01-01T12:00:00Z"), {}, True),
    (when("DateNotEquals", "aws:CurrentTime", "2026-01-01T12:00:00Z"), {}, False),
    (when("DateEquals", "aws:CurrentTime", "2026-01-01T13:00:00+01:00"), {}, True),
    (when("DateGreaterThan", "aws:CurrentTime", "2026-01-01"), {}, True),
    (when("DateLessThan", "aws:CurrentTime", "2026-01-01T12:00:00Z"), {}, False),
    (when("DateLessThanEquals", "aws:CurrentTime", "1767268800"), {}, True),
    (when("DateGreaterThanEquals", "aws:EpochTime", "2026-01-01T12:00:01Z"), {}, False),
    (when("DateLessThan", "aws:TokenIssueTime", "2026-01-01T12:00:00Z"), {"told": SESSION}, True),
    (when("DateLessThan", "aws:TokenIssueTime", "2026-01-01T12:00:00Z"), {"told": USER}, False),
    # Flags.
    (when("Bool", "aws:SecureTransport", "false"), {}, True),
    (when("Bool", "aws:SecureTransport", False), {"secure": True}, False),
    (when("Bool", "aws:SecureTransport", "True"), {"secure": True}, True),
    (when("Bool", "aws:MultiFactorAuthPresent", "true"), {"told": SESSION}, True),
    (when("Bool", "aws:MultiFactorAuthPresent", "false"), {"told": USER}, False),
    (when("BoolIfExists", "aws:MultiFactorAuthPresent", "false"), {"told": USER}, True),
    # Addresses.
    (when("IpAddress", "aws:SourceIp", "203.0.113.0/24"), {"address": "203.0.113.9"}, True),
    (when("IpAddress", "aws:SourceIp", "203.0.113.9"), {"address": "203.0.113.9"}, True),
    (when("IpAddress", "aws:SourceIp", ["10.0.0.0/8", "203.0.113.8/31"]), {"address": "203.0.113.9"}, True),
    (when("IpAddress", "aws:SourceIp", "203.0.113.0/24"), {"address": "203.0.114.9"}, False),
    (when("IpAddress", "aws:SourceIp", "0.0.0.0/0"), {"address": "2001:db8::1"}, False),
    (when("IpAddress", "aws:SourceIp", "2001:db8::/32"), {"address": "2001:db8::1"}, True),
    (when("IpAddress", "aws:SourceIp", "2001:db8::/127"), {"address": "2001:db8::2"}, False),
    (when("IpAddress", "aws:SourceIp", "::ffff:203.0.113.0/120"), {"address": "203.0.113.9"}, True),
    (when("IpAddress", "aws:SourceIp", "0.0.0.0/0"), {}, False),
    (when("NotIpAddress", "aws:SourceIp", "203.0.113.0/24"), {"address": "203.0.113.9"}, False),
    (when("NotIpAddress", "aws:SourceIp", ["10.0.0.0/8", "203.0.113.0/24"]), {"address": "198.51.100.1"}, True),
    (when("NotIpAddress", "aws:SourceIp", "203.0.113.0/24"), {}, True),
    # What is not there.
    (when("Null", REFERER, "true"), {}, True),
    (when("Null", REFERER, "false"), {}, False),
    (when("Null", REFERER, "true"), {"referer": "x"}, False),
    (when("Null", REFERER, False), {"referer": "x"}, True),
    (when("Null", "aws:SourceVpc", "true"), {}, True),
    (when("StringEqualsIfExists", AGENT, "a"), {}, True),
    (when("StringEqualsIfExists", AGENT, "a"), {"agent": "b"}, False),
    (when("StringNotEqualsIfExists", AGENT, "a"), {"agent": "b"}, True),
    (when("IpAddressIfExists", "aws:SourceIp", "10.0.0.0/8"), {}, True),
    (when("ForAllValues:StringEquals", AGENT, "a"), {}, True),
    (when("ForAllValues:StringEquals", AGENT, "a"), {"agent": "b"}, False),
    (when("ForAnyValue:StringEquals", AGENT, "a"), {}, False),
    (when("ForAnyValue:StringEquals", AGENT, ["a", "b"]), {"agent": "b"}, True),
    (when("ForAnyValue:StringNotEquals", AGENT, "a"), {}, False),
    (when("ForAnyValue:StringNotEquals", AGENT, "a"), {"agent": "b"}, True),
    (when("StringEquals", "aws:SourceVpce", "vpce-1"), {}, False),
    (when("StringNotEquals", "aws:SourceVpce", "vpce-1"), {}, True),
    # Several operators, several keys: all of them.
    ({"StringEquals": {AGENT: "a", REFERER: "r"}}, {"agent": "a", "referer": "r"}, True),
    ({"StringEquals": {AGENT: "a", REFERER: "r"}}, {"agent": "a"}, False),
    ({"StringEquals": {AGENT: "a"}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"agent": "a", "address": "10.1.1.1"},
     True),
    ({"StringEquals": {AGENT: "a"}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"agent": "a", "address": "11.1.1.1"},
     False),
    # Variables.
    (when("StringEquals", AGENT, "${aws:username}"), {"agent": "ann", "told": USER}, True),
    (when("StringEquals", AGENT, "${aws:username}"), {"agent": "ann"}, False),
    (when("StringNotEquals", AGENT, "${aws:username}"), {"agent": "ann"}, True),
    (when("StringEquals", AGENT, "${aws:username, 'nobody'}"), {"agent": "nobody"}, True),
    (when("StringLike", AGENT, "x-${AWS:Username}-*"), {"agent": "x-ann-7", "told": USER}, True),
    (when("StringLike", AGENT, "*-${aws:username}-*"), {"agent": "7-ann-7", "told": USER}, True),
    (when("StringEqualsIgnoreCase", AGENT, "x${aws:username}"), {"agent": "XANN", "told": USER}, True),
    (when("StringLike", AGENT, "${aws:Referer}"), {"agent": "abc", "referer": "*"}, False),
    (when("StringEquals", AGENT, "${*}"), {"agent": "*"}, True),
    (when("StringLike", AGENT, "a${*}c"), {"agent": "abc"}, False),
    (when("StringLike", AGENT, "a\\*c"), {"agent": "a\\bc"}, True),
)


@pytest.mark.parametrize(("condition", "given", "expected"), CONDITIONS)
def test_conditions(condition: dict[str, object], given: dict[str, object], expected: bool) -> None:
    policy = compiled(document(statement(Condition=condition)))
    assert said(policy, facts(**given)) == (ALLOW if expected else SILENT)


def test_there_are_a_hundred_rows() -> None:
    rows = (*TABLE_A, *TABLE_B, *STATEMENTS, *RESOURCES, *PRINCIPALS, *CONDITIONS)
    assert len(rows) > 200


def test_variables_in_resources() -> None:
    policy = compiled(document(statement(Resource="execute-api:/prod/GET/home/${aws:username}/*")))
    assert said(policy, facts("/prod/GET/home/ann/x", told=USER)) == ALLOW
    assert said(policy, facts("/prod/GET/home/bob/x", told=USER)) == SILENT
    assert said(policy, facts("/prod/GET/home/${aws:username}/x")) == SILENT


def test_the_first_version_has_no_variables() -> None:
    given = document(statement(Condition=when("StringEquals", AGENT, "${aws:username}")), version="2008-10-17")
    assert said(compiled(given), facts(agent="${aws:username}")) == ALLOW
    assert said(compiled(given), facts(agent="ann", told=USER)) == SILENT


def test_an_old_variable_makes_no_pattern() -> None:
    given = document(statement("Deny", Condition=when("StringLike", AGENT, "${aws:Referer}*")))
    assert said(compiled(given), facts(agent="x", referer="?")) == SILENT


def test_the_statement_that_decides_is_told() -> None:
    policy = compiled(document(
        statement(Action="execute-api:ManageConnections"), statement(), statement("Deny", Resource="execute-api:/x/*")))
    assert judge(policy, facts()) == (ALLOW, 1)
    assert judge(policy, facts("/x/GET/")) == (DENY, 2)
    assert judge(compiled(document(statement(Resource="execute-api:/x/*"))), facts()) == (SILENT, -1)


def test_policies_of_callers_name_no_principals() -> None:
    policy = compiled(document(statement(kind=PolicyKind.IDENTITY, Resource="arn:aws:execute-api:*:*:abc/*/GET/*")),
                      PolicyKind.IDENTITY)
    assert said(policy, facts()) == ALLOW
    assert said(policy, facts("/prod/POST/pets")) == SILENT


def test_statements_of_other_services_say_nothing() -> None:
    policy = compiled(document(
        statement(kind=PolicyKind.IDENTITY, Action="s3:GetObject"),
        statement("Deny", PolicyKind.IDENTITY, Action=["dynamodb:*"], Resource="arn:aws:dynamodb:*:*:table/x"),
    ), PolicyKind.IDENTITY)
    assert said(policy, facts()) == SILENT


def test_each_action_is_asked_for_itself() -> None:
    policy = compiled(document(statement(), statement("Deny", Action="execute-api:InvalidateCache")))
    assert said(policy, facts(action=0)) == ALLOW
    assert said(policy, facts(action=1)) == DENY
    assert said(policy, facts(action=2)) == SILENT


def test_what_is_no_arn_is_denied() -> None:
    assert said(compiled(document(statement())), {**facts(), "resource": b"arn:aws:execute-api:x"}) == DENY


def test_the_clock_counts_in_microseconds() -> None:
    policy = compiled(document(statement(Condition=when("DateLessThan", "aws:CurrentTime", "1767268800.5"))))
    assert said(policy, facts(time=NOON + 499_999)) == ALLOW
    assert said(policy, facts(time=NOON + 500_000)) == SILENT

"""Policy documents: what is read, and what is refused with its place and its reason."""

import json

import pytest

from fastgw.load.document import parse
from fastgw.load.params import Params
from fastgw.load.policy import policy
from fastgw.load.problem import Problems
from fastgw.load.reader import Reader
from fastgw.model.policy import ALLOW, KEYS, Policy, PolicyKind
from fastgw.model.policy_document import read_policy
from fastgw.parts.auth.policy import PolicyError, compile_document
from tests.support.policy import document, statement


def messages(given: object, kind: PolicyKind = PolicyKind.RESOURCE) -> list[str]:
    found, faults = read_policy(given, kind)
    assert (found is None) == any(not fault.warning for fault in faults)
    return [fault.message for fault in faults]


def test_a_statement_may_stand_alone_and_lists_may_be_texts() -> None:
    found, faults = read_policy({"Statement": statement(Action=["execute-api:Invoke"])}, PolicyKind.RESOURCE)
    assert faults == [] and found is not None
    (one,) = found.statements
    assert (one.allow, one.actions, one.resources, found.variables) == (True, ("execute-api:Invoke",), ("*",), False)


WRONG = (
    ([], "a policy must be a mapping, found a list"),
    ({}, "a policy must have a Statement"),
    ({"Statement": []}, "a policy must have 1 to 1,000 statements, found 0"),
    ({"Statement": [1]}, "a statement must be a mapping, found 1"),
    ({"Version": "2012-10-18", "Statement": statement()},
     'Version must be "2012-10-17" or "2008-10-17", found "2012-10-18"'),
    ({"Statements": statement(), "Statement": statement()}, '"Statements" is no element of a policy'),
    (document(statement(Resources="*")), '"Resources" is no element of a statement'),
    (document(statement("allow")), 'Effect must be "Allow" or "Deny", found "allow"'),
    (document(statement(Effect=None)), 'Effect must be "Allow" or "Deny", found nothing'),
    (document(statement(Action=None)), "a statement must have Action or NotAction, it has neither"),
    (document(statement(Action="*") | {"NotAction": "*"}), "a statement must have Action or NotAction, it has both"),
    (document(statement(Resource=None)), "a statement must have Resource or NotResource, it has neither"),
    (document(statement(Resource=[])), "Resource must have 1 to 10,000 values, found 0"),
    (document(statement(Resource=[7])), "Resource must be a text or a list of texts, found 7"),
    (document(statement(Resource="*" * 3000)), "a value has 3,000 characters, at most 2,048 are read"),
    (document(statement(Action="Invoke")), '"Invoke" is no action; write execute-api:Invoke'),
    (document(statement(Action="execute-api:Invok")), '"execute-api:Invok" is no action of execute-api'),
    (document(statement(Action="s3:GetObject")),
     '"s3:GetObject" is an action of another service; the policy of an API speaks of execute-api alone'),
    (document(statement(Resource="/prod/GET")),
     'resource "/prod/GET": write "*", an ARN or, in the policy of an API, execute-api:/stage/METHOD/path'),
    (document(statement(Resource="arn:aws:execute-api:*:abc/x")),
     'resource "arn:aws:execute-api:*:abc/x": an ARN has six parts, found 5'),
    (document(statement(Resource="arn:aws:s3:::b")), 'resource "arn:aws:s3:::b": "s3" is no service'),
    (document(statement(Resource="arn:aws:execute-api:*:abc/*")),
     'resource "arn:aws:execute-api:*:abc/*": "abc/*" is no account'),
    (document(statement(Resource="execute-api:/${aws:nobody}")),
     'resource "execute-api:/${aws:nobody}": ${aws:nobody} is no policy variable'),
    (document(statement(Resource="execute-api:/${aws:SourceIp}")),
     'resource "execute-api:/${aws:SourceIp}": aws:SourceIp is no text that could be put in'),
    (document(statement(Resource="execute-api:/${aws:username")),
     'resource "execute-api:/${aws:username": ${aws:username is no policy variable'),
    (document(statement(Principal=None)),
     "a statement of an API's policy must have Principal or NotPrincipal, it has neither"),
    (document(statement(Principal="ann")), 'Principal must be "*" or a mapping, found "ann"'),
    (document(statement(Principal={"CanonicalUser": "x"})), '"CanonicalUser" is no kind of principal'),
    (document(statement(Principal={"AWS": "ann"})),
     'principal "ann" is neither "*" nor an account of 12 digits nor the ARN of an account\'s root, a '
     "user, a role or a session, without wildcards"),
    (document(statement(Principal={"AWS": "arn:aws:iam::123456789012:user/*"})),
     'principal "arn:aws:iam::123456789012:user/*" is neither "*" nor an account of 12 digits nor the ARN '
     "of an account's root, a user, a role or a session, without wildcards"),
    (document(statement(NotPrincipal={"AWS": "123456789012"})),
     "NotPrincipal with Allow lets in everybody else, whoever has no name as well; write Principal"),
    (document(statement(Condition=[])), "Condition must be a mapping, found a list"),
    (document(statement(Condition=None) | {"Condition": None}), "Condition must be a mapping, found nothing"),
    (document(statement(Condition={"StringLikes": {}})), '"StringLikes" is no condition operator'),
    (document(statement(Condition={"NullIfExists": {}})), '"NullIfExists" is no condition operator'),
    (document(statement(Condition={"ForNoValue:StringLike": {}})), '"ForNoValue:StringLike" is no condition operator'),
    (document(statement(Condition={"StringLike": {}})), "StringLike must be a mapping of keys, found a mapping"),
    (document(statement(Condition={"StringLike": {"aws:Agent": "x"}})),
     '"aws:Agent" is no condition key of execute-api'),
    (document(statement(Condition={"StringLike": {"aws:PrincipalTag": "x"}})),
     '"aws:PrincipalTag" is no condition key of execute-api; write aws:PrincipalTag/NAME'),
    (document(statement(Condition={"StringEquals": {"aws:SourceIp": "1.2.3.4"}})),
     "StringEquals cannot compare aws:SourceIp; operators for it are those of IpAddress, Null"),
    (document(statement(Condition={"IpAddress": {"aws:SourceIp": "1.2.3"}})),
     'an address or a range such as 192.0.2.0/24 is expected, found "1.2.3"'),
    (document(statement(Condition={"IpAddress": {"aws:SourceIp": []}})),
     "aws:SourceIp must have 1 to 10,000 values, found 0"),
    (document(statement(Condition={"Bool": {"aws:SecureTransport": "yes"}})), 'true or false is expected, found "yes"'),
    (document(statement(Condition={"NumericLessThan": {"aws:EpochTime": "1e5"}})), 'a number is expected, found "1e5"'),
    (document(statement(Condition={"DateLessThan": {"aws:CurrentTime": "tomorrow"}})),
     'a date such as 2026-01-31T12:00:00Z, or seconds since the epoch is expected, found "tomorrow"'),
    (document(statement(Condition={"BinaryEquals": {"aws:UserAgent": "%%"}})), 'base64 is expected, found "%%"'),
    (document(statement(Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam"}})),
     'an ARN has six parts, found 3: "arn:aws:iam"'),
    (document(statement(Sid="a"), statement(Sid="a")), 'Sid "a" is given twice'),
)


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_what_is_refused(given: object, message: str) -> None:
    assert message in messages(given)


@pytest.mark.parametrize("value", (10**400, -(10**400), 1e308, float("inf"), float("nan")))
def test_numbers_of_any_size_are_refused_and_not_fallen_over(value: float) -> None:
    assert messages(document(statement(Condition={"NumericLessThan": {"aws:EpochTime": value}}, Resource=value)))


def test_keys_that_never_have_a_value_are_told() -> None:
    told = [key for key in KEYS if KEYS[key].never]
    for key in told:
        operator = "IpAddress" if "Ip" in key else "StringEquals"
        value = "10.0.0.0/8" if "Ip" in key else "x"
        found, faults = read_policy(document(statement(Condition={operator: {key: value}})), PolicyKind.RESOURCE)
        assert found is not None and [fault.warning for fault in faults] == [True], key
    assert told == ["aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:SourceArn", "aws:SourceVpc", "aws:SourceVpce",
                    "aws:VpcSourceIp"]


def test_the_policy_of_a_caller_names_no_principal_and_may_speak_of_other_services() -> None:
    own = statement(kind=PolicyKind.IDENTITY, Action=["s3:*", "execute-api:Invoke"], Resource="arn:aws:s3:::bucket/*")
    assert messages(document(own), PolicyKind.IDENTITY) == []
    assert messages(document({**own, "Principal": "*"}), PolicyKind.IDENTITY) == [
        "Principal has no place here: the policy is its caller's own"]
    assert messages(document({**own, "Resource": "execute-api:/*"}), PolicyKind.IDENTITY) == [
        'resource "execute-api:/*": only the policy of an API may leave out which API it is']


def test_a_policy_of_run_time_is_read_by_the_same_rules() -> None:
    assert compile_document(document(statement(kind=PolicyKind.IDENTITY))).bytes > 0
    with pytest.raises(PolicyError) as caught:
        compile_document(document(statement("Allowed", PolicyKind.IDENTITY, Action="x")))
    assert str(caught.value) == ('Effect must be "Allow" or "Deny", found "Allowed"; "x" is no action; write '
                                 "execute-api:Invoke")


def test_a_pattern_of_more_pieces_than_the_engine_takes_is_refused() -> None:
    resource = "arn:aws:execute-api:*:*:" + "${aws:username}a" * 120
    policies = document(*(statement(kind=PolicyKind.IDENTITY, Resource=resource) for _ in range(3)))
    assert compile_document(policies).bytes > 0
    tags = [f"arn:aws:execute-api:*:*:${{aws:PrincipalTag/t{n}}}" for n in range(300)]
    with pytest.raises(PolicyError, match="300 variables, at most 256"):
        compile_document(document(statement(kind=PolicyKind.IDENTITY, Resource=tags)))


# --- from the operator's text

def loaded(text: str, **params: str) -> tuple[Policy | None, list[str]]:
    problems = Problems()
    read = parse("api.yaml", text.encode(), problems)
    assert read is not None
    found = policy(Reader(problems, Params(params)), read.view().get("policy"))
    return found, [str(problem) for problem in problems.by_place()]


YAML = """policy:
  Version: "2012-10-17"
  Statement:
    - Effect: Allow
      Principal: "*"
      Action: execute-api:Invoke
      Resource: {resource}
      Condition:
        {operator}: {{"aws:UserAgent": "${{aws:username}}"}}
"""


def test_a_policy_of_a_definition_knows_its_places() -> None:
    found, problems = loaded(YAML.format(resource="execute-api:/*", operator="StringLike"))
    assert problems == [] and found is not None
    assert str(found.statements[0].place) == "api.yaml:4:7"
    assert found.statements[0].conditions[0].values == ("${aws:username}",)


def test_a_mistake_is_told_where_it_stands_with_what_was_meant() -> None:
    found, problems = loaded(YAML.format(resource="execute-api:/*", operator="StringLikes"))
    assert found is None
    assert problems == ['api.yaml:9:9: error: "StringLikes" is no condition operator; did you mean "StringLike"?']


def test_parameters_are_put_in_and_variables_stay() -> None:
    resource = '"arn:aws:execute-api:${AWS::Region}:*:${ApiId}/${aws:username}"'
    text = YAML.format(resource=resource, operator="StringLike")
    found, problems = loaded(text, ApiId="abc")
    assert problems == [] and found is not None
    assert found.statements[0].resources == ("arn:aws:execute-api:us-east-1:*:abc/${aws:username}",)
    assert loaded(text)[1][0].startswith("api.yaml:7:17: error: Resource needs a value for ApiId")


def test_functions_of_templates_are_read() -> None:
    found, problems = loaded(YAML.format(resource='{"Fn::Sub": "arn:aws:execute-api:*:*:abc/${!aws:username}"}',
                                         operator="StringLike"))
    assert problems == [] and found is not None
    assert found.statements[0].resources == ("arn:aws:execute-api:*:*:abc/${aws:username}",)


def test_a_policy_may_be_the_text_of_one() -> None:
    text = json.dumps({"policy": json.dumps(document(statement()))})
    found, problems = loaded(text)
    assert problems == [] and found is not None
    assert loaded(json.dumps({"policy": "{"}))[1] == [
        "api.yaml:1:12: error: policy is neither a mapping nor JSON: not JSON: Expecting property name enclosed in "
        "double quotes"]


def test_a_policy_longer_than_the_service_takes_is_told() -> None:
    several = document(*(statement(ALLOW, Resource="execute-api:/" + "x" * 2000) for _ in range(5)))
    _, problems = loaded(json.dumps({"policy": several}))
    assert len(problems) == 1 and "characters; the service takes 8,192" in problems[0]

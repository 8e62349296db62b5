"""Policy documents: what is read, and what is refused with its place and its reason."""

import json
from pathlib import Path

import pytest

from fastgw.load import load
from fastgw.load.document import parse
from fastgw.load.exports.policy import policy_document
from fastgw.load.params import Params
from fastgw.load.policy import policy
from fastgw.load.problem import Problems
from fastgw.load.reader import Reader
from fastgw.model.policy import ALLOW, KEYS, OPERATORS, Policy, PolicyKind
from fastgw.model.policy_document import read_policy
from fastgw.parts.auth.policy import PolicyError, compile_document
from tests.support.definition import INTEGRATION, several
from tests.support.load_files import UPSTREAM, Files, definition, proxy
from tests.support.load_files import messages as messages_of
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


# --- the policy of an API, and which API that is

@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def of_api(files: Files, *statements: dict[str, object], **api: object) -> list[str]:
    """Messages about a policy of the API abc in region eu-west-1 of account 123456789012."""
    given = definition({"/a": {"get": {INTEGRATION: proxy(UPSTREAM)}}}, x_policy=document(*statements))
    files.write("api.json", given)
    native = several({"abc": {"definition": "api.json", "id": "abc", **api}}, region="eu-west-1",
                     account_id="123456789012")
    return messages_of(load([files.write("fastgw.yaml", native)]))


OWN, FOREIGN = "arn:aws:execute-api:eu-west-1:123456789012:abc/*", "arn:aws:execute-api:eu-west-1:123456789012:xyz/*"
TOLD = ("for this API is abc in region eu-west-1 of account 123456789012; write execute-api:/stage/METHOD/path, or "
        "give id, region and account_id in a fastgw.yaml")


@pytest.mark.parametrize("resource", ("*", "execute-api:/*", OWN, "arn:aws:execute-api:*:*:*", "arn:aws:execute-api:*",
                                      "arn:aws:execute-api:eu-*:1?3456789012:a*", "arn:aws:execute-api:*:*:*/*/GET/*"))
def test_resources_of_the_api_are_fine(files: Files, resource: str) -> None:
    assert of_api(files, statement("Deny", Resource=resource)) == []


@pytest.mark.parametrize("resource", (
    FOREIGN, OWN.replace("eu-", "us-"), OWN.replace(":aws:", ":aws-cn:"), OWN.replace("1234", "4321"), OWN + "/x",
    OWN.replace(":abc", ":ab")))
def test_what_never_fits_is_told(files: Files, resource: str) -> None:
    if resource.startswith(OWN):
        assert of_api(files, statement("Deny", Resource=resource)) == []
        return
    told = f'statement 1: no request fits "{resource}", {TOLD}'
    assert of_api(files, statement("Deny", Resource=resource)) == [f"error: {told}"]
    assert of_api(files, statement("Deny", Resource=[OWN, resource])) == [f"warning: {told}"]
    assert of_api(files, statement("Allow", Resource=resource)) == [f"warning: {told}"]
    assert of_api(files, statement("Allow", NotResource=resource)) == [f"error: {told}"]
    assert of_api(files, statement("Deny", NotResource=resource)) == [f"warning: {told}"]


def test_an_http_api_has_no_policy(files: Files) -> None:
    assert of_api(files, statement(), kind="HTTP") == [
        "error: an HTTP API has no policy of its own, as in the service; remove it, or say that this is an API of kind "
        "REST"]


def test_an_empty_policy_is_none(files: Files) -> None:
    for empty in ({}, "", None):
        api = files.api(definition({"/a": {"get": {INTEGRATION: proxy(UPSTREAM)}}}, x_policy=empty))
        assert api.policy is None


# --- templates

def template(auth: dict[str, object], event: dict[str, object] | None = None) -> dict[str, object]:
    events = {"E": {"Type": "Api", "Properties": {"RestApiId": {"Ref": "Shop"}, "Path": "/pets/{id}", "Method": "get",
                                                  **({"Auth": {"ResourcePolicy": event}} if event else {})}}}
    function = {"Handler": "a.b", "Runtime": "python3.12", "InlineCode": "x", "Events": events}
    return {"Resources": {
        "Shop": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "v1", "Auth": {"ResourcePolicy": auth}}},
        "F": {"Type": "AWS::Serverless::Function", "Properties": function},
    }}


def statements_of(files: Files, auth: dict[str, object], event: dict[str, object] | None = None) -> list[tuple]:
    loaded = load([files.write("template.yaml", template(auth, event))])
    assert loaded.gateway is not None, loaded.problems
    policy = loaded.gateway.apis[0].policy
    return [] if policy is None else [
        (one.allow, one.resources[0], one.principals.accounts or one.principals.arns or "*",
         [(condition.operator, condition.key, condition.values) for condition in one.conditions])
        for one in policy.statements]


ALL = "execute-api:/*"


@pytest.mark.parametrize(("auth", "expected"), (
    ({"IpRangeWhitelist": ["10.0.0.0/8"]},
     [(True, ALL, "*", []), (False, ALL, "*", [("NotIpAddress", "aws:SourceIp", ("10.0.0.0/8",))])]),
    ({"IpRangeBlacklist": "10.0.0.0/8"},
     [(True, ALL, "*", []), (False, ALL, "*", [("IpAddress", "aws:SourceIp", ("10.0.0.0/8",))])]),
    ({"IpRangeWhitelist": ["10.0.0.0/8"], "IpRangeBlacklist": ["10.1.0.0/16"]},
     [(True, ALL, "*", []), (False, ALL, "*", [("NotIpAddress", "aws:SourceIp", ("10.0.0.0/8",))]),
      (False, ALL, "*", [("IpAddress", "aws:SourceIp", ("10.1.0.0/16",))])]),
    ({"AwsAccountWhitelist": ["123456789012"], "AwsAccountBlacklist": ["999999999999"]},
     [(True, ALL, ("123456789012",), []), (False, ALL, ("999999999999",), [])]),
    ({"SourceVpcWhitelist": ["vpc-1", "vpce-2"]},
     [(True, ALL, "*", []), (False, ALL, "*", [("StringNotEquals", "aws:SourceVpc", ("vpc-1",))]),
      (False, ALL, "*", [("StringNotEquals", "aws:SourceVpce", ("vpce-2",))])]),
    ({"IntrinsicVpceBlacklist": ["x"]},
     [(True, ALL, "*", []), (False, ALL, "*", [("StringEquals", "aws:SourceVpce", ("x",))])]),
    ({"CustomStatements": [statement("Deny", Resource="execute-api:/*/GET/x")]},
     [(False, "execute-api:/*/GET/x", "*", [])]),
    ({"CustomStatements": []}, []),
))
def test_lists_of_a_sam_template(files: Files, auth: dict[str, object], expected: list[tuple]) -> None:
    assert statements_of(files, auth) == expected


def test_the_lists_of_an_event_are_about_its_method(files: Files) -> None:
    found = statements_of(files, {"CustomStatements": [statement()]}, {"IpRangeWhitelist": ["10.0.0.0/8"]})
    assert [(allow, resource) for allow, resource, _, _ in found] == [
        (True, "*"), (True, "execute-api:/*/GET/pets/*"), (False, "execute-api:/*/GET/pets/*")]


def test_the_policy_of_a_cloudformation_template(files: Files) -> None:
    """A policy may be a mapping or a text. It cannot refer to its own API: that would be a circle."""
    own = statement("Deny", Resource={"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:*/*"})
    for given in (document(own), json.dumps(document({**own, "Resource": "execute-api:/*"}))):
        properties = {"Name": "s", "Policy": given, "DisableExecuteApiEndpoint": True,
                      "Body": definition({"/a": {"get": {INTEGRATION: proxy(UPSTREAM)}}})}
        loaded = load([files.write("t.yaml", {"Resources": {
            "Shop": {"Type": "AWS::ApiGateway::RestApi", "Properties": properties}}})])
        assert loaded.gateway is not None, loaded.problems
        (api,) = loaded.gateway.apis
        assert api.policy.statements[0].resources in (
            ("arn:aws:execute-api:us-east-1:000000000000:*/*",), ("execute-api:/*",))
        assert not api.execute_api


def test_a_misspelt_list_is_refused(files: Files) -> None:
    loaded = load([files.write("template.yaml", template({"IpRangeWhitlist": ["10.0.0.0/8"]}))])
    assert loaded.gateway is None
    assert any('"IpRangeWhitlist" is no field of ResourcePolicy' in problem.message for problem in loaded.problems)


# --- back again

def test_an_export_says_what_was_read() -> None:
    given = document(
        statement("Deny", Sid="One", NotPrincipal={"AWS": ["123456789012", "arn:aws:iam::123456789012:user/a"]},
                  NotAction=["execute-api:Manage*"], NotResource="execute-api:/${aws:username}/*", Condition={
                      "ForAnyValue:StringLikeIfExists": {"aws:UserAgent": ["a*", "b"]},
                      "Null": {"aws:Referer": "true"}}),
        statement(Principal={"AWS": ["*"], "Service": ["a.amazonaws.com"]}))
    policy = read_policy(given, PolicyKind.RESOURCE)[0]
    again = read_policy(json.loads(json.dumps(policy_document(policy))), PolicyKind.RESOURCE)[0]
    assert again == policy


def test_one_key_twice_under_an_operator_is_refused() -> None:
    given = document(statement(Condition={"StringLike": {"aws:UserAgent": "a", "aws:userAgent": "b"}}))
    assert messages(given) == ["aws:UserAgent is given twice under StringLike"]


def test_the_page_names_every_key_and_operator() -> None:
    page = (Path(__file__).parents[2] / "docs" / "policies.md").read_text("utf-8")
    assert [name for name in (*KEYS, *OPERATORS) if f"`{name}" not in page] == []

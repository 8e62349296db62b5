"""URIs of services: where they lead, and the requests they stand for."""

import pytest

from fastgw.model.service import BadArn, Service, ServiceUri
from fastgw.parts.aws.services import Unfilled, fill_path, fill_query, locate, shape


def uri(rest: str, service: str = "dynamodb", region: str = "eu-west-1", partition: str = "aws") -> ServiceUri:
    return ServiceUri.parse(f"arn:{partition}:apigateway:{region}:{service}:{rest}")


@pytest.mark.parametrize(("text", "wanted"), [
    ("arn:aws:apigateway:us-east-1:dynamodb:action/GetItem",
     ServiceUri("aws", "us-east-1", "dynamodb", "action", "GetItem")),
    ("arn:aws:apigateway:us-west-2:s3:path/{bucket}/{object}",
     ServiceUri("aws", "us-west-2", "s3", "path", "{bucket}/{object}")),
    ("arn:aws:apigateway:us-west-2:s3:path//", ServiceUri("aws", "us-west-2", "s3", "path", "/")),
    ("arn:aws-cn:apigateway:cn-north-1:my.bucket.s3:path/{key}",
     ServiceUri("aws-cn", "cn-north-1", "s3", "path", "{key}", "my.bucket")),
    ("arn:aws:apigateway:eu-west-1:runtime.sagemaker:path//endpoints/e/invocations",
     ServiceUri("aws", "eu-west-1", "sagemaker", "path", "/endpoints/e/invocations", "runtime")),
])
def test_a_uri_is_taken_apart(text: str, wanted: ServiceUri) -> None:
    assert ServiceUri.parse(text) == wanted


@pytest.mark.parametrize("text", [
    "arn:aws:lambda:us-east-1:1:function:f", "arn:aws:apigateway:us-east-1:dynamodb:GetItem", "http://x/",
    "arn:aws:apigateway:us-east-1:dynamodb:action/Get Item", "arn:aws:apigateway::dynamodb:action/GetItem",
    "arn:aws:apigateway:us-east-1:s3:path/a#b", "arn:aws:apigateway:us-east-1:s3:path/a\nb",
])
def test_what_is_no_uri(text: str) -> None:
    with pytest.raises(BadArn):
        ServiceUri.parse(text)


@pytest.mark.parametrize(("service", "rest", "authority", "signing", "region"), [
    ("dynamodb", "action/GetItem", "dynamodb.eu-west-1.amazonaws.com", "dynamodb", "eu-west-1"),
    ("states", "action/StartExecution", "states.eu-west-1.amazonaws.com", "states", "eu-west-1"),
    ("states", "action/StartSyncExecution", "sync-states.eu-west-1.amazonaws.com", "states", "eu-west-1"),
    ("streams.dynamodb", "action/ListStreams", "streams.dynamodb.eu-west-1.amazonaws.com", "dynamodb", "eu-west-1"),
    ("runtime.sagemaker", "path/x", "runtime.sagemaker.eu-west-1.amazonaws.com", "sagemaker", "eu-west-1"),
    ("email", "action/SendEmail", "email.eu-west-1.amazonaws.com", "ses", "eu-west-1"),
    ("iam", "action/GetUser", "iam.amazonaws.com", "iam", "us-east-1"),
    ("pics.s3", "path/{key}", "pics.s3.eu-west-1.amazonaws.com", "s3", "eu-west-1"),
])
def test_the_service_itself(service: str, rest: str, authority: str, signing: str, region: str) -> None:
    found = locate(uri(rest, service), {})
    assert (found.uri.scheme, found.uri.authority) == ("https", authority)
    assert (found.signing, found.region, found.prefix) == (signing, region, b"")


def test_a_service_elsewhere() -> None:
    services = {"default": Service("default", "http://all:4566"),
                "dynamodb": Service("dynamodb", "http://db:8000", "local"), "sqs": Service("sqs", region="us-east-2")}
    found = locate(uri("action/GetItem"), services)
    assert (found.uri.scheme, found.uri.authority, found.region) == ("http", "db:8000", "local")
    assert locate(uri("path/1/q", "sqs"), services).uri.authority == "all:4566"
    assert locate(uri("path/1/q", "sqs"), services).region == "us-east-2"
    assert locate(uri("path/k", "pics.s3"), services).prefix == b"/pics"
    assert locate(uri("path/k", "x.execute-api"), services).prefix == b""


def test_other_partitions() -> None:
    assert locate(uri("path/k", "s3", "cn-north-1", "aws-cn"), {}).uri.authority == "s3.cn-north-1.amazonaws.com.cn"
    with pytest.raises(ValueError, match="give the service an endpoint"):
        locate(uri("path/k", "s3", "us-iso-east-1", "aws-iso"), {})


@pytest.mark.parametrize(("service", "action", "target", "version"), [
    ("dynamodb", "GetItem", "DynamoDB_20120810.GetItem", "1.0"),
    ("states", "StartExecution", "AWSStepFunctions.StartExecution", "1.0"),
    ("kinesis", "PutRecord", "Kinesis_20131202.PutRecord", "1.1"),
    ("firehose", "PutRecord", "Firehose_20150804.PutRecord", "1.1"),
    ("events", "PutEvents", "AWSEvents.PutEvents", "1.1"),
    ("ssm", "GetParameter", "AmazonSSM.GetParameter", "1.1"),
])
def test_actions_in_json(service: str, action: str, target: str, version: str) -> None:
    found = shape(uri(f"action/{action}", service))
    assert dict(found.headers) == {b"X-Amz-Target": target.encode(),
                                   b"Content-Type": f"application/x-amz-json-{version}".encode()}
    assert (found.path, found.query) == (b"/", ())


@pytest.mark.parametrize(("service", "version"), [("sns", b"2010-03-31"), ("sqs", b"2012-11-05")])
def test_actions_in_a_query(service: str, version: bytes) -> None:
    found = shape(uri("action/Do&Name={n}&Plain=a%20b/c", service))
    assert found.query == ((b"Action", b"Do"), (b"Version", version), (b"Name", b"{n}"), (b"Plain", b"a%20b%2Fc"))
    assert fill_query(found.query, {"n": b"x%26y z"})[2] == (b"Name", b"x%26y%20z")


def test_actions_of_s3() -> None:
    found = shape(uri("action/GetObject&Bucket={b}&Key={k}&versionId=1", "s3"))
    assert (found.method, found.path, found.query) == (b"GET", b"/{b}/{k}", ((b"versionId", b"1"),))
    assert fill_path(found.path, {"b": b"pics", "k": b"a/b%20c"}) == b"/pics/a/b%20c"
    for wrong in ("action/GetObject&Bucket=b", "action/CopyObject&Bucket=b&Key=k"):
        with pytest.raises(ValueError):
            shape(uri(wrong, "s3"))


def test_paths() -> None:
    found = shape(uri("path/123/my queue".replace(" ", "%20") + "?a={x}&b=1", "sqs"))
    assert (found.path, found.query) == (b"/123/my%20queue", ((b"a", b"{x}"), (b"b", b"1")))
    assert shape(uri("path//", "s3")).path == b"/"


@pytest.mark.parametrize("service", ["lambda", "unheardof", "appconfig"])
def test_a_service_without_actions(service: str) -> None:
    with pytest.raises(ValueError, match=f"write {service}:path/PATH"):
        shape(uri("action/Do", service))


@pytest.mark.parametrize("value", [b"..", b"a/../../b", b"%2e%2E", b"./x", b"a/%2e"])
def test_no_request_leads_upwards(value: bytes) -> None:
    with pytest.raises(Unfilled):
        fill_path(b"/bucket/{key}", {"key": value})


def test_a_placeholder_without_a_value() -> None:
    with pytest.raises(Unfilled, match="key"):
        fill_path(b"/bucket/{key}", {})

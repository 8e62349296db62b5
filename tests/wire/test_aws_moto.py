"""Services for real, as moto has them: REST APIs by templates, HTTP APIs by subtypes."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.client import get
from tests.support.definition import INTEGRATION, openapi, several
from tests.support.message import Response
from tests.support.process import Gateway
from tests.support.services import ENVIRONMENT, Double, moto
from tests.support.upstream import Exchange, Upstream
from tests.wire.test_aws_services import FORM, aws

ROLE = "arn:aws:iam::123456789012:role/anybody"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:echo"
QUEUE = "/123456789012/orders"

EVENT = """
#set($context.requestOverride.header.X-Amz-Target = "AWSEvents.PutEvents")
#set($context.requestOverride.header.Content-Type = "application/x-amz-json-1.1")
{"Entries": [{"Source": "shop", "DetailType": "sold",
  "Detail": "$util.escapeJavaScript($input.json('$')).replaceAll("\\\\'", "'")"}]}"""
START = f'''{{"stateMachineArn": "{MACHINE}", "input": "$util.escapeJavaScript($input.json('$'))"}}'''

REST = {
    "/items/{id}": {
        "get": aws("dynamodb:action/GetItem", '{"TableName": "T", "Key": {"id": {"S": "$input.params("id")"}}}',
                   credentials=ROLE, responses={"default": {"statusCode": "200", "responseTemplates": {
                       "application/json": '{"value": "$input.path("$.Item.value.S")"}'}}}),
        "put": aws("dynamodb:action/PutItem", '{"TableName": "T", "Item": {"id": {"S": "$input.params("id")"}, '
                   '"value": {"S": "$input.path("$.value")"}}}', credentials=ROLE),
    },
    "/bad": {"get": aws("dynamodb:action/GetItem", '{"TableName": "none", "Key": {}}')},
    "/topic": {"post": aws("sns:action/Publish", "Message=$util.urlEncode($input.body)", parameters={
        **FORM, "querystring.TopicArn": "stageVariables.topic"})},
    "/queue": {"post": aws(f"sqs:path{QUEUE}", "Action=SendMessage&MessageBody=$util.urlEncode($input.body)",
                           parameters=FORM)},
    "/queue-action": {"post": aws("sqs:action/SendMessage", "", parameters={
        "querystring.QueueUrl": "stageVariables.queue", "querystring.MessageBody": "method.request.body"})},
    "/queue-json": {"post": aws("sqs:path/", '{"QueueUrl": "$stageVariables.queue", "MessageBody": "in JSON"}',
                                parameters={"header.X-Amz-Target": "'AmazonSQS.SendMessage'",
                                            "header.Content-Type": "'application/x-amz-json-1.0'"})},
    "/stream": {"post": aws("kinesis:action/PutRecord", '{"StreamName": "S", "PartitionKey": "k", '
                            '"Data": "$util.base64Encode($input.body)"}')},
    "/delivery": {"post": aws("firehose:action/PutRecord", kind="aws_proxy")},
    "/event": {"post": aws("events:action/PutEvents", EVENT)},
    "/machine": {"post": aws("states:action/StartExecution", START)},
    "/files/{key+}": {"any": aws("s3:path/files/{key}", method="ANY", parameters={
        "header.Content-Type": "method.request.header.Content-Type"}, responses={
            "404": {"statusCode": "404"}, "default": {"statusCode": "200"}})},
    "/older/{name}": {"get": aws("ssm:action/GetParameter", parameters={
        "querystring.Name": "method.request.path.name"})},
    "/older": {"get": aws("ssm:action/GetParameters", parameters={
        "querystring.Names.member.1": "'colour'", "querystring.Names.member.2": "'none'",
        "querystring.WithDecryption": "'true'"})},
    "/parameter": {"get": aws("ssm:action/GetParameter", '{"Name": "colour"}', parameters={
        "header.X-Amz-Target": "'AmazonSSM.GetParameter'"})},
}


def subtype(name: str, **parameters: str) -> dict:
    return {"responses": {}, INTEGRATION: {
        "type": "AWS_PROXY", "integrationSubtype": name, "payloadFormatVersion": "1.0", "credentials": ROLE,
        "requestParameters": parameters}}


URL = "${stageVariables.queue}"
ATTRIBUTES = '{"who": {"DataType": "String", "StringValue": "${request.header.who}"}}'
HTTP = {
    "/event": {"post": subtype("EventBridge-PutEvents", Source="shop", DetailType="${request.header.kind}.sold",
                               Detail="$request.body.detail", Time="$request.body.at",
                               Resources="$request.body.resources")},
    "/send": {"post": subtype("SQS-SendMessage", QueueUrl=URL, MessageBody="$request.body", DelaySeconds="0",
                              MessageAttributes=ATTRIBUTES)},
    "/receive": {"get": subtype("SQS-ReceiveMessage", QueueUrl=URL, MaxNumberOfMessages="$request.querystring.n",
                                MessageAttributeNames='["who"]', AttributeName="All")},
    "/delete/{receipt}": {"delete": subtype("SQS-DeleteMessage", QueueUrl=URL, ReceiptHandle="$request.path.receipt")},
    "/purge": {"post": subtype("SQS-PurgeQueue", QueueUrl=URL)},
    "/record": {"post": subtype("Kinesis-PutRecord", StreamName="$request.body.stream", Data="$request.body.data",
                                PartitionKey="$request.body.key")},
    "/start": {"post": subtype("StepFunctions-StartExecution", StateMachineArn=MACHINE, Input="$request.body")},
    "/stop": {"post": subtype("StepFunctions-StopExecution", ExecutionArn="$request.body.arn", Cause="enough")},
    "/sync": {"post": subtype("StepFunctions-StartSyncExecution", StateMachineArn=MACHINE, Input="$request.body",
                              Region="eu-west-3")},
    "/configuration/{name}": {"get": subtype("AppConfig-GetConfiguration", Application="shop",
                                             Environment="$request.querystring.env", Configuration="$request.path.name",
                                             ClientId="$context.apiId")},
}


@dataclass
class World:
    gateway: Gateway
    moto: Double
    stub: Upstream
    queue: str
    topic: str

    def ask(self, raw: str | bytes) -> Response:
        return self.gateway.fetch(raw)

    def messages(self) -> list[str]:
        """Of the queue, taken out of it."""
        found = self.moto.call("sqs", "ReceiveMessage", QueueUrl=self.queue, MaxNumberOfMessages=10)
        for one in found.get("Messages", []):
            self.moto.call("sqs", "DeleteMessage", QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"])
        return [one["Body"] for one in found.get("Messages", [])]


async def beyond_moto(exchange: Exchange) -> None:
    """What moto does not have: StartSyncExecution, and AppConfig's GetConfiguration."""
    body = await exchange.body()
    if exchange.request.method == "POST":
        given = json.loads(body)
        assert exchange.request.get("X-Amz-Target") == "AWSStepFunctions.StartSyncExecution"
        await exchange.reply(200, json.dumps({"status": "SUCCEEDED", "output": given["input"]}).encode(),
                             "Content-Type: application/x-amz-json-1.0")
    else:
        await exchange.reply(200, exchange.request.target.encode(), "Content-Type: text/plain",
                             "Configuration-Version: 3")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with moto() as double, Upstream(beyond_moto) as stub:
        double.call("dynamodb", "CreateTable", TableName="T", BillingMode="PAY_PER_REQUEST",
                    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
        queue = double.call("sqs", "CreateQueue", QueueName="orders")["QueueUrl"]
        topic = re.search("<TopicArn>(.*?)</TopicArn>", double.form("sns", "CreateTopic", Name="news"))[1]
        double.form("sns", "Subscribe", TopicArn=topic, Protocol="sqs",
                    Endpoint="arn:aws:sqs:us-east-1:123456789012:orders", **{
                        "Attributes.entry.1.key": "RawMessageDelivery", "Attributes.entry.1.value": "true"})
        double.call("kinesis", "CreateStream", StreamName="S", ShardCount=1)
        double.call("firehose", "CreateDeliveryStream", DeliveryStreamName="D", ExtendedS3DestinationConfiguration={
            "RoleARN": ROLE, "BucketARN": "arn:aws:s3:::files"})
        double.call("ssm", "PutParameter", Name="colour", Value="green", Type="String")
        definition = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}})
        double.call("states", "CreateStateMachine", name="echo", definition=definition, roleArn=ROLE)
        status, body = double.ask("PUT", "/files", {"Host": "s3.amazonaws.com"}, b"")
        assert status == 200, body
        variables = {"queue": queue.replace(double.url, "http://127.0.0.1"), "topic": topic}
        files = {"fastgw.yaml": several(
            {"rest": {"definition": "rest.json", "stages": {"$default": {"variables": variables}}},
             "http": {"definition": "http.json", "stages": {"$default": {"variables": variables}}}},
            domains={"rest.test": [{"api": "rest"}], "http.test": [{"api": "http"}]},
            services={"default": {"endpoint": double.url, "region": "us-east-1"}}),
            "rest.json": openapi(REST), "http.json": openapi(HTTP)}
        files["fastgw.yaml"]["services"] |= {"appconfig": {"endpoint": stub.url}}
        with Gateway(files, env=ENVIRONMENT) as gateway:
            yield World(gateway, double, stub, queue, topic)


def rest(path: str, body: str | None = None, *headers: str, method: str = "POST") -> bytes:
    return get(path, "Content-Type: application/json", *headers, host="rest.test", method=method,
               body=None if body is None else body.encode())


def http(path: str, body: str | None = None, *headers: str, method: str = "POST") -> bytes:
    return get(path, "Content-Type: application/json", *headers, host="http.test", method=method,
               body=None if body is None else body.encode())


def test_dynamodb(world: World) -> None:
    assert world.ask(rest("/items/7", '{"value": "seven"}', method="PUT")).status == 200
    answer = world.ask(rest("/items/7", method="GET"))
    assert (answer.status, json.loads(answer.body)) == (200, {"value": "seven"})
    answer = world.ask(rest("/bad", method="GET"))
    assert (answer.status, json.loads(answer.body)["refused"].split("#")[-1]) == (400, "ResourceNotFoundException")


def test_sns_and_sqs(world: World) -> None:
    assert "MessageId" in world.ask(rest("/topic", "by & topic")).body.decode()
    assert "MessageId" in world.ask(rest("/queue", "by path")).body.decode()
    assert "MessageId" in world.ask(rest("/queue-action", "by action")).body.decode()
    assert "MessageId" in json.loads(world.ask(rest("/queue-json", "")).body)
    assert sorted(world.messages()) == ["by & topic", "by action", "by path", "in JSON"]


def test_kinesis_firehose_and_events(world: World) -> None:
    assert "SequenceNumber" in json.loads(world.ask(rest("/stream", "a record")).body)
    shard = world.moto.call("kinesis", "GetShardIterator", StreamName="S", ShardId="shardId-000000000000",
                            ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    data = [base64.b64decode(one["Data"])
            for one in world.moto.call("kinesis", "GetRecords", ShardIterator=shard)["Records"]]
    assert b"a record" in data
    record = json.dumps({"DeliveryStreamName": "D", "Record": {"Data": "YQ=="}})
    assert "RecordId" in json.loads(world.ask(rest("/delivery", record)).body)
    assert json.loads(world.ask(rest("/event", '{"a": "it\'s"}')).body)["FailedEntryCount"] == 0


def test_step_functions_and_parameters(world: World) -> None:
    answer = json.loads(world.ask(rest("/machine", '{"a": 1}')).body)
    assert answer["executionArn"].startswith("arn:aws:states:us-east-1:123456789012:execution:echo:")
    found = world.moto.call("states", "DescribeExecution", executionArn=answer["executionArn"])
    assert json.loads(found["input"]) == {"a": 1}
    assert json.loads(world.ask(rest("/parameter", method="GET")).body)["Parameter"]["Value"] == "green"


def test_parameters_in_the_older_protocol(world: World) -> None:
    found = json.loads(world.ask(rest("/older/colour", method="GET")).body)["GetParameterResponse"]
    assert found["GetParameterResult"]["Parameter"]["Value"] == "green"
    assert set(found["ResponseMetadata"]) == {"RequestId"}
    found = json.loads(world.ask(rest("/older", method="GET")).body)["GetParametersResponse"]["GetParametersResult"]
    assert (found["Parameters"][0]["Value"], found["InvalidParameters"]) == ("green", ["none"])
    answer = world.ask(rest("/older/none", method="GET"))
    assert (answer.status, json.loads(answer.body)) == (400, {"refused": "ParameterNotFound"})


def test_s3(world: World) -> None:
    put = get("/files/a/b%20c.txt", "Content-Type: text/plain", host="rest.test", method="PUT", body=b"the text")
    assert world.ask(put).status == 200
    answer = world.ask(rest("/files/a/b%20c.txt", method="GET"))
    assert (answer.status, answer.body) == (200, b"the text")
    assert world.ask(rest("/files/none", method="GET")).status == 404


def test_subtypes_of_sqs(world: World) -> None:
    sent = world.ask(http("/send", "a body & more", "who: me"))
    assert sent.status == 200 and b"<SendMessageResponse" in sent.body
    got = world.ask(http("/receive?n=1", method="GET"))
    assert b"<Body>a body &amp; more</Body>" in got.body and b"<StringValue>me</StringValue>" in got.body
    receipt = re.search(rb"<ReceiptHandle>(.*?)</ReceiptHandle>", got.body)[1].decode()
    assert world.ask(http(f"/delete/{receipt}", method="DELETE")).status == 200
    assert world.ask(http("/send", "one more", "who: me")).status == 200
    assert world.ask(http("/purge")).status == 200
    assert world.messages() == []


def test_subtypes_of_streams_and_events(world: World) -> None:
    data = base64.b64encode(b"by subtype").decode()
    answer = world.ask(http("/record", json.dumps({"stream": "S", "data": data, "key": "k"})))
    assert answer.status == 200 and "SequenceNumber" in json.loads(answer.body)
    event = {"detail": {"id": 1}, "at": "2026-11-20T10:00:00Z", "resources": ["arn:a"]}
    answer = world.ask(http("/event", json.dumps(event), "kind: shop"))
    assert (answer.status, json.loads(answer.body)["FailedEntryCount"]) == (200, 0)
    assert answer.get("apigw-requestid")


def test_subtypes_of_step_functions(world: World) -> None:
    answer = world.ask(http("/start", '{"a": 2}'))
    arn = json.loads(answer.body)["executionArn"]
    found = world.moto.call("states", "DescribeExecution", executionArn=arn)
    assert (answer.status, found["input"]) == (200, '{"a": 2}')
    assert world.ask(http("/stop", json.dumps({"arn": arn}))).status == 200


@pytest.mark.parametrize("body", [
    {"data": "YQ==", "key": "k"}, {"stream": "", "data": "YQ==", "key": "k"}, {"stream": "S", "data": "YQ=="},
    {"stream": None, "data": "YQ==", "key": "k"},
])
def test_a_parameter_without_a_value(world: World, body: dict) -> None:
    answer = world.ask(http("/record", json.dumps(body)))
    assert (answer.status, json.loads(answer.body)) == (400, {"message": "Bad Request"})


def test_a_service_that_refuses_a_subtype(world: World) -> None:
    answer = world.ask(http("/record", json.dumps({"stream": "none", "data": "YQ==", "key": "k"})))
    assert (answer.status, json.loads(answer.body)) == (500, {"message": "Internal Server Error"})


def test_no_body_that_is_json(world: World) -> None:
    assert world.ask(http("/record", "no JSON")).status == 400
    assert world.ask(http("/event", json.dumps({"detail": "{}", "at": "tomorrow", "resources": "a"}))).status == 400


def test_configuration(world: World) -> None:
    answer = world.ask(http("/configuration/colours%20a?env=test", method="GET"))
    assert (answer.status, answer.get("Configuration-Version")) == (200, "3")
    assert re.fullmatch(rb"/applications/shop/environments/test/configurations/colours%20a\?client_id=\w+", answer.body)
    assert world.ask(http("/configuration/x", method="GET")).status == 400
    assert world.ask(http("/configuration/x?env=..", method="GET")).status == 400

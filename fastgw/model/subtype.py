"""The service integrations of HTTP APIs: what each asks, and which parameters it takes.

Source: Amazon API Gateway developer guide, "Integration subtype reference".
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fastgw.model.http_mapping import Value
from fastgw.model.place import Place

REGION = "Region"
"""The parameter of every subtype that names the region to ask in."""

TEXT, NUMBER, TIME, LIST, ATTRIBUTES = "text", "number", "time", "list", "attributes"
"""What a parameter's text stands for. TIME: seconds since 1970, or ISO 8601. LIST: a JSON list of texts, or one text.
ATTRIBUTES: a JSON map of name -> {DataType, StringValue | BinaryValue}."""


@dataclass(frozen=True, slots=True)
class Subtype:
    """One subtype: an action of a service; parameter -> kind, those that must be given, and the others."""

    service: str
    action: str
    required: Mapping[str, str]
    optional: Mapping[str, str]

    def kind(self, parameter: str) -> str:
        return self.required.get(parameter) or self.optional[parameter]

    def names(self) -> tuple[str, ...]:
        return (*self.required, *self.optional, REGION)


def _texts(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, TEXT)


SUBTYPES = {
    "EventBridge-PutEvents": Subtype(
        "events", "PutEvents", _texts("Detail", "DetailType", "Source"),
        {"Time": TIME, "EventBusName": TEXT, "Resources": LIST, "TraceHeader": TEXT}),
    "SQS-SendMessage": Subtype(
        "sqs", "SendMessage", _texts("QueueUrl", "MessageBody"),
        {"DelaySeconds": NUMBER, "MessageAttributes": ATTRIBUTES, "MessageSystemAttributes": ATTRIBUTES,
         **_texts("MessageDeduplicationId", "MessageGroupId")}),
    "SQS-ReceiveMessage": Subtype(
        "sqs", "ReceiveMessage", _texts("QueueUrl"),
        {"AttributeName": LIST, "MessageAttributeNames": LIST, "MaxNumberOfMessages": NUMBER,
         "VisibilityTimeout": NUMBER, "WaitTimeSeconds": NUMBER, "ReceiveRequestAttemptId": TEXT}),
    "SQS-DeleteMessage": Subtype("sqs", "DeleteMessage", _texts("ReceiptHandle", "QueueUrl"), {}),
    "SQS-PurgeQueue": Subtype("sqs", "PurgeQueue", _texts("QueueUrl"), {}),
    "AppConfig-GetConfiguration": Subtype(
        "appconfig", "GetConfiguration", _texts("Application", "Environment", "Configuration", "ClientId"),
        _texts("ClientConfigurationVersion")),
    "Kinesis-PutRecord": Subtype(
        "kinesis", "PutRecord", _texts("StreamName", "Data", "PartitionKey"),
        _texts("SequenceNumberForOrdering", "ExplicitHashKey")),
    "StepFunctions-StartExecution": Subtype(
        "states", "StartExecution", _texts("StateMachineArn"), _texts("Name", "Input")),
    "StepFunctions-StartSyncExecution": Subtype(
        "states", "StartSyncExecution", _texts("StateMachineArn"), _texts("Name", "Input", "TraceHeader")),
    "StepFunctions-StopExecution": Subtype(
        "states", "StopExecution", _texts("ExecutionArn"), _texts("Cause", "Error")),
}


@dataclass(frozen=True, slots=True)
class ServiceAction:
    """integrationSubtype: the service is asked with these parameters, in the order of the definition,
    without Region.

    region       made of fixed texts and stage variables
    credentials  ARN of the role to sign as; None for the gateway's own identity
    timeout_ms   time for the whole answer; None takes the gateway-wide setting
    """

    subtype: str
    region: Value
    parameters: tuple[tuple[str, Value], ...]
    place: Place
    credentials: str | None = None
    timeout_ms: int | None = None

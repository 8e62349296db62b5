"""A template as a stack would have it: its parameters, conditions and resources, functions worked out.

What only a deployment would know has a stand-in: { Ref } of a resource is its name, an Arn is one of the account
000000000000. --param goes before all of them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from fastgw.load.document import View
from fastgw.load.problem import did_you_mean, shown
from fastgw.load.reader import Reader
from fastgw.load.templates.intrinsics import Resolver

_NAMES = {
    "AWS::ApiGateway::ApiKey": "Name",
    "AWS::ApiGateway::DomainName": "DomainName",
    "AWS::ApiGateway::Model": "Name",
    "AWS::ApiGateway::Stage": "StageName",
    "AWS::ApiGatewayV2::DomainName": "DomainName",
    "AWS::ApiGatewayV2::Stage": "StageName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    "AWS::Kinesis::Stream": "Name",
    "AWS::KinesisFirehose::DeliveryStream": "DeliveryStreamName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SSM::Parameter": "Name",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::Serverless::SimpleTable": "TableName",
    "AWS::Serverless::StateMachine": "Name",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}
"""Property that names a resource of a type; without it, and for other types, the logical id does."""

_ARNS = {
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::EventBus": "events:{region}:{account}:event-bus/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::Kinesis::Stream": "kinesis:{region}:{account}:stream/{name}",
    "AWS::KinesisFirehose::DeliveryStream": "firehose:{region}:{account}:deliverystream/{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::Serverless::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Serverless::SimpleTable": "dynamodb:{region}:{account}:table/{name}",
    "AWS::Serverless::StateMachine": "states:{region}:{account}:stateMachine:{name}",
    "AWS::StepFunctions::StateMachine": "states:{region}:{account}:stateMachine:{name}",
}
_REF_IS_ARN = ("AWS::SNS::Topic", "AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine")
_T = TypeVar("_T")
_GATEWAY = ("AWS::ApiGateway::", "AWS::ApiGatewayV2::", "AWS::Serverless::")


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """id is the logical one; view is the whole resource, properties what is below Properties."""

    id: str
    type: str
    view: View
    properties: View | None

    def get(self, name: str) -> View | None:
        return self.properties.get(name) if self.properties is not None else None


class Stack:
    """resources: those whose condition holds, by logical id. reader fills texts with the stack's values."""

    def __init__(self, reader: Reader, root: View) -> None:
        self.problems = reader.problems
        self.given = reader.params
        self._root = root
        self._lists: dict[str, list[str]] = {}
        texts = self._parameters()
        self._resolver = Resolver(reader, root, self.given.with_defaults(texts), self._lists.get)
        self._names: dict[str, str] = {}
        self._made: dict[object, object] = {}
        present = self._present(reader)
        params = self.given.with_defaults({**self._attributes(present), **texts})
        self.reader = Reader(self.problems, params)
        self._resolver = Resolver(self.reader, root, params, self._lists.get)
        self.resources = {name: self._resolved(name, kind, view) for name, (kind, view) in present.items()}

    def of(self, *types: str) -> Iterator[Resource]:
        """In the template's order."""
        return (resource for resource in self.resources.values() if resource.type in types)

    def named(self, view: View | None, *types: str) -> Resource | None:
        """The resource of one of the types that a value refers to; told where there is none."""
        text = self.reader.text(view)
        if text is None:
            return None
        found = next((self._named(kind)[text] for kind in types if text in self._named(kind)), None)
        if found is not None:
            return found
        known = [resource.id for resource in self.of(*types)]
        self.problems.error(view.place, "unknown-value", f"{view.name} {shown(text)} is no "
                            f"{' or '.join(types)} of this template{did_you_mean(text, known)}")
        return None

    def _named(self, kind: str) -> dict[str, Resource]:
        """Resources of a type by what a value may call them."""
        return self.once(("named", kind), lambda: {
            name: resource for resource in self.of(kind) for name in (self._names[resource.id], resource.id)})

    def parts(self, owner: Resource, kind: str, field: str) -> list[Resource]:
        """Resources of a type whose field refers to the owner, in the template's order."""
        by_owner = self.once(("parts", kind, field), lambda: self._by_owner(kind, field))
        names = dict.fromkeys((owner.id, self._names.get(owner.id, owner.id)))
        return [resource for name in names for resource in by_owner.get(name, ())]

    def _by_owner(self, kind: str, field: str) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.of(kind):
            view = resource.get(field)
            text = self.reader.params.fill(view).text if view is not None else None
            if text is not None:
                found.setdefault(text, []).append(resource)
        return found

    def once(self, name: object, make: Callable[[], _T]) -> _T:
        """What make gives, worked out when it is first asked for."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def is_of(self, view: View | None, resource: Resource) -> bool:
        """Whether a value refers to a resource; nothing is told."""
        if view is None:
            return False
        text = self.reader.params.fill(view).text
        return text is not None and text in (resource.id, self._names.get(resource.id))

    def name(self, resource: Resource) -> str:
        """What { Ref } of it gives."""
        return self._names[resource.id]

    def file(self, location: str, named: View) -> View | None:
        """A file beside the template as a document."""
        found = self._resolver.file(location, named)
        return found.view() if found is not None else None

    def part(self, *names: str) -> View | None:
        """A section of the template, functions worked out."""
        found: View | None = self._root
        for name in names:
            found = found.get(name) if found is not None else None
        return self._resolver.document(found).view() if found is not None else None

    def _parameters(self) -> dict[str, str]:
        """Values of the template's parameters: given, or by default."""
        section = self._root.get("Parameters")
        found: dict[str, str] = {}
        for name, parameter in section.items() if section is not None else ():
            kind = parameter.get("Type")
            kind = kind.value if kind is not None and isinstance(kind.value, str) else "String"
            default = parameter.get("Default")
            value = self.given.get(name)
            # The default of one that the parameter store holds is its name there, not its value.
            if value is None and default is not None and not kind.startswith("AWS::SSM::Parameter::Value"):
                value = self.given.fill_value(default.value).text
            if value is None:
                continue
            self._check_allowed(name, parameter, value)
            found[name] = value
            if kind == "CommaDelimitedList" or kind.startswith("List<"):
                self._lists[name] = [item.strip() for item in value.split(",")]
        return found

    def _check_allowed(self, name: str, parameter: View, value: str) -> None:
        allowed = parameter.get("AllowedValues")
        values = [self.given.fill_value(item.value).text for item in allowed.elements()] if allowed is not None else []
        if values and value not in values and self.given.get(name) is not None:
            self.problems.error(allowed.place, "unknown-value", f"parameter {name} is {shown(value)}; allowed are "
                                f"{', '.join(map(shown, values))}{did_you_mean(value, filter(None, values))}")

    def _present(self, reader: Reader) -> dict[str, tuple[str, View]]:
        """Resources whose condition holds: logical id -> type, view."""
        found: dict[str, tuple[str, View]] = {}
        resources = reader.mapping(self._root.get("Resources"))
        for name, view in resources.items() if resources is not None else ():
            kind = view.get("Type")
            condition = view.get("Condition")
            if kind is None or not isinstance(kind.value, str):
                if name.startswith("Fn::ForEach"):
                    self.problems.error(view.key_place, "unserved", "Fn::ForEach is not read; write its resources out")
                continue
            if condition is None or self._resolver.holds(str(condition.value), condition):
                found[name] = (kind.value, view)
        return found

    def _attributes(self, present: Mapping[str, tuple[str, View]]) -> dict[str, str]:
        """Stand-ins for what { Ref } and { Fn::GetAtt } of resources give."""
        region, account = self.given.get("AWS::Region"), self.given.get("AWS::AccountId")
        partition = self.given.get("AWS::Partition")
        values: dict[str, str] = {}
        for name, (kind, view) in present.items():
            properties = view.get("Properties")
            given = properties.get(_NAMES[kind]) if properties is not None and kind in _NAMES else None
            own = self._resolver.text(given) or name
            self._names[name] = own
            if kind in _ARNS:
                arn = f"arn:{partition}:" + _ARNS[kind].format(region=region, account=account, name=own)
                values[f"{name}.Arn"] = arn
                own = arn if kind in _REF_IS_ARN else own
            if kind == "AWS::SQS::Queue":
                values[f"{name}.QueueName"] = own
                own = values[f"{name}.QueueUrl"] = f"https://sqs.{region}.amazonaws.com/{account}/{own}"
            if kind.startswith(_GATEWAY) or kind in _NAMES:
                values[name] = own
            if kind == "AWS::ApiGateway::RestApi" or kind == "AWS::Serverless::Api":
                values[f"{name}.RootResourceId"] = f"{name}.RootResourceId"
            if kind.endswith("Api"):
                values[f"{name}.RestApiId"] = values[f"{name}.ApiId"] = name
            if kind in ("AWS::Lambda::Function", "AWS::Serverless::Function"):
                values[f"{name}.Alias"] = f"{values[f'{name}.Arn']}"
            for attribute in ("AuthorizerId", "DeploymentId", "RequestValidatorId", "ResourceId", "VpcLinkId"):
                if kind.startswith("AWS::ApiGateway"):
                    values[f"{name}.{attribute}"] = name
        # The implicit APIs of SAM are there for whoever names them.
        for name, stage in (("ServerlessRestApi", "Prod"), ("ServerlessHttpApi", "$default")):
            values.setdefault(name, name)
            values.setdefault(f"{name}Stage", stage)
            values.setdefault(f"{name}.Stage", stage)
        return values

    def _resolved(self, name: str, kind: str, view: View) -> Resource:
        """Properties of resources that nobody reads stay as they are."""
        if kind.startswith((*_GATEWAY, "AWS::Lambda::Function")):
            view = self._resolver.document(view).view()
        return Resource(name, kind, view, self.reader.mapping(view.get("Properties")))


"""CloudFormation and SAM templates: the OpenAPI body that a template holds inline."""

from dataclasses import dataclass

from fastgw.load.document import View
from fastgw.load.guards import Guards
from fastgw.load.problem import shown
from fastgw.load.reader import Reader
from fastgw.model.api import ApiKind

_BODIES = {
    "AWS::ApiGateway::RestApi": ("Body", ApiKind.REST),
    "AWS::Serverless::Api": ("DefinitionBody", ApiKind.REST),
    "AWS::Serverless::HttpApi": ("DefinitionBody", ApiKind.HTTP),
    "AWS::ApiGatewayV2::Api": ("Body", ApiKind.HTTP),
}
_ELSEWHERE = ("BodyS3Location", "DefinitionUri")
_FAMILIES = ("AWS::ApiGateway::", "AWS::ApiGatewayV2::")

_HARMLESS = frozenset((
    "ApiKeySourceType", "AlwaysDeploy", "BasePath", "Description", "FailOnWarnings", "IpAddressType", "Mode",
    "Name", "OpenApiVersion", "Parameters", "PropagateTags", "ProtocolType", "StageName", "Tags",
    "TracingEnabled", "Version",
))
"""Properties of an API that change nothing about its traffic here."""

_CHECKS = {"Auth": "authorizer", "Policy": "policy", "MutualTlsAuthentication": "authorizer"}
"""Properties that ask for a check."""


def is_template(root: View) -> bool:
    resources = root.get("Resources")
    return resources is not None and root.get("openapi") is None and root.get("swagger") is None


@dataclass(frozen=True, slots=True)
class Body:
    """name is the resource's; defaults are those of the template's parameters."""

    name: str
    view: View
    kind: ApiKind
    resource: View
    defaults: dict[str, str]


def find_body(reader: Reader, root: View) -> Body | None:
    """The template's one inline definition; everything else of these services is named."""
    resources = reader.mapping(root.get("Resources"))
    if resources is None:
        return None
    bodies: list[Body] = []
    others: list[View] = []
    for name, resource in resources.items():
        kind = resource.get("type") or resource.get("Type")
        text = kind.value if kind is not None and isinstance(kind.value, str) else ""
        if text in _BODIES:
            body = _body(reader, root, name, resource, text)
            if body is not None:
                bodies.append(body)
        elif text.startswith(_FAMILIES) or (text == "AWS::Serverless::Function" and _has_api_event(resource)):
            others.append(kind)
    if not bodies:
        if not reader.problems.has_errors():
            found = f"; {others[0].value} resources are not read" if others else ""
            reader.problems.error(root.place, "not-a-definition",
                                  f"this template holds no inline OpenAPI body{found}")
        return None
    for kind in others:
        reader.problems.warning(kind.place, "unserved", f"{kind.value} is not read: only the inline body of "
                                f"{bodies[0].name} is served")
    if len(bodies) > 1:
        names = ", ".join(body.name for body in bodies)
        reader.problems.error(bodies[1].resource.key_place, "too-many", f"this template holds {len(bodies)} "
                              f"definitions ({names}); one file gives one API")
        return None
    return bodies[0]


def _body(reader: Reader, root: View, name: str, resource: View, kind: str) -> Body | None:
    field, api_kind = _BODIES[kind]
    properties = resource.get("Properties")
    body = properties.get(field) if properties is not None else None
    if body is None:
        elsewhere = next((key for key in _ELSEWHERE if properties is not None
                          and properties.get(key) is not None), None)
        why = f"its {elsewhere} is not followed; give that file itself" if elsewhere else \
            f"without {field} it is put together from other resources, which are not read"
        reader.problems.error(resource.key_place, "unserved", f"{kind} {name}: {why}")
        return None
    if isinstance(body.value, dict) and "Fn::Transform" in body.value:
        reader.problems.error(body.place, "unserved",
                              f"{kind} {name}: Fn::Transform is not followed; give that file itself")
        return None
    return Body(name, body, api_kind, resource, _defaults(root))


def _defaults(root: View) -> dict[str, str]:
    parameters = root.get("Parameters")
    found = {}
    for name, parameter in parameters.items() if parameters is not None else ():
        default = parameter.get("Default")
        if default is not None and isinstance(default.value, str | int | float):
            found[name] = str(default.value)
    return found


def _has_api_event(resource: View) -> bool:
    properties = resource.get("Properties")
    events = properties.get("Events") if properties is not None else None
    return any(str((event.get("Type") or event).value) in ("Api", "HttpApi")
               for _, event in (events.items() if events is not None else ()))


def check_properties(reader: Reader, body: Body, guards: Guards) -> None:
    """Properties beside the body: checks are demanded, the rest that matters is named."""
    for key, value in body.resource.get("Properties").items():
        if key in _HARMLESS or value.path == body.view.path:
            continue
        if key in _CHECKS:
            guards.demand(_CHECKS[key], f"{key} of {body.name}", value.key_place)
        else:
            reader.problems.warning(value.key_place, "unserved",
                                    f"{shown(key)} of {body.name} is not served yet; it is ignored")

"""What an authorizer is told of a request: the one token, or the event that a function of the API would get.

Source: developer guide, "Input to an API Gateway Lambda authorizer" and "Working with AWS Lambda authorizers for HTTP
APIs".
"""

from collections.abc import Callable

import msgspec

from fastgw._core.step import Request
from fastgw.model.api import ApiKind
from fastgw.model.authorizer import RequestAuthorizer
from fastgw.parts.arn import method_arn, stage_arn
from fastgw.parts.env import Env
from fastgw.parts.integrate.lambda_event import event_of

Identity = tuple[bytes, ...]
Event = dict[str, object]

_OF_BODIES = frozenset({"content-length"})
"""The body has not come yet when an authorizer is asked."""
_MAPS = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables")
"""Empty where they have nothing, as the service writes them for authorizers."""
_KEY_FIELD = b"x-api-key"

_encode = msgspec.json.Encoder().encode


def asked_event(authorizer: RequestAuthorizer, env: Env) -> Callable[[Request, Identity], bytes]:
    """The document of a request whose identity sources have these values."""
    stage = stage_arn(env.region, env.account, env.api.id, env.stage.name)

    def arn(request: Request) -> str:
        return method_arn(stage, request.context("METHOD"), request.context("RESOURCE_PATH"))

    if authorizer.kind == "TOKEN":
        return lambda request, identity: _encode(
            {"type": "TOKEN", "authorizationToken": _text(identity[0]), "methodArn": arn(request)})
    whole = event_of(authorizer.payload, env)
    if env.api.kind is ApiKind.REST:
        return lambda request, identity: _encode(
            {"type": "REQUEST", "methodArn": arn(request)} | _without_body(whole(request), request))
    if authorizer.payload == "1.0":
        return lambda request, identity: _encode(
            {"version": "1.0", "type": "REQUEST", "methodArn": arn(request)} | _joined(identity)
            | _without_body(whole(request), request))
    return lambda request, identity: _encode(
        {"version": "2.0", "type": "REQUEST", "routeArn": arn(request), "identitySource": list(map(_text, identity))}
        | _without_body2(whole(request)))


def _joined(identity: Identity) -> Event:
    texts = ",".join(map(_text, identity)) or None
    return {"identitySource": texts, "authorizationToken": texts}


def _without_body(event: Event, request: Request) -> Event:
    """Of REST APIs and of format 1.0."""
    event = {name: value for name, value in event.items() if name not in ("body", "isBase64Encoded")}
    event |= {name: event[name] or {} for name in _MAPS}
    for name in ("headers", "multiValueHeaders"):
        event[name] = _told(event[name])
    identity = event["requestContext"]["identity"]
    identity.pop("apiKeyId", None)
    identity.pop("apiKey", None)
    key = next((value for name, value in request.headers if name.lower() == _KEY_FIELD), None)
    if key is not None:
        identity["apiKey"] = _text(key)
    return event


def _without_body2(event: Event) -> Event:
    event = {name: value for name, value in event.items() if name not in ("body", "isBase64Encoded")}
    event["headers"] = _told(event["headers"])
    return event


def _told(headers: Event) -> Event:
    return {name: value for name, value in headers.items() if name.lower() not in _OF_BODIES}


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")

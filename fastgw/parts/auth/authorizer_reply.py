"""What an authorizer answers -> a decision.

Source: developer guide, "Output from an API Gateway Lambda authorizer" and "Working with AWS Lambda authorizers for
HTTP APIs"; what is malformed is answered 500.
"""

from collections.abc import Callable

import msgspec

from fastgw._core.policy import CompiledPolicy
from fastgw._core.step import Allowed, Denied, Failure
from fastgw.errors import CODE
from fastgw.model.api import ApiKind
from fastgw.model.authorizer import RequestAuthorizer
from fastgw.parts.auth.policy import PolicyError, compile_document

Decision = Allowed | Denied
_decode = msgspec.json.Decoder().decode


class Malformed(Exception):
    """The message says why, for the log; it holds nothing of what was answered."""


def reply_reader(authorizer: RequestAuthorizer, kind: ApiKind, either: bool = False) -> Callable[[bytes], Decision]:
    """either: a simple answer and a policy are both taken, whatever the authorizer says. The reader raises Failure."""
    nested = kind is ApiKind.HTTP

    def read(body: bytes) -> Decision:
        try:
            reply = _object(body)
            simple = "isAuthorized" in reply if either else authorizer.simple
            return (_simple if simple else _policy)(reply, authorizer.ttl_seconds, nested)
        except Malformed as error:
            raise Failure(CODE["AUTHORIZER_CONFIGURATION_ERROR"], detail=f"the authorizer's answer: {error}") from None

    return read


def _object(body: bytes) -> dict[str, object]:
    try:
        found = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("no JSON") from None
    if not isinstance(found, dict):
        raise Malformed("no object")
    return found


def _simple(reply: dict[str, object], ttl: int, nested: bool) -> Decision:
    allowed = reply.get("isAuthorized")
    if not isinstance(allowed, bool):
        raise Malformed("isAuthorized is neither true nor false")
    context = _context(reply, nested)
    if not allowed:
        return Denied(ttl)
    return Allowed(None, _values(context), context, ttl_seconds=ttl)


def _policy(reply: dict[str, object], ttl: int, nested: bool) -> Decision:
    principal = reply.get("principalId")
    if not isinstance(principal, str) or not principal:
        raise Malformed("no principalId")
    usage_key = reply.get("usageIdentifierKey")
    if not isinstance(usage_key, str | None):
        raise Malformed("usageIdentifierKey is no text")
    context = {"principalId": principal} | _context(reply, nested)
    return Allowed(None, _values(context), context, policy=_compiled(reply), usage_key=usage_key, ttl_seconds=ttl)


def _compiled(reply: dict[str, object]) -> CompiledPolicy:
    document = reply.get("policyDocument")
    if not isinstance(document, dict):
        raise Malformed("no policyDocument")
    try:
        return compile_document(document)
    except PolicyError as error:
        raise Malformed(f"policyDocument: {error}") from None


def _context(reply: dict[str, object], nested: bool) -> dict[str, object]:
    """Of a REST API texts, numbers and booleans, as texts; of an HTTP API any JSON. What is null is not there."""
    context = reply.get("context")
    if context is None:
        return {}
    if not isinstance(context, dict):
        raise Malformed("context is no object")
    given = {name: value for name, value in context.items() if value is not None and name != "principalId"}
    if nested:
        return given
    if any(isinstance(value, dict | list) for value in given.values()):
        raise Malformed("a value of context is an object or a list")
    return {name: _printed(value) for name, value in given.items()}


def _values(context: dict[str, object]) -> dict[str, str]:
    return {f"authorizer.{name}": _printed(value) for name, value in context.items()}


def _printed(value: object) -> str:
    """What is no text prints as JSON does."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

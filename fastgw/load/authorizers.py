"""x-amazon-apigateway-authorizer of the types that ask somebody, token and request -> model.RequestAuthorizer."""

import re

from fastgw.load.document import View
from fastgw.load.names import is_context
from fastgw.load.problem import Problems, shown
from fastgw.load.reader import Reader
from fastgw.model.api import ApiKind
from fastgw.model.authorizer import MAX_TTL, IdentitySource, RequestAuthorizer
from fastgw.model.function import ARN, function_of, invocation_uri
from fastgw.model.value import Context, RequestParameter, StageVariable
from fastgw.parts.transform.selection import SelectionPattern

TOKEN, REQUEST = "token", "request"
TYPES = (TOKEN, REQUEST)
DEFAULT_TTL = 300

_FIELDS = ("type", "authorizerUri", "authorizerCredentials", "identitySource", "identityValidationExpression",
           "authorizerResultTtlInSeconds", "authorizerPayloadFormatVersion", "enableSimpleResponses")
_PARAMETER = re.compile(r"\$?(?:method\.)?request\.(header|querystring)\.([^\s,]+)")
_CONTEXT = re.compile(r"\$?context\.([A-Za-z0-9_.-]+)")
_STAGE = re.compile(r"\$?stageVariables\.([A-Za-z0-9_]+)")
_SPLIT = re.compile(r"\s*,\s*")


def read_request_authorizer(reader: Reader, name: str, kind: str, scheme: View, given: View,
                            api: ApiKind) -> RequestAuthorizer | None:
    """kind: one of TYPES. scheme: the security scheme; given: its x-amazon-apigateway-authorizer. None where it cannot
    be used; what is wrong is told."""
    reader.known_keys(given, _FIELDS, f"an authorizer of type {kind}", strict=True)
    problems, http = reader.problems, api is ApiKind.HTTP
    if http and kind == TOKEN:
        problems.error(given.place, "unknown-value", "an HTTP API has no authorizers of type token; write request")
        return None
    uri = _uri(reader, given)
    sources = read_sources(reader, given.get("identitySource"))
    if sources == () and kind == TOKEN:
        sources = (RequestParameter("header", reader.text(scheme.get("name")) or "Authorization"),)
    if uri is None or sources is None:
        return None
    if kind == TOKEN and not is_one_header(sources):
        problems.error((given.get("identitySource") or given).place, "bad-source", "an authorizer of type token has "
                       "one identity source, method.request.header.NAME")
        return None
    payload = (reader.name(given.get("authorizerPayloadFormatVersion"), ("1.0", "2.0")) or "2.0") if http else "1.0"
    simple = http and bool(reader.flag(given.get("enableSimpleResponses")))
    if simple and payload == "1.0":
        problems.error(given.get("enableSimpleResponses").place, "conflict", "simple responses need "
                       "authorizerPayloadFormatVersion 2.0")
    return RequestAuthorizer(
        name, kind.upper(), uri, given.key_place, sources,
        validation=read_validation(reader, kind, given.get("identityValidationExpression")),
        ttl_seconds=read_ttl(reader, given.get("authorizerResultTtlInSeconds"), sources),
        payload=payload,
        simple=simple,
        credentials=reader.text(given.get("authorizerCredentials")) or None,
    )


def _uri(reader: Reader, given: View) -> str | None:
    """The URI that invokes a function; HTTP APIs also take its ARN alone."""
    view = given.get("authorizerUri")
    if view is None:
        reader.problems.error(given.place, "missing-field", "this authorizer has no authorizerUri")
        return None
    text = reader.text(view)
    if text is not None and ARN.fullmatch(text):
        return invocation_uri(text)
    if text is not None and function_of(text) is None:
        reader.problems.error(view.place, "bad-uri", f"authorizerUri {shown(text)} invokes no function; write "
                              "arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/ARN/invocations")
        return None
    return text


def read_sources(reader: Reader, view: View | None) -> tuple[IdentitySource, ...] | None:
    """A text with commas, or a list of texts. None where one of them is none, which is told."""
    if view is None or view.value is None:
        return ()
    items = list(view.elements()) if isinstance(view.value, list) else [view]
    found = [_source(reader, item, part) for item in items
             for part in _SPLIT.split((reader.text(item) or "").strip()) if part]
    return None if None in found else tuple(one for one in found if one is not None)


def _source(reader: Reader, view: View, text: str) -> IdentitySource | None:
    if found := _PARAMETER.fullmatch(text):
        return RequestParameter(found[1], found[2])
    if found := _STAGE.fullmatch(text):
        return StageVariable(found[1])
    found = _CONTEXT.fullmatch(text)
    if found and is_context(found[1]) and not found[1].startswith("authorizer."):
        return Context(found[1])
    reader.problems.error(view.place, "bad-source", f"{shown(text)} is no identity source; allowed are "
                          "method.request.header.NAME, method.request.querystring.NAME, context.NAME and "
                          "stageVariables.NAME, in an HTTP API with $request in place of method.request")
    return None


def is_one_header(sources: tuple[IdentitySource, ...]) -> bool:
    return len(sources) == 1 and isinstance(sources[0], RequestParameter) and sources[0].location == "header"


def read_validation(reader: Reader, kind: str, view: View | None) -> str | None:
    text = reader.text(view) or None
    if text is None:
        return None
    if kind != TOKEN:
        reader.problems.warning(view.key_place, "no-effect", "identityValidationExpression counts for authorizers of "
                                "type token only, as in the service")
        return None
    check_validation(reader.problems, view, text)
    return text


def check_validation(problems: Problems, view: View, text: str) -> None:
    try:
        SelectionPattern(text)
    except ValueError as error:
        problems.error(view.place, "bad-pattern", f"{view.name} {shown(text)}: {error}")


def read_ttl(reader: Reader, view: View | None, sources: tuple[IdentitySource, ...]) -> int:
    """Without an identity source nothing says for whom a decision could be kept."""
    seconds = reader.integer(view, 0, MAX_TTL)
    if seconds and not sources:
        reader.problems.error(view.place, "missing-field", f"{view.name} {seconds:,} needs an identity source, by "
                              "which decisions are kept")
    return (DEFAULT_TTL if sources else 0) if seconds is None else seconds

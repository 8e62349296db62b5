"""The section authorizers of an API in a fastgw.yaml -> model.Authorizer, by their security schemes."""

from collections.abc import Mapping

from msgspec import UNSET

from fastgw.load import schema
from fastgw.load.authorizers import (
    DEFAULT_TTL,
    TOKEN,
    check_validation,
    is_one_header,
    read_sources,
)
from fastgw.load.document import View
from fastgw.load.problem import Problems, shown
from fastgw.load.reader import Reader
from fastgw.load.uri import BadUri, target
from fastgw.model.api import Api
from fastgw.model.authorizer import Authorizer, JwtAuthorizer, RequestAuthorizer
from fastgw.model.function import ARN, invocation_uri, name_of
from fastgw.model.value import RequestParameter


def read_own_authorizers(given: Mapping[str, schema.AuthorizerFile], section: View | None, region: str,
                         reader: Reader) -> dict[str, Authorizer]:
    """section is where given stands; region that of the gateway, for functions named without an ARN."""
    found = ((name, _authorizer(name, one, section.get(name), region, reader)) for name, one in given.items())
    return {name: one for name, one in found if one is not None}


def check_used(api: Api, section: View, problems: Problems) -> None:
    """One that no operation asks for protects nothing."""
    used = {route.access.authorizer for route in api.routes if route.access is not None}
    for name in section.value:
        if name not in used:
            problems.error(section.get(name).key_place, "no-effect", f"no operation of {api.name} asks for authorizer "
                           f"{shown(name)}: it stands for a security scheme of that name")


def _authorizer(name: str, given: schema.AuthorizerFile, view: View, region: str, reader: Reader) -> Authorizer | None:
    if sum(one is not UNSET for one in (given.url, given.function, given.issuer)) != 1:
        reader.problems.error(view.place, "bad-value", "an authorizer has a url, a function or an issuer, one of the "
                              "three")
        return None
    if given.issuer is not UNSET:
        return _of_tokens(name, given, view, reader)
    if given.audience:
        reader.problems.error(view.get("audience").place, "no-effect", "audience is for an issuer's tokens")
    return _asked(name, given, view, region, reader)


def _of_tokens(name: str, given: schema.AuthorizerFile, view: View, reader: Reader) -> JwtAuthorizer | None:
    problems = reader.problems
    for field in ("type", "payload", "simple"):
        if view.get(field) is not None:
            problems.error(view.get(field).place, "no-effect", f"{field} has no effect on an issuer's tokens")
    if not given.audience:
        problems.error(view.place, "missing-field", "an issuer needs an audience, of which a token must name one")
        return None
    sources = read_sources(reader, view.get("identity"))
    if sources is None:
        return None
    if len(sources) > 1 or not all(isinstance(source, RequestParameter) for source in sources):
        problems.error(view.get("identity").place, "bad-source", "a token is in one place, method.request.header.NAME "
                       "or method.request.querystring.NAME")
        return None
    validation = None if given.validation is UNSET else given.validation
    if validation is not None:
        check_validation(problems, view.get("validation"), validation)
    source = sources[0] if sources else RequestParameter("header", "Authorization")
    ttl = DEFAULT_TTL if given.ttl is UNSET else given.ttl
    return JwtAuthorizer(name, (given.issuer,), view.key_place, source, tuple(given.audience), validation,
                         ttl_seconds=ttl)


def _asked(name: str, given: schema.AuthorizerFile, view: View, region: str,
           reader: Reader) -> RequestAuthorizer | None:
    problems = reader.problems
    uri = _uri(given, view, region, problems)
    sources = read_sources(reader, view.get("identity"))
    if uri is None or sources is None:
        return None
    if given.type == TOKEN and not is_one_header(sources):
        problems.error((view.get("identity") or view).place, "bad-source", "an authorizer of type token has one "
                       "identity, method.request.header.NAME")
        return None
    if given.ttl is not UNSET and given.ttl and not sources:
        problems.error(view.get("ttl").place, "missing-field", f"ttl {given.ttl:,} needs an identity, by which "
                       "decisions are kept")
    validation = None if given.validation is UNSET else given.validation
    if validation is not None:
        if given.type != TOKEN:
            problems.error(view.get("validation").place, "no-effect", "validation is for authorizers of type token")
        check_validation(problems, view.get("validation"), validation)
    ttl = (DEFAULT_TTL if sources else 0) if given.ttl is UNSET else given.ttl
    return RequestAuthorizer(name, given.type.upper(), uri, view.key_place, sources, validation=validation,
                             ttl_seconds=ttl, payload=given.payload, simple=given.simple)


def _uri(given: schema.AuthorizerFile, view: View, region: str, problems: Problems) -> str | None:
    if given.url is UNSET:
        return _invoked(given.function, view.get("function"), region, problems)
    try:
        found = target(given.url)
    except BadUri as error:
        problems.error(view.get("url").place, "bad-uri", str(error))
        return None
    if "{" in found.rest:
        problems.error(view.get("url").place, "bad-uri", f"{shown(given.url)} must be a plain URL, "
                       "without placeholders")
        return None
    return given.url


def _invoked(function: str, view: View, region: str, problems: Problems) -> str | None:
    if ARN.fullmatch(function):
        return invocation_uri(function)
    if name_of(function) is None:
        problems.error(view.place, "bad-name", f"{shown(function)} is neither the name of a function nor its ARN")
        return None
    return f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function}/invocations"

"""The section authorizers of an API in a fastgw.yaml -> model.RequestAuthorizer, by their security schemes."""

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
from fastgw.model.authorizer import Authorizer, RequestAuthorizer
from fastgw.model.function import ARN, invocation_uri, name_of


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


def _authorizer(name: str, given: schema.AuthorizerFile, view: View, region: str,
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
    if (given.url is UNSET) == (given.function is UNSET):
        problems.error(view.place, "bad-value", "an authorizer has a url or a function, one of the two")
        return None
    if given.url is UNSET:
        return _invoked(given.function, view.get("function"), region, problems)
    try:
        found = target(given.url)
    except BadUri as error:
        problems.error(view.get("url").place, "bad-uri", str(error))
        return None
    if found.scheme != "http" or "{" in given.url:
        problems.error(view.get("url").place, "bad-uri", f"{shown(given.url)} must be a plain URL that begins with "
                       "http://")
        return None
    return given.url


def _invoked(function: str, view: View, region: str, problems: Problems) -> str | None:
    if ARN.fullmatch(function):
        return invocation_uri(function)
    if name_of(function) is None:
        problems.error(view.place, "bad-name", f"{shown(function)} is neither the name of a function nor its ARN")
        return None
    return f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function}/invocations"

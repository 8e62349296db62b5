"""Upstream URIs: what may vary in them, and what never may.

The authority decides who gets the request. It may hold stage variables, which the operator sets, but
never a path parameter, which the client sets.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from fastgw.load.problem import did_you_mean, one_of, shown
from fastgw.model.service import BadArn, ServiceUri

STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_SCHEME = re.compile(r"(https?)://", re.IGNORECASE)
_AUTHORITY_END = re.compile(r"[/?]")
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])"
_AUTHORITY = re.compile(rf"{_HOST}(?::([0-9]{{1,5}}))?")
_PARAMETER = re.compile(r"[A-Za-z0-9._-]+")


class BadUri(ValueError):
    """The message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked upstream URI.

    authority  as written, in lower case where it has no stage variables
    variables  stage variables that the authority depends on
    """

    scheme: str
    authority: str
    rest: str
    variables: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.rest}"


def target(uri: str) -> Target:
    """Take an upstream URI apart. Raises BadUri."""
    scheme = _SCHEME.match(uri)
    if scheme is None:
        raise BadUri(f"{shown(uri)} must begin with http:// or https://")
    if not uri.isascii() or not uri.isprintable() or " " in uri or "\\" in uri:
        raise BadUri(f"{shown(uri)} must be visible ASCII, without blanks or backslashes")
    if "#" in uri:
        raise BadUri(f"{shown(uri)} must not have a fragment")
    rest = uri[scheme.end():]
    # What a stage variable holds counts as text of the authority: "1" fits as a host and as a port.
    plain = STAGE_VARIABLE.sub(lambda found: "1" * len(found[0]), rest)
    end = _AUTHORITY_END.search(plain)
    split = end.start() if end else len(rest)
    authority, rest = rest[:split], rest[split:]
    variables = tuple(STAGE_VARIABLE.findall(authority))
    bare = STAGE_VARIABLE.sub("1", authority)
    if PLACEHOLDER.search(bare):
        raise BadUri(f"{shown(uri)} lets a request choose the host: path parameters may stand only after it")
    if not is_authority(bare):
        raise BadUri(f"{shown(authority)} is no host, or host:port")
    _check_placeholders(uri, rest)
    return Target(scheme[1].lower(), authority if variables else authority.lower(), rest, variables)


def check_arn(kind: str, uri: str) -> ServiceUri:
    """The uri of an AWS or AWS_PROXY integration; a stage variable may stand for any word. Raises BadUri."""
    try:
        found = ServiceUri.parse(STAGE_VARIABLE.sub("any", uri))
    except BadArn as error:
        raise BadUri(f"{shown(uri)} {error}") from None
    if kind == "AWS_PROXY" and found.service not in ("lambda", "firehose"):
        raise BadUri("Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream "
                     "invocations.")
    return found


def is_authority(text: str) -> bool:
    """Whether text is host or host:port."""
    found = _AUTHORITY.fullmatch(text)
    return found is not None and (found[1] is None or 0 < int(found[1]) < 65536)


def _check_placeholders(uri: str, rest: str) -> None:
    left = PLACEHOLDER.sub("", STAGE_VARIABLE.sub("", rest))
    if "{" in left or "}" in left:
        raise BadUri(f"{shown(uri)} has a brace without its partner")
    if "${" in STAGE_VARIABLE.sub("", rest):
        raise BadUri(f"{shown(uri)} holds a ${{...}} that is no stage variable; "
                     "write ${stageVariables.name}, the name of letters, digits and _")
    for name in placeholders(rest):
        if not _PARAMETER.fullmatch(name):
            raise BadUri(f"{shown('{' + name + '}')} in the uri is no parameter; "
                         "write {name} or ${stageVariables.name}")


def placeholders(text: str) -> list[str]:
    """Names of {name} in a text, stage variables left out."""
    return PLACEHOLDER.findall(STAGE_VARIABLE.sub("", text))


def check_fed(rest: str, fed: Collection[str]) -> None:
    """Every placeholder must have a value. Raises BadUri."""
    for name in placeholders(rest):
        if name not in fed:
            hint = did_you_mean(name, fed)
            have = f"this route has {one_of(fed)}" if fed else "this route has no path parameter"
            raise BadUri(f"{{{name}}} in the uri has no value; {have}{hint}")

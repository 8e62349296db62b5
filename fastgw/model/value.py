"""Where a mapped value comes from: the right side of a parameter mapping.

Source of the grammar: Amazon API Gateway developer guide, "parameter mapping".
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Static:
    """A literal, written 'in single quotes' in a definition."""

    value: str


@dataclass(frozen=True, slots=True)
class RequestParameter:
    """method.request.{path|querystring|header|multivaluequerystring|multivalueheader}.name.

    location is "path", "querystring" or "header"; multi joins all values with a comma,
    otherwise the last value wins.
    """

    location: str
    name: str
    multi: bool = False


@dataclass(frozen=True, slots=True)
class StageVariable:
    """stageVariables.name"""

    name: str


@dataclass(frozen=True, slots=True)
class Context:
    """context.name, the name without its prefix: "identity.sourceIp"."""

    name: str


Source = Static | RequestParameter | StageVariable | Context
"""What the engine puts in without the body of a message."""


@dataclass(frozen=True, slots=True)
class BodyValue:
    """method.request.body or integration.response.body, by which side the mapping stands on.

    path is a JSONPath into the body, or "$" for all of it, which is taken as it stands and need not be JSON.
    """

    path: str


@dataclass(frozen=True, slots=True)
class ResponseHeader:
    """integration.response.{header|multivalueheader}.name; multi joins all values with a comma, otherwise the last
    value wins.
    """

    name: str
    multi: bool = False


Mapped = Source | BodyValue | ResponseHeader
"""Every right side of a REST API's parameter mapping."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text with values put in: literals and sources in order, written one after the other."""

    parts: tuple[Source, ...]

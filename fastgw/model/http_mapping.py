"""Parameter mapping of HTTP APIs: what is appended, overwritten or removed, and with which value.

Source of the grammar: Amazon API Gateway developer guide, "Transforming API requests and responses".
"""

import re
from dataclasses import dataclass

from fastgw.model.place import Place
from fastgw.model.value import Context, RequestParameter, StageVariable, Static

APPEND, OVERWRITE, REMOVE = "append", "overwrite", "remove"
HEADER, QUERY, PATH, STATUS = "header", "querystring", "path", "statuscode"

BODY_BYTES = 102_400
"""How much of a body a JSONPath sees; the service cuts the rest off."""


@dataclass(frozen=True, slots=True)
class RequestPath:
    """$request.path: the request's path below the stage."""


@dataclass(frozen=True, slots=True)
class Body:
    """$request.body.a.b or $response.body.a.b; path is its JSONPath, "$.a.b", or "$" for the whole body."""

    side: str
    path: str


_STEP = re.compile(r"""\.([A-Za-z0-9_-]+)|\[([0-9]{1,9})\]|\['([^'\\\]]+)'\]|\["([^"\\\]]+)"\]""")


def body_steps(path: str) -> tuple[str | int, ...] | None:
    """The names and positions of a JSONPath of these only; None for any other."""
    found: list[str | int] = []
    at = 1
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            return None
        found.append(int(step[2]) if step[2] is not None else step[1] or step[3] or step[4])
        at = step.end()
    return tuple(found)


@dataclass(frozen=True, slots=True)
class ResponseHeader:
    """$response.header.name: every value of the integration's field, joined with commas."""

    name: str


Part = Static | StageVariable | Context | RequestParameter | RequestPath | Body | ResponseHeader


@dataclass(frozen=True, slots=True)
class Value:
    """Parts written one after the other. A part without a value is left out of a mix."""

    parts: tuple[Part, ...]

    def reads_body(self) -> bool:
        """Whether the whole body must be there before the value is."""
        return any(isinstance(part, Body) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Change:
    """One mapping: "append:header.x" <- value.

    action    APPEND, OVERWRITE or REMOVE
    location  HEADER or QUERY with a name; PATH (requests) and STATUS (responses) have none
    value     None for REMOVE
    """

    action: str
    location: str
    name: str
    value: Value | None
    place: Place


@dataclass(frozen=True, slots=True)
class ResponseChanges:
    """What becomes of the integration's answers that have this status."""

    status: int
    changes: tuple[Change, ...]

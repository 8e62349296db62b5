"""What a request must hold before it is passed on: its required parameters and its body's models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from fastgw.model.place import Place


class Mode(Enum):
    """How a stage checks requests.

    AWS     what request validators ask for, as the service does it: some schema keywords have no effect there
    STRICT  whatever the definition says, and every keyword
    """

    AWS = "aws"
    STRICT = "strict"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A required parameter. location is "header", "path" or "querystring"."""

    location: str
    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Schema:
    """A model that stands alone: every $ref leads to "#/definitions/NAME" in value itself.

    name     for messages: the component's, or "the body"
    dialect  "draft4" (Swagger 2), "openapi3.0", or "draft7" (OpenAPI 3.1 in the words of draft 7)
    """

    name: str
    value: Mapping[str, object] = field(hash=False)
    dialect: str
    place: Place


@dataclass(frozen=True, slots=True)
class Body:
    """models: media type, range or "$default", in lower case without parameters -> its model; None: any content.

    required  an absent body is refused; the service does not look at it
    """

    models: tuple[tuple[str, Schema | None], ...]
    required: bool = False

    def models_for(self, mode: Mode) -> list[tuple[str, Schema | None]]:
        """Where a stage is strict a model of what is no JSON is none: it describes what the content means."""
        return [(media, schema if mode is Mode.AWS or is_json(media) else None) for media, schema in self.models]


@dataclass(frozen=True, slots=True)
class Checks:
    """What a definition says of one operation's requests.

    parameters, body         what it declares, as far as a stage looks at it
    asked                    whether there is a request validator, the operation's or the API's
    asked_parameters, asked_body
                             what that validator checks
    """

    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    asked: bool = False
    asked_parameters: bool = False
    asked_body: bool = False

    def parameters_for(self, mode: Mode) -> tuple[Parameter, ...]:
        """Those that a stage of this mode looks for."""
        return self.parameters if self._checked(self.asked_parameters, mode) else ()

    def body_for(self, mode: Mode) -> Body | None:
        """The body that a stage of this mode checks."""
        return self.body if self._checked(self.asked_body, mode) else None

    def _checked(self, asked: bool, mode: Mode) -> bool:
        """A validator decides; without one everything that is declared counts where the stage is strict."""
        return asked if self.asked else mode is Mode.STRICT


def media_type(text: str) -> str:
    """type/subtype in lower case, without parameters (RFC 9110 section 8.3.1)."""
    return text.partition(";")[0].strip().lower()


def is_json(media: str) -> bool:
    """Whether content of a media type is JSON (RFC 6839 section 3.1); "$default" and ranges are taken to be."""
    kind, _, subtype = media_type(media).partition("/")
    return kind == "$default" or "*" in (kind, subtype) or subtype == "json" or subtype.endswith("+json")

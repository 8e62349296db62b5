"""An access log: what a line says and which file it goes to."""

from dataclasses import dataclass
from enum import Enum

from fastgw.model.place import Place
from fastgw.model.value import Context, Static

STDOUT = "-"


class LogStyle(Enum):
    """How values are escaped: inside a text's quotes, as JSON, as XML."""

    TEXT = "text"
    JSON = "json"
    XML = "xml"


@dataclass(frozen=True, slots=True)
class AccessLog:
    """file is absolute, or STDOUT; parts are written one after the other, without the newline."""

    file: str
    style: LogStyle
    parts: tuple[Static | Context, ...]
    place: Place

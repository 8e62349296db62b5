"""A route answered from several backends that are called side by side."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastgw.model.place import Place

if TYPE_CHECKING:
    from fastgw.model.integration import Integrated


@dataclass(frozen=True, slots=True)
class Branch:
    """One call. name is how the template and the metadata call it.

    integrated  type HTTP or AWS; its timeout is the branch's
    required    whether the whole fails with it
    success     Java regular expression that must fit all of the outcome; None: a status of 200 to 399, or a function
                that ran
    """

    name: str
    integrated: "Integrated"
    required: bool = True
    success: str | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """template is given each branch's answer; None puts the bodies together as one JSON object."""

    branches: tuple[Branch, ...]
    place: Place
    template: str | None = None
    status: int = 200
    content_type: str = "application/json"
    timeout_ms: int | None = None

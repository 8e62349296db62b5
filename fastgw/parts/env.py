"""What a part is given when its step is built: where it stands, and what the gateway has for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from fastgw._core.handle import Handle
from fastgw.model.api import Api, Route
from fastgw.model.gateway import Stage
from fastgw.model.place import Place
from fastgw.parts.uri import Uri


class Groups(Protocol):
    """The upstream groups of the plan that is being compiled."""

    def handle(self, uri: Uri, place: Place) -> Handle:
        """The group of a URI's authority, for the target of a Call.

        Raises ValueError with the place for one that cannot be served.
        """


class Knobs(Protocol):
    """A subset of fastgw.settings.Settings; durations in seconds."""

    total_timeout: float
    x_forwarded: bool


@dataclass(frozen=True, slots=True)
class Env:
    """variables are the stage's; parameters the names of the route's path parameters, in order."""

    api: Api
    stage: Stage
    route: Route
    variables: Mapping[str, str]
    parameters: tuple[str, ...]
    settings: Knobs
    groups: Groups

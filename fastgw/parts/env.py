"""What a part is given when its step is built: where it stands, and what the gateway has for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from fastgw._core.handle import Handle
from fastgw.model.api import Api, Route
from fastgw.model.gateway import DEFAULT_ACCOUNT, DEFAULT_REGION, Stage
from fastgw.model.place import Place
from fastgw.model.service import ServiceUri
from fastgw.model.upstream_tls import ClientCertificate, TlsConfig
from fastgw.parts.aws.provider import Provider
from fastgw.parts.aws.services import Location
from fastgw.parts.uri import Uri


class Groups(Protocol):
    """The upstream groups of the plan that is being compiled."""

    def handle(self, uri: Uri, place: Place, config: TlsConfig | None = None,
               certificate: ClientCertificate | None = None) -> Handle:
        """The group of a URI's authority, for the target of a Call. config and certificate: of an HTTP integration and
        its stage.

        Raises ValueError with the place for one that cannot be served.
        """


class Services(Protocol):
    """AWS services as the operator has them."""

    def locate(self, uri: ServiceUri) -> Location:
        """Where one is asked. Raises ValueError for one that has no host."""

    def provider(self, role: str | None, region: str) -> Provider:
        """The credentials of a role, or the gateway's own."""


class Knobs(Protocol):
    """A subset of fastgw.settings.Settings; durations in seconds."""

    total_timeout: float
    template_cpu: float
    template_output: int
    template_loops: int
    x_forwarded: bool


@dataclass(frozen=True, slots=True)
class Env:
    """variables are the stage's; parameters the names of the route's path parameters, in order; functions the names of
    those that the gateway's own host runs; account and region those of the gateway.
    """

    api: Api
    stage: Stage
    route: Route
    variables: Mapping[str, str]
    parameters: tuple[str, ...]
    settings: Knobs
    groups: Groups
    services: Services
    functions: frozenset[str] = frozenset()
    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION

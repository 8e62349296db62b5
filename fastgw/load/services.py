"""AWS services: the sections services and credentials of a fastgw.yaml, and which services can be asked."""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import UNSET

from fastgw.load import schema
from fastgw.load.document import View
from fastgw.load.problem import Problems
from fastgw.model.service import CALLER, Identity, Service, ServiceUri
from fastgw.parts.aws.services import locate, shape


def read_services(
    given: Mapping[str, schema.ServiceFile], section: View | None, problems: Problems
) -> tuple[Service, ...]:
    """section is where given stands; problems are told at their places in it."""
    return tuple(_service(name, one, section.get(name), problems) for name, one in given.items())


def _service(name: str, given: schema.ServiceFile, view: View, problems: Problems) -> Service:
    endpoint = "" if given.endpoint is UNSET else given.endpoint.rstrip("/")
    if endpoint.startswith("https:"):
        problems.error(view.get("endpoint").place, "unserved", "https:// endpoints are not served yet; give one of "
                       "http://")
    return Service(name, endpoint, "" if given.region is UNSET else given.region)


def read_identity(given: schema.CredentialsFile) -> Identity:
    """given may be UNSET."""
    if given is UNSET:
        return Identity()
    return Identity("" if given.profile is UNSET else given.profile, given.roles)


@dataclass(frozen=True, slots=True)
class Reach:
    """What the operator says of services, and clear: the authorities that are given addresses, served without TLS."""

    services: tuple[Service, ...] = ()
    clear: frozenset[str] = frozenset()

    def why_not(self, uri: ServiceUri) -> str:
        """Why a service cannot be asked; "" where it can. Raises ValueError for what it cannot be asked at all."""
        shape(uri)
        where = locate(uri, {service.name: service for service in self.services}).uri
        if where.scheme == "http" or where.authority in self.clear:
            return ""
        return (f"({where.authority}) needs TLS, which is not served yet (services: {uri.service}: endpoint: in a "
                "fastgw.yaml serves it in clear)")


def why_not_as(credentials: str | None) -> str:
    """Why an integration cannot have these credentials; "" where it can."""
    if credentials is not None and CALLER.fullmatch(credentials):
        return "(the caller's own credentials) needs AWS_IAM authorization, which is not served yet"
    return ""

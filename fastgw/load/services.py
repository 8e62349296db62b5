"""AWS services: the sections services and credentials of a fastgw.yaml, and which services can be asked."""

from collections.abc import Iterable, Mapping

from msgspec import UNSET

from fastgw.load import schema
from fastgw.model.service import CALLER, Identity, Service, ServiceUri
from fastgw.parts.aws.services import locate, shape


def read_services(given: Mapping[str, schema.ServiceFile]) -> tuple[Service, ...]:
    return tuple(_service(name, one) for name, one in given.items())


def _service(name: str, given: schema.ServiceFile) -> Service:
    endpoint = "" if given.endpoint is UNSET else given.endpoint.rstrip("/")
    return Service(name, endpoint, "" if given.region is UNSET else given.region)


def read_identity(given: schema.CredentialsFile) -> Identity:
    """given may be UNSET."""
    if given is UNSET:
        return Identity()
    return Identity("" if given.profile is UNSET else given.profile, given.roles)


def check_service(uri: ServiceUri, services: Iterable[Service]) -> None:
    """Raises ValueError for what a service cannot be asked, and for one that has no host."""
    shape(uri)
    locate(uri, {service.name: service for service in services})


def why_not_as(credentials: str | None) -> str:
    """Why an integration cannot have these credentials; "" where it can."""
    if credentials is not None and CALLER.fullmatch(credentials):
        return "(the caller's own credentials) is not served: a request is the gateway's own, or a role's"
    return ""

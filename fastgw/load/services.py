"""The sections services and credentials of a fastgw.yaml -> model.service."""

from collections.abc import Mapping

from msgspec import UNSET

from fastgw.load import schema
from fastgw.load.document import View
from fastgw.load.problem import Problems
from fastgw.model.service import Identity, Service


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

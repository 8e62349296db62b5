"""Signed calls: what every part that asks a service goes through."""

from collections.abc import Awaitable, Iterable

from fastgw._core.handle import Handle
from fastgw._core.step import Call, Failure, Fields
from fastgw.errors import CODE
from fastgw.model.service import DEFAULT, Identity, Service, ServiceUri
from fastgw.parts.aws.credentials import Credentials, NoCredentials
from fastgw.parts.aws.identities import Identities
from fastgw.parts.aws.provider import Provider
from fastgw.parts.aws.services import Location, locate
from fastgw.parts.aws.sigv4 import OWN, encoded_query, sign
from fastgw.parts.aws.sts import SecurityTokens


class Services:
    """AWS services as one plan asks them. identities outlives it; ca_file as SecurityTokens has it."""

    def __init__(self, services: Iterable[Service], identity: Identity, identities: Identities, ca_file: str = ""):
        self._services = {service.name: service for service in services}
        self._identity = identity
        self._identities = identities
        own, default = (self._services.get(name) or Service(name) for name in ("sts", DEFAULT))
        self._tokens = SecurityTokens(own.endpoint or default.endpoint, own.region or default.region, ca_file)

    def locate(self, uri: ServiceUri) -> Location:
        """Raises ValueError for a service without a host."""
        return locate(uri, self._services)

    def provider(self, role: str | None, region: str) -> Provider:
        """Credentials of a role, or the gateway's own."""
        return self._identities.provider(self._identity, self._tokens, role, region)


class Client:
    """Asks one service, as one identity."""

    def __init__(self, location: Location, target: Handle, provider: Provider, timeout_ms: int):
        self._location = location
        self._host = location.uri.authority.encode()
        self._target = target
        self._provider = provider
        self._timeout_ms = timeout_ms

    def call(self, method: bytes, path: bytes, query: Fields, headers: Fields, body: bytes) -> Call | Awaitable[Call]:
        """The signed call; awaitable only while there are no credentials yet. path and query are spelled as sigv4 wants
        them. Raises Failure, there or here, where there are no credentials."""
        credentials = self._provider.current()
        if credentials is None:
            return self._later(method, path, query, headers, body)
        return self._signed(method, path, query, headers, body, credentials)

    async def _later(self, method: bytes, path: bytes, query: Fields, headers: Fields, body: bytes) -> Call:
        try:
            credentials = await self._provider.get()
        except NoCredentials as error:
            raise Failure(CODE["API_CONFIGURATION_ERROR"], detail=str(error)) from None
        return self._signed(method, path, query, headers, body, credentials)

    def _signed(self, method: bytes, path: bytes, query: Fields, headers: Fields, body: bytes,
                credentials: Credentials) -> Call:
        where = self._location
        path, text = where.prefix + path, encoded_query(query)
        kept = [field for field in headers if field[0].lower() not in OWN]
        added = sign(method, self._host, path, text, kept, body, credentials, where.region, where.signing,
                     self._provider.now())
        return Call(self._target, method, path + b"?" + text if text else path, kept + added, body,
                    timeout_ms=self._timeout_ms)

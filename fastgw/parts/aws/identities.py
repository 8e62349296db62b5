"""Who the gateway's requests to services come from: itself, or a role that an integration names."""

from collections.abc import Callable, Mapping

from fastgw.model.service import ASSUME, Identity
from fastgw.parts.aws.credentials import Chain, Credentials, Role, region_of
from fastgw.parts.aws.machine import container, instance
from fastgw.parts.aws.provider import Provider
from fastgw.parts.aws.sts import SecurityTokens


class Identities:
    """Every provider of a worker, by what it stands for. They outlive plans."""

    def __init__(self, environ: Mapping[str, str]):
        self._environ = environ
        self._providers: dict[object, Provider] = {}

    def provider(self, identity: Identity, tokens: SecurityTokens, role: str | None, region: str) -> Provider:
        """Of a role, or of the gateway itself where role is None."""
        own = self._kept(("", identity.profile, tokens), "the gateway", self._own(identity, tokens))
        if role is None or identity.roles != ASSUME:
            return own
        region = region_of(self._environ) or region

        def assume() -> Credentials:
            # A search of its own: it runs in a thread, where the loop's providers must not be touched.
            return tokens.assume(Role(role), self._own(identity, tokens)(), region)

        return self._kept((role, identity.profile, tokens), f"role {role}", assume)

    def _own(self, identity: Identity, tokens: SecurityTokens) -> Callable[[], Credentials]:
        return Chain(self._environ, tokens.assume, (container, instance), identity.profile).find

    def _kept(self, key: object, name: str, find: Callable[[], Credentials]) -> Provider:
        if key not in self._providers:
            self._providers[key] = Provider(name, find)
        return self._providers[key]

"""Keys of an issuer: asked for by OpenID Connect discovery, kept, and asked for anew when they are rotated.

Where an issuer is asked is decided by the operator and by the issuer's own document, never by a token.
"""

import asyncio
import ipaddress
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from fastgw.model.issuer import DISCOVERY, Issuer, split_url
from fastgw.parts.auth.jwks import MAX_BYTES, BadKeys, Keys, read_keys
from fastgw.parts.auth.strict_json import NotStrict, read_object

TIMEOUT = 1.5
"""Seconds for each of the two documents; the service's."""

REFETCH = 30.0
"""Seconds between two searches for an id that is not among the keys: who makes ids up must not make us ask."""

FIRST_RETRY = 1.0
"""Seconds to the second search where the first found no keys at all; doubled up to REFETCH."""

NO_DISCOVERY = "OIDC discovery endpoint communication error"
NO_JWKS = "JWKS communication error"

log = logging.getLogger("fastgw")


class NoKeys(Exception):
    """There are none to check a token with. The message is for the caller, as the service words it; the cause is for
    the log."""


class _BadDocument(ValueError):
    """The message says why, without a piece of the document."""


class Fetch(Protocol):
    def __call__(self, url: str, private: bool, timeout: float, max_bytes: int) -> Awaitable[bytes]:
        """The body of a 200 answer to a GET; no redirect is followed. private: whether the host's address may be.
        Raises OSError, whose message says why without a piece of the answer."""


class Source(Protocol):
    """Keys of one issuer."""

    def keys(self, kid: str) -> Keys | Awaitable[Keys]:
        """The newest there are; awaitable while keys that may hold the id are on their way. Raises NoKeys, there or
        here."""


class Fixed:
    """Keys of a file."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def keys(self, kid: str) -> Keys:
        return self._keys


class Remote:
    """Keys that an issuer gives out. Known keys go on being used while it cannot be asked."""

    def __init__(self, issuer: Issuer, private: bool, fetch: Fetch,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._private = private
        self._fetch = fetch
        self._clock = clock
        self._uri = ""
        self._keys: Keys | None = None
        self._error = NoKeys(NO_DISCOVERY)
        self._stale = 0.0
        """When the keys are to be asked for anew."""
        self._not_before = 0.0
        """When somebody may be asked again at all."""
        self._failures = 0
        self._search: asyncio.Task[None] | None = None

    def keys(self, kid: str) -> Keys | Awaitable[Keys]:
        known = self._keys is not None and self._keys.has(kid)
        now = self._clock()
        if self._search is None and now >= self._not_before and (not known or now >= self._stale):
            if now >= self._stale:
                self._uri = ""
            self._search = asyncio.get_running_loop().create_task(self._run())
        if known or self._search is None:
            return self._at_hand()
        return self._later(self._search)

    async def close(self) -> None:
        """Gives up a search, and waits until its connection is closed."""
        if self._search is not None:
            self._search.cancel()
            await asyncio.wait([self._search])

    def _at_hand(self) -> Keys:
        if self._keys is None:
            raise self._error
        return self._keys

    async def _later(self, search: asyncio.Task[None]) -> Keys:
        # Who gives up waiting must not end the search for the others.
        await asyncio.shield(search)
        return self._at_hand()

    async def _run(self) -> None:
        first = self._keys is None
        try:
            found = await self._ask()
        except NoKeys as error:
            self._failed(error)
        else:
            self._keys, self._failures = found, 0
            self._stale = self._clock() + self._issuer.refresh_seconds
            # The first search is nobody's guess: a key that is rotated right after it is found at once.
            self._not_before = self._clock() + (0.0 if first else REFETCH)
        finally:
            self._search = None

    def _failed(self, error: NoKeys) -> None:
        self._uri, self._error = "", error
        self._failures += 1
        pause = REFETCH if self._keys is not None else min(REFETCH, FIRST_RETRY * 2 ** min(self._failures - 1, 8))
        self._not_before = self._clock() + pause
        if self._failures == 1:
            log.warning("issuer %s: %s; %s", self._issuer.name, error.__cause__,
                        "its last keys stay" if self._keys is not None else "it has no keys")

    async def _ask(self) -> Keys:
        """Raises NoKeys."""
        if not self._uri:
            try:
                self._uri = self._issuer.jwks or await self._discover()
            except (OSError, _BadDocument) as error:
                raise NoKeys(NO_DISCOVERY) from error
        try:
            return read_keys(await self._fetch(self._uri, self._may_be_private(self._uri), TIMEOUT, MAX_BYTES))
        except (OSError, BadKeys) as error:
            raise NoKeys(NO_JWKS) from error

    async def _discover(self) -> str:
        """Where the keys are. Raises OSError, _BadDocument."""
        url = self._issuer.name.rstrip("/") + DISCOVERY
        text = await self._fetch(url, self._may_be_private(url), TIMEOUT, MAX_BYTES)
        try:
            told = read_object(text)
        except NotStrict as error:
            raise _BadDocument(f"its discovery document cannot be read: {error}") from None
        if told.get("issuer") != self._issuer.name:
            # Another's document: OpenID Connect Discovery 1.0 section 4.3.
            raise _BadDocument("its discovery document names another issuer")
        uri = told.get("jwks_uri")
        parts = split_url(uri) if isinstance(uri, str) else None
        if parts is None or (parts.scheme != "https" and self._issuer.name.startswith("https:")):
            raise _BadDocument("the jwks_uri of its discovery document cannot be asked")
        return uri

    def _may_be_private(self, url: str) -> bool:
        """A host that the operator has named by an address, or as localhost, is meant as it is; what a document names
        is not the operator's word."""
        host = split_url(url).netloc
        named = self._issuer.jwks or self._issuer.name
        return self._private or (host == split_url(named).netloc and _is_local(split_url(url).hostname))


def _is_local(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True

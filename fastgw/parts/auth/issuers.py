"""Every issuer whose tokens a worker verifies."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fastgw.model.issuer import Issuer

if TYPE_CHECKING:
    from fastgw.parts.auth.oidc import Fetch, Remote, Source


async def nobody(url: str, private: bool, timeout: float, max_bytes: int) -> bytes:
    """For plans that no request will meet."""
    raise OSError(f"{url}: nobody is asked here")


class Issuers:
    """Sources of keys belong to one worker and to its loop, and outlive plans: a deployment asks nobody again.

    fetch  gives what documents are fetched with; called for the first issuer that has to be asked. Until then none of
           the libraries is loaded that only those need who verify tokens
    """

    def __init__(self, fetch: Callable[[], Fetch] = lambda: nobody, allow_private: bool = False) -> None:
        self._make_fetch = fetch
        self._fetch: Fetch | None = None
        self._allow_private = allow_private
        self._sources: dict[Issuer, Remote] = {}

    def source(self, issuer: Issuer) -> Source:
        """Raises BadKeys for a file that holds no keys."""
        from fastgw.parts.auth.jwks import read_keys
        from fastgw.parts.auth.oidc import Fixed, Remote

        if issuer.keys is not None:
            return Fixed(read_keys(issuer.keys))
        if issuer not in self._sources:
            self._fetch = self._fetch or self._make_fetch()
            private = self._allow_private if issuer.allow_private is None else issuer.allow_private
            self._sources[issuer] = Remote(issuer, private, self._fetch)
        return self._sources[issuer]

    async def close(self) -> None:
        """Gives up what is being asked."""
        for source in self._sources.values():
            await source.close()

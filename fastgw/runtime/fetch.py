"""Documents of issuers, asked for by the worker itself, a few an hour.

Not on the engine's pools: a group of upstreams belongs to a plan, and where an issuer's keys are is known only when its
own document has been read.
"""

import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from fastgw.plan.targets import is_literal
from fastgw.runtime.names import Names, NoAnswer
from fastgw.runtime.resolver import is_public


class _Checked(AbstractResolver):
    """Names -> addresses that may be connected to, by the resolver of upstreams' names."""

    def __init__(self, names: Names, private: bool) -> None:
        self._names = names
        self._private = private

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[Any]:
        try:
            found = [one for one, _ in await self._names.addresses(host, port)]
        except (NoAnswer, UnicodeError) as error:
            raise OSError(str(error)) from None
        if not self._private:
            found = [one for one in found if is_public(one)]
        if not found:
            raise OSError("its name has no public address; allow_private permits others")
        return [{"hostname": host, "host": one, "port": port, "proto": 0, "flags": socket.AI_NUMERICHOST,
                 "family": socket.AF_INET6 if ":" in one else socket.AF_INET} for one in found]

    async def close(self) -> None:
        pass


class Fetcher:
    """server: as of Names."""

    def __init__(self, server: str) -> None:
        self._names = Names(server)
        self._tls = ssl.create_default_context()

    async def __call__(self, url: str, private: bool, timeout: float, max_bytes: int) -> bytes:
        """The body of a 200 answer to a GET of a whole URL: no redirect, no proxy, no cookie, no coding. private:
        whether its host may have an address that is not public. Raises OSError; no piece of the answer is in its
        message."""
        try:
            return await self._get(url, private, timeout, max_bytes)
        except TimeoutError:
            raise OSError(f"{url} does not answer within {timeout:g} s") from None
        except (aiohttp.ClientError, ValueError) as error:
            cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
            raise OSError(f"{url} cannot be asked: {cause or type(error).__name__}") from None

    async def _get(self, url: str, private: bool, timeout: float, max_bytes: int) -> bytes:
        host = urlsplit(url).hostname or ""
        if not private and is_literal(host) and not is_public(host):
            raise OSError(f"{url} is at no public address; allow_private permits others")
        connector = aiohttp.TCPConnector(resolver=_Checked(self._names, private), ssl=self._tls,
                                         force_close=True, limit=1)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "fastgw"}
        async with (
            aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=timeout), trust_env=False,
                                  cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as session,
            session.get(url, headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise OSError(f"{url} answers with status {answer.status}")
            body = bytearray()
            async for piece in answer.content.iter_any():
                body += piece
                if len(body) > max_bytes:
                    raise OSError(f"{url} answers with more than {max_bytes:,} bytes")
            return bytes(body)

"""Credentials at hand: found off the loop, kept, and found anew before they expire.

A Provider belongs to one worker and to its loop; it outlives plans, so that a deployment asks nobody again.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from fastgw.parts.aws.credentials import Credentials, NoCredentials

EARLY = 300.0
"""Credentials are found anew so long before they expire, while the old ones go on being used. In seconds."""

USABLE = 10.0
"""And are used no more so long before they expire."""

AGAIN = 2.0
"""After a search without success nobody is asked for so long."""

log = logging.getLogger("fastgw")


class Provider:
    """One identity. find blocks and raises NoCredentials; it runs in a thread, one at a time."""

    def __init__(self, name: str, find: Callable[[], Credentials], clock: Callable[[], float] = time.time):
        self._name = name
        self._find = find
        self._clock = clock
        self._kept: Credentials | None = None
        self._error: NoCredentials | None = None
        self._not_before = 0.0
        self._search: asyncio.Future[None] | None = None

    def now(self) -> float:
        """Unix time, as requests are signed with it."""
        return self._clock()

    def current(self) -> Credentials | None:
        """Those at hand; None where there are none, or no longer. Starts a search where one is due."""
        kept, now = self._kept, self._clock()
        if kept is None or kept.expires - now < EARLY:
            if now >= self._not_before and self._search is None:
                self._start()
            if kept is not None and kept.expires - now < USABLE:
                kept = None
        return kept

    async def get(self) -> Credentials:
        """Those at hand, or those that the search under way finds. Raises NoCredentials."""
        found = self.current()
        if found is None and self._search is not None:
            # Who gives up waiting must not end the search for the others.
            await asyncio.shield(self._search)
            found = self.current()
        if found is None:
            raise self._error or NoCredentials(f"{self._name}: no credentials")
        return found

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        self._search = loop.create_future()
        # A daemon: a machine that does not answer must not keep the worker from stopping.
        threading.Thread(target=self._run, args=(loop,), name="credentials", daemon=True).start()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        found: Credentials | NoCredentials
        try:
            found = _usable(self._find())
        except NoCredentials as error:
            found = error
        except Exception as error:
            found = NoCredentials(f"the search failed: {type(error).__name__}")
        try:
            loop.call_soon_threadsafe(self._finish, found)
        except RuntimeError:
            return  # The loop was closed meanwhile: nobody waits.

    def _finish(self, found: Credentials | NoCredentials) -> None:
        search, self._search = self._search, None
        if isinstance(found, NoCredentials):
            self._error = found
            log.error("credentials of %s: %s", self._name, found)
        else:
            self._kept, self._error = found, None
        # Also after success: credentials that are born old must not make every request a search.
        self._not_before = self._clock() + AGAIN
        if search is not None and not search.done():
            search.set_result(None)


def _usable(found: Credentials) -> Credentials:
    """Raises NoCredentials for what no header field can carry: sent, it would be told in an error."""
    for text in (found.access_key, found.secret_key, found.session_token):
        if not text.isascii() or not text.isprintable() or " " in text:
            raise NoCredentials("a key or token holds characters that are none: blanks, line ends, or beyond ASCII")
    return found

"""Replaces a child that has ended."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from fastgw.runtime.children import Child, ending
from fastgw.runtime.peer import PeerGone, Refused, reasons

RESPAWN_FIRST, RESPAWN_LONGEST, RESPAWN_RESET = 0.1, 5.0, 10.0
"""Seconds before a dead child is replaced, doubling; back to the first once one lived for the reset time."""

_log = logging.getLogger("fastgw")


async def keep(
    current: Callable[[], Child],
    lost: Callable[[], None],
    replace: Callable[[], Awaitable[None]],
    stopping: asyncio.Event,
    changing: asyncio.Lock,
) -> None:
    """Waits for the end of the current child and replaces it, until the gateway stops.

    lost is called at its end; replace, which makes another one current, while changing is held.
    """
    delay = RESPAWN_FIRST
    while True:
        born = time.monotonic()
        child = current()
        status = await child.wait()
        lost()
        if stopping.is_set():
            return
        if time.monotonic() - born > RESPAWN_RESET:
            delay = RESPAWN_FIRST
        _log.error("%s died (%s); replaced in %g s", child.name, ending(status), delay)
        await asyncio.sleep(delay)
        delay = min(delay * 2, RESPAWN_LONGEST)
        async with changing:
            if stopping.is_set():
                return
            try:
                await replace()
                _log.info("%s is back", child.name)
            except (Refused, PeerGone, OSError) as error:
                _log.error("%s did not start: %s", child.name, "; ".join(reasons(error)))
                current().kill()

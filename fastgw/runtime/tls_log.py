"""What the worker's log says of TLS handshakes with upstreams that failed."""

import logging
import time
from collections.abc import Callable, Iterable

_log = logging.getLogger("fastgw")

AGAIN = 60.0
"""Seconds after which the same reason of the same endpoint is told again, with how often it was met meanwhile."""

Row = tuple[str, str, str, int]
"""Group, address, the last reason, how many handshakes have failed so far."""


class TlsLog:
    """One line for a new reason, and one a minute while it lasts: a log is no place for a storm either."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[tuple[str, str], tuple[str, int, float]] = {}

    def look(self, rows: Iterable[Row]) -> None:
        now = self._clock()
        seen = {(group, address): (reason, count) for group, address, reason, count in rows}
        for gone in self._told.keys() - seen.keys():
            del self._told[gone]
        for key, (reason, count) in seen.items():
            before, told, at = self._told.get(key, ("", 0, 0.0))
            if count == told or (reason == before and now - at < AGAIN):
                continue
            self._told[key] = (reason, count, now)
            often = f" ({count - told} times)" if count - told > 1 else ""
            group = key[0].partition("#")[0]
            _log.warning("upstream %s: no TLS with %s: %s%s", group, key[1], reason, often)

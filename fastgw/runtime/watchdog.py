"""Which workers hang: their counters, seen from outside, stand still.

An idle worker's pulse counts ten times a second (fastgw/_core/pulse.pyx); a busy one, whose timers may starve,
counts requests and bytes. So a worker lives while any cell of its header changes.
"""

from collections.abc import Mapping

LOOK_SECONDS = 0.5
"""How often the supervisor looks."""

Worker = tuple[int, int]
"""Number and process id: a successor begins anew."""


class Watchdog:
    """limit: seconds without progress, measured by looks that came in time."""

    def __init__(self, limit: float):
        self._limit = limit
        self._looked = 0.0
        self._last: dict[Worker, tuple[tuple[int, ...], float]] = {}

    def stuck(self, headers: Mapping[Worker, tuple[int, ...]], now: float) -> list[Worker]:
        """The workers to replace. headers: of those that should be at work; now: time.monotonic()."""
        if now - self._looked > 2 * LOOK_SECONDS:
            self._last.clear()      # this process was stopped itself, and the workers perhaps with it
        self._looked = now
        last = {}
        for worker, header in headers.items():
            seen, since = self._last.get(worker, ((), now))
            last[worker] = (header, since if header == seen else now)
        self._last = last
        return [worker for worker, (_, since) in last.items() if now - since >= self._limit]

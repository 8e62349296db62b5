"""Messages of the processes: one line each on stderr."""

import logging
import sys
import time


def start(process: str, level: str) -> logging.Logger:
    """The process's logger. level is the setting log_level; process is shown in every line."""
    logger = logging.getLogger("fastgw")
    handler = logging.StreamHandler(sys.stderr)
    line = f"%(asctime)s.%(msecs)03dZ {process} %(levelname)s %(message)s"
    handler.setFormatter(_OneLine(line, "%Y-%m-%dT%H:%M:%S"))
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(level.upper())
    return logger


class _OneLine(logging.Formatter):
    """Control characters in a message are escaped: nothing from outside may forge a line.

    Times are UTC, which knows no summer time, and stand still while a clock that was set back catches up.
    """

    converter = time.gmtime
    _latest = 0.0

    def format(self, record: logging.LogRecord) -> str:
        self._latest = max(self._latest, record.created)
        record.created, record.msecs = self._latest, self._latest % 1 * 1000
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)

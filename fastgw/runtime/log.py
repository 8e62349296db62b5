"""Messages of the processes: one line each on stderr."""

import logging
import sys


def start(process: str, level: str) -> logging.Logger:
    """The process's logger. level is the setting log_level; process is shown in every line."""
    logger = logging.getLogger("fastgw")
    handler = logging.StreamHandler(sys.stderr)
    line = f"%(asctime)s.%(msecs)03d {process} %(levelname)s %(message)s"
    handler.setFormatter(_OneLine(line, "%Y-%m-%dT%H:%M:%S"))
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(level.upper())
    return logger


class _OneLine(logging.Formatter):
    """Control characters in a message are escaped: nothing from outside may forge a line."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)

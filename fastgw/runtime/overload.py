"""Memory and descriptors that a worker may use, and the log of its overload.

The steps are those of fastgw/_core/overload.pyx.
"""

import logging
import os
import resource
from collections.abc import Mapping
from pathlib import Path

_MEGABYTE = 1 << 20
_RESERVED = 64
"""Descriptors that clients never get: upstream connections, log files and the worker's own need some."""
_STEPS = (
    "in good health again",
    "connections are closed with each answer",
    "new requests are refused",
    "new requests and connections are refused",
)

_log = logging.getLogger("fastgw")


def memory_share(limit: int, workers: int) -> int:
    """Bytes of one worker; the supervisor and the control process have one share together.

    limit: of the whole gateway; 0 takes the control group's, else the machine's.
    """
    return (limit or group_limit() or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) // (workers + 1)


def group_limit(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """The least memory.max on the way from our control group (version 2) to the root; 0 where none is set."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return 0
    path = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
    if path is None:
        return 0
    folder = root / path
    limits = []
    for place in (folder, *folder.parents):
        if not place.is_relative_to(root):
            break
        try:
            text = (place / "memory.max").read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            limits.append(int(text))
    return min(limits, default=0)


def raise_descriptor_limit() -> None:
    """The soft limit is for programs that use select(); the children inherit the hard one as theirs."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def client_connections(wanted: int) -> int:
    """As many as were asked for, or as there are descriptors beside the reserve."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return min(wanted, soft - min(_RESERVED, soft // 2))


class OverloadLog:
    """One line for each change of the step, and at most one for each look."""

    def __init__(self) -> None:
        self._step = 0

    def look(self, told: Mapping[str, int]) -> None:
        """told: Engine.overload()."""
        step = told["step"]
        if step == self._step:
            return
        memory, share = (round(told[name] / _MEGABYTE) for name in ("memory", "share"))
        _log.log(
            logging.WARNING if step else logging.INFO,
            "overload step %d, was %d: %s (memory %d of %d MB, loop lag %d ms)",
            step, self._step, _STEPS[step], memory, share, told["lag_us"] // 1000,
        )
        self._step = step

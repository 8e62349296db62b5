"""What a target is told about the place it runs in, and what it answers."""

import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.compare.works import Work

POOL = 512  # idle upstream connections every target may keep: the largest client count measured
HELD = 20_000  # client connections every target must accept
IDLE_SECONDS = 300  # longer than any run, so that no target closes what is being measured
REQUESTS = 1_000_000_000  # requests per connection: no target may stop keep-alive within a run


@dataclass(frozen=True, slots=True)
class Site:
    """Where one target runs, and for which work. folder is its own; its access log goes to folder/access.log."""

    folder: Path
    port: int
    ops_port: int
    origin_port: int
    work: Work

    @property
    def log(self) -> Path:
        return self.folder / "access.log"


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a target: it stays in the foreground until SIGTERM."""

    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)


class Target(Protocol):
    """A gateway under measurement; every one serves the same paths (works.py)."""

    name: str
    works: frozenset[str]

    def serves(self, work: Work) -> bool:
        """Whether it is configured for this one of a work's loads."""

    def missing(self) -> str | None:
        """Why it cannot run here, with the package that brings it; None when it can."""

    def version(self) -> str:
        """Its version as it says it itself."""

    def launch(self, site: Site) -> Launch:
        """Write its configuration into site.folder and say how to start it."""


def free_port() -> int:
    """A loopback port nobody listens on, below the range the kernel gives to outgoing connections."""
    for port in random.sample(range(15_000, 32_000), 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free loopback port between 15000 and 32000")

"""Start targets, check them, load them in interleaved rounds, keep every raw figure."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.compare import check, process
from bench.compare.load import Load, LoadFailed
from bench.compare.process import Process
from bench.compare.site import Site, Target, free_port
from bench.compare.works import Work

WARM_CONNECTIONS = 64
START_SECONDS = 60.0  # 10,000 routes are read and compiled within it
UNCHECKED = frozenset({"nginx"})  # forwards bodies as they are: what checking them costs shows beside it
UNFIT = (check.WrongAnswer, LoadFailed, ProcessLookupError)


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure; the cores are numbers as taskset takes them."""

    rounds: int
    seconds: int
    connections: tuple[int, ...]
    idle: int
    gateway_core: int
    load_core: int


@dataclass(frozen=True, slots=True)
class Run:
    """One load of one target. CPU is in seconds, latency in microseconds, memory in bytes.

    count        keys or routes of the work, or 0
    held         idle connections kept open beside the load
    other_cpu    CPU seconds of the gateway's core that the gateway did not use: disturbance
    """

    work: str
    count: int
    connections: int
    target: str
    round: int
    held: int
    requests: int
    seconds: float
    cpu_user: float
    cpu_system: float
    other_cpu: float
    p50: int
    p99: int
    rss: int
    pss: int

    @property
    def cpu_per_request(self) -> float:
        """Microseconds of CPU, all processes of the target together."""
        return (self.cpu_user + self.cpu_system) * 1e6 / self.requests


@dataclass(frozen=True, slots=True)
class Refusal:
    """A target that was not measured for a work, and why."""

    work: str
    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A started target and what it is to do."""

    target: Target
    work: Work
    site: Site
    process: Process


Say = Callable[[str], None]


@contextlib.contextmanager
def standing(target: Target, work: Work, origin_port: int, folder: Path, options: Options) -> Iterator[Standing]:
    """Start target, check its answers, warm it up; WrongAnswer or LoadFailed when it is not fit."""
    home = folder / f"{target.name}-{work.name}-{work.count}"
    home.mkdir()
    site = Site(home, free_port(), free_port(), origin_port, work)
    launch = target.launch(site)
    with Process(launch.command, options.gateway_core, home / "log", launch.environment) as running:
        check.ready(running, site.port, START_SECONDS)
        check.right(site, work, checks_bodies=target.name not in UNCHECKED)
        check.furnished(site, work)
        with Load(work, site.port, WARM_CONNECTIONS, 1, options.load_core) as load:
            load.finish()
        yield Standing(target, work, site, running)


def empty(site: Site) -> None:
    """Log lines of earlier runs must not fill the disk: nothing reads them."""
    for file in (site.log, site.folder / "log"):
        if file.exists():
            os.truncate(file, 0)


def loaded(one: Standing, connections: int, turn: int, options: Options, held: int = 0) -> Run:
    """One measured run; LoadFailed when anything went wrong in it."""
    pids = one.process.tree()
    empty(one.site)
    busy, used = process.core_busy(options.gateway_core), process.cpu(pids)
    with Load(one.work, one.site.port, connections, options.seconds, options.load_core) as load:
        time.sleep(options.seconds / 2)
        memory = process.memory(pids)
        seen = load.finish()
    if one.process.tree() != pids:
        raise LoadFailed("its processes changed during the run")
    spent = process.cpu(pids) - used
    other = process.core_busy(options.gateway_core) - busy - spent.total
    return Run(
        one.work.name, one.work.count, connections, one.target.name, turn, held,
        seen.requests, seen.seconds, spent.user, spent.system, max(0.0, other),
        seen.p50, seen.p99, memory.rss, memory.pss,
    )  # fmt: skip


def rounds(
    pairs: Sequence[tuple[Work, Target]], origin_port: int, folder: Path, options: Options, say: Say
) -> tuple[list[Run], list[Refusal]]:
    """Every target at its work: all are up at once, and take turns within each round."""
    runs: list[Run] = []
    refusals: list[Refusal] = []
    with contextlib.ExitStack() as stack:
        fit: list[Standing] = []

        def refuse(work: Work, target: Target, error: Exception) -> None:
            refusals.append(Refusal(title(work), target.name, str(error)))
            say(f"{title(work)}: {target.name} is refused: {error}")

        for work, target in pairs:
            try:
                fit.append(stack.enter_context(standing(target, work, origin_port, folder, options)))
            except UNFIT as error:
                refuse(work, target, error)
        for turn in range(options.rounds):
            for connections in options.connections:
                for one in rotated(fit, turn):
                    try:
                        runs.append(loaded(one, connections, turn, options))
                    except UNFIT as error:
                        refuse(one.work, one.target, error)
                        fit.remove(one)
                        continue
                    say(described(runs[-1]))
    return runs, refusals


def rotated(standings: Sequence[Standing], turn: int) -> list[Standing]:
    """Each round begins with another target, so that none always runs first."""
    start = turn % len(standings) if standings else 0
    return [*standings[start:], *standings[:start]]


def title(work: Work) -> str:
    return f"{work.name} {work.count:,}" if work.count else work.name


def described(run: Run) -> str:
    """One line of progress."""
    work = f"{run.work} {run.count:,}" if run.count else run.work
    held = f" beside {run.held} idle" if run.held else ""
    return (
        f"{work}, {run.connections} connections{held}, {run.target}: {run.cpu_per_request:.2f} us CPU, "
        f"{run.requests / run.seconds:.0f} requests/s, p99 {run.p99 / 1000:.2f} ms"
    )

"""Processes under measurement: start pinned, read their CPU time and memory, leave none behind."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds in user and kernel mode; the kernel counts in ticks (10 ms)."""

    user: float
    system: float

    def __sub__(self, earlier: "Cpu") -> "Cpu":
        return Cpu(self.user - earlier.user, self.system - earlier.system)

    @property
    def total(self) -> float:
        return self.user + self.system


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: resident, and proportional (shared pages divided among those who map them)."""

    rss: int
    pss: int


def memory_folder() -> str | None:
    """Access logs are written to memory, so that no disk's speed is measured; None: the default folder."""
    return next((folder for folder in ("/dev/shm",) if os.access(folder, os.W_OK)), None)


def pinned(core: int | None, command: Sequence[str]) -> list[str]:
    """command on one core, or None for all; it gets SIGTERM should the harness itself die."""
    core_only = [] if core is None else ["taskset", "-c", str(core)]
    return ["setpriv", "--pdeathsig", "TERM", "--", *core_only, *command]


class Process:
    """A command pinned to a core, with every process it starts; a context manager. Its input ends with the harness."""

    def __init__(self, command: Sequence[str], core: int | None, log: Path, environment: dict[str, str] | None = None):
        self.log = log
        with log.open("wb") as output:
            self.popen = subprocess.Popen(
                pinned(core, command),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | (environment or {}),
                start_new_session=True,
            )

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def alive(self) -> bool:
        return self.popen.poll() is None

    def tree(self) -> list[int]:
        """The process, its descendants, and those of its session that outlived their parent."""
        seen = {int(entry.name): stat_fields(int(entry.name)) for entry in Path("/proc").glob("[0-9]*")}
        alive = {pid: (int(fields[1]), int(fields[3])) for pid, fields in seen.items() if fields}
        found = {pid for pid, (_, session) in alive.items() if session == self.popen.pid}
        more = found
        while more:
            more = {pid for pid, (parent, _) in alive.items() if parent in more} - found
            found |= more
        return sorted(found)

    def complaint(self) -> str:
        """The last lines it wrote, for an error message."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return "\n".join(lines[-8:]) or "(it wrote nothing)"

    def stop(self, patience: float = 5) -> None:
        """SIGTERM to the process, SIGKILL after patience seconds to what is left; then all is gone."""
        family = {pid: start_time(pid) for pid in self.tree()}
        self.popen.send_signal(signal.SIGTERM)  # does nothing when it was already waited for
        deadline = time.monotonic() + patience
        while left := [pid for pid, born in family.items() if born and start_time(pid) == born]:
            if time.monotonic() > deadline:
                for pid in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        self.popen.wait()
        self.popen.stdin.close()


def stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third (state) on; None when it is gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields


def start_time(pid: int) -> str | None:
    """Tells a process from a later one with the same number; None when it is gone."""
    fields = stat_fields(pid)
    return fields[19] if fields else None


def cpu(pids: Sequence[int]) -> Cpu:
    """CPU time used so far by the processes together; ProcessLookupError when one is gone."""
    user = system = 0
    for pid in pids:
        fields = stat_fields(pid)
        if fields is None:
            raise ProcessLookupError(f"process {pid} ended during the run")
        user += int(fields[11])
        system += int(fields[12])
    return Cpu(user / TICK, system / TICK)


def core_busy(core: int) -> float:
    """Seconds the core has spent on anything but idling, stolen time included."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _wait, irq, softirq, steal = map(int, ticks[:8])
            return (user + nice + system + irq + softirq + steal) / TICK
    raise ValueError(f"no core {core} in /proc/stat")


def memory(pids: Sequence[int]) -> Memory:
    """Memory of the processes together."""
    rss = pss = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, size = line.split()[:2]
            rss += int(size) * 1024 if name == "Rss:" else 0
            pss += int(size) * 1024 if name == "Pss:" else 0
    return Memory(rss, pss)

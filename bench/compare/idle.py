"""The work "idle": what a silent keep-alive connection costs in memory, and others in speed."""

import dataclasses
import resource
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.compare import check, process
from bench.compare.load import LoadFailed
from bench.compare.measure import UNFIT, Options, Refusal, Run, Say, Standing, described, loaded, standing
from bench.compare.site import HELD, Target
from bench.compare.works import FIXED

LOAD = dataclasses.replace(FIXED, name="idle")
LOAD_CONNECTIONS = 64
SETTLE_SECONDS = 1.0  # the target frees what it frees before memory is read
REQUEST = f"GET {FIXED.path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close at once, no port is left waiting


@dataclass(frozen=True, slots=True)
class Idle:
    """held connections, each after one answered request; alive still answered at the end. PSS in bytes."""

    target: str
    held: int
    alive: int
    pss_before: int
    pss_after: int


def descriptors_missing(count: int) -> str | None:
    """Raise the limit on open files for this process and what it starts; why that is not enough, or None."""
    need = count + 1_000
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (max(need, 2 * HELD + 1_000), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
            break
        except (ValueError, PermissionError):
            continue
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft >= need else f"{need} open files are needed, the limit is {soft} (ulimit -n)"


def idle(
    targets: Sequence[Target], origin_port: int, folder: Path, options: Options, say: Say
) -> tuple[list[Run], list[Idle], list[Refusal]]:
    """Each target alone, one after the other."""
    runs: list[Run] = []
    idles: list[Idle] = []
    refusals: list[Refusal] = []
    for target in targets:
        try:
            with standing(target, LOAD, origin_port, folder, options) as one:
                free, held, memory = procedure(one, options)
        except (*UNFIT, OSError) as error:
            refusals.append(Refusal("idle", target.name, str(error)))
            say(f"idle: {target.name} is refused: {error}")
            continue
        runs += [free, held]
        idles.append(memory)
        growth = (memory.pss_after - memory.pss_before) / memory.held / 1024
        say(f"{described(free)}\n{described(held)}\nidle, {target.name}: {growth:.2f} KB a connection")
    return runs, idles, refusals


def procedure(one: Standing, options: Options) -> tuple[Run, Run, Idle]:
    """Load alone, then connections, then the same load beside them."""
    free = loaded(one, LOAD_CONNECTIONS, 0, options)
    time.sleep(SETTLE_SECONDS)
    before = process.memory(one.process.tree()).pss
    connections: list[socket.socket] = []
    try:
        for _ in range(options.idle):
            connections.append(opened(one.site.port))
        time.sleep(SETTLE_SECONDS)
        after = process.memory(one.process.tree()).pss
        held = loaded(one, LOAD_CONNECTIONS, 0, options, held=options.idle)
        alive = sum(answers(connection) for connection in connections)
    finally:
        for connection in connections:
            connection.close()
    if alive < options.idle:
        raise LoadFailed(f"only {alive} of {options.idle} idle connections were still answered")
    return free, held, Idle(one.target.name, options.idle, alive, before, after)


def opened(port: int) -> socket.socket:
    """A connection that has had one answer."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=check.TIMEOUT)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    if not answers(connection):
        connection.close()
        raise LoadFailed("a new connection was not answered")
    return connection


def answers(connection: socket.socket) -> bool:
    """One request over it, answered 200 and whole."""
    try:
        connection.sendall(REQUEST)
        got = b""
        while not got.endswith(FIXED.answer):
            piece = connection.recv(4096)
            if not piece:
                return False
            got += piece
    except OSError:
        return False
    return got.startswith(b"HTTP/1.1 200 ")

"""What the supervisor hands to its children: descriptors first, then a message.

A child is started while the definition is still being read, before anything is bound; so its
descriptors come over the control socket (SCM_RIGHTS) ahead of the first frame. Later ones, those of a new
definition, come through the Passage: once frames run over the control socket nothing else can.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from fastgw.model.function import Function
from fastgw.model.gateway import Gateway
from fastgw.runtime.slots import RouteKey
from fastgw.runtime.tickets import TicketSecrets
from fastgw.settings import Resolved, Settings

_MOST_DESCRIPTORS = 253
"""Linux's SCM_MAX_FD."""
_NUMBER = 8
"""Bytes of a descriptor's number in a Passage."""

COUNTERS, LISTEN, LIMITS, KEYS, LOG, HEALTH = "counters", "listen", "limits", "keys", "log", "health"
"""Roles of descriptors: the shared counters; a listening socket; the shared cells; the table of keys; the rings of
access-log lines; the table of health."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What the workers compile: the model without its keys, and where its parts are in shared memory.

    rows        row of the shared counters of each route
    cells       id of fastgw.model.usage -> shared cell
    generation  of the table of keys: it came as KEYS, or through the Passage
    logs        number of each file of access logs
    """

    gateway: Gateway
    rows: dict[RouteKey, int]
    cells: Mapping[str, int]
    generation: int
    logs: dict[str, int]


@dataclass(frozen=True, slots=True)
class WorkerStart:
    """roles: what each descriptor that came before is, in order; several may be LISTEN.

    listens: the words behind the address of each LISTEN, in their order.
    memory_share: bytes at which the worker is full.
    """

    roles: tuple[str, ...]
    listens: tuple[tuple[str, ...], ...]
    worker: int
    memory_share: int
    settings: Settings
    definition: Definition
    tickets: TicketSecrets


@dataclass(frozen=True, slots=True)
class Served:
    """What the control process knows of the definition in force.

    labels: counter row -> route; cells and generation as a Definition's.
    """

    gateway: Gateway
    labels: dict[int, RouteKey]
    cells: Mapping[str, int]
    generation: int


@dataclass(frozen=True, slots=True)
class ControlStart:
    """roles as a WorkerStart's; without LISTEN there is no ops listener. logs: as a Definition's."""

    roles: tuple[str, ...]
    workers: int
    state_dir: str
    resolved: Resolved
    served: Served
    logs: dict[str, int]


@dataclass(frozen=True, slots=True)
class FunctionsStart:
    """roles: one LISTEN, where the host is invoked."""

    roles: tuple[str, ...]
    settings: Settings
    functions: tuple[Function, ...]


def send_descriptors(sock: socket.socket, descriptors: list[int]) -> None:
    socket.send_fds(sock, [b"\0"], descriptors)


def receive_descriptors(sock: socket.socket) -> list[int]:
    """Waits for them. Empty when the supervisor ended without sending any."""
    data, descriptors, _flags, _address = socket.recv_fds(sock, 1, _MOST_DESCRIPTORS)
    return descriptors if data else []


class Passage:
    """A child's end of the way that descriptors come while it lives, each with a number that tells what it is."""

    def __init__(self, sock: socket.socket):
        self._sock = sock

    def take(self, number: int) -> int:
        """The descriptor of this number, which is the caller's to close.

        It was sent before whoever calls was told of it. Those sent before it were never asked for: they are closed.
        """
        while True:
            data, descriptors, _flags, _address = socket.recv_fds(self._sock, _NUMBER, 1)
            if not descriptors:
                raise LookupError(f"descriptor {number} was not sent")
            if int.from_bytes(data, "big") == number:
                return descriptors[0]
            os.close(descriptors[0])

    def close(self) -> None:
        self._sock.close()


def hand_over(sock: socket.socket, number: int, descriptor: int) -> None:
    """The supervisor's end of a Passage."""
    socket.send_fds(sock, [number.to_bytes(_NUMBER, "big")], [descriptor])


def passage() -> tuple[socket.socket, socket.socket]:
    """Both ends: a message is a number of _NUMBER bytes and one descriptor."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

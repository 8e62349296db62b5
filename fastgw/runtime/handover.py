"""What the supervisor hands to its children: descriptors first, then a message.

A child is started while the definition is still being read, before anything is bound; so its
descriptors come over the control socket (SCM_RIGHTS) ahead of the first frame.
"""

import socket
from dataclasses import dataclass

from fastgw.model.gateway import Gateway
from fastgw.runtime.slots import RouteKey
from fastgw.settings import Resolved, Settings

_MOST_DESCRIPTORS = 253
"""Linux's SCM_MAX_FD."""

COUNTERS, LISTEN = "counters", "listen"
"""Roles of descriptors: the shared counters; a listening socket."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What the workers compile: the model, and the row of the shared counters of each route."""

    gateway: Gateway
    rows: dict[RouteKey, int]


@dataclass(frozen=True, slots=True)
class WorkerStart:
    """roles: what each descriptor that came before is, in order; several may be LISTEN.

    memory_share: bytes at which the worker is full.
    """

    roles: tuple[str, ...]
    worker: int
    memory_share: int
    settings: Settings
    definition: Definition


@dataclass(frozen=True, slots=True)
class Served:
    """What the ops listener shows of the definition in force. labels: counter row -> route."""

    gateway: Gateway
    labels: dict[int, RouteKey]


@dataclass(frozen=True, slots=True)
class ControlStart:
    """roles as a WorkerStart's; without LISTEN there is no ops listener."""

    roles: tuple[str, ...]
    workers: int
    resolved: Resolved
    served: Served


def send_descriptors(sock: socket.socket, descriptors: list[int]) -> None:
    socket.send_fds(sock, [b"\0"], descriptors)


def receive_descriptors(sock: socket.socket) -> list[int]:
    """Waits for them. Empty when the supervisor ended without sending any."""
    data, descriptors, _flags, _address = socket.recv_fds(sock, 1, _MOST_DESCRIPTORS)
    return descriptors if data else []

"""Listening sockets: bound once by the supervisor, kept open over the life of every worker."""

import contextlib
import errno
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from fastgw.settings import Address

BACKLOG = 4096
"""The kernel caps it at net.core.somaxconn."""


class ListenError(Exception):
    """One line: the address, and why nothing can listen there."""


@dataclass(frozen=True, slots=True)
class Listening:
    """One address, bound. sockets[n] is worker n's; the workers share a unix address's only socket."""

    address: Address
    sockets: tuple[socket.socket, ...]

    def of(self, worker: int) -> socket.socket:
        return self.sockets[worker % len(self.sockets)]

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()
        if self.address.path:
            remove_unix_socket(self.address.path)


def listen(address: Address, workers: int) -> Listening:
    """One SO_REUSEPORT socket for each worker, so that the kernel spreads the connections.

    The supervisor keeps every socket open: connections that wait in a dead worker's queue are
    taken by its successor. Port 0 is replaced by the port the kernel chose. Raises ListenError.
    """
    try:
        if address.path:
            return Listening(address, (_unix(address.path),))
        host = "127.0.0.1" if address.host == "localhost" else address.host
        port = _free_port(host, address.port)
        sockets = tuple(_tcp(host, port, shared=True) for _ in range(workers))
        for sock in sockets:
            sock.listen(BACKLOG)
        return Listening(Address(address.host, port), sockets)
    except OSError as error:
        raise ListenError(f"cannot listen on {address}: {(error.strerror or str(error)).lower()}") from None


def remove_unix_socket(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _free_port(host: str, port: int) -> int:
    """The port, proved to be nobody else's: SO_REUSEPORT alone would join another gateway's listeners."""
    with _tcp(host, port, shared=False) as probe:
        return probe.getsockname()[1]


def _tcp(host: str, port: int, shared: bool) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ":" in host:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def _unix(path: str) -> socket.socket:
    _remove_dead_socket(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.bind(path)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _remove_dead_socket(path: str) -> None:
    """A socket file that nobody answers is left over from a process that was killed."""
    if not Path(path).is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        outcome = probe.connect_ex(path)
    if outcome == errno.ECONNREFUSED:
        remove_unix_socket(path)

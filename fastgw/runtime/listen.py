"""Listening sockets: bound once by the supervisor, kept open over the life of every worker."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fastgw._core import nghttp2
from fastgw.addresses import Address, Listen

BACKLOG = 4096
"""The kernel caps it at net.core.somaxconn."""


class ListenError(Exception):
    """One line: the address, and why nothing can listen there."""


@dataclass(frozen=True, slots=True)
class Listening:
    """One address, bound. name: as the settings write it, where port 0 means any."""

    name: str
    address: Address
    sockets: tuple[socket.socket, ...]
    removes_path: bool = True
    """A service manager's socket file is its own."""
    words: tuple[str, ...] = ()
    """As the settings' Listen."""

    @property
    def tls(self) -> bool:
        return "tls" in self.words

    def of(self, worker: int, workers: int) -> tuple[socket.socket, ...]:
        """The worker's own sockets. Where there are fewer than workers they are shared; where more, each has several,
        for a connection waits in one of them."""
        count = len(self.sockets)
        return tuple(self.sockets[n] for n in (range(worker, count, workers) if worker < count else [worker % count]))

    def close(self) -> None:
        self.let_go()
        if self.address.path and self.removes_path:
            remove_unix_socket(self.address.path)

    def let_go(self) -> None:
        """Close our descriptors; the address is somebody else's too."""
        for sock in self.sockets:
            sock.close()


def check_http2(listen: Listen) -> None:
    """Raises ListenError where HTTP/2 is asked for by name and cannot be spoken."""
    if "http2" in listen.words and (why := nghttp2.nghttp2_missing()):
        raise ListenError(f"{listen}: there is no HTTP/2, because libnghttp2 is missing: {why}")


def listen(address: Address, workers: int) -> Listening:
    """One SO_REUSEPORT socket for each worker, so that the kernel spreads the connections.

    The supervisor keeps every socket open: connections that wait in a dead worker's queue are
    taken by its successor. Port 0 is replaced by the port the kernel chose. Raises ListenError.
    """
    try:
        if address.path:
            return Listening(str(address), address, (_unix(address.path),))
        host = "127.0.0.1" if address.host == "localhost" else address.host
        if address.port and _is_served(host, address.port):
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        sockets = [_tcp(host, address.port)]
        port = sockets[0].getsockname()[1]
        sockets += [_tcp(host, port) for _ in range(workers - 1)]
        for sock in sockets:
            sock.listen(BACKLOG)
        return Listening(str(address), Address(address.host, port), tuple(sockets))
    except OSError as error:
        raise ListenError(f"cannot listen on {address}: {(error.strerror or str(error)).lower()}") from None


def adopt(address: Address, sockets: Iterable[socket.socket], *, removes_path: bool) -> Listening:
    """A listener of sockets that somebody else has bound to the address."""
    sockets = tuple(sockets)
    for sock in sockets:
        sock.setblocking(False)
        sock.listen(BACKLOG)
    bound = address if address.path else Address(address.host, sockets[0].getsockname()[1])
    return Listening(str(address), bound, sockets, removes_path)


def address_of(sock: socket.socket) -> Address:
    """What a socket is bound to."""
    name = sock.getsockname()
    return Address(path=os.fsdecode(name)) if sock.family == socket.AF_UNIX else Address(*name[:2])


def remove_unix_socket(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _is_served(host: str, port: int) -> bool:
    """Whether somebody answers there: SO_REUSEPORT alone would silently share another gateway's port."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        # A probe whose own port is chosen to be the one it asks for connects to itself.
        return probe.connect_ex((target, port)) == 0 and probe.getsockname() != probe.getpeername()


def _tcp(host: str, port: int) -> socket.socket:
    sock = socket.socket(_family(host), socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


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

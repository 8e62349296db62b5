"""What systemd and a service say to each other, without its library: sd_notify(3), sd_listen_fds(3)."""

import logging
import os
import socket
import time
from collections.abc import Mapping

_FIRST_DESCRIPTOR = 3
_PATIENCE = 1.0
"""Seconds to wait for a manager that does not read; it must not hold us up."""

_log = logging.getLogger("fastgw")


class Manager:
    """The service manager that started us; without one every word falls on deaf ears.

    words: what it put in the environment, as fastgw.settings.manager_words gives it.
    """

    def __init__(self, words: Mapping[str, str]):
        self._address = words.get("NOTIFY_SOCKET", "")
        watched = words.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        self.watchdog_seconds = int(words.get("WATCHDOG_USEC", "0")) / 1e6 if watched else 0.0
        """How long it waits for a sign of life; 0: it does not."""

    @property
    def words(self) -> dict[str, str]:
        """What a successor must know of it."""
        known = {"NOTIFY_SOCKET": self._address}
        if self.watchdog_seconds:
            known["WATCHDOG_USEC"] = str(round(self.watchdog_seconds * 1e6))
        return known if self._address else {}

    def ready(self, status: str) -> None:
        self._say(f"READY=1\nSTATUS={status}\nMAINPID={os.getpid()}")

    def reloading(self) -> None:
        self._say(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._say("STOPPING=1\nSTATUS=draining")

    def replaced_by(self, pid: int) -> None:
        self._say(f"MAINPID={pid}")

    def alive(self) -> None:
        self._say("WATCHDOG=1")

    def _say(self, text: str) -> None:
        if not self._address:
            return
        # An address that begins with @ is in Linux's abstract namespace.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.settimeout(_PATIENCE)
                sock.sendto(text.encode(), address)
        except OSError as error:
            _log.warning("the service manager does not listen at %s: %s", self._address, error)


def activated(words: Mapping[str, str]) -> list[socket.socket]:
    """The sockets that the service manager opened for this very process. Raises OSError where they are none."""
    if words.get("LISTEN_PID") != str(os.getpid()):
        return []
    numbers = range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + int(words.get("LISTEN_FDS", "0")))
    for number in numbers:
        os.set_inheritable(number, False)
    return [socket.socket(fileno=number) for number in numbers]

"""The one writer of access-log files: takes the workers' lines from their rings, in a thread of its own.

A file that cannot be written holds up the others, and its lines stay in the rings; what no longer fits there is
dropped and counted by the workers. Nothing is written twice but the batch during which a predecessor was killed.
"""

import logging
import mmap
import os
import stat
import threading
from collections.abc import Mapping
from contextlib import suppress

from fastgw._core.logring import Rings
from fastgw.model.accesslog import STDOUT
from fastgw.runtime.logs import ring_bytes
from fastgw.settings import Settings

_SHORTEST, _LONGEST = 0.005, 0.05
"""Seconds between two looks at the rings: the longest when the last one found nothing."""
_RETRY = 1.0
"""Seconds until a file that could not be written is tried again."""
_TORN_BYTES = 1 << 17
"""More than the longest line."""

_log = logging.getLogger("fastgw")


class LogFile:
    """A file that is appended to."""

    def __init__(self, path: str, settings: Settings):
        self.path = path
        self.number = -1
        """Its descriptor; -1: it is not open."""
        self._rotate_bytes, self._keep = settings.log_rotate_bytes, settings.log_rotate_keep
        self._size = 0
        self._rest = b""

    def open(self) -> None:
        """Opens it anew; raises OSError and keeps what was open."""
        fd = os.dup(1) if self.path == STDOUT else os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT
                                                           | os.O_CLOEXEC, 0o640)
        self.close()
        self.number = fd
        self._size = os.fstat(fd).st_size

    def cut_torn(self) -> None:
        """Takes away the piece of a line at the end, which is going to be written again."""
        if not stat.S_ISREG(os.fstat(self.number).st_mode):
            return
        with open(self.path, "rb") as file:
            file.seek(max(0, self._size - _TORN_BYTES))
            end = file.read()
        self._size -= len(end) - (end.rfind(b"\n") + 1)
        os.ftruncate(self.number, self._size)

    def take(self, lines: bytes) -> None:
        """Lines for the next flush()."""
        self._rest += lines

    def flush(self) -> None:
        """Raises OSError, and keeps what was not written."""
        if self._rest and self.number < 0:
            self.open()
        if self._rest and self._rotate_bytes and self._size and self._size + len(self._rest) > self._rotate_bytes:
            self._rotate()
        while self._rest:
            done = os.write(self.number, self._rest)
            self._size += done
            self._rest = self._rest[done:]

    def close(self) -> None:
        if self.number >= 0:
            os.close(self.number)
            self.number = -1

    def _rotate(self) -> None:
        """FILE.1 becomes FILE.2 and so on, FILE becomes FILE.1."""
        if not stat.S_ISREG(os.fstat(self.number).st_mode):
            return
        for number in range(self._keep - 1, 0, -1):
            with suppress(FileNotFoundError):
                os.replace(f"{self.path}.{number}", f"{self.path}.{number + 1}")
        with suppress(FileNotFoundError):
            os.replace(self.path, f"{self.path}.1")
        self.open()


class LogWriter:
    """All files and the thread. The thread starts with the first file."""

    def __init__(self, fd: int, workers: int, settings: Settings):
        self._map = mmap.mmap(fd, 0)
        self._rings = Rings(memoryview(self._map), workers, ring_bytes(settings.log_buffer_bytes))
        self._settings = settings
        self._files: dict[int, LogFile] = {}
        self._lock = threading.Lock()
        """Held while files are written or changed."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
        self._failing = False
        self._torn = self._rings.unfinished

    def use(self, files: Mapping[str, int]) -> dict[str, str]:
        """Opens the files that are not open yet, by their number; those that could not be opened, and why."""
        problems = {}
        with self._lock:
            for path, number in files.items():
                file = self._files.setdefault(number, LogFile(path, self._settings))
                try:
                    if file.number < 0:
                        file.open()
                        if self._torn:
                            file.cut_torn()
                except OSError as error:
                    problems[path] = _reason(error)
            self._torn = False
        if self._files and not self._thread.is_alive():
            self._thread.start()
        return problems

    def reopen(self) -> dict[str, str]:
        """Opens every file anew, after somebody has renamed it; those that could not be opened, and why."""
        problems = {}
        with self._lock:
            for file in self._files.values():
                try:
                    file.open()
                except OSError as error:
                    problems[file.path] = _reason(error)
        return problems

    def close(self) -> None:
        """Writes what is in the rings and ends."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        for file in self._files.values():
            file.close()

    def _run(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            with self._lock:
                pause = self._pass()
        with self._lock:
            self._pass()

    def _pass(self) -> float:
        """Writes what there is; seconds until the next look."""
        try:
            self._flush()           # what is left of the last pass
            found = self._rings.collect()
            for number, lines in found.items():
                self._files[number].take(lines)
            self._flush()
        except OSError as error:
            if not self._failing:
                _log.error("access log: %s; it is tried again", _reason(error))
            self._failing = True
            return _RETRY
        if self._failing:
            _log.info("access log: written again")
            self._failing = False
        return _SHORTEST if found else _LONGEST

    def _flush(self) -> None:
        for file in self._files.values():
            file.flush()
        self._rings.commit()


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()

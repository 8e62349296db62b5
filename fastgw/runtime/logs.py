"""The rings of access-log lines: made by the supervisor, one written by each worker, read by the control process."""

import mmap
import os

from fastgw._core.logring import MOST_FILES, file_bytes, region
from fastgw.model.accesslog import AccessLog
from fastgw.model.gateway import Gateway
from fastgw.runtime.peer import Refused


def ring_bytes(setting: int) -> int:
    """The setting log_buffer_bytes as a power of two, not less."""
    return 1 << (setting - 1).bit_length()


def create(workers: int, setting: int) -> int:
    """A descriptor of empty rings; they cost memory as far as they have been written."""
    fd = os.memfd_create("fastgw-log", os.MFD_CLOEXEC)
    os.truncate(fd, file_bytes(workers, ring_bytes(setting)))
    return fd


class Ring:
    """A worker's own part, mapped for writing. A successor goes on where its predecessor stopped."""

    def __init__(self, fd: int, worker: int, setting: int):
        # The whole file is mapped because an offset must be a multiple of the machine's page size.
        self._map = mmap.mmap(fd, 0)
        start, end = region(worker, ring_bytes(setting))
        self._whole = memoryview(self._map)
        self.view = self._whole[start:end]

    def close(self) -> None:
        """Raises BufferError while a view taken from this one is alive."""
        self.view.release()
        self._whole.release()
        self._map.close()


class LogFiles:
    """Numbers of the files that lines go to. A file keeps its number for the life of the gateway."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def assign(self, gateway: Gateway) -> dict[str, int]:
        """The number of every file so far. Raises Refused where there are too many."""
        for file in [log.file for log in access_logs(gateway)]:
            if len(self.numbers) == MOST_FILES and file not in self.numbers:
                raise Refused(f"more than {MOST_FILES:,} files of access logs since the start")
            self.numbers.setdefault(file, len(self.numbers))
        return dict(self.numbers)


def access_logs(gateway: Gateway) -> list[AccessLog]:
    """Every log that a gateway writes."""
    logs = (gateway.log, *(stage.log for stage in gateway.stages))
    return [log for log in logs if log is not None]

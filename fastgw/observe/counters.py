"""The shared counters as a file in memory: made by the supervisor, written by workers, read by anybody."""

import mmap
import os
import struct
import sys
from collections.abc import Iterator

from fastgw.observe import layout

_WORD = struct.Struct("=Q")
_HEADER = struct.Struct(f"={layout.HEADER_BYTES // layout.WORD}Q")
_ROW = struct.Struct(f"={layout.SLOT_WORDS}Q")


def create(workers: int) -> int:
    """A descriptor of fresh counters, all zero; it costs no memory until it is written."""
    fd = os.memfd_create("fastgw-counters", os.MFD_CLOEXEC)
    os.truncate(fd, workers * layout.REGION_BYTES)
    return fd


class Region:
    """A worker's own part, mapped for writing. A successor goes on where its predecessor stopped."""

    def __init__(self, fd: int, worker: int):
        # The whole file is mapped because an offset must be a multiple of the machine's page size.
        self._map = mmap.mmap(fd, 0)
        start = layout.region_offset(worker)
        self._whole = memoryview(self._map)
        self.view = self._whole[start : start + layout.REGION_BYTES]
        self._store(layout.H_MAGIC, layout.MAGIC)
        for cell in layout.GAUGES:
            self._store(cell, 0)

    def close(self) -> None:
        """Raises BufferError while a view taken from this one is alive."""
        self.view.release()
        self._whole.release()
        self._map.close()

    def _store(self, cell: int, value: int) -> None:
        _WORD.pack_into(self.view, cell * layout.WORD, value)


class Reader:
    """Sums over the workers. It reads by pread: a mapping would make the file's holes cost memory."""

    def __init__(self, fd: int, workers: int):
        self._fd = fd
        self.workers = workers

    def header(self, worker: int) -> tuple[int, ...]:
        """All header cells of one worker."""
        return _HEADER.unpack(os.pread(self._fd, _HEADER.size, layout.region_offset(worker)))

    def total(self, cell: int) -> int:
        return sum(self.header(worker)[cell] for worker in range(self.workers))

    def rows(self, count: int) -> Iterator[tuple[int, tuple[int, ...]]]:
        """(slot, cells summed over the workers) of the first count slots that were ever used."""
        # Tables are added as whole numbers: no cell ever overflows into its neighbour.
        total = sum(int.from_bytes(self._table(worker, count), sys.byteorder) for worker in range(self.workers))
        table = total.to_bytes(count * layout.SLOT_BYTES, sys.byteorder)
        for slot, cells in enumerate(_ROW.iter_unpack(table)):
            if any(cells):
                yield slot, cells

    def _table(self, worker: int, count: int) -> bytes:
        start = layout.region_offset(worker) + layout.slot_offset(0)
        return os.pread(self._fd, count * layout.SLOT_BYTES, start)

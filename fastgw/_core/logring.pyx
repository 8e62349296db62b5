"""The reader's side of the rings of access-log lines."""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

MOST_FILES = LOG_FILES


def file_bytes(int workers, uint64_t ring_bytes) -> int:
    """Size of the file of all rings; ring_bytes is a power of two."""
    return PAGE_BYTES + workers * (PAGE_BYTES + ring_bytes)


def region(int worker, uint64_t ring_bytes) -> tuple[int, int]:
    """Where in the file a worker's part begins and ends."""
    cdef uint64_t start = PAGE_BYTES + worker * (PAGE_BYTES + ring_bytes)
    return start, start + PAGE_BYTES + ring_bytes


cdef void walk(const char* ring, uint64_t ring_bytes, uint64_t tail, uint64_t end, uint64_t* sizes,
               char** to) noexcept nogil:
    """Over the records from tail to end: add up the lengths of their lines by file, or copy the lines."""
    cdef uint64_t mask = ring_bytes - 1
    cdef const Record* record
    while tail < end:
        record = <const Record*>(ring + (tail & mask))
        if record.length == SKIP:
            tail += ring_bytes - (tail & mask)
            continue
        if record.file >= LOG_FILES or RECORD_BYTES + record.length > end - tail:
            return              # no record of ours: nothing behind it can be found
        if to == NULL:
            sizes[record.file] += record.length
        else:
            memcpy(to[record.file], <const char*>record + RECORD_BYTES, record.length)
            to[record.file] += record.length
        tail += padded(RECORD_BYTES + record.length)


cdef class Rings:
    """All rings, mapped. collect() copies what is there, commit() gives its room back to the workers.

    What was collected and not committed is there again for the next reader, with `unfinished` true.
    """

    cdef unsigned char[:] memory
    cdef int workers
    cdef uint64_t ring_bytes
    cdef list reached           # where each ring's next collect() begins

    def __init__(self, memory, int workers, uint64_t ring_bytes):
        cdef int i
        self.memory = memory
        self.workers = workers
        self.ring_bytes = ring_bytes
        self.reached = [self.counts(i).tail for i in range(workers)]

    cdef Counts* counts(self, int worker) noexcept:
        return <Counts*>(&self.memory[0] + PAGE_BYTES + worker * (PAGE_BYTES + self.ring_bytes))

    @property
    def unfinished(self) -> bool:
        """A reader ended between collect() and commit()."""
        return (<uint64_t*>&self.memory[0])[0] != 0

    def collect(self) -> dict[int, bytes]:
        """The lines of each file, those of one worker in their order."""
        cdef uint64_t sizes[LOG_FILES]
        cdef char* to[LOG_FILES]
        cdef uint64_t tail, end, ring_bytes = self.ring_bytes
        cdef const char* ring
        cdef int i, file
        memset(sizes, 0, sizeof(sizes))
        ends = [load_acquire(&self.counts(i).head) for i in range(self.workers)]
        for i in range(self.workers):
            tail, end = self.reached[i], ends[i]
            ring = <const char*>self.counts(i) + PAGE_BYTES
            with nogil:
                walk(ring, ring_bytes, tail, end, sizes, NULL)
        found = {}
        for file in range(LOG_FILES):
            if sizes[file]:
                lines = PyBytes_FromStringAndSize(NULL, sizes[file])
                to[file] = PyBytes_AS_STRING(lines)
                found[file] = lines
        if found:
            (<uint64_t*>&self.memory[0])[0] = 1
        for i in range(self.workers):
            tail, end = self.reached[i], ends[i]
            ring = <const char*>self.counts(i) + PAGE_BYTES
            with nogil:
                walk(ring, ring_bytes, tail, end, NULL, to)
        self.reached = ends
        return found

    def commit(self) -> None:
        """Everything collected is where it belongs."""
        cdef int i
        for i in range(self.workers):
            store_release(&self.counts(i).tail, self.reached[i])
        (<uint64_t*>&self.memory[0])[0] = 0

"""The health of an endpoint."""
import os

from libc.stdint cimport uint32_t
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap

from fastgw._core.balance cimport mixed, text_hash
from fastgw._core.bytes cimport span
from fastgw._core.state cimport Target

cdef extern from *:
    """
    #define fastgw_cas(word, before, after) __sync_bool_compare_and_swap(word, before, after)
    """
    bint fastgw_cas(uint64_t* word, uint64_t before, uint64_t after) nogil

cdef enum:
    TRIAL_MS = 1000         # between the requests that try an endpoint after its ejection
    LONGEST = 30            # ejections: the most that one lasts, in units of the first
    CELLS = 65536

cdef struct Cell:           # of the shared table; nobody takes a key out again
    uint64_t key            # 0: free
    uint8_t down

cdef Cell* cells = NULL


# --- an endpoint

cdef bint endpoint_well(Endpoint* e, uint64_t now) noexcept nogil:
    if e.down != NULL:
        if e.down[0]:
            e.was_down = True
            return False
        if e.was_down:
            e.was_down = False
            e.returned_at = now
    if e.ejected_until:
        if now < e.ejected_until:
            return False
        e.ejected_until = 0
        e.trial = True
        e.next_trial = now
    return now >= e.starved_until and not (e.trial and now < e.next_trial)


cdef void endpoint_chosen(Endpoint* e, uint64_t now) noexcept nogil:
    if e.trial:
        e.next_trial = now + TRIAL_MS


cdef uint64_t endpoint_share(const Endpoint* e, uint64_t now) noexcept nogil:
    cdef uint64_t full = <uint64_t>e.weight * FULL_SHARE, age = now - e.returned_at, part
    cdef uint32_t slow = e.target.ejection.slow_start
    if e.returned_at == 0 or age >= slow:
        return full
    part = full * age // slow
    return part if part > e.weight else e.weight        # never nothing: a share of 0 would hold an idle group's start


cdef void endpoint_good(Endpoint* e, uint64_t now) noexcept nogil:
    e.failing = 0
    if e.trial:
        e.trial = False
        e.returned_at = now


cdef bint may_eject(Endpoint* e, uint64_t now) noexcept nogil:
    """Not more of the group than its settings allow, and never the last that is well."""
    cdef Target* t = e.target
    cdef uint32_t i, out = 1, others = 0
    cdef Endpoint* other
    for i in range(t.nendpoints):
        other = t.endpoints[i]
        if other == e:
            continue
        if other.ejected_until > now:
            out += 1
        elif other.down == NULL or not other.down[0]:
            others += 1
    return others > 0 and out * 100 <= t.ejection.percent * t.nendpoints


cdef bint endpoint_bad(Endpoint* e, uint64_t now) noexcept nogil:
    cdef uint32_t limit = e.target.ejection.failures
    cdef uint64_t unit = e.target.ejection.duration
    if e.failing < 255:
        e.failing += 1
    if limit == 0 or e.gone or e.ejected_until > now or not (e.trial or e.failing >= limit) or not may_eject(e, now):
        return False
    if not e.trial and now - e.returned_at > unit * e.ejections:
        e.ejections = 0         # it has been well for longer than it was out
    if e.ejections < LONGEST:
        e.ejections += 1
    e.ejected_until = now + unit * e.ejections
    e.ejected += 1
    e.trial = False
    e.failing = 0
    return True


cdef const char* endpoint_state(Endpoint* e, uint64_t now) noexcept nogil:
    if e.gone:
        return b"leaving"
    if e.down != NULL and e.down[0]:
        return b"down"
    if e.ejected_until > now:
        return b"ejected"
    if e.ejected_until or e.trial:
        return b"on trial"
    if e.returned_at and now - e.returned_at < e.target.ejection.slow_start:
        return b"slow start"
    return b"healthy"


# --- the active checks' table

cdef void health_watch(HealthTable table) noexcept:
    global cells
    cells = table.cells if table is not None else NULL


cdef Cell* find_cell(Cell* table, Span group, Span endpoint) noexcept nogil:
    """The cell of an endpoint, which the first who asks takes: workers and the control process need agree on nothing."""
    cdef uint64_t key = mixed(text_hash(group) + 31 * text_hash(endpoint)) | 1
    cdef uint32_t at = <uint32_t>(key >> 40), i
    cdef Cell* cell
    for i in range(CELLS):
        cell = &table[(at + i) % CELLS]
        if cell.key == key or (cell.key == 0 and (fastgw_cas(&cell.key, 0, key) or cell.key == key)):
            return cell
    return NULL


cdef const uint8_t* health_cell(Span group, Span endpoint) noexcept nogil:
    cdef Cell* cell = find_cell(cells, group, endpoint) if cells != NULL else NULL
    return &cell.down if cell != NULL else NULL


def create() -> int:
    """A descriptor of a fresh table: nobody is down. It costs no memory until it is written."""
    fd = os.memfd_create("fastgw-health", os.MFD_CLOEXEC)
    os.truncate(fd, CELLS * sizeof(Cell))
    return fd


cdef class HealthTable:
    """A mapping of the table of `fd`, which the caller may close. One process writes, the others look."""

    def __cinit__(self, int fd):
        cdef void* start = mmap(NULL, CELLS * sizeof(Cell), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
        if start == MAP_FAILED:
            raise MemoryError("cannot map the table of health")
        self.cells = <Cell*>start

    def __dealloc__(self):
        if self.cells != NULL:
            munmap(self.cells, CELLS * sizeof(Cell))

    def set_down(self, bytes group, bytes endpoint, bint down) -> None:
        cdef Cell* cell = find_cell(self.cells, span(group, len(group)), span(endpoint, len(endpoint)))
        if cell != NULL:
            cell.down = down

    def is_down(self, bytes group, bytes endpoint) -> bool:
        cdef Cell* cell = find_cell(self.cells, span(group, len(group)), span(endpoint, len(endpoint)))
        return cell != NULL and cell.down != 0

"""Build, look up and walk the table of keys."""
import os

from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap

from fastgw._core.cells cimport Cells
from fastgw._core.lease cimport LEASE_WORDS
from fastgw._core.siphash cimport same_digest, siphash
from fastgw._core.words cimport word_load, word_store

BUCKET, USAGE, CELLS = ROW_BUCKET, ROW_USAGE, ROW_CELLS

cdef uint64_t MAGIC = 0x666777206B657931ULL     # "fgw key1"

cdef enum:
    ID_BYTES = 65551                # a digest and the longest name that KeyRecord.name_n can tell

cdef extern from *:
    """
    static inline uint8_t byte_load(const uint8_t *byte) { return __atomic_load_n(byte, __ATOMIC_RELAXED); }
    static inline void byte_store(uint8_t *byte, uint8_t value) { __atomic_store_n(byte, value, __ATOMIC_RELEASE); }
    """
    uint8_t byte_load(const uint8_t* byte) noexcept nogil
    void byte_store(uint8_t* byte, uint8_t value) noexcept nogil


cdef inline KeySlot* slots_of(const KeyHeader* table) noexcept nogil:
    return <KeySlot*>(table + 1)


cdef inline KeyRecord* record_at(const KeyHeader* table, uint32_t at) noexcept nogil:
    return <KeyRecord*>(<char*>table + <size_t>at * 8)


cdef inline uint32_t* owners_of(const KeyHeader* table) noexcept nogil:
    return <uint32_t*>(<char*>table + table.owners_at)


cdef KeyRecord* find(const KeyHeader* table, Digest digest, uint64_t* at) noexcept nogil:
    """The record of a digest; else NULL, and the slot where it would stand."""
    cdef KeySlot* slots = slots_of(table)
    cdef KeyRecord* record
    at[0] = digest.low & table.mask
    while slots[at[0]].record:
        if slots[at[0]].tag == <uint32_t>digest.high:
            record = record_at(table, slots[at[0]].record)
            if same_digest(record.digest, digest):
                return record
        at[0] = (at[0] + 1) & table.mask
    return NULL


cdef KeyRecord* key_find(const KeyHeader* table, Span value) noexcept nogil:
    cdef uint64_t at = 0
    cdef KeyRecord* record = find(table, siphash(table.secret, value.p, value.n), &at)
    return record if record != NULL and byte_load(&record.enabled) else NULL


cdef size_t align(size_t n, size_t to) noexcept nogil:
    return (n + to - 1) // to * to


# --- keys as the loader packs them: see fastgw.model.usage.KeyRing

cdef struct Packed:
    uint16_t name_n
    uint16_t value_n
    uint8_t enabled
    uint8_t nplans
    const uint8_t* plans        # uint16 each
    const char* name
    const char* value

cdef const uint8_t* unpack(const uint8_t* p, Packed* key) noexcept nogil:
    """The next key; returns what follows it."""
    memcpy(&key.name_n, p, 2)
    memcpy(&key.value_n, p + 2, 2)
    key.enabled = p[4]
    key.nplans = p[5]
    key.plans = p + 6
    key.name = <const char*>key.plans + 2 * key.nplans
    key.value = key.name + key.name_n
    return <const uint8_t*>key.value + key.value_n


# --- rows of cells

cdef struct Place:              # of a key under a plan, for the life of the gateway
    Digest digest               # of the two names
    uint32_t base
    uint32_t methods
    uint32_t room               # cells from `methods`
    uint32_t leases
    uint32_t lease_room         # cells from `leases`


cdef class Rows:
    """Which cells belong to which key under which plan, over all definitions: a reload finds every bucket again.

    It lives in the supervisor. Cells are given out from `next` on and are never taken back; a key that comes back
    after it was away finds its own. Raises Full where they do not suffice.
    """
    cdef Place* places
    cdef uint64_t mask
    cdef uint64_t count
    cdef uint64_t secret[2]
    cdef Cells cells
    cdef uint32_t next

    def __cinit__(self, Cells cells, uint32_t first):
        secret = os.urandom(16)
        memcpy(self.secret, <const char*>secret, 16)
        self.cells = cells
        self.next = first
        self.mask = 1023
        self.places = <Place*>calloc(self.mask + 1, sizeof(Place))
        if self.places == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.places)

    def group(self, uint32_t n) -> int:
        """The first of n fresh cells, for what has an id of another kind."""
        return self.give(n)

    @property
    def given(self) -> int:
        """Cells given out, the header's among them."""
        return self.next

    cdef uint32_t give(self, uint32_t n) except 0:
        cdef uint32_t start = self.next + (self.next & 1 if n > 1 else 0)   # a row's cells share a cache line
        if <uint64_t>start + n > self.cells.map.capacity:
            raise Full(self.cells.map.capacity)
        self.next = start + n
        return start

    cdef Place* find(self, Digest digest) noexcept:
        cdef uint64_t at = digest.low & self.mask
        while self.places[at].base and not same_digest(self.places[at].digest, digest):
            at = (at + 1) & self.mask
        return &self.places[at]

    cdef int grow(self) except -1:
        cdef Place* old = self.places
        cdef uint64_t n = self.mask + 1, i
        cdef Place* fresh = <Place*>calloc(2 * n, sizeof(Place))
        if fresh == NULL:
            raise MemoryError
        self.places = fresh
        self.mask = 2 * n - 1
        for i in range(n):
            if old[i].base:
                self.find(old[i].digest)[0] = old[i]
        free(old)
        return 0

    cdef Place* place(self, Digest digest, uint32_t methods, uint32_t leases) except NULL:
        """The cells of one key under one plan, with room for a bucket for each of so many methods, and for leases.

        Leases that need more room begin anew, because a token must not lie in two places; those in the old cells are
        given back by who laid them down.
        """
        cdef Place* found = self.find(digest)
        cdef uint32_t at, i
        if found.base == 0:
            if 2 * self.count > self.mask:
                self.grow()
                found = self.find(digest)
            at = self.give(ROW_CELLS)
            found.digest = digest
            found.base = at
            self.count += 1
        if found.room < methods:
            at = self.give(methods)
            for i in range(found.room):
                word_store(&self.cells.map.words[at + i], word_load(&self.cells.map.words[found.methods + i]))
            found.methods = at
            found.room = methods
        if found.lease_room < leases:
            found.leases = self.give(leases)
            found.lease_room = leases
        return found


class Full(Exception):
    """More cells are needed than there are; capacity says how many there are."""

    def __init__(self, capacity):
        super().__init__(f"more than {capacity:,} cells are needed")
        self.capacity = capacity


class SameValue(Exception):
    """Two keys have one value; names says which."""

    def __init__(self, first, second):
        super().__init__(first, second)
        self.names = (first, second)


# --- the table

cdef uint64_t measure(const uint8_t[:] packed, uint64_t* records) noexcept:
    """How many keys there are, and how many bytes their records take."""
    cdef const uint8_t* p = &packed[0] if packed.shape[0] else NULL
    cdef const uint8_t* end = p + packed.shape[0]
    cdef Packed key
    cdef uint64_t n = 0
    records[0] = 0
    while p < end:
        p = unpack(p, &key)
        records[0] += align(sizeof(KeyRecord) + key.nplans * sizeof(KeyUse) + key.name_n, 8)
        n += 1
    return n


def build(const uint8_t[:] packed, list plans, Rows rows) -> int:
    """A descriptor of the table of these keys, which the caller closes.

    packed: see fastgw.model.usage.KeyRing. plans: for each plan number of `packed` (the plan's number in the
    definition, its name, how many single methods it limits, whether nodes share it). Raises SameValue or Full.
    """
    cdef uint64_t records = 0, count = measure(packed, &records), size = 2
    cdef KeyHeader* table
    while size < 2 * count:
        size *= 2
    # Before the cells of the last row are known the owners cannot be sized: as if every use needed a new row.
    most = min(rows.given + _cells_needed(packed, plans), rows.cells.map.capacity) // ROW_CELLS + 1
    owners_at = sizeof(KeyHeader) + size * sizeof(KeySlot)
    records_at = align(owners_at + 4 * most, 64)
    if (records_at + records) // 8 > 0xFFFFFFFF:
        raise MemoryError("the table of keys would be larger than 32 GiB")
    fd = os.memfd_create("fastgw-keys", os.MFD_CLOEXEC)
    try:
        os.truncate(fd, records_at + records)
        table = map_table(fd, records_at + records, PROT_READ | PROT_WRITE)
        try:
            secret = os.urandom(16)
            memcpy(table.secret, <const char*>secret, 16)
            table.magic, table.mask, table.count = MAGIC, size - 1, count
            table.owners, table.owners_at = most, owners_at
            table.records_at, table.records_end = records_at, records_at + records
            fill(table, packed, plans, rows)
        finally:
            munmap(table, records_at + records)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _cells_needed(const uint8_t[:] packed, list plans) -> int:
    cdef const uint8_t* p = &packed[0] if packed.shape[0] else NULL
    cdef const uint8_t* end = p + packed.shape[0]
    cdef Packed key
    cdef uint64_t uses = 0
    while p < end:
        p = unpack(p, &key)
        uses += key.nplans
    return uses * (ROW_CELLS + 3 + max((methods + lease_cells(methods, shared) for _, _, methods, shared in plans),
                                       default=0))


cdef uint32_t lease_cells(uint32_t methods, bint shared) noexcept:
    return ROW_LEASE_METHODS + LEASE_WORDS * methods if shared else 0


cdef KeyHeader* map_table(int fd, size_t length, int access) except NULL:
    cdef void* start = mmap(NULL, length, access, MAP_SHARED, fd, 0)
    if start == MAP_FAILED:
        raise MemoryError("cannot map the table of keys")
    return <KeyHeader*>start


cdef int fill(KeyHeader* table, const uint8_t[:] packed, list plans, Rows rows) except -1:
    cdef const uint8_t* p = &packed[0] if packed.shape[0] else NULL
    cdef const uint8_t* end = p + packed.shape[0]
    cdef KeySlot* slots = slots_of(table)
    cdef KeyRecord* record
    cdef Packed key
    cdef Digest digest
    cdef uint64_t at = 0, next = table.records_at
    cdef PlanTable known = PlanTable(plans)
    while p < end:
        p = unpack(p, &key)
        digest = siphash(table.secret, key.value, key.value_n)
        record = find(table, digest, &at)
        if record != NULL:
            raise SameValue(text(key_name(record)), key.name[:key.name_n].decode())
        record = record_at(table, <uint32_t>(next // 8))
        slots[at].tag = <uint32_t>digest.high
        slots[at].record = <uint32_t>(next // 8)
        record.digest = digest
        record.name_n, record.enabled, record.nuses = key.name_n, key.enabled, key.nplans
        record.size = <uint32_t>align(sizeof(KeyRecord) + key.nplans * sizeof(KeyUse) + key.name_n, 8)
        fill_uses(table, record, <uint32_t>(next // 8), &key, known, rows)
        memcpy(<char*>key_name(record).p, key.name, key.name_n)
        next += record.size
    return 0


cdef int fill_uses(KeyHeader* table, KeyRecord* record, uint32_t at, const Packed* key, PlanTable known,
                   Rows rows) except -1:
    cdef char names[ID_BYTES]
    cdef uint16_t number
    cdef KeyUse* use
    cdef Place* place
    cdef Digest digest
    cdef int i
    for i in range(key.nplans):
        memcpy(&number, key.plans + 2 * i, 2)
        # The id is the plan's digest, then the name: no pair of names is spelt like another.
        memcpy(names, &known.ids[number], sizeof(Digest))
        memcpy(names + sizeof(Digest), key.name, key.name_n)
        digest = siphash(rows.secret, names, <uint32_t>sizeof(Digest) + key.name_n)
        place = rows.place(digest, known.methods[number], known.leases[number])
        use = &key_uses(record)[i]
        use.plan, use.base, use.methods = known.numbers[number], place.base, place.methods
        use.leases = place.leases if known.leases[number] else 0
        owners_of(table)[place.base // ROW_CELLS] = at
    return 0


cdef class PlanTable:
    """What `plans` of build() says, as C arrays."""
    cdef Digest* ids
    cdef uint32_t* numbers
    cdef uint32_t* methods
    cdef uint32_t* leases           # cells

    def __cinit__(self, list plans):
        cdef uint64_t none[2]
        none[0] = none[1] = 0
        n = len(plans) or 1
        self.ids = <Digest*>calloc(n, sizeof(Digest))
        self.numbers = <uint32_t*>calloc(n, 4)
        self.methods = <uint32_t*>calloc(n, 4)
        self.leases = <uint32_t*>calloc(n, 4)
        if self.ids == NULL or self.numbers == NULL or self.methods == NULL or self.leases == NULL:
            raise MemoryError
        for i, (number, name, methods, shared) in enumerate(plans):
            spelt = name.encode()
            self.ids[i] = siphash(none, spelt, len(spelt))
            self.numbers[i], self.methods[i] = number, methods
            self.leases[i] = lease_cells(methods, shared)

    def __dealloc__(self):
        free(self.ids)
        free(self.numbers)
        free(self.methods)
        free(self.leases)


cdef str text(Span s):
    return (<bytes>s.p[:s.n]).decode()


cdef class KeyTable:
    """A mapping of the table of `fd`, which the caller may close. writable: for the supervisor, which switches keys.

    A use is (key name, number of the plan in the definition, first cell of the row): BUCKET and USAGE are the
    places in a row.
    """

    def __cinit__(self, int fd, bint writable=False):
        cdef size_t length = os.fstat(fd).st_size
        self.header = map_table(fd, length, PROT_READ | PROT_WRITE if writable else PROT_READ)
        self.length = length
        if self.header.magic != MAGIC:
            raise ValueError("not a table of keys")

    def __dealloc__(self):
        if self.length:
            munmap(self.header, self.length)

    def __len__(self):
        return self.header.count

    cdef KeyRecord* named(self, bytes name) noexcept:
        """By its name: it walks the table, for an operator asks."""
        cdef uint64_t at = self.header.records_at
        cdef KeyRecord* record
        while at < self.header.records_end:
            record = record_at(self.header, <uint32_t>(at // 8))
            if record.name_n == len(name) and memcmp(key_name(record).p, <const char*>name, record.name_n) == 0:
                return record
            at += record.size
        return NULL

    def __iter__(self):
        """(name, enabled, its uses) of every key, in the order of the definition."""
        cdef uint64_t at = self.header.records_at
        cdef KeyRecord* record
        while at < self.header.records_end:
            record = record_at(self.header, <uint32_t>(at // 8))
            yield text(key_name(record)), bool(byte_load(&record.enabled)), self._uses(at // 8)
            at += record.size

    def _uses(self, uint32_t at):
        cdef KeyRecord* record = record_at(self.header, at)
        cdef KeyUse* uses = key_uses(record)
        name = text(key_name(record))
        return [(name, uses[i].plan, uses[i].base) for i in range(record.nuses)]

    def owner(self, cell) -> tuple[str, int, int] | None:
        """The use that a cell of a row belongs to; None where no key of this definition has it."""
        cdef uint64_t row = cell // ROW_CELLS
        cdef uint32_t at = owners_of(self.header)[row] if row < self.header.owners else 0
        if at == 0:
            return None
        return next((use for use in self._uses(at) if use[2] == row * ROW_CELLS), None)

    def get(self, str name) -> tuple[bool, list] | None:
        """(enabled, its uses) of a key by its name."""
        cdef KeyRecord* record = self.named(name.encode())
        if record == NULL:
            return None
        return bool(byte_load(&record.enabled)), self._uses(<uint32_t>((<char*>record - <char*>self.header) // 8))

    def find(self, bytes value) -> str | None:
        """The name of the enabled key of this value."""
        cdef Span s
        s.p, s.n = value, len(value)
        cdef KeyRecord* record = key_find(self.header, s)
        return None if record == NULL else text(key_name(record))

    def switch(self, str name, bint enabled) -> bool:
        """Enable or disable a key, at once and in every process; False where there is no such key.

        Only on a writable table.
        """
        cdef KeyRecord* record = self.named(name.encode())
        if record == NULL:
            return False
        byte_store(&record.enabled, enabled)
        return True

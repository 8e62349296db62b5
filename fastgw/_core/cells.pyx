"""The file of shared cells, as Python sees it. The engine takes the pointers out of the same object."""
import os

from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap

from fastgw._core.bucket cimport Bucket, bucket_has, bucket_left, bucket_of, bucket_take, nanos
from fastgw._core.usage cimport usage_add, usage_count, usage_take, window_now, window_of
from fastgw._core.words cimport word_load, word_store, word_swap

FIRST = FIRST_CELL

cdef uint64_t MAGIC = 0x66677763656C6C31ULL     # "fgwcell1"

cdef uint64_t PERIOD_AND_NUMBER = ~((<uint64_t>1 << 40) - 1)


cdef size_t mark_words(uint32_t capacity) noexcept nogil:
    return (capacity + 63) // 64


def create(int capacity, int workers) -> int:
    """A descriptor of fresh cells: every bucket full, nothing used. It costs no memory until it is written."""
    cdef Cells cells
    fd = os.memfd_create("fastgw-limits", os.MFD_CLOEXEC)
    os.truncate(fd, 8 * (capacity + mark_words(capacity)))
    header = [MAGIC, capacity, workers]
    os.pwrite(fd, b"".join(word.to_bytes(8, "little") for word in header), 0)
    return fd


cdef class Cells:
    """A mapping of the cells of `fd`, which the caller may close. Numbers of cells are the supervisor's to give.

    Times are ns of the monotonic clock, 0 meaning now; a window is what window() gives. Everything may be called
    by any process while requests go on.
    """

    def __cinit__(self, int fd):
        cdef uint64_t* start
        cdef int follower
        self.length = os.fstat(fd).st_size
        start = <uint64_t*>mmap(NULL, self.length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
        if start == <uint64_t*>MAP_FAILED:
            self.length = 0
            raise MemoryError("cannot map the shared cells")
        if start[0] != MAGIC:
            munmap(start, self.length)
            self.length = 0
            raise ValueError("not a file of shared cells")
        self.map.words = start
        self.map.capacity = <uint32_t>start[1]
        self.map.workers = <uint32_t>start[2]
        self.map.marks = start + self.map.capacity

    def __dealloc__(self):
        if self.length:
            munmap(self.map.words, self.length)

    cdef uint64_t* at(self, number) except NULL:
        if not FIRST_CELL <= number < self.map.capacity:
            raise IndexError(f"no cell {number}")
        return &self.map.words[<uint32_t>number]

    @property
    def capacity(self) -> int:
        return self.map.capacity

    @property
    def workers(self) -> int:
        return self.map.workers

    def load(self, number) -> int:
        return word_load(self.at(number))

    def store(self, number, uint64_t value) -> None:
        word_store(self.at(number), value)

    def changed(self) -> list[int]:
        """Numbers of the usage cells that a request has moved since the last call."""
        cdef uint64_t* bits = self.map.marks
        cdef uint64_t found
        cdef size_t i
        numbers = []
        for i in range(mark_words(self.map.capacity)):
            if word_load(&bits[i]) == 0:
                continue
            found = word_swap(&bits[i], 0)
            for bit in range(64):
                if found >> <int>bit & 1:
                    numbers.append(i * 64 + bit)
        return numbers

    # Buckets

    def take(self, number, double rate, uint64_t burst, uint64_t now=0) -> bool:
        cdef Bucket b = bucket_of(rate, burst)
        return bucket_take(self.at(number), &b, now or nanos())

    def has(self, number, double rate, uint64_t burst, uint64_t now=0) -> bool:
        cdef Bucket b = bucket_of(rate, burst)
        return bucket_has(self.at(number), &b, now or nanos())

    def left(self, number, double rate, uint64_t burst, uint64_t now=0) -> int:
        """Whole tokens that are there."""
        cdef Bucket b = bucket_of(rate, burst)
        return bucket_left(self.at(number), &b, now or nanos())

    # Usage

    def use(self, number, uint32_t window, uint64_t limit) -> bool:
        """Count one use; False, and nothing counted, where limit (0: none) is reached."""
        return usage_take(self.at(number), window, limit)

    def add_usage(self, number, uint32_t window, uint64_t n) -> None:
        """n more uses that were counted elsewhere: in another process's life, or on another node."""
        usage_add(self.at(number), window, n)

    def usage(self, number, uint32_t window) -> int:
        """Uses within a window."""
        return usage_count(self.at(number), window)

    def usage_word(self, number) -> tuple[int, int]:
        """(window, uses) as the word stands: the window is the one of the last use."""
        cdef uint64_t word = word_load(self.at(number))
        return word >> 40, word & ~PERIOD_AND_NUMBER


def window(int period, int offset=0, day=None) -> int:
    """The number of the window of now, or of a day of the epoch. period: 1 DAY, 2 WEEK, 3 MONTH.

    offset: the first day of the window; of a week 0 is Sunday, of a month 0 is the 1st.
    """
    return window_now(period, offset) if day is None else window_of(period, offset, day)


def now_ns() -> int:
    """The clock of the buckets."""
    return nanos()

"""What reading and writing signatures needs: memory, field look-up, times, texts of refusals."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastgw._core.bytes cimport Span, Writer
from fastgw._core.signed cimport Signed, SignedRequest, Signing

cdef struct Room:           # of the worker, taken again by each verification
    char* p
    uint32_t cap

cdef bint room_writer(Room* room, uint64_t need, Writer* w) noexcept nogil
"""An empty writer of need bytes over the room, whose old content goes. False: no memory."""
cdef void put_hex_bytes(Writer* w, const uint8_t* p, uint32_t n) noexcept nogil
cdef bint same_span(Span a, Span b) noexcept nogil
cdef bint named(const SignedRequest* r, uint32_t field, Span name) noexcept nogil   # name in lower case
cdef uint32_t field_count(const SignedRequest* r, Span name, Span* value) noexcept nogil
"""How many fields have that name; the first one's value, without the blanks around it."""

cdef bint stamp_time(const char* stamp, uint64_t* seconds) noexcept nogil      # of "20150830T123600Z", 16 bytes
cdef void put_stamp(Writer* w, uint64_t seconds) noexcept nogil                # the reverse
cdef bint date_time(Span date, uint64_t* seconds) noexcept nogil               # of an IMF-fixdate (RFC 9110 section 5.6.7)

cdef Signing say(const SignedRequest* r, Signed* s, Signing what, int saying, Span a, Span b, Span c, Span d) noexcept nogil
"""`what`; saying joins the message of the refusal."""
cdef Signing say_one(const SignedRequest* r, Signed* s, Signing what, int saying, Span a) noexcept nogil
cdef Signing say_digest(const SignedRequest* r, Signed* s, int saying, Span text) noexcept nogil
"""SIGNED_BADLY; {0} is the text's digest in base64: the text may be a secret."""

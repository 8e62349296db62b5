"""The strings and numbers of a JSON text, for looking at: laxer than a reader of JSON, so that what a lax backend takes
is looked at too. Bytes that are no UTF-8, control bytes and halves of surrogate pairs are taken as they come.
"""
from libc.stdint cimport uint32_t

from fastgw._core.bytes cimport Span

cdef enum:
    JSON_DEPTH = 256

ctypedef void (*json_text_cb)(void* owner, Span text, bint key) noexcept nogil
ctypedef char* (*room_fn)(uint32_t n) noexcept nogil

cdef uint32_t json_texts(Span body, void* owner, json_text_cb on_text, room_fn room, bint* whole) noexcept nogil
"""Tell of every string, key or value, and every number. How far the body is an object, an array or a string; whole:
all of it is. room gives what a string needs whose escapes are read."""

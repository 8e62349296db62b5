"""An answer, as the engine writes it for HTTP/1.1, read back into frames.

The bytes are the gateway's own: a status line, field lines, an empty line, and a body that ends with the answer. (An
exchange never frames a body in chunks for a client whose connection is carried by another one.)
"""
from libc.stdint cimport int32_t, uint8_t, uint32_t

from fastgw._core.h2_state cimport H2Stream

cdef void answer_pump(H2Stream* s) noexcept nogil       # give nghttp2 what has been written since

"""Hold the value at c.p, which is no array and no object, against a node. False: reading stops."""
from libc.stdint cimport uint32_t

from fastgw._core.json_hash cimport Hash
from fastgw._core.schema_error cimport Check
from fastgw._core.schema_program cimport Choices, SchemaNode

cdef bint read_literal(Check* c, const SchemaNode* node) noexcept nogil
cdef bint read_string(Check* c, const SchemaNode* node) noexcept nogil
cdef bint read_number(Check* c, const SchemaNode* node) noexcept nogil

cdef bint choose(Check* c, const Choices* choices, const char* at) noexcept nogil
"""The value from `at` to c.p, of any type but string and literal, is one of the choices."""
cdef bint hash_here(Check* c, const char* at, Hash* hash) noexcept nogil
"""Of that value."""
cdef bint match(Check* c, void* pattern, const char* p, uint32_t n, const char* at, bint* found) noexcept nogil

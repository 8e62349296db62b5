"""Hold a body against a compiled schema; schema_program.pxd says what is read, told and bounded."""
from fastgw._core.bytes cimport Span
from fastgw._core.schema_program cimport SchemaError, SchemaProgram, SchemaVerdict

cdef SchemaVerdict schema_check(const SchemaProgram* program, Span body, SchemaError* error) noexcept nogil
"""error may be NULL. One state per process: for one thread at a time."""

"""A compiled JSON Schema as a Python object; plan/schema.py makes the node list it is built of."""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.arena cimport Arena
from fastgw._core.schema_program cimport Bound, Group, Members, SchemaNode, SchemaProgram

cdef class Schema:
    cdef SchemaProgram* program     # lives as long as this object
    cdef Arena arena
    cdef SchemaNode* nodes
    cdef list patterns              # void* as numbers, freed with this object
    cdef uint32_t count

    cdef SchemaNode* node(self, object number) except? NULL
    cdef int fill(self, SchemaNode* node, dict spec) except -1
    cdef int fill_names(self, Members* table, object names) except -1
    cdef int fill_choices(self, SchemaNode* node, dict spec) except -1
    cdef int fill_bound(self, Bound* bound, object spec) except -1
    cdef int fill_number(self, SchemaNode* node, dict spec) except -1
    cdef int fill_string(self, SchemaNode* node, dict spec) except -1
    cdef int fill_array(self, SchemaNode* node, dict spec) except -1
    cdef int fill_object(self, SchemaNode* node, dict spec) except -1
    cdef int fill_combined(self, SchemaNode* node, dict spec) except -1
    cdef int group(self, Group* group, object numbers) except -1
    cdef uint64_t* bits(self, object numbers, uint32_t words) except NULL
    cdef void* pattern(self, bytes text) except NULL

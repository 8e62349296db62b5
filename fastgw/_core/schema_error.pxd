"""The state of a check, and how it tells what was not held: in the words that users of the hosted service know.

Each fail_* is told once per value; True means that reading stops: within an alternative nobody listens, and after
ERRORS_MOST errors nobody reads on.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastgw._core.bytes cimport Span, Writer
from fastgw._core.json cimport JsonFault, Number, Text
from fastgw._core.schema_program cimport (Bound, Choices, Dependency, Keyword, ObjectRules, SchemaError, SchemaNode,
                                          StringRules)

cdef struct Step:           # from a value to one in it; lives in the C frame that reads the outer one
    const Step* up
    const char* name        # of a member, escapes as they came
    uint32_t n
    uint32_t index          # of an item
    bint item

cdef struct Check:
    const char* p           # read up to here
    const char* begin
    const char* end
    SchemaError* error      # or NULL
    const Step* step
    int64_t work            # bytes that may still be read again
    uint32_t depth          # levels left
    uint32_t frames         # alternatives within alternatives, left
    uint32_t owners         # objects and arrays with entries among the seen
    uint32_t purse          # see pattern_match
    uint32_t bits           # in use, of the stack of bit sets
    uint32_t errors
    bint trusted            # these bytes were read before: JSON, no name twice
    bint quiet              # within an alternative
    bint failed
    JsonFault fault

cdef bint fault_at(Check* c, JsonFault fault, const char* at) noexcept nogil    # False always: stop
cdef bint fail_plain(Check* c, Keyword keyword, const char* at, const char* text) noexcept nogil
cdef bint fail_counts(Check* c, Keyword keyword, const char* at, const char* text, uint64_t first,
                      const char* between, uint64_t second, const char* behind) noexcept nogil
"""between NULL: the text ends with the first number."""
cdef bint fail_type(Check* c, const SchemaNode* node, const char* at, const char* found) noexcept nogil
cdef bint fail_choice(Check* c, const Choices* choices, const char* at) noexcept nogil      # c.p is behind the value
cdef bint fail_bound(Check* c, Keyword keyword, const Bound* bound, const Number* number) noexcept nogil
cdef bint fail_multiple(Check* c, Span divisor, const Number* number) noexcept nogil
cdef bint fail_length(Check* c, Keyword keyword, const StringRules* rules, const Text* text) noexcept nogil
cdef bint fail_pattern(Check* c, const StringRules* rules, const Text* text) noexcept nogil
cdef bint fail_format(Check* c, const StringRules* rules, const Text* text) noexcept nogil
cdef bint fail_required(Check* c, const char* at, const ObjectRules* rules, const uint64_t* present) noexcept nogil
cdef bint fail_extras(Check* c, const char* at, Span* extras, uint32_t count) noexcept nogil
cdef bint fail_dependency(Check* c, const char* at, const ObjectRules* rules, const Dependency* dependency,
                          const uint64_t* present) noexcept nogil
cdef void fault_text(Check* c) noexcept nogil

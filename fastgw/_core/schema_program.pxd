"""A compiled JSON Schema, and the check of a body against it in one pass over its bytes.

The body is read once. Where a value has alternatives (anyOf, allOf, oneOf, not, if, contains, schemas of
dependencies, a name that several patterns match) its bytes are read again, once per alternative; all of that
together may take at most WORK_TIMES the body and WORK_FREE bytes, or the body is refused with J_WORK.

schema_check holds one state per process: it is for one thread at a time, and never calls back.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fastgw._core.bytes cimport Span, Writer
from fastgw._core.decimal cimport Decimal
from fastgw._core.json cimport JsonFault
from fastgw._core.json_hash cimport Hash

cdef enum:
    DEPTH_MOST = 64         # of nesting, where the compiler is told no other
    DEPTH_TOP = 1024        # that it may be told: reading takes about 1 KiB of stack a level
    WORK_TIMES = 64
    WORK_FREE = 1048576
    FRAMES_MOST = 512       # alternatives within alternatives, of all depths together
    ERRORS_MOST = 10        # told of one body; the check ends with the last

cdef enum Type:             # bits of SchemaNode.types and .plain
    TYPE_NULL = 1
    TYPE_BOOLEAN = 2
    TYPE_STRING = 4
    TYPE_ARRAY = 8
    TYPE_OBJECT = 16
    TYPE_INTEGER = 32
    TYPE_NUMBER = 64        # every number; TYPE_INTEGER alone takes whole ones
    TYPE_ANY = 127

cdef enum Keyword:          # the one that was not held
    K_NONE = 0
    K_FALSE = 1             # a schema that nothing holds
    K_TYPE = 2
    K_ENUM = 3
    K_MINIMUM = 4
    K_MAXIMUM = 5
    K_MULTIPLE_OF = 6
    K_MIN_LENGTH = 7
    K_MAX_LENGTH = 8
    K_PATTERN = 9
    K_FORMAT = 10
    K_REQUIRED = 11
    K_MIN_PROPERTIES = 12
    K_MAX_PROPERTIES = 13
    K_ADDITIONAL_PROPERTIES = 14
    K_DEPENDENCIES = 15
    K_MIN_ITEMS = 16
    K_MAX_ITEMS = 17
    K_UNIQUE_ITEMS = 18
    K_ADDITIONAL_ITEMS = 19
    K_CONTAINS = 20
    K_ALL_OF = 21
    K_ANY_OF = 22
    K_ONE_OF = 23
    K_NOT = 24
    K_CONST = 25

cdef enum SchemaVerdict:
    SCHEMA_OK = 0
    SCHEMA_INVALID = 1      # JSON, but not by the schema
    SCHEMA_NOT_JSON = 2     # no JSON that every reader reads alike: J_SYNTAX to J_DUPLICATE
    SCHEMA_TOO_MUCH = 3     # over a limit: J_DEPTH to J_MEMORY

cdef struct SchemaError:
    # what the caller asks for; cap 0 writes nothing
    Writer text             # "[...]": every error told, in one line, as UTF-8 without control bytes
    Writer pointer          # JSON pointer of the first error's value (RFC 6901)
    bint pointers           # the text names each value by its pointer
    # what it gets
    Keyword keyword         # of the first error
    JsonFault fault
    uint32_t at             # offset of the first error's value, or of the fault
    uint32_t errors

cdef struct Member:           # a name that the schema knows at one place
    Span text
    SchemaNode* node        # of properties; NULL where it is not in there
    Span quoted             # as it is told: "name"

cdef struct Members:      # open addressing; the schema alone fills it, so no body can aim at a slot
    Member* list             # in sorted order
    uint32_t count
    uint16_t* slots         # number + 1 of a name
    uint32_t mask
    uint64_t seed           # of the shortest walks

cdef struct PatternNode:
    void* pattern
    SchemaNode* node

cdef struct Dependency:     # where name number `trigger` is present
    uint32_t trigger
    uint64_t* needs         # a bit per name, or NULL
    SchemaNode* node        # that the object must hold, or NULL
    Span quoted             # the names as they are told

cdef struct Bound:          # minimum or maximum
    bint given
    bint exclusive
    bint small              # value holds it
    int64_t value
    Decimal decimal
    Span text

cdef struct ObjectRules:
    Members members
    uint64_t* required      # a bit per name, or NULL
    uint32_t words          # of 64 names
    SchemaNode* others      # additionalProperties
    PatternNode* patterns
    uint32_t npatterns
    SchemaNode* spelling    # propertyNames, or NULL
    Dependency* dependencies
    uint32_t ndependencies
    uint32_t least
    uint32_t most

cdef struct ArrayRules:
    SchemaNode** heads      # items as a list
    uint32_t nheads
    SchemaNode* items       # of the rest
    SchemaNode* contains    # or NULL
    uint32_t least
    uint32_t most
    bint unique

cdef struct StringRules:
    uint32_t least
    uint32_t most
    void* pattern
    Span pattern_text
    uint8_t format

cdef struct NumberRules:
    Bound least
    Bound most
    uint64_t multiple       # digits without the zeros at their end; 0: any number
    int64_t multiple_e
    Span multiple_text

cdef struct Choices:        # enum, const
    uint8_t plain           # TYPE_NULL; bits 1 and 2 of `bools`
    uint8_t bools           # 1: true, 2: false
    Members strings
    Hash* hashes            # of numbers, arrays, objects
    uint32_t nhashes
    Span text               # the list as it is told
    Keyword keyword

cdef struct Group:          # schemas that the same value is held against
    SchemaNode** nodes
    uint32_t count

cdef struct Combined:
    Group all
    Group any
    Group one
    SchemaNode* never       # not
    SchemaNode* when        # if
    SchemaNode* then
    SchemaNode* otherwise

cdef struct SchemaNode:
    uint8_t types
    bint never              # the schema `false`
    bint whole_by_value     # 1.0 is an integer (draft 6 on)
    Choices* choices        # each NULL where nothing is asked
    NumberRules* number
    StringRules* string
    ArrayRules* array
    ObjectRules* object
    Combined* combined
    Span types_text         # as they are told

cdef struct SchemaProgram:
    SchemaNode* root
    uint32_t depth

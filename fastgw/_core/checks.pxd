"""What a route's requests are held against at VALIDATE, as the plan has it."""
from libc.stdint cimport uint8_t, uint16_t

from fastgw._core.bytes cimport Span
from fastgw._core.schema_program cimport SchemaProgram

cdef enum Location:
    IN_HEADER = 0
    IN_PATH = 1
    IN_QUERY = 2

cdef struct Required:       # a parameter that must be there and not blank
    Span name
    uint8_t location
    uint8_t index           # IN_PATH: which of the route's; 255: it has none of that name

cdef struct BodyModel:      # what content of a media type must hold
    Span media              # in lower case; a range's without its "*": "application/", ""
    bint range
    const SchemaProgram* schema     # NULL: any content
    void* step              # a callable for what of the model is not compiled, owned by the Plan; or NULL

cdef struct Checks:         # of a route's requests, at VALIDATE
    Required* required      # in the order they are told in
    BodyModel* models       # the narrowest media types first
    uint16_t nrequired
    uint16_t nmodels
    bint any_case           # names of header fields are found in any case
    bint empty_is_object    # an absent body counts as "{}"
    bint body_required
    bint only_declared      # content of another media type is refused
    bint pointers           # errors name values by JSON pointer

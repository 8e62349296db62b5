"""Hold a request against its route's Checks. A compiled model is checked on the body's own bytes, without the GIL."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

from fastgw._core.bytes cimport Writer, put, put_span, same_case, span, trim, writer_init
from fastgw._core.checks cimport BodyModel, Checks, IN_HEADER, IN_PATH, Required
from fastgw._core.counters cimport H_DOOR_VALIDATE, R_DOORS, ROW_BYTES
from fastgw._core.failure cimport F_BAD_REQUEST_BODY, F_BAD_REQUEST_PARAMETERS, F_UNSUPPORTED_MEDIA_TYPE
from fastgw._core.program cimport decode_at, query_name_is, query_next
from fastgw._core.schema_check cimport schema_check
from fastgw._core.schema_program cimport SCHEMA_OK, SchemaError
from fastgw._core.state cimport BODY_NONE, Field, M_DROP, T_CONTENT_TYPE, core, count, field_value


cdef enum:
    MESSAGE_BYTES = 16384   # the plan compiler holds the names of a route's required parameters to half of it
    DETAIL_BYTES = 4096     # a longer list of errors ends early

# Of the failure that is being answered; the worker has one thread of execution in the engine.
cdef char message_bytes[MESSAGE_BYTES]
cdef char detail_bytes[DETAIL_BYTES]
cdef const char* MISSING = b"Missing required request parameters: ["
cdef const char* NO_BODY = b"[a body is required]"
cdef const char* JSON = b"application/json"


# --- parameters

cdef bint blank(Span value, bint plus) noexcept nogil:
    """Nothing but white space once decoded; plus: "+" is a space."""
    cdef uint32_t i = 0
    cdef uint8_t byte = 0
    while i < value.n:
        if value.p[i] == c"+" and not plus:
            return False
        i += decode_at(value, i, &byte)
        if byte > 32:
            return False
    return True


cdef bint header_given(Exchange* ex, Span name, bint any_case) noexcept nogil:
    """The last field of the name counts, as where it is mapped."""
    cdef bint given = False
    cdef Field* f
    cdef uint32_t i
    for i in range(ex.nfields):
        f = &ex.fields[i]
        if f.name_n == name.n and (memcmp(ex.head + f.name, name.p, name.n) == 0
                                   or (any_case and same_case(ex.head + f.name, name.p, name.n))):
            given = trim(field_value(ex.head, f)).n != 0
    return given


cdef bint query_given(Exchange* ex, Span wanted) noexcept nogil:
    cdef uint32_t at = 0
    cdef Span name, value
    cdef bint given = False
    while query_next(ex.query, &at, &name, &value):
        if query_name_is(name, wanted):
            given = not blank(value, True)
    return given


cdef bint given(Exchange* ex, const Required* r, bint any_case) noexcept nogil:
    if r.location == IN_HEADER:
        return header_given(ex, r.name, any_case)
    if r.location == IN_PATH:
        return r.index < ex.match.nparams and not blank(
            span(ex.rest.p + ex.match.off[r.index], ex.match.len[r.index]), False)
    return query_given(ex, r.name)


cdef bint all_given(Exchange* ex, const Checks* checks) noexcept nogil:
    """False with the names of those that are not in ex.message."""
    cdef Writer w
    cdef uint32_t i
    cdef bint all = True
    for i in range(checks.nrequired):
        if given(ex, &checks.required[i], checks.any_case):
            continue
        if all:
            writer_init(&w, message_bytes, MESSAGE_BYTES)
            put(&w, MISSING, 38)
            all = False
        else:
            put(&w, b", ", 2)
        put_span(&w, checks.required[i].name)
    if not all:
        put(&w, b"]", 1)
        ex.message = span(w.p, w.n)
    return all


# --- bodies

cdef Span media_type(Span value) noexcept nogil:
    """type/subtype without parameters (RFC 9110 section 8.3.1)."""
    cdef uint32_t i = 0
    while i < value.n and value.p[i] != c";":
        i += 1
    return trim(span(value.p, i))


cdef const BodyModel* model_of(const Checks* checks, Span media) noexcept nogil:
    cdef const BodyModel* model
    cdef uint32_t i
    for i in range(checks.nmodels):
        model = &checks.models[i]
        if (media.n == model.media.n or (model.range and media.n > model.media.n)) \
                and same_case(media.p, model.media.p, model.media.n):
            return model
    return NULL


cdef bint choose_model(Exchange* ex, const Checks* checks) noexcept nogil:
    """Set ex.model by Content-Type, which is JSON where none is said. False: a media type that is not declared.

    Of several Content-Type fields every one must be declared, and the first with a model counts: which of them
    the upstream believes is not known.
    """
    cdef const BodyModel* model
    cdef bint said = False
    cdef uint32_t i
    for i in range(ex.nfields + 1):
        if i < ex.nfields:
            if ex.fields[i].token != T_CONTENT_TYPE or ex.fields[i].marks & M_DROP:
                continue
            said = True
            model = model_of(checks, media_type(field_value(ex.head, &ex.fields[i])))
        elif said:
            break
        else:
            model = model_of(checks, span(JSON, 16))
        if model == NULL and checks.only_declared:
            return False
        if model != NULL and ex.model == NULL and model.schema != NULL:
            ex.model = model
    return True


cdef int no_body(Exchange* ex) noexcept nogil:
    ex.detail = span(NO_BODY, 20)
    return F_BAD_REQUEST_BODY


cdef int validate_head(Exchange* ex) noexcept nogil:
    cdef const Checks* checks = ex.route.checks
    if not all_given(ex, checks):
        return F_BAD_REQUEST_PARAMETERS
    if ex.body == BODY_NONE and not checks.empty_is_object:
        return no_body(ex) if checks.body_required else <int>VALID
    if checks.nmodels and not choose_model(ex, checks):
        return F_UNSUPPORTED_MEDIA_TYPE
    return VALID


cdef int validate_body(Exchange* ex, Span body) noexcept nogil:
    cdef const Checks* checks = ex.route.checks
    cdef SchemaError error
    if body.n == 0 and not checks.empty_is_object:
        return no_body(ex) if checks.body_required else <int>VALID
    if body.n == 0:
        body = span(b"{}", 2)
    memset(&error, 0, sizeof(error))
    writer_init(&error.text, detail_bytes, DETAIL_BYTES)
    error.pointers = checks.pointers
    if schema_check(ex.model.schema, body, &error) != SCHEMA_OK:
        ex.detail = span(error.text.p, error.text.n)
        return F_BAD_REQUEST_BODY
    if ex.model.step != NULL and not held_in_python(ex, body):
        return F_BAD_REQUEST_BODY
    return VALID


cdef bint held_in_python(Exchange* ex, Span body) noexcept nogil:
    """A model that is not compiled: its step takes the body and gives None, or what is wrong with it."""
    cdef bint held
    count(H_DOOR_VALIDATE)
    if ex.route.slot < core.nrows:
        (<uint64_t*>(core.rows + <size_t>ex.route.slot * ROW_BYTES))[R_DOORS] += 1
    with gil:
        held = run_step(ex, body)
    return held


cdef bint run_step(Exchange* ex, Span body) noexcept:
    """A step that fails refuses the body: nothing is admitted unchecked."""
    cdef Writer w
    cdef bytes told
    try:
        wrong = (<object>ex.model.step)(<bytes>body.p[:body.n])
    except BaseException as error:
        wrong = f"[{type(error).__name__}]"
    if wrong is None:
        return True
    told = wrong.encode("utf-8", "replace")[:DETAIL_BYTES]
    writer_init(&w, detail_bytes, DETAIL_BYTES)
    put(&w, told, <uint32_t>len(told))
    ex.detail = span(w.p, w.n)
    return False

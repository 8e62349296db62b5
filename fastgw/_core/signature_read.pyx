"""Read authorizations."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fastgw._core.bytes cimport HEX, Span, Writer, list_next, put_char, put_span, put_uint, span, trim, writer_init
from fastgw._core.signature_text cimport (Room, date_time, field_count, put_stamp, room_writer, same_span, say, say_digest,
                                          say_one, stamp_time)
from fastgw._core.signed cimport (FIRST_OPTIONAL, NOT_SIGNED, PARAMS, P_ALGORITHM, P_CREDENTIAL, P_DATE, P_DIGEST,
                                  P_EXPIRES, P_NAMES, P_SIGNATURE, P_TOKEN, SAY_ALGORITHM, SAY_BOTH, SAY_CREDENTIAL,
                                  SAY_DATE, SAY_DAY, SAY_EARLY, SAY_ELEMENTS, SAY_EXPIRED, SAY_EXPIRES, SAY_GIVEN,
                                  SAY_HOST, SAY_NAMES, SAY_PAIR, SAY_PARAM, SAY_REGION, SAY_SERVICE, SAY_SIGNATURE,
                                  SAY_TERMINATOR, SAY_TIME, SAY_TWICE, SIGNED, SIGNED_BADLY, SIGNED_ELSE)

cdef enum:
    STAMP = 16              # bytes of "20150830T123600Z"
    DAY = 8                 # of "20150830"
    ELEMENTS = 5            # of a credential: id, day, region, service, terminator

cdef Room values            # decoded from the query

cdef inline Span word(const char* text, uint32_t n) noexcept nogil:
    return span(text, n)


# --- one value

cdef Signing split_credential(const SignedRequest* r, Signed* s, Span credential) noexcept nogil:
    cdef Span parts[ELEMENTS]
    cdef uint32_t i, start = 0, n = 0
    for i in range(credential.n + 1):
        if i == credential.n or credential.p[i] == c"/":
            if n < ELEMENTS:
                parts[n] = span(credential.p + start, i - start)
            n += 1
            start = i + 1
    if n != ELEMENTS or parts[0].n == 0:
        return say_one(r, s, SIGNED_BADLY, SAY_ELEMENTS, credential)
    s.id, s.day, s.region, s.service, s.terminator = parts[0], parts[1], parts[2], parts[3], parts[4]
    s.scope = span(s.day.p, <uint32_t>(credential.p + credential.n - s.day.p))
    return SIGNED


cdef Signing read_stamp(const SignedRequest* r, Signed* s, Span text) noexcept nogil:
    if text.n != STAMP or not stamp_time(text.p, &s.time):
        return say_one(r, s, SIGNED_BADLY, SAY_TIME, text)
    memcpy(s.stamp, text.p, STAMP)
    return SIGNED


cdef Signing read_date(const SignedRequest* r, Signed* s, Span text) noexcept nogil:
    """The Date field, which may also be a stamp."""
    cdef Writer w
    if text.n == STAMP:
        return read_stamp(r, s, text)
    if not date_time(text, &s.time):
        return say_one(r, s, SIGNED_BADLY, SAY_TIME, text)
    writer_init(&w, s.stamp, STAMP)
    put_stamp(&w, s.time)
    return SIGNED


cdef bint names_host(Span names) noexcept nogil:
    cdef uint32_t i, start = 0
    for i in range(names.n + 1):
        if i == names.n or names.p[i] == c";":
            if same_span(span(names.p + start, i - start), word(b"host", 4)):
                return True
            start = i + 1
    return False


# --- header

cdef Signing read_pairs(const SignedRequest* r, Signed* s, Span field, Span pairs, Span* credential) noexcept nogil:
    cdef Span member, name, value
    cdef Span* place
    cdef uint32_t at = 0, equals
    while list_next(pairs, &at, &member):
        equals = 0
        while equals < member.n and member.p[equals] != c"=":
            equals += 1
        if equals == member.n:
            return say_digest(r, s, SAY_PAIR, field)
        name = trim(span(member.p, equals))
        value = trim(span(member.p + equals + 1, member.n - equals - 1))
        if same_span(name, word(b"Credential", 10)):
            place = credential
        elif same_span(name, word(b"SignedHeaders", 13)):
            place = &s.names
        elif same_span(name, word(b"Signature", 9)):
            place = &s.signature
        else:
            continue
        if place.p != NULL:
            return say_one(r, s, SIGNED_BADLY, SAY_TWICE, name)
        place[0] = value
    return SIGNED


cdef Signing read_field(const SignedRequest* r, Signed* s, Span field) noexcept nogil:
    cdef Span scheme, stamp, date, credential = span(NULL, 0)
    cdef uint32_t i = 0, stamps, dates
    cdef Signing result
    while i < field.n and field.p[i] != c" ":
        i += 1
    scheme = span(field.p, i)
    result = read_pairs(r, s, field, trim(span(field.p + i, field.n - i)), &credential)
    if result != SIGNED:
        return result
    stamps = field_count(r, r.rules.date_field, &stamp)
    dates = field_count(r, word(b"date", 4), &date)
    if credential.p == NULL:
        result = say_one(r, s, SIGNED_BADLY, SAY_CREDENTIAL, credential)
    if s.signature.p == NULL:
        result = say_one(r, s, SIGNED_BADLY, SAY_SIGNATURE, credential)
    if s.names.p == NULL:
        result = say_one(r, s, SIGNED_BADLY, SAY_NAMES, credential)
    if stamps == 0 and dates == 0:
        result = say_one(r, s, SIGNED_BADLY, SAY_DATE, credential)
    if result != SIGNED:
        return say_digest(r, s, SAY_GIVEN, field)
    if not same_span(scheme, r.rules.algorithm):
        return say_one(r, s, SIGNED_BADLY, SAY_ALGORITHM, scheme)
    if stamps > 1 or (stamps == 0 and dates > 1):
        return say_one(r, s, SIGNED_BADLY, SAY_TWICE, r.rules.date_field if stamps else word(b"date", 4))
    if field_count(r, r.rules.token_field, &s.token) > 1:
        return say_one(r, s, SIGNED_BADLY, SAY_TWICE, r.rules.token_field)
    result = read_stamp(r, s, stamp) if stamps else read_date(r, s, date)
    return result if result != SIGNED else split_credential(r, s, credential)


# --- query

cdef Span decoded(Writer* w, Span text) noexcept nogil:
    """Escapes taken back; a plus stays one, as tokens have them. The writer has room for all of the query."""
    cdef uint32_t i = 0, before = w.n
    while i < text.n:
        if text.p[i] == c"%" and i + 2 < text.n:
            put_char(w, <char>(HEX[<uint8_t>text.p[i + 1]] << 4 | HEX[<uint8_t>text.p[i + 2]]))
            i += 3
        else:
            put_char(w, text.p[i])
            i += 1
    return span(w.p + before, w.n - before)


cdef int param_of(const SignedRequest* r, Span name) noexcept nogil:
    cdef int i
    for i in range(PARAMS):
        if same_span(name, r.rules.params[i]):
            return i
    return -1


cdef Signing read_query(const SignedRequest* r, Signed* s, Span* found) noexcept nogil:
    """found: by P_*, decoded. All of it is read, whatever is wrong with a part: it says how the request is signed."""
    cdef Writer w
    cdef Signing result = SIGNED
    cdef Span member, name
    cdef uint32_t start = 0, i, equals
    cdef int which
    memset(found, 0, PARAMS * sizeof(Span))
    if not room_writer(&values, r.query.n + 1, &w):
        return SIGNED_BADLY
    for i in range(r.query.n + 1):
        if i < r.query.n and r.query.p[i] != c"&":
            continue
        member = span(r.query.p + start, i - start)
        start = i + 1
        equals = 0
        while equals < member.n and member.p[equals] != c"=":
            equals += 1
        name = span(member.p, equals)
        which = param_of(r, name)
        if which < 0:
            continue
        if found[which].p != NULL:
            result = SIGNED_BADLY
            say_one(r, s, result, SAY_TWICE, name)
        found[which] = decoded(&w, span(member.p + equals + 1, member.n - equals - 1) if equals < member.n
                               else span(member.p, 0))
    return result


cdef Signing read_params(const SignedRequest* r, Signed* s, Span* found) noexcept nogil:
    cdef Signing result = SIGNED
    cdef uint32_t i
    for i in range(FIRST_OPTIONAL):
        if found[i].p == NULL and i != P_EXPIRES:
            result = say_one(r, s, SIGNED_BADLY, SAY_PARAM, r.rules.params[i])
    if result != SIGNED:
        return result
    if not same_span(found[P_ALGORITHM], r.rules.algorithm):
        return say_one(r, s, SIGNED_BADLY, SAY_ALGORITHM, found[P_ALGORITHM])
    s.in_query = True
    s.names, s.signature, s.token, s.digest = found[P_NAMES], found[P_SIGNATURE], found[P_TOKEN], found[P_DIGEST]
    if found[P_EXPIRES].p != NULL and not read_expires(r, s, found[P_EXPIRES]):
        return say_one(r, s, SIGNED_BADLY, SAY_EXPIRES, found[P_EXPIRES])
    result = read_stamp(r, s, found[P_DATE])
    return result if result != SIGNED else split_credential(r, s, found[P_CREDENTIAL])


cdef bint read_expires(const SignedRequest* r, Signed* s, Span text) noexcept nogil:
    cdef uint32_t i
    cdef uint64_t seconds = 0
    if not 1 <= text.n <= 6:
        return False
    for i in range(text.n):
        if not c"0" <= text.p[i] <= c"9":
            return False
        seconds = seconds * 10 + <uint8_t>(text.p[i] - c"0")
    s.expires = <uint32_t>seconds
    return 1 <= seconds <= r.rules.most_expires


# --- both

cdef Signing judge_scope(const SignedRequest* r, Signed* s) noexcept nogil:
    cdef Signing result = SIGNED
    cdef Span none = span(NULL, 0)
    if not same_span(s.region, r.rules.region):
        result = say_one(r, s, SIGNED_ELSE, SAY_REGION, s.region)
    if not same_span(s.service, r.rules.service):
        result = say_one(r, s, SIGNED_ELSE, SAY_SERVICE, s.service)
    if not same_span(s.terminator, r.rules.terminator):
        result = say_one(r, s, SIGNED_ELSE, SAY_TERMINATOR, s.terminator)
    if not same_span(s.day, span(s.stamp, DAY)):
        if s.day.n > 2 * DAY:
            s.day.n = 2 * DAY
        result = say(r, s, SIGNED_ELSE, SAY_DAY, s.day, span(s.stamp, DAY), span(s.stamp, STAMP), none)
    return result


cdef Signing say_time(const SignedRequest* r, Signed* s, int saying, uint64_t bound, uint32_t lifetime) noexcept nogil:
    cdef char text[80]
    cdef Writer w
    writer_init(&w, text, sizeof(text))
    put_stamp(&w, bound)
    put_stamp(&w, r.now)
    if lifetime % 60:
        put_uint(&w, lifetime)
        put_span(&w, word(b" sec", 4))
    else:
        put_uint(&w, lifetime // 60)
        put_span(&w, word(b" min", 4))
    return say(r, s, SIGNED_ELSE, saying, span(s.stamp, STAMP), span(text, STAMP), span(text + STAMP, STAMP),
               span(text + 2 * STAMP, w.n - 2 * STAMP))


cdef Signing judge_time(const SignedRequest* r, Signed* s) noexcept nogil:
    """A signature is good for as long as clocks may differ; one with a lifetime, from its time on for so long."""
    cdef uint32_t lifetime = s.expires if s.expires else r.rules.skew
    if s.time + lifetime < r.now:
        return say_time(r, s, SAY_EXPIRED, r.now - lifetime, lifetime)
    if s.time > r.now + r.rules.skew:
        return say_time(r, s, SAY_EARLY, r.now + r.rules.skew, r.rules.skew)
    return SIGNED


cdef Signing signature_read(const SignedRequest* r, Signed* s) noexcept nogil:
    cdef Span found[PARAMS]
    cdef Span field
    cdef uint32_t fields = field_count(r, word(b"authorization", 13), &field)
    cdef Signing result = read_query(r, s, found)
    cdef Span digest
    cdef bint in_query = found[P_ALGORITHM].p != NULL or found[P_CREDENTIAL].p != NULL or found[P_SIGNATURE].p != NULL
    if fields == 0 and not in_query:
        return NOT_SIGNED
    if in_query and result != SIGNED:
        return result
    s.message = span(NULL, 0)
    if fields and in_query:
        return say_one(r, s, SIGNED_BADLY, SAY_BOTH, span(NULL, 0))
    if fields > 1:
        return say_one(r, s, SIGNED_BADLY, SAY_TWICE, word(b"Authorization", 13))
    result = read_params(r, s, found) if in_query else read_field(r, s, field)
    if result != SIGNED:
        return result
    if field_count(r, r.rules.digest_field, &digest) > 1:
        return say_one(r, s, SIGNED_BADLY, SAY_TWICE, r.rules.digest_field)
    if digest.p != NULL:
        s.digest = digest
    if not names_host(s.names):
        return say_one(r, s, SIGNED_BADLY, SAY_HOST, s.names)
    result = judge_scope(r, s)
    return result if result != SIGNED else judge_time(r, s)

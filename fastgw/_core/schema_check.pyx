"""One pass over a body: the reader of JSON and the check of its values are the same functions."""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memset

from fastgw._core.bytes cimport Span, Writer, put, span
from fastgw._core.json cimport (J_DEPTH, J_DUPLICATE, J_KEYS, J_MEMORY, J_NONE, J_SYNTAX, J_WORK, JsonFault, Text,
                                json_digit, json_plain_text, json_space, json_string)
from fastgw._core.json_hash cimport Hash, hash_bytes, seen_add, seen_open
from fastgw._core.pcre cimport MATCH_PURSE
from fastgw._core.schema_error cimport (Check, Step, fail_counts, fail_dependency, fail_extras, fail_plain,
                                        fail_required, fail_type, fault_at, fault_text)
from fastgw._core.schema_members cimport member_find
from fastgw._core.schema_program cimport (ArrayRules, Combined, FRAMES_MOST, K_ADDITIONAL_ITEMS, K_ALL_OF, K_ANY_OF,
                                          K_CONTAINS, K_MAX_ITEMS, K_MAX_PROPERTIES, K_MIN_ITEMS, K_MIN_PROPERTIES,
                                          K_NONE, K_NOT, K_ONE_OF, K_UNIQUE_ITEMS, ObjectRules, SCHEMA_INVALID,
                                          SCHEMA_NOT_JSON, SCHEMA_OK, SCHEMA_TOO_MUCH, SchemaNode, TYPE_ANY, TYPE_ARRAY,
                                          TYPE_OBJECT, WORK_FREE, WORK_TIMES)
from fastgw._core.schema_scalar cimport choose, hash_here, match, read_literal, read_number, read_string

cdef enum:
    EXTRAS_SHOWN = 8
    TAIL_BYTES = 4          # kept free in a text for its end
    AGAIN_BYTES = 16        # what reading again counts beside the bytes it reads

cdef SchemaNode ANY
memset(&ANY, 0, sizeof(SchemaNode))
ANY.types = TYPE_ANY

cdef uint64_t* bit_words = NULL     # sets of names present, one above the other as objects are nested
cdef uint32_t bit_cap = 0

cdef struct Object:         # what is kept of an object while its members are read
    const ObjectRules* rules
    uint32_t bits           # where its set of names present starts
    uint32_t owner          # 0: none yet
    uint32_t count
    uint32_t nextras
    Span extras[EXTRAS_SHOWN]
    Step step


cdef int32_t bits_take(Check* c, uint32_t words) noexcept nogil:
    """Where `words` empty ones start; -1 where memory is short."""
    global bit_words, bit_cap
    cdef uint64_t* grown
    cdef uint32_t at = c.bits
    if words == 0:
        return <int32_t>at
    if at + words > bit_cap:
        grown = <uint64_t*>realloc(bit_words, (2 * (at + words) + 64) * sizeof(uint64_t))
        if grown == NULL:
            return -1
        bit_words = grown
        bit_cap = 2 * (at + words) + 64
    if words:       # else there may be no bit_words yet
        memset(bit_words + at, 0, words * sizeof(uint64_t))
    c.bits = at + words
    return <int32_t>at


# --- values read again

cdef bint again(Check* c, const SchemaNode* node, const char* at, bint quiet) noexcept nogil:
    """Hold the value at `at` against one more schema. False: reading stops."""
    cdef Check kept = c[0]
    cdef bint go
    if c.frames == 0:
        return fault_at(c, J_DEPTH, at)
    c.frames -= 1
    c.p = at
    c.trusted = True
    c.quiet = quiet
    go = read_value(c, node)
    c.work -= c.p - at + AGAIN_BYTES
    c.p = kept.p
    c.frames = kept.frames
    c.bits = kept.bits
    c.depth = kept.depth
    c.step = kept.step
    c.trusted = kept.trusted
    c.quiet = kept.quiet
    if c.work < 0 and not c.fault:
        return fault_at(c, J_WORK, at)
    return go


cdef bint alternative(Check* c, const SchemaNode* node, const char* at, bint* held) noexcept nogil:
    """Whether the value at `at` holds the schema, without a word. False: reading stops."""
    cdef bint failed = c.failed
    c.failed = False
    again(c, node, at, True)
    held[0] = not c.failed
    c.failed = failed
    return c.fault == J_NONE


cdef bint combine(Check* c, const Combined* asked, const char* at) noexcept nogil:
    cdef uint32_t i, count = 0
    cdef bint held
    for i in range(asked.all.count):
        if not alternative(c, asked.all.nodes[i], at, &held):
            return False
        count += held
        if c.quiet and not held:
            break
    if count < asked.all.count and fail_counts(
            c, K_ALL_OF, at, b"instance failed to match all required schemas (matched only ", count, b" out of ",
            asked.all.count, b")"):
        return False
    if asked.any.count:
        held = False
        for i in range(asked.any.count):
            if not alternative(c, asked.any.nodes[i], at, &held):
                return False
            if held:
                break
        if not held and fail_counts(c, K_ANY_OF, at, b"instance failed to match at least one required schema among ",
                                    asked.any.count, NULL, 0, NULL):
            return False
    if asked.one.count:
        count = 0
        for i in range(asked.one.count):
            if not alternative(c, asked.one.nodes[i], at, &held):
                return False
            count += held
            if c.quiet and count > 1:
                break
        if count != 1 and fail_counts(c, K_ONE_OF, at, b"instance failed to match exactly one schema (matched ",
                                      count, b" out of ", asked.one.count, b")"):
            return False
    if asked.never != NULL:
        if not alternative(c, asked.never, at, &held):
            return False
        if held and fail_plain(c, K_NOT, at, b"instance matched a schema which it should not have"):
            return False
    if asked.when != NULL:
        if not alternative(c, asked.when, at, &held):
            return False
        if held:
            return asked.then == NULL or again(c, asked.then, at, c.quiet)
        return asked.otherwise == NULL or again(c, asked.otherwise, at, c.quiet)
    return True


# --- arrays

cdef bint read_item(Check* c, const ArrayRules* rules, uint32_t index, uint32_t* owner, bint* twice,
                    bint* contained) noexcept nogil:
    cdef const SchemaNode* node = &ANY
    cdef const char* at
    cdef Hash hash
    cdef int new
    if rules != NULL:
        node = rules.heads[index] if index < rules.nheads else rules.items
        if node.never and index >= rules.nheads and rules.nheads:
            node = &ANY         # told once, at the array's end
    at = c.p = json_space(c.p, c.end)
    if not read_value(c, node):
        return False
    if rules == NULL:
        return True
    if rules.unique and not twice[0]:
        if owner[0] == 0:
            c.owners += 1
            owner[0] = c.owners
        if not hash_here(c, at, &hash):
            return False
        new = seen_add(owner[0], &hash)
        if new < 0:
            return fault_at(c, J_KEYS, at)
        twice[0] = new == 0
    if rules.contains != NULL and not contained[0]:
        return alternative(c, rules.contains, at, contained)
    return True


cdef bint hold_items(Check* c, const ArrayRules* rules, const char* at, uint32_t count, bint twice,
                     bint contained) noexcept nogil:
    if count < rules.least and fail_counts(c, K_MIN_ITEMS, at, b"array is too short: must have at least ",
                                           rules.least, b" elements but instance has ", count, b" elements"):
        return False
    if count > rules.most and fail_counts(c, K_MAX_ITEMS, at, b"array is too long: must have at most ", rules.most,
                                          b" elements but instance has ", count, b" elements"):
        return False
    if rules.nheads and rules.items.never and count > rules.nheads and fail_counts(
            c, K_ADDITIONAL_ITEMS, at, b"array has elements which are not allowed by the schema (allowed: ",
            rules.nheads, b", found: ", count, b")"):
        return False
    if twice and fail_plain(c, K_UNIQUE_ITEMS, at, b"array must not contain duplicate elements"):
        return False
    if rules.contains != NULL and not contained:
        return not fail_plain(c, K_CONTAINS, at, b"array has no element that matches the required schema")
    return True


cdef bint read_array(Check* c, const SchemaNode* node) noexcept nogil:
    cdef const char* at = c.p
    cdef const ArrayRules* rules = node.array
    cdef uint32_t count = 0, owner = 0
    cdef bint twice = False, contained = False
    cdef Step step
    if c.depth == 0:
        return fault_at(c, J_DEPTH, at)
    if not node.types & TYPE_ARRAY and fail_type(c, node, at, b"array"):
        return False
    c.depth -= 1
    step.up = c.step
    step.item = True
    c.step = &step
    c.p = json_space(at + 1, c.end)
    if c.p < c.end and c.p[0] == c"]":
        c.p += 1
    else:
        while True:
            step.index = count
            if not read_item(c, rules, count, &owner, &twice, &contained):
                return False
            count += 1
            c.p = json_space(c.p, c.end)
            if c.p == c.end or (c.p[0] != c"," and c.p[0] != c"]"):
                return fault_at(c, J_SYNTAX, c.p)
            c.p += 1
            if (c.p - 1)[0] == c"]":
                break
    c.depth += 1
    c.step = step.up
    if rules != NULL and not hold_items(c, rules, at, count, twice, contained):
        return False
    return node.choices == NULL or choose(c, node.choices, at)


# --- objects

cdef bint new_name(Check* c, Object* object, int32_t number, Span name, const char* at) noexcept nogil:
    """A name the schema knows is a bit; another one is remembered by its hash."""
    cdef Hash hash
    cdef uint64_t* word
    cdef int new
    if number >= 0:
        word = &bit_words[object.bits + (number >> 6)]
        if word[0] >> (number & 63) & 1:
            return fault_at(c, J_DUPLICATE, at)
        word[0] |= <uint64_t>1 << (number & 63)
        return True
    if c.trusted:
        return True
    if object.owner == 0:
        c.owners += 1
        object.owner = c.owners
    hash = hash_bytes(name.p, name.n)
    new = seen_add(object.owner, &hash)
    return new > 0 or fault_at(c, J_KEYS if new < 0 else J_DUPLICATE, at)


cdef bint streamed(Check* c, Object* object, int32_t number, Span name, const char* at, const SchemaNode** node,
                   uint32_t* later) noexcept nogil:
    """The schema that a member's value is read with; `later`: the first pattern it is to be read again for."""
    cdef const ObjectRules* rules = object.rules
    cdef uint32_t i
    cdef bint found
    node[0] = rules.members.list[number].node if number >= 0 else NULL
    later[0] = rules.npatterns
    for i in range(rules.npatterns):
        if not match(c, rules.patterns[i].pattern, name.p, name.n, at, &found):
            return False
        if found and node[0] == NULL:
            node[0] = rules.patterns[i].node
        elif found:
            later[0] = i
            break
    if node[0] != NULL:
        return True
    node[0] = rules.others
    if not rules.others.never:
        return True
    node[0] = &ANY
    c.failed = True
    if c.quiet:
        return False
    if object.nextras < EXTRAS_SHOWN:
        object.extras[object.nextras] = span(object.step.name, object.step.n)
        object.nextras += 1
    return True


cdef bint other_patterns(Check* c, const ObjectRules* rules, uint32_t first, Text* text, const char* at) noexcept nogil:
    cdef Span name
    cdef uint32_t i
    cdef bint found
    for i in range(first, rules.npatterns):
        if not json_plain_text(text, &name):
            return fault_at(c, J_MEMORY, at)
        if not match(c, rules.patterns[i].pattern, name.p, name.n, at, &found):
            return False
        if found and not again(c, rules.patterns[i].node, at, c.quiet):
            return False
    return True


cdef bint read_member(Check* c, Object* object) noexcept nogil:
    cdef const ObjectRules* rules = object.rules
    cdef const SchemaNode* node = &ANY
    cdef const char* at = c.p
    cdef Text text
    cdef Span name
    cdef JsonFault fault
    cdef int32_t number = -1
    cdef uint32_t later = 0
    if at == c.end or at[0] != c'"':
        return fault_at(c, J_SYNTAX, at)
    c.p = json_string(at + 1, c.end, &text, &fault)
    if c.p == NULL:
        c.p = at
        return fault_at(c, fault, text.p)
    if not json_plain_text(&text, &name):
        return fault_at(c, J_MEMORY, at)
    object.step.name = text.p
    object.step.n = text.n
    if rules != NULL and rules.members.count:
        number = member_find(&rules.members, name.p, name.n)
    if not new_name(c, object, number, name, at):
        return False
    if rules != NULL:
        if rules.spelling != NULL:
            if not again(c, rules.spelling, at, c.quiet):
                return False
            json_plain_text(&text, &name)       # the buffer was used; it is large enough
        if not streamed(c, object, number, name, at, &node, &later):
            return False
    c.p = json_space(c.p, c.end)
    if c.p == c.end or c.p[0] != c":":
        return fault_at(c, J_SYNTAX, c.p)
    at = c.p = json_space(c.p + 1, c.end)
    if not read_value(c, node):
        return False
    return rules == NULL or later >= rules.npatterns or other_patterns(c, rules, later, &text, at)


cdef bint hold_dependencies(Check* c, Object* object, const char* at) noexcept nogil:
    cdef const ObjectRules* rules = object.rules
    cdef uint32_t i, k, trigger
    for i in range(rules.ndependencies):
        trigger = rules.dependencies[i].trigger
        if not bit_words[object.bits + (trigger >> 6)] >> (trigger & 63) & 1:
            continue
        if rules.dependencies[i].node != NULL:
            if not again(c, rules.dependencies[i].node, at, c.quiet):
                return False
            continue
        for k in range(rules.words):
            if rules.dependencies[i].needs[k] & ~bit_words[object.bits + k]:
                if fail_dependency(c, at, rules, &rules.dependencies[i], bit_words + object.bits):
                    return False
                break
    return True


cdef bint hold_members(Check* c, Object* object, const char* at) noexcept nogil:
    cdef const ObjectRules* rules = object.rules
    cdef uint32_t k
    if object.nextras and fail_extras(c, at, object.extras, object.nextras):
        return False
    if rules.required != NULL:
        for k in range(rules.words):
            if rules.required[k] & ~bit_words[object.bits + k]:
                if fail_required(c, at, rules, bit_words + object.bits):
                    return False
                break
    if object.count < rules.least and fail_counts(
            c, K_MIN_PROPERTIES, at, b"object has too few properties (found ", object.count,
            b" but schema requires at least ", rules.least, b")"):
        return False
    if object.count > rules.most and fail_counts(
            c, K_MAX_PROPERTIES, at, b"object has too many properties (found ", object.count,
            b" but schema requires at most ", rules.most, b")"):
        return False
    return rules.ndependencies == 0 or hold_dependencies(c, object, at)


cdef bint read_object(Check* c, const SchemaNode* node) noexcept nogil:
    cdef const char* at = c.p
    cdef Object object
    cdef int32_t bits
    if c.depth == 0:
        return fault_at(c, J_DEPTH, at)
    if not node.types & TYPE_OBJECT and fail_type(c, node, at, b"object"):
        return False
    c.depth -= 1
    object.rules = node.object
    object.owner = object.count = object.nextras = 0
    bits = bits_take(c, object.rules.words if object.rules != NULL else 0)
    if bits < 0:
        return fault_at(c, J_MEMORY, at)
    object.bits = <uint32_t>bits
    object.step.up = c.step
    object.step.item = False
    c.step = &object.step
    c.p = json_space(at + 1, c.end)
    if c.p < c.end and c.p[0] == c"}":
        c.p += 1
    else:
        while True:
            c.p = json_space(c.p, c.end)
            if not read_member(c, &object):
                return False
            object.count += 1
            c.p = json_space(c.p, c.end)
            if c.p == c.end or (c.p[0] != c"," and c.p[0] != c"}"):
                return fault_at(c, J_SYNTAX, c.p)
            c.p += 1
            if (c.p - 1)[0] == c"}":
                break
    c.depth += 1
    c.step = object.step.up
    if object.rules != NULL and not hold_members(c, &object, at):
        return False
    c.bits = object.bits
    return node.choices == NULL or choose(c, node.choices, at)


cdef bint read_value(Check* c, const SchemaNode* node) noexcept nogil:
    """False: reading stops. What is not held sets c.failed and, unless quiet, is told."""
    cdef const char* at
    cdef bint go
    at = c.p = json_space(c.p, c.end)
    if at == c.end:
        return fault_at(c, J_SYNTAX, at)
    if at[0] == c'"':
        go = read_string(c, node)
    elif at[0] == c"{":
        go = read_object(c, node)
    elif at[0] == c"[":
        go = read_array(c, node)
    elif at[0] == c"-" or json_digit(at[0]):
        go = read_number(c, node)
    else:
        go = read_literal(c, node)
    if go and node.combined != NULL:
        return combine(c, node.combined, at)
    return go


cdef void close_text(Writer* text) noexcept nogil:
    if text.full:
        put(text, b"...]", TAIL_BYTES)
    else:
        put(text, b"]", 1)


cdef SchemaVerdict schema_check(const SchemaProgram* program, Span body, SchemaError* error) noexcept nogil:
    cdef Check c
    cdef uint32_t tail = 0
    memset(&c, 0, sizeof(Check))
    c.p = c.begin = body.p
    c.end = body.p + body.n
    c.error = error
    c.work = <int64_t>WORK_TIMES * body.n + WORK_FREE
    c.depth = program.depth
    c.frames = FRAMES_MOST
    c.purse = MATCH_PURSE
    if error != NULL:
        error.keyword = K_NONE
        error.fault = J_NONE
        error.at = error.errors = 0
        tail = min(error.text.cap, <uint32_t>TAIL_BYTES)
        error.text.cap -= tail
    if not seen_open():
        fault_at(&c, J_MEMORY, c.p)
    elif read_value(&c, program.root):
        c.p = json_space(c.p, c.end)
        if c.p != c.end:
            fault_at(&c, J_SYNTAX, c.p)
    if error != NULL:
        error.fault = c.fault
        if c.fault:
            fault_text(&c)
        error.text.cap += tail
        if c.failed and not c.fault:
            close_text(&error.text)
    if c.fault:
        return SCHEMA_NOT_JSON if c.fault <= J_DUPLICATE else SCHEMA_TOO_MUCH
    return SCHEMA_INVALID if c.failed else SCHEMA_OK

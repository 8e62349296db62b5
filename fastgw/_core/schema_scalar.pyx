"""Strings, numbers and literals; nothing here reads a value within a value."""
from libc.stdint cimport uint32_t
from libc.string cimport memcmp

from fastgw._core.bytes cimport Span
from fastgw._core.decimal cimport Decimal, decimal_compare, decimal_multiple, decimal_of, decimal_whole
from fastgw._core.formats cimport format_holds
from fastgw._core.json cimport (J_MEMORY, J_SYNTAX, J_WORK, JsonFault, Number, Text, json_number, json_plain_text,
                                json_string)
from fastgw._core.json_hash cimport Hash, json_hash
from fastgw._core.pcre cimport PATTERN_CUT, PATTERN_YES, pattern_match
from fastgw._core.schema_error cimport (Check, fail_bound, fail_choice, fail_format, fail_length, fail_multiple,
                                        fail_pattern, fail_type, fault_at)
from fastgw._core.schema_members cimport member_find
from fastgw._core.schema_program cimport (Bound, Choices, K_MAXIMUM, K_MAX_LENGTH, K_MINIMUM, K_MIN_LENGTH,
                                          NumberRules, SchemaNode, StringRules, TYPE_BOOLEAN, TYPE_INTEGER, TYPE_NULL,
                                          TYPE_NUMBER, TYPE_STRING)


cdef bint hash_here(Check* c, const char* at, Hash* hash) noexcept nogil:
    """Of the value from `at` to where the reader is."""
    c.work -= c.p - at
    if c.work < 0:
        return fault_at(c, J_WORK, at)
    return json_hash(at, c.end, hash) != NULL or fault_at(c, J_MEMORY, at)


cdef bint choose(Check* c, const Choices* choices, const char* at) noexcept nogil:
    """A number, an array or an object among the choices."""
    cdef Hash hash
    cdef uint32_t i
    if choices.nhashes:
        if not hash_here(c, at, &hash):
            return False
        for i in range(choices.nhashes):
            if choices.hashes[i].a == hash.a and choices.hashes[i].b == hash.b:
                return True
    return not fail_choice(c, choices, at)


cdef bint read_literal(Check* c, const SchemaNode* node) noexcept nogil:
    cdef const char* at = c.p
    cdef uint32_t left = <uint32_t>(c.end - at)
    cdef bint chosen = True
    if left >= 4 and memcmp(at, b"null", 4) == 0:
        c.p = at + 4
        if not node.types & TYPE_NULL and fail_type(c, node, at, b"null"):
            return False
        if node.choices != NULL:
            chosen = node.choices.plain & TYPE_NULL
    elif left >= 4 and memcmp(at, b"true", 4) == 0:
        c.p = at + 4
        if not node.types & TYPE_BOOLEAN and fail_type(c, node, at, b"boolean"):
            return False
        if node.choices != NULL:
            chosen = node.choices.bools & 1
    elif left >= 5 and memcmp(at, b"false", 5) == 0:
        c.p = at + 5
        if not node.types & TYPE_BOOLEAN and fail_type(c, node, at, b"boolean"):
            return False
        if node.choices != NULL:
            chosen = node.choices.bools & 2
    else:
        return fault_at(c, J_SYNTAX, at)
    return chosen or not fail_choice(c, node.choices, at)


cdef bint match(Check* c, void* pattern, const char* p, uint32_t n, const char* at, bint* found) noexcept nogil:
    """A pattern that is cut is no answer: neither "not" nor "anyOf" may take it for one."""
    cdef int result = pattern_match(pattern, p, n, &c.purse)
    if result == PATTERN_CUT:
        return fault_at(c, J_WORK, at)
    found[0] = result == PATTERN_YES
    return True


cdef bint hold_string(Check* c, const StringRules* rules, Text* text) noexcept nogil:
    cdef Span plain
    cdef bint found
    if text.points < rules.least and fail_length(c, K_MIN_LENGTH, rules, text):
        return False
    if text.points > rules.most and fail_length(c, K_MAX_LENGTH, rules, text):
        return False
    if rules.pattern == NULL and rules.format == 0:
        return True
    if not json_plain_text(text, &plain):
        return fault_at(c, J_MEMORY, text.p)
    if rules.format and not format_holds(rules.format, plain.p, plain.n) and fail_format(c, rules, text):
        return False
    if rules.pattern != NULL:
        if not match(c, rules.pattern, plain.p, plain.n, text.p, &found):
            return False
        return found or not fail_pattern(c, rules, text)
    return True


cdef bint read_string(Check* c, const SchemaNode* node) noexcept nogil:
    cdef const char* at = c.p
    cdef Text text
    cdef Span plain
    cdef JsonFault fault
    c.p = json_string(at + 1, c.end, &text, &fault)
    if c.p == NULL:
        c.p = at
        return fault_at(c, fault, text.p)
    if not node.types & TYPE_STRING and fail_type(c, node, at, b"string"):
        return False
    if node.choices != NULL:
        if not json_plain_text(&text, &plain):
            return fault_at(c, J_MEMORY, at)
        if member_find(&node.choices.strings, plain.p, plain.n) < 0 and fail_choice(c, node.choices, at):
            return False
    return node.string == NULL or hold_string(c, node.string, &text)


cdef int bound_compare(const Number* number, const Decimal* decimal, const Bound* bound) noexcept nogil:
    if number.small and bound.small:
        return (number.value > bound.value) - (number.value < bound.value)
    return decimal_compare(decimal, &bound.decimal)


cdef bint hold_number(Check* c, const NumberRules* rules, const Number* number) noexcept nogil:
    cdef Decimal decimal = decimal_of(number.p, number.n)
    cdef int order
    if rules.least.given:
        order = bound_compare(number, &decimal, &rules.least)
        if (order < 0 or (order == 0 and rules.least.exclusive)) and fail_bound(c, K_MINIMUM, &rules.least, number):
            return False
    if rules.most.given:
        order = bound_compare(number, &decimal, &rules.most)
        if (order > 0 or (order == 0 and rules.most.exclusive)) and fail_bound(c, K_MAXIMUM, &rules.most, number):
            return False
    if rules.multiple and not decimal_multiple(&decimal, rules.multiple, rules.multiple_e):
        return not fail_multiple(c, rules.multiple_text, number)
    return True


cdef bint read_number(Check* c, const SchemaNode* node) noexcept nogil:
    cdef const char* at = c.p
    cdef Number number
    cdef Decimal decimal
    c.p = json_number(at, c.end, &number)
    if c.p == NULL:
        c.p = at
        return fault_at(c, J_SYNTAX, at)
    if not node.types & TYPE_NUMBER:
        if not node.types & TYPE_INTEGER:
            if fail_type(c, node, at, b"integer" if number.plain else b"number"):
                return False
        elif not number.plain:
            decimal = decimal_of(number.p, number.n)
            if not (node.whole_by_value and decimal_whole(&decimal)) and fail_type(c, node, at, b"number"):
                return False
    if node.number != NULL and not hold_number(c, node.number, &number):
        return False
    return node.choices == NULL or choose(c, node.choices, at)

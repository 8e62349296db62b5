"""Policies, built from plain values and evaluated without the GIL."""
from libc.string cimport memchr, memcmp, memcpy

from fastgw._core.bytes cimport same_case, span
from fastgw._core.glob cimport GLOB_PIECES, glob_build, glob_fits
from fastgw._core.network cimport address_read, network_holds

cdef enum:
    BLOCK_BYTES = 4096
    MOST_FACTS = 256        # within the globs of one policy
    DIGITS = 18

# Values of the facts within globs; the worker has one thread of execution in the engine.
cdef Span put_in[MOST_FACTS]

# Values by which a caller is known to be a principal; a session of a role has the role's name and its own.
cdef Span ACCOUNT = span(b"identity.accountId", 18)
cdef Span NAME = span(b"principal.arn", 13)
cdef Span SESSION = span(b"identity.userArn", 16)


# --- facts

cdef inline bint same(Span a, Span b) noexcept nogil:
    return a.n == b.n and memcmp(a.p, b.p, a.n) == 0


cdef Span told(const Facts* facts, Span name) noexcept nogil:
    """p NULL: none. What is empty says nothing."""
    cdef uint32_t i
    for i in range(facts.ntold):
        if same(facts.told[i].name, name) and facts.told[i].value.n:
            return facts.told[i].value
    return span(NULL, 0)


cdef Span text_of(const Fact* fact, const Facts* facts) noexcept nogil:
    """Of a fact that is a text."""
    cdef Span found = span(NULL, 0)
    if fact.kind == FACT_REFERER:
        found = facts.referer
    elif fact.kind == FACT_AGENT:
        found = facts.agent
    elif fact.kind == FACT_TOLD:
        found = told(facts, fact.name)
    return found if found.n else span(NULL, 0)


cdef bint number_in(Span text, int64_t* number) noexcept nogil:
    """Whole seconds or flags of a caller's, as digits or as "true" and "false"."""
    cdef uint32_t i
    if text.n == 4 and same_case(text.p, b"true", 4):
        number[0] = 1
        return True
    number[0] = 0
    if text.n == 5 and same_case(text.p, b"false", 5):
        return True
    for i in range(text.n):
        if not c"0" <= text.p[i] <= c"9":
            return False
        number[0] = number[0] * 10 + (text.p[i] - c"0")
    number[0] *= 1000000
    return 0 < text.n <= DIGITS - 6


cdef bint number_of(const Fact* fact, const Facts* facts, int64_t* number) noexcept nogil:
    cdef Span text
    if fact.kind == FACT_TIME:
        number[0] = facts.time
        return True
    if fact.kind == FACT_SECURE:
        number[0] = facts.secure
        return True
    text = text_of(fact, facts)
    return text.p != NULL and number_in(text, number)


cdef bint exists(const Fact* fact, const Facts* facts) noexcept nogil:
    if fact.kind == FACT_TIME or fact.kind == FACT_SECURE:
        return True
    if fact.kind == FACT_ADDRESS:
        return facts.address != NULL and facts.address.family != 0
    return text_of(fact, facts).p != NULL


# --- comparing

cdef bint split(Span text, Span* parts) noexcept nogil:
    """The six parts of an ARN; False where it has fewer."""
    cdef uint32_t i
    cdef const char* colon
    for i in range(PATH_PARTS - 1):
        colon = <const char*>memchr(text.p, c":", text.n)
        if colon == NULL:
            return False
        parts[i] = span(text.p, <uint32_t>(colon - text.p))
        text = span(colon + 1, text.n - parts[i].n - 1)
    parts[PATH_PARTS - 1] = text
    return True


cdef bint path_fits(const Operand* operand, const Span* parts) noexcept nogil:
    """Part by part: what a client writes into the last one cannot stand in for another. The last one, which differs
    most, goes first."""
    cdef int i
    for i in range(PATH_PARTS - 1, -1, -1):
        if not glob_fits(&operand.globs[i], put_in, parts[i]):
            return False
    return True


cdef bint ordered(int order, int64_t a, int64_t b) noexcept nogil:
    if order == IS_LESS:
        return a < b
    if order == IS_AT_MOST:
        return a <= b
    if order == IS_GREATER:
        return a > b
    if order == IS_AT_LEAST:
        return a >= b
    return a == b


cdef bint same_text(const Glob* glob, Span text) noexcept nogil:
    """A text that may have values in it against another, in any case."""
    cdef uint32_t i
    cdef Span part
    for i in range(glob.n):
        part = put_in[glob.pieces[i].value] if glob.pieces[i].text.p == NULL else glob.pieces[i].text
        if part.p == NULL or part.n > text.n or not same_case(part.p, text.p, part.n):
            return False
        text = span(text.p + part.n, text.n - part.n)
    return text.n == 0


cdef bint operand_fits(const Test* test, const Operand* operand, const Facts* facts) noexcept nogil:
    cdef int64_t number
    cdef Span parts[PATH_PARTS]
    if test.compared == AS_NETWORK:
        return network_holds(&operand.network, facts.address)
    if test.compared == AS_NUMBER or test.compared == AS_FLAG:
        return number_of(&test.fact, facts, &number) \
            and ordered(test.order, number, operand.number)
    if test.compared == AS_TEXT_ANY_CASE:
        return same_text(&operand.globs[0], text_of(&test.fact, facts))
    if test.compared == AS_PATH:
        return split(text_of(&test.fact, facts), parts) and path_fits(operand, parts)
    return glob_fits(&operand.globs[0], put_in, text_of(&test.fact, facts))


cdef bint holds(const Test* test, const Facts* facts) noexcept nogil:
    """One value at most stands against the operands, so that OF_ANY and OF_ALL differ without one alone."""
    cdef uint32_t i
    cdef bint there = exists(&test.fact, facts)
    if test.compared == AS_ABSENT:
        for i in range(test.n):
            if test.operands[i].number != there:
                return True
        return False
    if not there:
        if test.if_exists or test.quantifier == OF_ALL:
            return True
        return test.negated and test.quantifier != OF_ANY
    for i in range(test.n):
        if operand_fits(test, &test.operands[i], facts):
            return not test.negated
    return test.negated


# --- statements

cdef bint one_of(const Span* texts, uint32_t n, Span text) noexcept nogil:
    cdef uint32_t i
    for i in range(n):
        if text.p != NULL and same(texts[i], text):
            return True
    return False


cdef bint concerns(const Rule* rule, const Facts* facts) noexcept nogil:
    """The caller is among a statement's principals; one without a name is among "*" alone."""
    if rule.everybody:
        return not rule.others
    return rule.others != (one_of(rule.accounts, rule.naccounts, told(facts, ACCOUNT))
                           or one_of(rule.names, rule.nnames, told(facts, NAME))
                           or one_of(rule.names, rule.nnames, told(facts, SESSION)))


cdef bint covers(const Rule* rule, const Span* parts) noexcept nogil:
    cdef uint32_t i
    for i in range(rule.nresources):
        if path_fits(&rule.resources[i], parts):
            return not rule.resources_else
    return rule.resources_else


cdef bint covers_either(const Rule* rule, const Facts* facts, Span* parts) noexcept nogil:
    """Of a statement that denies: "/admin/" is the same resource as "/admin" to the router, so neither spelling gets
    around what is said of the other. One that allows has to fit the resource."""
    cdef bint found = covers(rule, parts)
    if found or rule.allow or not facts.slashed:
        return found
    parts[PATH_PARTS - 1].n += 1
    found = covers(rule, parts)
    parts[PATH_PARTS - 1].n -= 1
    return found


cdef bint applies(const Rule* rule, const Facts* facts, Span* parts) noexcept nogil:
    cdef uint32_t i
    if not rule.actions >> facts.action & 1 or not concerns(rule, facts) or not covers_either(rule, facts, parts):
        return False
    for i in range(rule.ntests):
        if not holds(&rule.tests[i], facts):
            return False
    return True


cdef int policy_judge(const Policy* policy, Facts* facts) noexcept nogil:
    cdef Span parts[PATH_PARTS]
    cdef uint32_t i
    cdef int said = POLICY_SILENT
    facts.decided = -1
    if facts.unreadable or not split(facts.resource, parts):
        return POLICY_DENY
    for i in range(policy.nfacts):
        put_in[i] = text_of(&policy.facts[i], facts)
        if put_in[i].p == NULL:
            put_in[i] = policy.facts[i].otherwise
    for i in range(policy.nrules):
        if said == POLICY_ALLOW and policy.rules[i].allow:
            continue
        if applies(&policy.rules[i], facts, parts):
            facts.decided = <int32_t>i
            if not policy.rules[i].allow:
                return POLICY_DENY
            said = POLICY_ALLOW
    return said


cdef int access_verdict(int identity, int resource, bint cross) noexcept nogil:
    if identity == POLICY_DENY or resource == POLICY_DENY:
        return POLICY_DENY
    if cross:
        return POLICY_ALLOW if identity == POLICY_ALLOW and resource == POLICY_ALLOW else POLICY_SILENT
    return POLICY_ALLOW if identity == POLICY_ALLOW or resource == POLICY_ALLOW else POLICY_SILENT


cdef const Policy* policy_in(object compiled) noexcept:
    return &(<CompiledPolicy>compiled).policy if isinstance(compiled, CompiledPolicy) else NULL


# --- building

COMPARED = {"glob": AS_GLOB, "text": AS_TEXT_ANY_CASE, "number": AS_NUMBER, "flag": AS_FLAG, "network": AS_NETWORK,
            "path": AS_PATH, "absent": AS_ABSENT}
ORDERS = {"equals": IS_EQUAL, "less": IS_LESS, "at_most": IS_AT_MOST, "greater": IS_GREATER, "at_least": IS_AT_LEAST}
QUANTIFIERS = {"": OF_ONE, "any": OF_ANY, "all": OF_ALL}
FACTS = {"never": FACT_NEVER, "time": FACT_TIME, "secure": FACT_SECURE, "address": FACT_ADDRESS,
         "referer": FACT_REFERER, "agent": FACT_AGENT, "told": FACT_TOLD}


cdef class CompiledPolicy:
    def __init__(self, list spec):
        self.arena = Arena(BLOCK_BYTES)
        self.numbers = {}
        self.fill(spec)
        self.numbers = None

    cdef int fill(self, object spec) except -1:
        cdef Fact* fact
        self.policy.rules = <Rule*>self.arena.take(sizeof(Rule) * (len(spec) or 1))
        self.policy.nrules = len(spec)
        for i, item in enumerate(spec):
            self.fill_rule(&self.policy.rules[i], item)
        if len(self.numbers) > MOST_FACTS:
            raise ValueError(f"{len(self.numbers)} variables, at most {MOST_FACTS}")
        self.policy.facts = <Fact*>self.arena.take(sizeof(Fact) * (len(self.numbers) or 1))
        self.policy.nfacts = len(self.numbers)
        for (kind, name, otherwise), number in self.numbers.items():
            fact = &self.policy.facts[<uint32_t>number]
            fact[0] = self.fact((kind, name))
            if otherwise is not None:
                fact.otherwise = self.arena.keep(otherwise)
        return 0

    cdef Fact fact(self, object spec) except *:
        cdef Fact fact
        kind, name = spec
        fact.kind = FACTS[kind]
        fact.name = self.arena.keep(name)
        fact.otherwise = span(NULL, 0)
        self.policy.reads_referer |= fact.kind == FACT_REFERER
        self.policy.reads_agent |= fact.kind == FACT_AGENT
        return fact

    cdef Glob glob(self, object pieces) except *:
        """pieces: bytes, "*", "?", or (kind, name, otherwise) of a fact."""
        if len(pieces) > GLOB_PIECES:
            raise ValueError(f"a pattern has {len(pieces)} pieces, at most {GLOB_PIECES}")
        return glob_build(self.arena, [self.numbers.setdefault(piece, len(self.numbers)) if isinstance(piece, tuple)
                                       else piece for piece in pieces])

    cdef int operand(self, Operand* operand, int compared, object value) except -1:
        if compared == AS_GLOB or compared == AS_TEXT_ANY_CASE:
            operand.globs[0] = self.glob(value)
        elif compared == AS_PATH:
            for i, pieces in enumerate(value):
                operand.globs[<int>i] = self.glob(pieces)
        elif compared == AS_NETWORK:
            address, bits = value
            operand.network.address.family = 4 if len(address) == 4 else 6
            memcpy(operand.network.address.bytes, <const char*><bytes>address, len(address))
            operand.network.bits = bits
        else:
            operand.number = value
        return 0

    cdef int fill_test(self, Test* test, object spec) except -1:
        """spec: fact (kind, name), compared, order, negated, if_exists, quantifier and values (see operand)."""
        test.fact = self.fact(spec["fact"])
        test.compared = COMPARED[spec["compared"]]
        test.order = ORDERS[spec["order"]]
        test.negated = spec["negated"]
        test.if_exists = spec["if_exists"]
        test.quantifier = QUANTIFIERS[spec["quantifier"]]
        test.n = len(spec["values"])
        test.operands = <Operand*>self.arena.take(sizeof(Operand) * (test.n or 1))
        for i, value in enumerate(spec["values"]):
            self.operand(&test.operands[i], test.compared, value)
        return 0

    cdef int fill_rule(self, Rule* rule, object spec) except -1:
        """spec: allow, actions (bits), principals (everybody, accounts, names, others), resources (six globs each),
        resources_else and tests."""
        rule.allow = spec["allow"]
        rule.actions = spec["actions"]
        rule.everybody, accounts, names, rule.others = spec["principals"]
        rule.naccounts, rule.nnames = len(accounts), len(names)
        rule.accounts, rule.names = self.spans(accounts), self.spans(names)
        rule.resources_else = spec["resources_else"]
        rule.nresources = len(spec["resources"])
        rule.resources = <Operand*>self.arena.take(sizeof(Operand) * (rule.nresources or 1))
        for i, parts in enumerate(spec["resources"]):
            self.operand(&rule.resources[i], AS_PATH, parts)
        rule.ntests = len(spec["tests"])
        rule.tests = <Test*>self.arena.take(sizeof(Test) * (rule.ntests or 1))
        for i, test in enumerate(spec["tests"]):
            self.fill_test(&rule.tests[i], test)
        return 0

    cdef Span* spans(self, object texts) except NULL:
        cdef Span* all = <Span*>self.arena.take(sizeof(Span) * (len(texts) or 1))
        for i, text in enumerate(texts):
            all[<uint32_t>i] = self.arena.keep(text)
        return all

    @property
    def bytes(self) -> int:
        """Of its memory."""
        return self.arena.bytes

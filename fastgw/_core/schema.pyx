"""Build a schema's C structures from the compiler's node list; nothing here runs per request."""
import os

from libc.stdint cimport int64_t, uint16_t

from fastgw._core.bytes cimport Span, span, writer_init
from fastgw._core.decimal cimport decimal_of
from fastgw._core.json_hash cimport Hash, json_hash
from fastgw._core.pcre cimport pattern_compile, pattern_free
from fastgw._core.schema_check cimport schema_check
from fastgw._core.schema_members cimport member_hash
from fastgw._core.schema_program cimport (ArrayRules, Bound, Choices, Combined, DEPTH_MOST, DEPTH_TOP, Dependency,
                                          K_CONST, K_ENUM, Member, NumberRules, ObjectRules, PatternNode, SCHEMA_OK,
                                          SchemaError, StringRules, TYPE_NULL)

cdef enum:
    SEEDS_TRIED = 32
    TEXT_BYTES = 4096       # of an error as Python is told it

DEPTH = DEPTH_MOST

FAULTS = (None, "syntax", "utf-8", "surrogate", "duplicate", "depth", "keys", "work", "memory")
KEYWORDS = (None, "false", "type", "enum", "minimum", "maximum", "multipleOf", "minLength", "maxLength", "pattern",
            "format", "required", "minProperties", "maxProperties", "additionalProperties", "dependencies", "minItems",
            "maxItems", "uniqueItems", "additionalItems", "contains", "allOf", "anyOf", "oneOf", "not", "const")


cdef class Schema:
    def __init__(self, list nodes, int root, int depth=DEPTH_MOST):
        """nodes: dicts that refer to each other by their numbers; plan/schema.py says what is in them."""
        if not 1 <= depth <= DEPTH_TOP:
            raise ValueError(f"depth {depth}: 1 to {DEPTH_TOP} are possible")
        self.arena = Arena()
        self.patterns = []
        self.count = len(nodes)
        self.nodes = <SchemaNode*>self.arena.take(sizeof(SchemaNode) * (self.count or 1))
        self.program = <SchemaProgram*>self.arena.take(sizeof(SchemaProgram))
        for i, spec in enumerate(nodes):
            self.fill(&self.nodes[i], spec)
        self.program.root = self.node(root)
        self.program.depth = depth

    def __dealloc__(self):
        if self.patterns is not None:
            for pattern in self.patterns:
                pattern_free(<void*><size_t>pattern)

    def check(self, bytes body, *, bint pointers=False) -> tuple[str, str, str, int] | None:
        """None where the body holds, else (keyword or fault, JSON pointer, text, offset)."""
        cdef SchemaError error
        cdef char text[TEXT_BYTES]
        cdef char pointer[TEXT_BYTES]
        writer_init(&error.text, text, TEXT_BYTES)
        writer_init(&error.pointer, pointer, TEXT_BYTES)
        error.pointers = pointers
        if schema_check(self.program, span(body, <uint32_t>len(body)), &error) == SCHEMA_OK:
            return None
        what = FAULTS[error.fault] if error.fault else KEYWORDS[error.keyword]
        return (what, pointer[:error.pointer.n].decode("utf-8", "replace"),
                text[:error.text.n].decode("utf-8", "replace"), error.at)

    def holds(self, bytes body) -> bool:
        """The verdict alone, as a plan that tells nothing asks for it."""
        return schema_check(self.program, span(body, <uint32_t>len(body)), NULL) == SCHEMA_OK

    def hold_many(self, bytes body, int times) -> int:
        """How often it held, of so many times: for benches and profilers, without a call of Python each."""
        cdef Span all = span(body, <uint32_t>len(body))
        cdef int held = 0, i
        for i in range(times):
            held += schema_check(self.program, all, NULL) == SCHEMA_OK
        return held

    @property
    def bytes(self) -> int:
        """Of the arena; compiled patterns not counted."""
        return self.arena.bytes

    cdef SchemaNode* node(self, object number) except? NULL:
        if number is None:
            return NULL
        if not 0 <= number < self.count:
            raise IndexError(number)
        return &self.nodes[<uint32_t>number]

    cdef void* pattern(self, bytes text) except NULL:
        cdef void* code = pattern_compile(text)
        self.patterns.append(<size_t>code)
        return code

    cdef uint64_t* bits(self, object numbers, uint32_t words) except NULL:
        cdef uint64_t* made = <uint64_t*>self.arena.take(sizeof(uint64_t) * words)
        cdef uint32_t number
        for number in numbers:
            made[number >> 6] |= <uint64_t>1 << (number & 63)
        return made

    cdef int group(self, Group* group, object numbers) except -1:
        group.count = len(numbers)
        group.nodes = <SchemaNode**>self.arena.take(sizeof(SchemaNode*) * (group.count or 1))
        for i, number in enumerate(numbers):
            group.nodes[i] = self.node(number)
        return 0

    cdef int fill(self, SchemaNode* node, dict spec) except -1:
        node.types = spec["types"]
        node.never = spec["types"] == 0
        node.whole_by_value = spec["whole_by_value"]
        node.types_text = self.arena.keep(spec["types_text"])
        if "choices" in spec:
            self.fill_choices(node, spec["choices"])
        if "number" in spec:
            self.fill_number(node, spec["number"])
        if "string" in spec:
            self.fill_string(node, spec["string"])
        if "array" in spec:
            self.fill_array(node, spec["array"])
        if "object" in spec:
            self.fill_object(node, spec["object"])
        if "combined" in spec:
            self.fill_combined(node, spec["combined"])
        return 0

    cdef int fill_names(self, Members* table, object names) except -1:
        """names: (name, quoted name, node number or None) each, sorted. The seed with the shortest walks is kept."""
        cdef uint32_t size = 4, at, walk, longest, best
        cdef uint64_t seed
        cdef Member* member
        table.count = len(names)
        if table.count > 65534:
            raise ValueError("more than 65,534 names at one place of a schema")
        while size < 2 * table.count:
            size *= 2
        table.mask = size - 1
        table.list = <Member*>self.arena.take(sizeof(Member) * (table.count or 1))
        table.slots = <uint16_t*>self.arena.take(sizeof(uint16_t) * size)
        for i, (name, quoted, number) in enumerate(names):
            table.list[i].text = self.arena.keep(name)
            table.list[i].quoted = self.arena.keep(quoted)
            table.list[i].node = self.node(number)
        best = 0xFFFFFFFF
        for _ in range(SEEDS_TRIED):
            seed = int.from_bytes(os.urandom(8), "little")
            taken = set()
            longest = 0
            for i in range(table.count):
                member = &table.list[i]
                at = member_hash(member.text.p, member.text.n, seed) & table.mask
                walk = 0
                while at in taken:
                    at = (at + 1) & table.mask
                    walk += 1
                taken.add(at)
                longest = max(longest, walk)
            if longest < best:
                best = longest
                table.seed = seed
            if longest <= 1 + table.count // 64:
                break
        for i in range(table.count):
            member = &table.list[i]
            at = member_hash(member.text.p, member.text.n, table.seed) & table.mask
            while table.slots[at]:
                at = (at + 1) & table.mask
            table.slots[at] = <uint16_t>(i + 1)
        return 0

    cdef int fill_choices(self, SchemaNode* node, dict spec) except -1:
        cdef Choices* choices = <Choices*>self.arena.take(sizeof(Choices))
        node.choices = choices
        cdef Span text
        choices.plain = TYPE_NULL if spec["null"] else 0
        choices.bools = spec["true"] | spec["false"] << 1
        choices.keyword = K_CONST if spec["const"] else K_ENUM
        choices.text = self.arena.keep(spec["text"])
        self.fill_names(&choices.strings, [(name, b"", None) for name in spec["strings"]])
        choices.nhashes = len(spec["values"])
        choices.hashes = <Hash*>self.arena.take(sizeof(Hash) * (choices.nhashes or 1))
        for i, value in enumerate(spec["values"]):
            text = self.arena.keep(value)
            if json_hash(text.p, text.p + text.n, &choices.hashes[i]) == NULL:
                raise MemoryError
        return 0

    cdef int fill_bound(self, Bound* bound, object spec) except -1:
        if spec is None:
            return 0
        number, exclusive = spec
        bound.given = True
        bound.exclusive = exclusive
        bound.text = self.arena.keep(number)
        bound.decimal = decimal_of(bound.text.p, bound.text.n)
        bound.small = number.lstrip(b"-").isdigit() and len(number) <= 18
        bound.value = int(number) if bound.small else 0
        return 0

    cdef int fill_number(self, SchemaNode* node, dict spec) except -1:
        cdef NumberRules* rules = <NumberRules*>self.arena.take(sizeof(NumberRules))
        node.number = rules
        self.fill_bound(&rules.least, spec["least"])
        self.fill_bound(&rules.most, spec["most"])
        if spec["multiple"] is not None:
            text, rules.multiple, rules.multiple_e = spec["multiple"]
            rules.multiple_text = self.arena.keep(text)
        return 0

    cdef int fill_string(self, SchemaNode* node, dict spec) except -1:
        cdef StringRules* rules = <StringRules*>self.arena.take(sizeof(StringRules))
        node.string = rules
        rules.least = spec["least"]
        rules.most = spec["most"]
        rules.format = spec["format"]
        if spec["pattern"] is not None:
            compiled, written = spec["pattern"]
            rules.pattern = self.pattern(compiled)
            rules.pattern_text = self.arena.keep(written)
        return 0

    cdef int fill_array(self, SchemaNode* node, dict spec) except -1:
        cdef ArrayRules* rules = <ArrayRules*>self.arena.take(sizeof(ArrayRules))
        node.array = rules
        rules.nheads = len(spec["heads"])
        rules.heads = <SchemaNode**>self.arena.take(sizeof(SchemaNode*) * (rules.nheads or 1))
        for i, number in enumerate(spec["heads"]):
            rules.heads[i] = self.node(number)
        rules.items = self.node(spec["items"])
        rules.contains = self.node(spec["contains"])
        rules.least = spec["least"]
        rules.most = spec["most"]
        rules.unique = spec["unique"]
        return 0

    cdef int fill_object(self, SchemaNode* node, dict spec) except -1:
        cdef ObjectRules* rules = <ObjectRules*>self.arena.take(sizeof(ObjectRules))
        node.object = rules
        self.fill_names(&rules.members, spec["names"])
        rules.words = (rules.members.count + 63) // 64
        if spec["required"]:
            rules.required = self.bits(spec["required"], rules.words)
        rules.others = self.node(spec["others"])
        rules.spelling = self.node(spec["spelling"])
        rules.least = spec["least"]
        rules.most = spec["most"]
        rules.npatterns = len(spec["patterns"])
        rules.patterns = <PatternNode*>self.arena.take(sizeof(PatternNode) * (rules.npatterns or 1))
        for i, (pattern, number) in enumerate(spec["patterns"]):
            rules.patterns[i].pattern = self.pattern(pattern)
            rules.patterns[i].node = self.node(number)
        rules.ndependencies = len(spec["dependencies"])
        rules.dependencies = <Dependency*>self.arena.take(sizeof(Dependency) * (rules.ndependencies or 1))
        for i, (trigger, needs, number, quoted) in enumerate(spec["dependencies"]):
            rules.dependencies[i].trigger = trigger
            rules.dependencies[i].needs = self.bits(needs, rules.words)
            rules.dependencies[i].node = self.node(number)
            rules.dependencies[i].quoted = self.arena.keep(quoted)
        return 0

    cdef int fill_combined(self, SchemaNode* node, dict spec) except -1:
        cdef Combined* asked = <Combined*>self.arena.take(sizeof(Combined))
        node.combined = asked
        self.group(&asked.all, spec["all"])
        self.group(&asked.any, spec["any"])
        self.group(&asked.one, spec["one"])
        asked.never = self.node(spec["not"])
        asked.when = self.node(spec["if"])
        asked.then = self.node(spec["then"])
        asked.otherwise = self.node(spec["else"])
        return 0

"""Make the automaton, and run it."""
from libc.stdint cimport uint8_t
from libc.string cimport memset

from fastgw._core.firewall_plan cimport AT_ANY, AT_END, AT_EXACTLY, AT_START, Output, YES


cdef class _Trie:
    """States while they are made: children and outputs by number, 0 being the root."""
    cdef list children, outputs, fail

    def __init__(self, literals):
        self.children, self.outputs = [{}], [[]]
        for text, leaf, position in literals:
            state = 0
            for byte in text:
                following = self.children[state].get(byte)
                if following is None:
                    following = len(self.children)
                    self.children[state][byte] = following
                    self.children.append({})
                    self.outputs.append([])
                state = following
            self.outputs[state].append((leaf, len(text), position))
        self.link()

    def link(self):
        """Failure links, by breadth; outputs of a state's suffixes are its own too."""
        self.fail = [0] * len(self.children)
        queue = list(self.children[0].values())
        for state in queue:
            for byte, child in self.children[state].items():
                suffix = self.fail[state]
                while suffix and byte not in self.children[suffix]:
                    suffix = self.fail[suffix]
                self.fail[child] = self.children[suffix].get(byte, 0)
                self.outputs[child] = self.outputs[child] + self.outputs[self.fail[child]]
                queue.append(child)
        self.queue_order = queue

    cdef public list queue_order


cdef Machine* machine_make(Arena arena, list literals) except NULL:
    cdef Machine* m = <Machine*>arena.take(sizeof(Machine))
    cdef _Trie trie = _Trie(literals)
    cdef uint32_t nstates = len(trie.children), state, k
    used = sorted({byte for text, _, _ in literals for byte in text})
    m.nclasses = len(used) + 1
    if <size_t>nstates * m.nclasses * 4 > MACHINE_BYTES:
        raise ValueError(f"{len(literals)} literals are more than one pass can look for")
    memset(m.classes, 0, 256)
    for number, byte in enumerate(used, 1):
        m.classes[<int>byte] = number
    m.next = <uint32_t*>arena.take(<size_t>nstates * m.nclasses * 4)
    m.first = <uint32_t*>arena.take((nstates + 1) * 4)
    for state in [0, *trie.queue_order]:
        if state:                       # its suffix's row is there already
            for k in range(m.nclasses):
                m.next[state * m.nclasses + k] = m.next[<uint32_t>trie.fail[state] * m.nclasses + k]
        for byte, child in trie.children[state].items():
            m.next[state * m.nclasses + m.classes[<int>byte]] = child
    found = []
    for state in range(nstates):
        m.first[state] = len(found)
        found += trie.outputs[state]
    m.first[nstates] = len(found)
    m.outputs = <Output*>arena.take(sizeof(Output) * (len(found) or 1))
    for k in range(<uint32_t>len(found)):
        m.outputs[k].leaf, m.outputs[k].length, m.outputs[k].position = found[k]
    return m


cdef inline bint word_byte(char ch) noexcept nogil:
    return c"a" <= (ch | 32) <= c"z" or c"0" <= ch <= c"9" or ch == c"_"


cdef inline bint fits(const Output* o, Span text, uint32_t end) noexcept nogil:
    """The literal ends behind byte end - 1: does it stand where it must?"""
    cdef uint32_t start = end - o.length
    if o.position == AT_ANY:
        return True
    if o.position == AT_EXACTLY:
        return start == 0 and end == text.n
    if o.position == AT_START:
        return start == 0
    if o.position == AT_END:
        return end == text.n
    return (start == 0 or not word_byte(text.p[start - 1])) and (end == text.n or not word_byte(text.p[end]))


cdef void machine_run(const Machine* m, Span text, Leaf* leaves) noexcept nogil:
    cdef const uint8_t* p = <const uint8_t*>text.p
    cdef uint32_t state = 0, i, k
    for i in range(text.n):
        state = m.next[state * m.nclasses + m.classes[p[i]]]
        if m.first[state] == m.first[state + 1]:
            continue
        for k in range(m.first[state], m.first[state + 1]):
            if leaves[m.outputs[k].leaf].result != YES and fits(&m.outputs[k], text, i + 1):
                leaves[m.outputs[k].leaf].result = YES

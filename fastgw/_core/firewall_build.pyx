"""Build a firewall's structures from plain Python values, by the numbers of firewall_plan.pxd."""
from libc.stdint cimport uint16_t, uint32_t

from fastgw._core.bytes cimport Span
from fastgw._core.firewall_address cimport trie_make
from fastgw._core.firewall_literals cimport machine_make
from fastgw._core.firewall_plan cimport (FirewallRule, LEAF_ADDRESS, LEAF_LABELS, LEAF_LITERALS, LEAF_PATTERN, LEAF_RATE,
                                         LEAF_SIZE, LEAF_SQLI, LEAF_XSS, NODE_AND, NODE_LEAF, NODE_NOT, NODE_OR, Node,
                                         RateKey, Sample, W_BODY)
from fastgw._core.firewall_sample cimport samples_of
from fastgw._core.pcre cimport pattern_compile_bytes, pattern_free

NODES = {"leaf": NODE_LEAF, "and": NODE_AND, "or": NODE_OR, "not": NODE_NOT}
LEAVES = {"literal": LEAF_LITERALS, "pattern": LEAF_PATTERN, "size": LEAF_SIZE, "address": LEAF_ADDRESS,
          "labels": LEAF_LABELS, "rate": LEAF_RATE, "sqli": LEAF_SQLI, "xss": LEAF_XSS}


cdef class Firewall:
    def __cinit__(self):
        self.arena = Arena()
        self.plan = <FirewallPlan*>self.arena.take(sizeof(FirewallPlan))

    def __dealloc__(self):
        cdef uint32_t i
        if self.plan == NULL or self.plan.leaves == NULL:
            return
        for i in range(self.plan.nleaves):
            if self.plan.leaves[i].pattern != NULL:
                pattern_free(self.plan.leaves[i].pattern)

    cdef int build(self, dict spec, Reply* replies) except -1:
        """spec: name, id (bytes), body_bytes, samples, and

        views   dicts of what, scope, oversize, invalid, transforms, names; literals of a view stand side by side in
        leaves  dicts of kind (of LEAVES) and what it needs: view, and text, position; pattern; comparison and bound;
                networks and forwarded; labels (a mask); limit, unit_ms, table, sets, keys and scope (a node or -1)
        nodes   (kind of NODES, numbers of leaves or of nodes before it) each
        rules   dicts of name, action, node, labels, reply (number in replies or -1), cells; the last is the default
        """
        cdef FirewallPlan* plan = self.plan
        cdef Node* node
        cdef uint32_t i, child = 0
        plan.name, plan.id = self.arena.keep(spec["name"]), self.arena.keep(spec["id"])
        plan.body_bytes, plan.nsamples = spec["body_bytes"], spec["samples"]
        plan.nviews = len(spec["views"])
        plan.views = <View*>self.arena.take(sizeof(View) * (plan.nviews or 1))
        for i, view in enumerate(spec["views"]):
            self.fill_view(&plan.views[i], view)
        plan.leaves = <Leaf*>self.arena.take(sizeof(Leaf) * (len(spec["leaves"]) or 1))
        plan.nleaves = len(spec["leaves"])
        for i, leaf in enumerate(spec["leaves"]):
            self.fill_leaf(&plan.leaves[i], leaf)
        self.fill_machines([(leaf["view"], i, leaf) for i, leaf in enumerate(spec["leaves"]) if leaf["kind"] == "literal"])
        plan.nodes = <Node*>self.arena.take(sizeof(Node) * (len(spec["nodes"]) or 1))
        plan.children = <uint32_t*>self.arena.take(4 * (sum(len(numbers) for _, numbers in spec["nodes"]) or 1))
        for i, (kind, numbers) in enumerate(spec["nodes"]):
            node = &plan.nodes[i]
            node.kind = NODES[kind]
            node.n = len(numbers)
            node.first = numbers[0] if node.kind == NODE_LEAF else child
            for number in numbers if node.kind != NODE_LEAF else ():
                plan.children[child] = number
                child += 1
        self.fill_rules(spec, replies)
        return 0

    cdef int fill_view(self, View* view, dict spec) except -1:
        cdef uint16_t i
        view.what, view.scope = spec["what"], spec["scope"]
        view.oversize, view.invalid = spec["oversize"], spec["invalid"]
        view.reads_body = view.what >= W_BODY
        view.ntransforms = len(spec["transforms"])
        if view.ntransforms > sizeof(view.transforms):
            raise ValueError(f"at most {sizeof(view.transforms)} transformations")
        for i, which in enumerate(spec["transforms"]):
            view.transforms[i] = which
        view.nnames = len(spec["names"])
        view.names = <Span*>self.arena.take(sizeof(Span) * (view.nnames or 1))
        for i, name in enumerate(spec["names"]):
            view.names[i] = self.arena.keep(name)
        return 0

    cdef int fill_machines(self, list literals) except -1:
        """literals: (view, number of the leaf, its spec) each; those of one view are neighbours."""
        cdef View* view
        for number in {number for number, _, _ in literals}:
            view = &self.plan.views[<uint32_t>number]
            own = [(leaf["text"], i, leaf["position"]) for of, i, leaf in literals if of == number]
            view.first_leaf, view.nleaves = own[0][1], len(own)
            view.machine = machine_make(self.arena, own)
        return 0

    cdef int fill_forwarded(self, Forwarded* by, object spec) except -1:
        """spec: (header, which, fallback), or None."""
        header, by.which, by.fallback = spec or (b"", 0, 0)
        by.header = self.arena.keep(header)
        return 0

    cdef int fill_leaf(self, Leaf* leaf, dict spec) except -1:
        leaf.kind = LEAVES[spec["kind"]]
        leaf.view = spec.get("view", 0)
        if leaf.kind == LEAF_PATTERN:
            leaf.pattern = pattern_compile_bytes(spec["pattern"])
        elif leaf.kind == LEAF_SIZE:
            leaf.comparison, leaf.bound = spec["comparison"], spec["bound"]
        elif leaf.kind == LEAF_LABELS:
            leaf.bound = spec["labels"]
        elif leaf.kind == LEAF_ADDRESS:
            leaf.trie = trie_make(self.arena, spec["networks"])
            leaf.forwarded = <Forwarded*>self.arena.take(sizeof(Forwarded))
            self.fill_forwarded(leaf.forwarded, spec["forwarded"])
        elif leaf.kind == LEAF_RATE:
            leaf.rate = self.make_rate(spec)
        return 0

    cdef Rate* make_rate(self, dict spec) except NULL:
        cdef Rate* rate = <Rate*>self.arena.take(sizeof(Rate))
        cdef RateKey* key
        rate.limit, rate.unit_ms, rate.table, rate.sets = spec["limit"], spec["unit_ms"], spec["table"], spec["sets"]
        rate.scope = spec["scope"]
        rate.nkeys = len(spec["keys"])
        rate.keys = <RateKey*>self.arena.take(sizeof(RateKey) * (rate.nkeys or 1))
        for i, (part, name, forwarded) in enumerate(spec["keys"]):
            key = &rate.keys[i]
            key.part = part
            key.name = self.arena.keep(name)
            self.fill_forwarded(&key.forwarded, forwarded)
        return rate

    cdef int fill_rules(self, dict spec, Reply* replies) except -1:
        cdef FirewallRule* rule
        cdef uint32_t i
        self.plan.nrules = len(spec["rules"]) - 1
        self.plan.rules = <FirewallRule*>self.arena.take(sizeof(FirewallRule) * len(spec["rules"]))
        for i, given in enumerate(spec["rules"]):
            rule = &self.plan.rules[i]
            rule.name = self.arena.keep(given["name"])
            rule.action, rule.labels, rule.cells = given["action"], given["labels"], given["cells"]
            rule.node = given["node"]
            rule.reads_body = i < self.plan.nrules and self.reads_body(rule.node)
            rule.reply = &replies[<int>given["reply"]] if given["reply"] >= 0 else NULL
            rule.samples = <Sample*>self.arena.take(sizeof(Sample) * (self.plan.nsamples or 1))
        return 0

    cdef bint reads_body(self, int number):
        """Whether a statement looks at the body."""
        cdef Node* node = &self.plan.nodes[number]
        cdef Leaf* leaf
        cdef uint32_t i
        if node.kind == NODE_LEAF:
            leaf = &self.plan.leaves[node.first]
            if leaf.kind == LEAF_RATE:
                return leaf.rate.scope >= 0 and self.reads_body(leaf.rate.scope)
            return leaf.kind not in (LEAF_ADDRESS, LEAF_LABELS) and self.plan.views[leaf.view].reads_body
        for i in range(node.n):
            if self.reads_body(self.plan.children[node.first + i]):
                return True
        return False

    def samples(self) -> list:
        """The last requests that each rule matched: dicts, the newest of each rule first."""
        return samples_of(self.plan)

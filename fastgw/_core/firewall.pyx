"""Evaluate rules. One request is judged at a time, so what belongs to it lies in the plan, under a stamp."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastgw._core.bucket cimport nanos
from fastgw._core.bytes cimport Span, same_case, span
from fastgw._core.clock cimport micros
from fastgw._core.address cimport client_address
from fastgw._core.firewall_address cimport address_in, ip_forwarded
from fastgw._core.firewall_body cimport Beginning, beginning_here, beginning_read
from fastgw._core.firewall_literals cimport machine_run
from fastgw._core.firewall_plan cimport (HANDLE_CONTINUE, HANDLE_MATCH, IS_EQ, IS_GE, IS_GT, IS_LE, IS_LT, IS_NE,
                                         LEAF_ADDRESS, LEAF_LABELS, LEAF_LITERALS, LEAF_PATTERN, LEAF_RATE, LEAF_SIZE,
                                         LEAF_SQLI, Leaf, NO, NODE_AND, NODE_LEAF, NODE_NOT, Node, RATE_COOKIE, RATE_FORWARDED_IP,
                                         RATE_HEADER, RATE_IP, RATE_METHOD, RATE_QUERY_ARGUMENT, RULE_ALLOW, RULE_BLOCK,
                                         RULE_COUNT, Rate, RateKey, UNSURE, View, YES)
from fastgw._core.firewall_rate cimport rate_over, rate_seed
from fastgw._core.firewall_sample cimport sample_take
from fastgw._core.firewall_sqli cimport sqli_found
from fastgw._core.firewall_views cimport cookie_next, view_fill, view_texts, views_begin
from fastgw._core.firewall_xss cimport xss_found
from fastgw._core.network cimport IpAddress
from fastgw._core.pcre cimport MATCH_PURSE, PATTERN_CUT, PATTERN_YES, pattern_match
from fastgw._core.program cimport query_name_is, query_next
from fastgw._core.siphash cimport Digest, siphash
from fastgw._core.state cimport Reply, T_COOKIE, core, field_value
from fastgw._core.words cimport word_add

cdef Beginning beginning        # of the body of the request at hand
cdef uint32_t purse             # second tries of its patterns
cdef bint counts                # it is a real one: rates and counters move


# --- leaves

cdef View* view_of(FirewallPlan* plan, uint32_t number, Exchange* ex) noexcept nogil:
    cdef View* view = &plan.views[number]
    if view.stamp != plan.stamp:
        view.stamp = plan.stamp
        view_fill(view, ex, beginning.text, beginning.cut, beginning.bad)
    return view


cdef inline int lacking(const View* view) noexcept nogil:
    """What a statement says that has found nothing."""
    return UNSURE if view.bad else NO


cdef int literals(FirewallPlan* plan, Leaf* leaf, View* view) noexcept nogil:
    """The machine says at once what holds for all literals of the view: until it has run, none is found."""
    cdef uint32_t i
    if view.found != plan.stamp:
        view.found = plan.stamp
        for i in range(view.first_leaf, view.first_leaf + view.nleaves):
            plan.leaves[i].result = NO
            plan.leaves[i].stamp = plan.stamp
        for i in range(view.first_text, view.first_text + view.ntexts):
            machine_run(view.machine, view_texts[i], plan.leaves)
        for i in range(view.first_leaf, view.first_leaf + view.nleaves):
            if plan.leaves[i].result == NO:
                plan.leaves[i].result = lacking(view)
    return leaf.result


cdef inline const char* text_of(Span text) noexcept nogil:
    """Never NULL."""
    cdef const char* nothing = b""
    return text.p if text.n else nothing


cdef int patterns(Leaf* leaf, View* view) noexcept nogil:
    cdef uint32_t i
    cdef int found, all = lacking(view)
    for i in range(view.first_text, view.first_text + view.ntexts):
        found = pattern_match(leaf.pattern, text_of(view_texts[i]), view_texts[i].n, &purse)
        if found == PATTERN_YES:
            return YES
        if found == PATTERN_CUT:
            all = UNSURE
    return all


cdef int injections(const Leaf* leaf, const View* view) noexcept nogil:
    cdef uint32_t i
    for i in range(view.first_text, view.first_text + view.ntexts):
        if sqli_found(view_texts[i]) if leaf.kind == LEAF_SQLI else xss_found(view_texts[i]):
            return YES
    return lacking(view)


cdef inline bint compares(int comparison, uint64_t n, uint64_t bound) noexcept nogil:
    if comparison == IS_EQ:
        return n == bound
    if comparison == IS_NE:
        return n != bound
    if comparison == IS_LE:
        return n <= bound
    if comparison == IS_LT:
        return n < bound
    return n >= bound if comparison == IS_GE else n > bound


cdef int size_of_cut(int comparison, uint64_t least, uint64_t bound) noexcept nogil:
    """A text of which at least so many bytes exist."""
    if least > bound:
        return YES if comparison == IS_NE or comparison == IS_GE or comparison == IS_GT else NO
    if least == bound and comparison == IS_GE:
        return YES
    if least == bound and comparison == IS_LT:
        return NO
    return UNSURE


cdef int sizes(Leaf* leaf, View* view) noexcept nogil:
    cdef uint32_t i
    cdef int all = lacking(view), found
    for i in range(view.first_text, view.first_text + view.ntexts):
        if view.cut:
            found = size_of_cut(leaf.comparison, view_texts[i].n + 1, leaf.bound)
        else:
            found = YES if compares(leaf.comparison, view_texts[i].n, leaf.bound) else NO
        if found == YES:
            return YES
        if found == UNSURE:
            all = UNSURE
    return all


# --- rates

cdef inline void fold(Digest* digest, const uint64_t* seed, Span part) noexcept nogil:
    cdef uint64_t key[2]
    key[0] = seed[0] ^ digest.low
    key[1] = seed[1] ^ digest.high
    digest[0] = siphash(key, part.p, part.n)


cdef bint first_value(Exchange* ex, const RateKey* by, Span* value) noexcept nogil:
    """Of a header, a cookie or a query argument."""
    cdef uint32_t i, at = 0
    cdef Span name
    if by.part == RATE_QUERY_ARGUMENT:
        while query_next(ex.query, &at, &name, value):
            if query_name_is(name, by.name):
                return True
        return False
    for i in range(ex.nfields):
        if by.part == RATE_HEADER:
            if ex.fields[i].name_n == by.name.n and same_case(ex.head + ex.fields[i].name, by.name.p, by.name.n):
                value[0] = field_value(ex.head, &ex.fields[i])
                return True
            continue
        at = 0
        while ex.fields[i].token == T_COOKIE and cookie_next(field_value(ex.head, &ex.fields[i]), &at, &name, value):
            if name.n == by.name.n and same_case(name.p, by.name.p, name.n):
                return True
    return False


cdef int rate_part(Exchange* ex, const RateKey* by, IpAddress* ip, Span* part) noexcept nogil:
    """YES with a part of the key; NO: the request has none, and is not counted; UNSURE: what it has is no address."""
    cdef int found
    if by.part == RATE_IP:
        ip[0] = client_address(ex)[0]
        part[0] = span(<const char*>ip, sizeof(IpAddress))
    elif by.part == RATE_FORWARDED_IP:
        found = ip_forwarded(ex, &by.forwarded, ip)
        part[0] = span(<const char*>ip, sizeof(IpAddress))
        return YES if found > 0 else (NO if found == 0 else UNSURE)
    elif by.part == RATE_METHOD:
        part[0] = span(ex.head + ex.verb_off, ex.verb_n)
    elif by.part == RATE_HEADER or by.part == RATE_COOKIE or by.part == RATE_QUERY_ARGUMENT:
        return YES if first_value(ex, by, part) else NO
    else:
        part[0] = ex.path
    return YES


cdef int rates(FirewallPlan* plan, const Rate* rate, Exchange* ex) noexcept nogil:
    """A request that may not be counted is UNSURE, as is one of a scope that is."""
    cdef uint64_t seed[2]
    cdef Digest digest
    cdef IpAddress ip
    cdef Span part
    cdef int i, found = YES
    if rate.scope >= 0:
        found = judge(plan, <uint32_t>rate.scope, ex)
        if found == NO:
            return NO
    if not counts:
        return NO
    if not rate_seed(rate, seed):
        return UNSURE
    digest.low = digest.high = 0
    for i in range(rate.nkeys):
        found = rate_part(ex, &rate.keys[i], &ip, &part)
        if found == UNSURE:
            return YES if rate.keys[i].forwarded.fallback == HANDLE_MATCH else NO
        if found == NO:
            return NO
        fold(&digest, seed, part)
    return YES if rate_over(rate, digest, nanos() // 1000000) else NO


# --- statements

cdef int look(FirewallPlan* plan, Leaf* leaf, Exchange* ex) noexcept nogil:
    cdef View* view
    if leaf.kind == LEAF_ADDRESS:
        return address_in(ex, leaf.forwarded, leaf.trie)
    if leaf.kind == LEAF_RATE:
        return rates(plan, leaf.rate, ex)
    view = view_of(plan, leaf.view, ex)
    if view.unread:
        return view.unread - 1
    if leaf.kind == LEAF_LITERALS:
        return literals(plan, leaf, view)
    if leaf.kind == LEAF_PATTERN:
        return patterns(leaf, view)
    if leaf.kind == LEAF_SIZE:
        return sizes(leaf, view)
    return injections(leaf, view)


cdef inline int labels(const Leaf* leaf, Exchange* ex) noexcept nogil:
    if ex.guard.labels & leaf.bound:
        return YES
    return UNSURE if ex.guard.maybe & leaf.bound else NO


cdef int judge(FirewallPlan* plan, uint32_t number, Exchange* ex) noexcept nogil:
    """A statement, in Kleene's logic. How deep they nest was bounded at load."""
    cdef Node* node = &plan.nodes[number]
    cdef Leaf* leaf
    cdef uint32_t i
    cdef int found, all
    if node.kind == NODE_LEAF:
        leaf = &plan.leaves[node.first]
        if leaf.kind == LEAF_LABELS:
            return labels(leaf, ex)
        if leaf.stamp != plan.stamp:
            found = look(plan, leaf, ex)
            leaf.stamp = plan.stamp
            leaf.result = <uint8_t>found
        return leaf.result
    if node.kind == NODE_NOT:
        found = judge(plan, plan.children[node.first], ex)
        return found if found == UNSURE else YES - found
    all = YES if node.kind == NODE_AND else NO
    for i in range(node.n):
        found = judge(plan, plan.children[node.first + i], ex)
        if found == UNSURE:
            all = UNSURE
        elif found == (NO if node.kind == NODE_AND else YES):
            return found
    return all


# --- rules

cdef inline void begin(FirewallPlan* plan, Exchange* ex) noexcept nogil:
    global purse
    plan.stamp += 1
    purse = MATCH_PURSE
    views_begin()
    beginning.text = span(NULL, 0)
    beginning.cut = beginning.bad = False


cdef void note(FirewallPlan* plan, FirewallRule* rule, uint8_t action, Exchange* ex) noexcept nogil:
    if rule.cells and core.cells != NULL:
        word_add(core.cells.words + rule.cells + core.worker, 1)
    sample_take(plan, rule, action, ex)


cdef const FirewallRule* decide(FirewallPlan* plan, Exchange* ex, bint with_body) noexcept nogil:
    """The rule that allows or blocks, from ex.guard.at on; NULL: the body is needed first."""
    cdef FirewallRule* rule
    cdef bint read = False
    cdef int found
    begin(plan, ex)
    while ex.guard.at < plan.nrules:
        rule = &plan.rules[ex.guard.at]
        if rule.reads_body and with_body and not read:
            if not beginning_here(ex, plan.body_bytes):
                return NULL
            beginning_read(ex, plan.body_bytes, &beginning)
            read = True
        found = judge(plan, rule.node, ex)
        ex.guard.at += 1
        if found == NO or (found == UNSURE and rule.action == RULE_ALLOW):
            continue
        if found == YES:
            ex.guard.labels |= rule.labels
        else:
            ex.guard.maybe |= rule.labels
        if rule.action != RULE_COUNT:
            return rule
        if counts:
            note(plan, rule, RULE_COUNT, ex)
    return &plan.rules[plan.nrules]


cdef FirewallResult firewall_judge(Exchange* ex) noexcept nogil:
    global counts
    cdef FirewallPlan* plan = ex.stage.firewall
    cdef uint64_t started = micros()
    cdef const FirewallRule* rule
    counts = True
    rule = decide(plan, ex, True)
    ex.guard.us += <uint32_t>(micros() - started)
    if rule == NULL:
        return FIREWALL_WAITS
    plan.decided = <uint32_t>(rule - plan.rules)
    note(plan, <FirewallRule*>rule, rule.action, ex)
    if rule.action == RULE_BLOCK:
        ex.guard.answer = GUARD_BLOCKED
        ex.instead = <const Reply*>rule.reply
        return FIREWALL_BLOCKS
    ex.guard.answer = GUARD_ALLOWED
    return FIREWALL_ALLOWS


cdef const FirewallRule* firewall_decides(Exchange* ex) noexcept nogil:
    global counts
    counts = False
    return decide(ex.stage.firewall, ex, False)

"""Rings of samples, one for each rule."""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.address cimport client_address
from fastgw._core.bytes cimport Span, Writer, put, span, writer_init
from fastgw._core.clock cimport wall_us
from fastgw._core.firewall_plan cimport SAMPLE_PARTS, SAMPLE_TEXT, Sample
from fastgw._core.network cimport address_put
from fastgw._core.state cimport T_USER_AGENT, field_value

ACTIONS = ("ALLOW", "BLOCK", "COUNT")
PARTS = ("method", "host", "path", "user_agent")

cdef uint32_t[SAMPLE_PARTS] MOST = [16, 80, 288, 128]


cdef void sample_take(const FirewallPlan* plan, FirewallRule* rule, uint8_t action, Exchange* ex) noexcept nogil:
    cdef Sample* sample
    cdef Span parts[SAMPLE_PARTS]
    cdef Writer w
    cdef uint32_t i
    if plan.nsamples == 0:
        return
    sample = &rule.samples[rule.sampled % plan.nsamples]
    rule.sampled += 1
    sample.at = wall_us(ex.started)
    sample.action = action
    sample.client = client_address(ex)[0]
    parts[0] = span(ex.head + ex.verb_off, ex.verb_n)
    parts[1] = ex.host
    parts[2] = ex.path
    parts[3] = span(NULL, 0)
    for i in range(ex.nfields):
        if ex.fields[i].token == T_USER_AGENT:
            parts[3] = field_value(ex.head, &ex.fields[i])
            break
    writer_init(&w, sample.text, SAMPLE_TEXT)
    for i in range(SAMPLE_PARTS):
        sample.n[i] = <unsigned short>min(parts[i].n, MOST[i])
        if sample.n[i]:
            put(&w, parts[i].p, sample.n[i])


cdef dict shown(const FirewallPlan* plan, const FirewallRule* rule, const Sample* sample):
    cdef char text[64]
    cdef Writer w
    cdef uint32_t at = 0, i
    writer_init(&w, text, sizeof(text))
    address_put(&w, &sample.client)
    found = {"firewall": (<bytes>plan.name.p[:plan.name.n]).decode(), "rule": (<bytes>rule.name.p[:rule.name.n]).decode(),
             "action": ACTIONS[sample.action], "time": sample.at / 1e6, "client": (<bytes>text[:w.n]).decode()}
    for i in range(SAMPLE_PARTS):
        found[PARTS[i]] = (<bytes>sample.text[at:at + sample.n[i]]).decode("latin-1")
        at += sample.n[i]
    return found


cdef list samples_of(const FirewallPlan* plan):
    cdef uint32_t i
    cdef uint64_t k, first
    cdef FirewallRule* rule
    found = []
    for i in range(plan.nrules + 1):
        rule = &plan.rules[i]
        first = rule.sampled - plan.nsamples if rule.sampled > plan.nsamples else 0
        for k in range(rule.sampled, first, -1):
            found.append(shown(plan, rule, &rule.samples[(k - 1) % plan.nsamples]))
    return found

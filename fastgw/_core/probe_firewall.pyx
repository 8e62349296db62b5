"""Python's way into the firewall, for tests, fuzzing and benches alone; see probe.pyx."""
from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from fastgw._core.bytes cimport Span, span
from fastgw._core.clock cimport micros
from fastgw._core.exact cimport exact
from fastgw._core.firewall cimport FIREWALL_WAITS, firewall_judge
from fastgw._core.firewall_build cimport Firewall
from fastgw._core.firewall_json cimport json_texts
from fastgw._core.firewall_sqli cimport sqli_found
from fastgw._core.firewall_transform cimport transform
from fastgw._core.firewall_xss cimport xss_found
from fastgw._core.head cimport HEAD_DONE, head_feed, request_settings
from fastgw._core.libz cimport libz_open
from fastgw._core.llhttp cimport PARSE_REQUEST, llhttp
from fastgw._core.network cimport address_read
from fastgw._core.plan cimport Plan
from fastgw._core.state cimport Conn, Exchange, Field, StagePlan, core

cdef list told = []


def transformed(int which, bytes text) -> bytes:
    """By the numbers of firewall_transform.NAMES."""
    cdef char* copy = exact(text)
    try:
        return copy[:transform(which, copy, <uint32_t>len(text))]
    finally:
        free(copy)


def injected(bytes text) -> tuple[bool, bool]:
    """Whether it looks like SQL, and like a script."""
    cdef char* copy = exact(text)
    found = bool(sqli_found(span(copy, <uint32_t>len(text)))), bool(xss_found(span(copy, <uint32_t>len(text))))
    free(copy)
    return found


cdef void on_text(void* owner, Span text, bint key) noexcept nogil:
    with gil:
        told.append((bool(key), <bytes>text.p[:text.n]))


cdef char rooms[1048576]
cdef uint32_t taken = 0


cdef char* room(uint32_t n) noexcept nogil:
    global taken
    if n > sizeof(rooms) - taken:
        return NULL
    taken += n
    return rooms + taken - n


def json_found(bytes text) -> tuple:
    """(whole, how far, [(key, text)])."""
    global taken
    cdef bint whole = False
    cdef char* copy = exact(text)
    taken = 0
    told.clear()
    end = json_texts(span(copy, <uint32_t>len(text)), NULL, on_text, room, &whole)
    free(copy)
    return bool(whole), end, list(told)


cdef class Judge:
    """A firewall, and an exchange to ask it about."""
    cdef Firewall firewall
    cdef Plan plan
    cdef StagePlan stage
    cdef Conn conn
    cdef Exchange* ex

    def __init__(self, Plan plan, int number=0):
        """number: of the plan's firewall."""
        libz_open()
        core.limits.head_bytes, core.limits.head_fields = 65536, 200
        core.limits.body_bytes = 1 << 20
        self.plan, self.firewall = plan, plan.firewalls[number]
        memset(&self.stage, 0, sizeof(StagePlan))
        memset(&self.conn, 0, sizeof(Conn))
        self.stage.firewall = self.firewall.plan
        self.ex = <Exchange*>calloc(1, sizeof(Exchange))
        self.ex.fields = <Field*>calloc(core.limits.head_fields + 1, sizeof(Field))

    def __dealloc__(self):
        if self.ex != NULL:
            free(self.ex.fields)
            free(self.ex.head)
            free(self.ex)

    def ask(self, bytes head, bytes body=None, bytes address=b"192.0.2.1", bint received=True, int times=1) -> object:
        """(name of the rule that decides, its action), None while the firewall waits for more of the body, or the
        failure of a head that is none. times: asked so often; then the ns of one of them is a third."""
        cdef Exchange* ex = self.ex
        cdef char* p = exact(head)
        cdef char* held = exact(body) if body is not None else NULL
        cdef Field* fields = ex.fields
        cdef uint32_t used = 0
        cdef int result
        free(ex.head)
        memset(ex, 0, sizeof(Exchange))
        ex.fields = fields
        ex.conn, ex.plan, ex.verb, ex.minor = &self.conn, self.plan.data, 255, 1
        address_read(span(address, <uint32_t>len(address)), &self.conn.address)
        try:
            llhttp.init(ex.parser, PARSE_REQUEST, &request_settings)
            result = head_feed(ex, p, <uint32_t>len(head), &used)
            if result != HEAD_DONE:
                return result
            ex.stage = &self.stage
            ex.guard.staged = True
            if held != NULL:
                ex.collected, ex.body_seen = held, len(body)
            ex.received = received
            return self.judged(times)
        finally:
            ex.collected = NULL
            free(p)
            free(held)

    cdef object judged(self, int times):
        cdef Exchange* ex = self.ex
        cdef int result = 0, i
        started = micros()
        for i in range(times):
            ex.guard.at = ex.guard.answer = ex.guard.labels = ex.guard.maybe = 0
            result = firewall_judge(ex)
        took = (micros() - started) * 1000 // times
        if result == FIREWALL_WAITS:
            return None
        rule = self.firewall.plan.rules[self.firewall.plan.decided]
        name = <bytes>rule.name.p[:rule.name.n]
        return (name.decode(), rule.action) if times == 1 else (name.decode(), rule.action, took)

"""Requests of Python steps."""
from libc.stdint cimport uint32_t

from fastgw._core.bytes cimport Span, Writer, writer_init
from fastgw._core.caller cimport caller_told, caller_values
from fastgw._core.exchange_memory cimport text_keep
from fastgw._core.libuv cimport uv
from fastgw._core.program cimport context_value
from fastgw._core.program import CONTEXTS
from fastgw._core.state cimport AUTH, Exchange, core, field_name, field_value

cdef enum:
    CONTEXT_BYTES = 65536

cdef char context_bytes[CONTEXT_BYTES]


cdef bytes text(Span s):
    return <bytes>s.p[:s.n] if s.n else b""


cdef int keep(Span* kept, str value) except -1:
    cdef bytes encoded = value.encode(errors="replace")
    if not text_keep(kept, encoded, len(encoded)):
        raise MemoryError
    return 0


cdef class Request(Work):
    """A request behind a door; bytes as they came, names in the client's spelling.

    It can be read until its answer is given. method: as sent. path: canonical, with base path and stage. raw_path: as
    the client wrote it. query: without "?". headers: (name, value) in order. parameters: the path's, in the order of the
    resource, still encoded. body: whole.

    Made by hand, for tests and trial runs, it has what it is given.
    """

    def __init__(self, method=b"GET", path=b"/", query=b"", headers=(), parameters=(), body=b"", raw_path=None,
                 context=None, caller=None, told=None):
        self.callers, self.callers_told = dict(caller or {}), told
        self._method, self._path, self._query, self._body = method, path, query, body
        self._headers, self._parameters = list(headers), list(parameters)
        self._raw_path = path if raw_path is None else raw_path
        self.contexts = dict(context or {})

    cdef Exchange* tied(self) except NULL:
        if self.ex == NULL:
            raise RuntimeError("the request is over: its answer has been given")
        return self.ex

    @property
    def method(self) -> bytes:
        cdef Exchange* ex
        if self._method is None:
            ex = self.tied()
            self._method = <bytes>ex.head[ex.verb_off:ex.verb_off + ex.verb_n]
        return self._method

    @property
    def path(self) -> bytes:
        if self._path is None:
            self._path = text(self.tied().path)
        return self._path

    @property
    def raw_path(self) -> bytes:
        if self._raw_path is None:
            self._raw_path = text(self.tied().raw_path)
        return self._raw_path

    @property
    def query(self) -> bytes:
        if self._query is None:
            self._query = text(self.tied().query)
        return self._query

    @property
    def headers(self) -> list:
        cdef Exchange* ex
        cdef uint32_t i
        if self._headers is None:
            ex = self.tied()
            self._headers = [(text(field_name(ex.head, &ex.fields[i])), text(field_value(ex.head, &ex.fields[i])))
                             for i in range(ex.nfields)]
        return self._headers

    @property
    def parameters(self) -> list:
        cdef Exchange* ex
        cdef int k
        if self._parameters is None:
            ex = self.tied()
            self._parameters = [<bytes>ex.rest.p[ex.match.off[k]:ex.match.off[k] + ex.match.len[k]]
                                for k in range(ex.match.nparams)]
        return self._parameters

    @property
    def body(self) -> bytes:
        cdef Exchange* ex
        if self._body is None:
            ex = self.tied()
            self._body = <bytes>ex.collected[:ex.body_seen] if ex.body_seen else b""
        return self._body

    def context(self, str name) -> str:
        """A context variable by the engine's name (program.CONTEXTS), "" where it has no value; bytes that are no
        UTF-8 are read as Latin-1. Raises KeyError for a name that there is not. One with a dot is the caller's."""
        cdef Writer w
        cdef bytes value
        cdef int which
        if "." in name:
            return self.caller.get(name, "")
        which = CONTEXTS[name]
        if self.contexts is not None:
            return self.contexts.get(name, "")
        writer_init(&w, context_bytes, CONTEXT_BYTES)
        context_value(self.tied(), which, &w)
        value = <bytes>w.p[:w.n]
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("latin-1")

    @property
    def caller(self) -> dict:
        """What is known of who asks: context variables by name. Empty where nobody was asked."""
        if self.contexts is not None:
            return self.callers
        return caller_values(self.tied().caller)

    @property
    def told(self):
        """What the authorizer told for templates and events, a mapping, or None."""
        if self.contexts is not None:
            return self.callers_told
        return caller_told(self.tied().caller)

    def note(self, *, status: int = 0, error: str | None = None, id: str | None = None) -> None:
        """What the step, or an authorizer, has for the log. status: that it read out of the upstream's answer, as a function's own. error:
        what is wrong with that answer. id: by which the upstream knows the request."""
        cdef Exchange* ex
        ex = self.ex
        if self.contexts is not None or ex == NULL:
            return
        if ex.phase == AUTH:
            ex.auth_status = status
            if id is not None:
                keep(&ex.auth_id, id)
            return
        if status:
            ex.told_status = status
        if error is not None:
            keep(&ex.told_error, error)
        if id is not None:
            keep(&ex.told_id, id)

    cdef void load(self):
        self.method, self.path, self.raw_path, self.query, self.headers, self.parameters, self.body

    cdef void drained(self):
        if self.paused_at:
            self.ex.wait_deadline += uv.now(core.loop) - self.paused_at     # the client's time, not the step's
            self.paused_at = 0
        if self.room is not None and not self.room.done():
            self.room.set_result(None)

    cdef void given_up(self):
        """What still works on it sees that it is cancelled, and may look at the request while it ends."""
        self.load()
        self.cancel()

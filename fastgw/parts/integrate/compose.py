"""Several backends called side by side, their answers put together.

A branch has failed when its call brought no whole answer in its time, or one whose outcome is not a success. With a
required branch the whole fails at once, as if it were the only one, and the others are given up. Without one that is
not required the answer is made from the rest, and says so: in a header and in $context.compose.
"""

import asyncio
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from fastgw._core.call import fetch
from fastgw._core.step import Answer, Call, CallFailed, Failure, Reply, Request
from fastgw.errors import CODE, FAILURES
from fastgw.model.compose import Branch, Composed
from fastgw.parts.context import variables
from fastgw.parts.env import Env
from fastgw.parts.integrate.backends import backend_of
from fastgw.parts.integrate.headers import answered
from fastgw.parts.integrate.incoming import Incoming, last_values, octets, text
from fastgw.parts.integrate.request import RequestSide
from fastgw.parts.integrate.response import overridden
from fastgw.parts.integrate.templates import render
from fastgw.parts.transform.inputs import Input
from fastgw.parts.transform.selection import SelectionPattern
from fastgw.parts.transform.vtl import Limits, Template, compile_template
from fastgw.parts.transform.vtl.values import Exposed, JavaList, QuietMap

PARTIAL = b"X-Fastgw-Partial"
"""Header of an answer that was made without some branches: name;error=CODE for each, with commas between."""

SUCCESS = r"|[23]\d\d"
"""The outcome of a branch that says nothing else: a status, or nothing of a function that ran."""


class Result(Exposed):
    """$branches.name: what a call brought. error is "" of one that succeeded; failure the code behind it."""

    __slots__ = ("_input", "body", "error", "failure", "fields", "latency", "status")

    def __init__(self, reply: Reply | None, error: str = "", failure: int = 0, latency: int = 0) -> None:
        self.status = reply.status if reply is not None else 0
        self.fields = reply.headers if reply is not None else []
        self.body = reply.body if reply is not None else b""
        self.error = error
        self.failure = failure
        self.latency = latency
        self._input: Input | None = None

    @property
    def input(self) -> Input:
        """The body, as $input reads one."""
        if self._input is None:
            headers = last_values(self.fields)
            self._input = Input(self.body, {}, {}, headers)
        return self._input

    def value(self) -> object:
        """The body in the answer of a route without a template: JSON as it is, other text as a string."""
        if self.error:
            return None
        try:
            orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return text(self.body).encode(errors="replace").decode() or None
        return orjson.Fragment(self.body.strip())

    PROPERTIES: ClassVar = {
        "ok": lambda self: not self.error,
        "status": lambda self: self.status,
        "error": lambda self: self.error,
        "latency": lambda self: self.latency,
        "body": lambda self: self.input.text if self.status else "",
        "header": lambda self: dict(self.input.header),
    }
    METHODS: ClassVar = {
        "json/1": (((frozenset((str,)),), lambda self, path: self.input.json(path) if self.status else '""'),),
        "path/1": (((frozenset((str,)),), lambda self, path: self.input.found(path) if self.status else None),),
        "params/1": (((frozenset((str,)),), lambda self, name: self.input.parameter(name)),),
    }


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A branch's call, or why it cannot be made."""

    call: "Call | Awaitable[Call] | None"
    failure: Failure | None = None


class _Caller:
    """One branch."""

    def __init__(self, branch: Branch, env: Env) -> None:
        self.name = branch.name
        self.required = branch.required
        self._env = env
        self._request = RequestSide(branch.integrated, env)
        self._backend = backend_of(branch.integrated, env)
        self._success = SelectionPattern(branch.success if branch.success is not None else SUCCESS)

    def prepared(self, request: Request) -> _Prepared:
        """What is asked of the request is asked now, before anything waits."""
        try:
            incoming = self._request.read(request)
            outgoing = self._request.outgoing(incoming, variables(request, self._env))
            return _Prepared(self._backend.request(outgoing, request))
        except Failure as failure:
            return _Prepared(None, failure)

    async def result(self, prepared: _Prepared) -> Result:
        """Of a required branch only a success; raises Failure for any other."""
        began = time.monotonic()
        found = await self._called(prepared)
        found.latency = round((time.monotonic() - began) * 1000)
        if found.error and self.required:
            raise Failure(found.failure, detail=f"branch {self.name}: {found.error}")
        return found

    async def _called(self, prepared: _Prepared) -> Result:
        try:
            if prepared.failure is not None:
                raise prepared.failure
            call = prepared.call
            reply = await fetch(call if isinstance(call, Call) else await call)
            outcome = self._backend.outcome(reply)
        except (Failure, CallFailed) as error:
            return Result(None, FAILURES[error.code].name, error.code)
        if self._success.fits(outcome):
            return Result(reply)
        error = f"STATUS_{reply.status}" if outcome == str(reply.status) else "FUNCTION_ERROR"
        return Result(reply, error, CODE["INTEGRATION_BAD_ANSWER"])


class Compose:
    """The step of a composed route."""

    def __init__(self, composed: Composed, env: Env) -> None:
        self._composed = composed
        self._env = env
        self._callers = [_Caller(branch, env) for branch in composed.branches]
        self._template: Template | None = None
        if composed.template is not None:
            name = f"template of {env.route.name}"
            self._template = compile_template(composed.template, name, Limits.of(env.settings))

    def __call__(self, request: Request) -> Awaitable[Answer]:
        context = variables(request, self._env)
        incoming = Incoming(request, self._env.parameters, request.body)
        prepared = [caller.prepared(request) for caller in self._callers]
        return self._answer(incoming, context, prepared, request.context("TRACE_ID"))

    async def _answer(
        self, incoming: Incoming, context: dict[str, object], prepared: list[_Prepared], trace: str
    ) -> Answer:
        names = [caller.name for caller in self._callers]
        results = dict(zip(names, await self._all(prepared), strict=True))
        failed = {name: result.error for name, result in results.items() if result.error}
        context["compose"] = _told(results, failed)
        status, fields = self._composed.status, [(b"Content-Type", octets(self._composed.content_type))]
        if self._template is None:
            body = orjson.dumps({name: result.value() for name, result in results.items()})
        else:
            more = {"branches": results}
            body = render(self._template, incoming, incoming, context, self._env.variables, more)
            status, fields = overridden(context, status, fields)
        fields = answered("HTTP", fields)
        if failed:
            fields.append((PARTIAL, octets(", ".join(f"{name};error={error}" for name, error in failed.items()))))
        fields.append((b"X-Amzn-Trace-Id", octets(trace)))
        return Answer(status, fields, body)

    async def _all(self, prepared: list[_Prepared]) -> list[Result]:
        """Every result, or the first failure of a required branch; then, and when the client leaves, the calls that
        are still out are given up."""
        tasks = [
            asyncio.ensure_future(caller.result(one)) for caller, one in zip(self._callers, prepared, strict=True)
        ]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _told(results: Mapping[str, Result], failed: Mapping[str, str]) -> dict[str, Any]:
    """$context.compose"""
    branches = {
        name: QuietMap(status=result.status, error=result.error, latency=result.latency)
        for name, result in results.items()
    }
    return QuietMap(partial=bool(failed), failed=JavaList(failed), branches=QuietMap(branches))

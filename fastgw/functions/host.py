"""The function host: every function's pool, and the Lambda Invoke API that workers call.

Source: AWS Lambda API reference, Invoke (version 2015-03-31).
"""

import asyncio
import logging
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import unquote

import msgspec

from fastgw.functions.http import Connection, Request
from fastgw.functions.invocation import Invocation
from fastgw.functions.pool import Pool
from fastgw.functions.reload import CodeWatch
from fastgw.functions.streamed import Streamed
from fastgw.model.function import Function, name_of

LOOK_SECONDS = 0.5
"""How often memory, idle processes and changed code are looked at."""

_INVOKE = re.compile(
    rb"/(?:2015-03-31/functions/([^/?]+)/invocations|2021-11-15/functions/([^/?]+)/response-streaming-invocations)(?:\?.*)?"
)
_SYNC, _EVENT, _DRY_RUN = b"RequestResponse", b"Event", b"DryRun"

_json = msgspec.json.Decoder(msgspec.Raw)
_log = logging.getLogger("fastgw")


class Host:
    """adopt() says which functions there are; serve() answers invocations; stop() leaves nothing running."""

    def __init__(self, reload: bool) -> None:
        """reload: code that changes is run anew."""
        self._pools: dict[str, Pool] = {}
        self._leaving: set[Pool] = set()
        self._named: dict[bytes, Pool] = {}
        """By the names that requests used, so that each is read once."""
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._watch = CodeWatch() if reload else None
        self._chore: asyncio.Task[None] | None = None

    async def start(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(
            lambda: Connection(self.serve, self._connections), sock=listening
        )
        self._chore = asyncio.create_task(self._look())

    def adopt(self, functions: Iterable[Function]) -> None:
        """These, and no others. Invocations under way end with what they began with."""
        wanted = {function.name: function for function in functions}
        for name in [name for name in self._pools if name not in wanted]:
            pool = self._pools.pop(name)
            pool.leave()
            if pool.processes:
                self._leaving.add(pool)
        for name, function in wanted.items():
            pool = self._pools.get(name)
            if pool is None:
                self._pools[name] = Pool(function, self._forget_leaving)
            elif pool.function != function:
                pool.renew(function)
        self._named.clear()
        if self._watch is not None:
            self._watch.follow({function.code for function in wanted.values()})

    def _forget_leaving(self) -> None:
        self._leaving = {pool for pool in self._leaving if pool.processes}

    @property
    def processes(self) -> int:
        return sum(len(pool.processes) for pool in self._every())

    def _every(self) -> list[Pool]:
        return [*self._pools.values(), *self._leaving]

    # Invoke

    def serve(self, request: Request, connection: Connection) -> None:
        found = _INVOKE.fullmatch(request.target)
        if found is None or request.method != b"POST":
            _refuse(connection, 404, "ResourceNotFoundException", "only the invocation of a function is served here")
            return
        name = found[1] or found[2]
        pool = self._pool(name)
        if pool is None:
            _refuse(connection, 404, "ResourceNotFoundException", f"Function not found: {_text(name)}")
            return
        payload = request.body
        if payload is None:
            _refuse(connection, 413, "RequestTooLargeException", "Request must be smaller than the maximum payload")
            return
        try:
            _json.decode(payload or b"{}")
        except msgspec.DecodeError as error:
            _refuse(connection, 400, "InvalidRequestContentException", f"Could not parse request body into json: "
                    f"{error}")
            return
        self._invoke(pool, payload or b"{}", request, connection, found[2] is not None)

    def _pool(self, name: bytes) -> Pool | None:
        pool = self._named.get(name)
        if pool is None:
            reference = name_of(_text(name))
            pool = self._pools.get(reference) if reference else None
            if pool is not None and len(self._named) < 1000:
                self._named[name] = pool
        return pool

    def _invoke(self, pool: Pool, payload: bytes, request: Request, connection: Connection, streamed: bool) -> None:
        function, headers = pool.function, request.headers
        kind = headers.get(b"x-amz-invocation-type", _SYNC)
        if kind not in (_SYNC, _EVENT, _DRY_RUN):
            _refuse(connection, 400, "InvalidParameterValueException",
                    "X-Amz-Invocation-Type is RequestResponse, Event or DryRun")
            return
        if kind == _DRY_RUN:
            connection.answer(204)
            return
        arn = (function.arn or f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}").encode()
        invocation = Invocation(payload, arn, headers.get(b"x-amzn-trace-id"), headers.get(b"x-amz-client-context"))
        if kind == _SYNC:
            if streamed:
                Streamed(invocation, connection)
            else:
                invocation.done = lambda body, failed: _reply(connection, invocation.id, body, failed)
            connection.when_gone = lambda: pool.forget(invocation)
        if not pool.invoke(invocation):
            _refuse(connection, 429, "TooManyRequestsException", "Rate Exceeded.")
        elif kind == _EVENT:
            connection.answer(202, b"", ((b"x-amzn-RequestId", invocation.id.encode()),))

    # Chores

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for pool in self._every():
                pool.retire(loop.time())
            if self._watch is not None:
                self._renew(await asyncio.to_thread(self._watch.changed))

    def _renew(self, changed: set[str]) -> None:
        for name, pool in self._pools.items():
            if pool.function.code in changed:
                _log.info("the code of function %s has changed", name)
                pool.renew()

    async def stop(self, limit: float) -> None:
        """No new invocation; those under way have limit seconds to end. Then nothing is left."""
        loop = asyncio.get_running_loop()
        if self._server is not None:
            self._server.close()
        deadline = loop.time() + limit
        while any(pool.busy for pool in self._every()) and loop.time() < deadline:
            await asyncio.sleep(0.02)
        if self._chore is not None:
            self._chore.cancel()
            with suppress(asyncio.CancelledError):
                await self._chore
        while self.processes:
            for pool in self._every():
                pool.kill()
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.close()


def _reply(connection: Connection, request_id: str, body: bytes, failed: bool) -> None:
    headers = [(b"x-amzn-RequestId", request_id.encode()), (b"X-Amz-Executed-Version", b"$LATEST")]
    if failed:
        headers.append((b"X-Amz-Function-Error", b"Unhandled"))
    connection.answer(200, body, headers)


def _refuse(connection: Connection, status: int, kind: str, message: str) -> None:
    body = msgspec.json.encode({"Type": "User", "Message": message, "message": message})
    connection.answer(status, body, ((b"x-amzn-ErrorType", kind.encode()),))


def _text(name: bytes) -> str:
    return unquote(name.decode("latin-1"))

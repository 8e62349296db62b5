"""Calls between our own processes, both ways over one socket pair.

A frame is a length (4 bytes, big-endian) and a pickle: (number, verb, payload) for a call,
(number, None, (ok, result)) for its answer. Pickle is safe here because both ends are our own
processes and the socket has no name that anybody else could connect to.
"""

import asyncio
import pickle
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Handler = Callable[[Any], Awaitable[Any]]
_LENGTH = 4


class PeerGone(Exception):
    """The other process ended, or closed its end."""


class Refused(Exception):
    """The other process could not do what it was asked; problems say why, one line each."""

    def __init__(self, *problems: str):
        super().__init__("\n".join(problems))
        self.problems = problems


class Peer:
    """One end of a control socket."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handlers: Mapping[str, Handler]
    ):
        self._reader = reader
        self._writer = writer
        self._handlers = handlers
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.gone = asyncio.Event()
        """Set when the other end has closed."""
        self._receiver = asyncio.create_task(self._receive())

    @classmethod
    async def open(cls, sock: socket.socket, handlers: Mapping[str, Handler]) -> "Peer":
        """Takes over sock, a connected Unix stream socket."""
        reader, writer = await asyncio.open_unix_connection(sock=sock)
        return cls(reader, writer, handlers)

    async def call(self, verb: str, payload: Any = None, timeout: float | None = None) -> Any:
        """The other side's answer. Raises Refused, PeerGone, or TimeoutError after timeout seconds."""
        if self.gone.is_set():
            raise PeerGone
        self._number += 1
        number = self._number
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._send(number, verb, payload)
            return await asyncio.wait_for(answer, timeout)
        finally:
            del self._waiting[number]

    async def close(self) -> None:
        self._receiver.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(self._receiver, *self._tasks, return_exceptions=True)
        self._writer.close()

    def _send(self, number: int, verb: str | None, payload: Any) -> None:
        frame = pickle.dumps((number, verb, payload), pickle.HIGHEST_PROTOCOL)
        if not self.gone.is_set():
            self._writer.write(len(frame).to_bytes(_LENGTH, "big") + frame)

    async def _receive(self) -> None:
        try:
            while True:
                length = int.from_bytes(await self._reader.readexactly(_LENGTH), "big")
                number, verb, payload = pickle.loads(await self._reader.readexactly(length))
                if verb is None:
                    self._answered(number, *payload)
                else:
                    task = asyncio.create_task(self._serve(number, verb, payload))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.gone.set()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(PeerGone())

    def _answered(self, number: int, ok: bool, result: Any) -> None:
        answer = self._waiting.get(number)
        if answer is not None and not answer.done():
            if ok:
                answer.set_result(result)
            else:
                answer.set_exception(Refused(*result))

    async def _serve(self, number: int, verb: str, payload: Any) -> None:
        try:
            outcome = (True, await self._handlers[verb](payload))
        except Refused as refusal:
            outcome = (False, refusal.problems)
        except Exception as error:
            # The caller decides what a failure means; it must hear of every one.
            outcome = (False, (f"{verb}: {type(error).__name__}: {error}",))
        self._send(number, None, outcome)


def reasons(error: BaseException) -> tuple[str, ...]:
    """Why a call failed, as lines."""
    match error:
        case Refused():
            return error.problems
        case PeerGone():
            return ("the process ended",)
        case TimeoutError():
            return ("a process gave no answer in time",)
    return (f"{type(error).__name__}: {error}",)

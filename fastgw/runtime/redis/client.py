"""A pipelining client on the worker's loop.

All commands of one turn of the loop leave in one write; answers belong to commands by their order alone, so
nothing may ever shift them. A command that was sent keeps its place in the line until its answer has come, whether
or not somebody still waits for it; when an answer is overdue, unasked for or no RESP, the whole connection is given
up with everything that is on it. Nothing is sent twice: whether a lost command was run is not known.
"""

import asyncio
import hashlib
import random
import socket
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import hiredis

from fastgw.addresses import RedisUrl
from fastgw.runtime.threads import in_passing_thread

MOST_WAITING = 4096
"""Commands without an answer; beyond it a command is refused instead of queued."""
BACK_OFF_FIRST, BACK_OFF_LONGEST = 0.02, 0.4
"""Seconds between attempts to connect, doubling, each drawn from its upper half. The longest, with one attempt's
own time, keeps a Redis that is back in use within a second."""
STEADY_SECONDS = 1.0
"""A connection that lived this long ends the doubling."""
CONNECT_SECONDS = 0.5
"""For one attempt: connection, TLS, and the first answers."""

Reply = Any
"""What hiredis gives: int, bytes, None, a list of these, or a ReplyError as a value."""


class RedisAway(Exception):
    """No answer: not connected, overdue, overfull, or the connection broke off. The command may have been run."""


class Script:
    """A Lua script, called by its digest."""

    def __init__(self, text: str):
        self.text = text
        self.digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Redis:
    """One connection, made again for as long as the client is open. Called on the loop's thread only.

    timeout: seconds for the answers of what one turn of the loop sent. changed(up, why) is told of each change;
    it is not told of further failed attempts while down. probes: commands that a server must be able to run before
    it counts as there.
    """

    def __init__(self, url: RedisUrl, timeout: float, changed: Callable[[bool, str], None],
                 scripts: tuple[Script, ...] = (), probes: tuple[tuple[Any, ...], ...] = ()):
        self._url = url
        self._timeout = timeout
        self._changed = changed
        self._scripts = scripts
        self._probes = probes
        self._loop = asyncio.get_running_loop()
        self._line: _Line | None = None
        self._told: bool | None = None
        self._keeper = asyncio.create_task(self._keep())

    @property
    def up(self) -> bool:
        return self._line is not None

    def command(self, *words: str | bytes | int | float) -> "asyncio.Future[Reply]":
        """The answer to come. It raises RedisAway, or hiredis.ReplyError for what Redis itself refused."""
        if self._line is None:
            answer = self._loop.create_future()
            answer.set_exception(RedisAway("not connected"))
            return answer
        return self._line.send(words)

    async def run(self, script: Script, *words: str | bytes | int | float) -> Reply:
        """Run a script; words: the number of keys, the keys, the arguments. Raises as command() does.

        The server forgets scripts when it restarts or is flushed: then its text is sent, once. A refused EVALSHA
        has run nothing, so this repeats no effect.
        """
        try:
            return await self.command("EVALSHA", script.digest, *words)
        except hiredis.ReplyError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
        return await self.command("EVAL", script.text, *words)

    async def close(self) -> None:
        self._keeper.cancel()
        with suppress(asyncio.CancelledError):
            await self._keeper
        if self._line is not None:
            line, self._line = self._line, None
            line.give_up("closed")
            await line.gone.wait()

    async def _keep(self) -> None:
        delay = BACK_OFF_FIRST
        while True:
            try:
                line = await self._connect()
            except (OSError, UnicodeError, RedisAway, hiredis.ReplyError) as error:
                self._tell(False, _reason(error))
            else:
                born = self._loop.time()
                self._line = line
                self._tell(True, "")
                await line.gone.wait()
                self._line = None
                self._tell(False, line.why)
                if self._loop.time() - born > STEADY_SECONDS:
                    delay = BACK_OFF_FIRST
            await asyncio.sleep(random.uniform(delay / 2, delay))
            delay = min(delay * 2, BACK_OFF_LONGEST)

    def _tell(self, up: bool, why: str) -> None:
        if self._told != up:
            self._told = up
            self._changed(up, why)

    async def _connect(self) -> "_Line":
        """A greeted connection to the first address that gives one. Raises why the last does not."""
        url = self._url
        # Outside the time limit, because a look-up cannot be given up; and not by the loop, which keeps its threads.
        addresses = await in_passing_thread(_look_up, url) if url.host else [""]
        for address in addresses[:-1]:
            with suppress(OSError, RedisAway, hiredis.ReplyError):
                return await asyncio.wait_for(self._attempt(address), CONNECT_SECONDS)
        return await asyncio.wait_for(self._attempt(addresses[-1]), CONNECT_SECONDS)

    async def _attempt(self, address: str) -> "_Line":
        url, line = self._url, _Line(self._loop, self._timeout)
        if url.path:
            await self._loop.create_unix_connection(lambda: line, url.path)
        elif url.tls:
            context = ssl.create_default_context(cafile=url.ca_file or None)
            await self._loop.create_connection(lambda: line, address, url.port, ssl=context, server_hostname=url.host)
        else:
            await self._loop.create_connection(lambda: line, address, url.port)
        try:
            await self._greet(line)
        except BaseException:
            line.give_up("no greeting")
            raise
        line.patient = False
        return line

    async def _greet(self, line: "_Line") -> None:
        """Log in, choose the database, load the scripts; a server that still loads its data set is not there yet."""
        commands: list[tuple[Any, ...]] = []
        if self._url.password:
            commands.append(("AUTH", *([self._url.username] if self._url.username else []), self._url.password))
        if self._url.database:
            commands.append(("SELECT", str(self._url.database)))
        commands += [("SCRIPT", "LOAD", script.text) for script in self._scripts]
        commands += [*self._probes, ("PING",)]
        await asyncio.gather(*map(line.send, commands))


class _Line(asyncio.Protocol):
    """One connection: what was sent and not answered yet, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout: float):
        self._loop = loop
        self._timeout = timeout
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._outgoing: list[bytes] = []
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._batches: deque[tuple[float, int]] = deque()
        """(when its answers are overdue, its last command's number) of each write."""
        self._sent = 0
        self._answered = 0
        self._alarm: asyncio.TimerHandle | None = None
        self.patient = True
        """While greeting there is no time limit but the attempt's own."""
        self.why = ""
        self.gone = asyncio.Event()

    def send(self, words: tuple[Any, ...]) -> "asyncio.Future[Reply]":
        answer = self._loop.create_future()
        if self.why or len(self._waiting) >= MOST_WAITING:
            answer.set_exception(RedisAway(self.why or "too many commands wait"))
            return answer
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(hiredis.pack_command(words))
        self._waiting.append(answer)
        return answer

    def give_up(self, why: str) -> None:
        """Close at once; everybody who waits is told."""
        if not self.why:
            self.why = why
            if self._transport is not None:
                self._transport.abort()
            else:
                self.gone.set()
            self._fail()

    def _flush(self) -> None:
        if self.why:
            return
        self._sent += len(self._outgoing)
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        self._transport.write(data)
        if not self.patient:
            self._batches.append((self._loop.time() + self._timeout, self._sent))
            if self._alarm is None:
                self._alarm = self._loop.call_later(self._timeout, self._overdue)

    def _overdue(self, last: bool = False) -> None:
        """The alarm of the oldest write; where that was answered meanwhile, it is set for the oldest of now."""
        self._alarm = None
        while self._batches and self._batches[0][1] <= self._answered:
            self._batches.popleft()
        if not self._batches:
            return
        left = self._batches[0][0] - self._loop.time()
        if left > 0:
            self._alarm = self._loop.call_later(left, self._overdue)
        elif not last:
            # A loop that was held up runs its timers before it reads: what has come in time is read first.
            self._alarm = self._loop.call_later(0.001, self._overdue, True)
        else:
            self.give_up(f"no answer within {self._timeout * 1000:g} ms")

    def _fail(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._outgoing.clear()
        self._batches.clear()
        while self._waiting:
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(RedisAway(self.why))

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.why = self.why or (f"connection broken: {_reason(error)}" if error else "connection closed by Redis")
        self._fail()
        self.gone.set()

    def data_received(self, data: bytes) -> None:
        if self.why:
            return
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                self._take(reply)
        except (hiredis.ProtocolError, IndexError):
            self.give_up("an answer that is no RESP or that nobody asked for")

    def _take(self, reply: Reply) -> None:
        if self._answered >= self._sent:
            raise IndexError
        self._answered += 1
        answer = self._waiting.popleft()
        if answer.done():
            return      # cancelled: its answer ends with it
        if isinstance(reply, hiredis.ReplyError):
            answer.set_exception(reply)
        else:
            answer.set_result(reply)


def _look_up(url: RedisUrl) -> list[str]:
    """Addresses of the host, at least one. Raises OSError."""
    answers = socket.getaddrinfo(url.host, url.port, 0, socket.SOCK_STREAM)
    return list(dict.fromkeys(answer[4][0] for answer in answers))


def _reason(error: BaseException) -> str:
    """In words that hold nothing of the URL."""
    if isinstance(error, TimeoutError):
        return f"no connection within {CONNECT_SECONDS:g} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__

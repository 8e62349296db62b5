"""`fastgw run`: reads the definition, binds, starts the processes, watches, reloads, drains."""

import asyncio
import dataclasses
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

import fastgw
from fastgw._core import health
from fastgw.addresses import Address, Listen
from fastgw.load import Loaded, load
from fastgw.load.kept import add_kept_keys
from fastgw.observe import counters
from fastgw.runtime import log, logs
from fastgw.runtime.children import Child
from fastgw.runtime.functions import FunctionHost
from fastgw.runtime.handover import (
    COUNTERS,
    HEALTH,
    KEYS,
    LIMITS,
    LISTEN,
    LOG,
    ControlStart,
    Definition,
    Served,
    WorkerStart,
)
from fastgw.runtime.inherit import Inheritance, hand_over
from fastgw.runtime.keep import keep
from fastgw.runtime.limits import Assigned, Limits, TooMany, without_keys
from fastgw.runtime.listen import ListenError, Listening, check_http2
from fastgw.runtime.logs import LogFiles, access_logs
from fastgw.runtime.overload import memory_share, raise_descriptor_limit
from fastgw.runtime.peer import PeerGone, Refused, reasons
from fastgw.runtime.request import RunRequest, file_settings, worker_count
from fastgw.runtime.slots import Slots
from fastgw.runtime.store import Store, StoreError
from fastgw.runtime.systemd import Manager
from fastgw.runtime.tickets import TicketSecrets
from fastgw.runtime.watchdog import LOOK_SECONDS, Watchdog
from fastgw.settings import Resolved, SettingsError, manager_words, resolve, shown, state_directory

WORKER, CONTROL = "fastgw.runtime.worker", "fastgw.control.process"
"""Modules of the children: named, not imported, for they run in interpreters of their own."""

ANSWER_SECONDS = 60.0
"""Longest time a worker may take to compile a plan."""
EXIT_GRACE = 5.0
"""Seconds that a worker may take beyond drain_timeout before it is killed."""

_log = logging.getLogger("fastgw")


class Supervisor:
    """One for each gateway; run() is its whole life."""

    def __init__(self, request: RunRequest, when_ready: Callable[[list[str]], None] | None = None):
        self._request = request
        self._when_ready = when_ready
        self._resolved = resolve(request.flags)
        words = manager_words()
        self._manager = Manager(words)
        self._inheritance = Inheritance(words)
        self._handed_over = False
        """A successor serves on the same sockets."""
        self._slots = Slots()
        self._workers: dict[int, Child] = {}
        self._ready: set[int] = set()
        self._control: Child | None = None
        self._listening: list[Listening] = []
        self._tickets = TicketSecrets()
        self._ops_listening: Listening | None = None
        self._counters = -1
        self._health = -1
        self._memory_share = 0
        self._limits: Limits | None = None
        self._store: Store | None = None
        self._owns_state = False
        self._assigned: Assigned | None = None
        self._rings = -1
        self._log_files = LogFiles()
        self._definition: Definition | None = None
        self._keepers: set[asyncio.Task[None]] = set()
        self._changing = asyncio.Lock()
        """Held while a plan is put in force or a worker started, so that no worker misses a plan."""
        self._stopping = asyncio.Event()
        self._functions = FunctionHost(self._stopping, self._changing)
        self._status = 0

    async def run(self) -> int:
        """Until told to stop. Returns the exit status: 0 when every process ended cleanly."""
        log.start("supervisor", self._resolved.settings.log_level)
        raise_descriptor_limit()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, self._on_stop_signal)
        loop.add_signal_handler(signal.SIGUSR1, lambda: self._keep_task(self._reopen_logs()))
        loop.add_signal_handler(signal.SIGHUP, lambda: self._keep_task(self._reload_and_log()))
        loop.add_signal_handler(signal.SIGUSR2, lambda: self._keep_task(self._upgrade()))
        try:
            await self._inheritance.take()
            async with self._changing:
                await self._start()
        except Refused as refusal:
            _print_lines(refusal.problems)
            await self._kill_all()
            return 1
        except BaseException:
            await self._kill_all()
            raise
        if not self._stopping.is_set():
            await self._inheritance.ready()
        self._announce()
        self._manager.ready(self._status_line())
        if self._manager.watchdog_seconds:
            self._keep_task(self._say_alive())
        await self._stopping.wait()
        return await self._stop()

    # Starting

    async def _start(self) -> None:
        """The interpreters start while the definition is read."""
        await self._spawn(worker_count(self._resolved))
        loaded = await self._read()
        _print_lines(map(str, loaded.problems))
        self._resolved = self._resolve(loaded)
        log.start("supervisor", self._resolved.settings.log_level)
        count = worker_count(self._resolved)
        await self._spawn(count)
        self._bind(count)
        self._counters = counters.create(count)
        self._health = health.create()
        self._memory_share = memory_share(self._resolved.settings.memory_limit, count)
        self._limits = Limits(self._resolved.settings.limit_cells, count)
        self._rings = logs.create(count, self._resolved.settings.log_buffer_bytes)
        self._store = Store(state_directory(self._resolved.settings, self._request.files[0]))
        for line in await self._add_kept(loaded):
            _log.warning("%s", line)
        self._definition, self._assigned = await self._define(loaded)
        if self._store.exists:
            await self._own_state()
        await self._functions.serve(self._definition.gateway, settings=self._resolved.settings)
        starts = [self._start_worker(number) for number in self._workers]
        outcomes = await asyncio.gather(*starts, return_exceptions=True)
        outcomes += await asyncio.gather(self._start_control(), return_exceptions=True)
        if lines := [line for outcome in outcomes if outcome for line in reasons(outcome)]:
            raise Refused(*dict.fromkeys(lines))
        await self._open_logs(self._definition)
        for number in self._workers:
            self._keep_task(self._keep_worker(number))
        self._keep_task(self._keep_control())
        self._keep_task(self._watch_workers())

    async def _spawn(self, count: int) -> None:
        """Idle interpreters for count workers and the control process; surplus ones are ended."""
        for number in range(count):
            if number not in self._workers:
                self._workers[number] = await Child.spawn(f"worker-{number}", WORKER)
        for number in [n for n in self._workers if n >= count]:
            child = self._workers.pop(number)
            child.kill()
            await child.wait()
        if self._control is None:
            self._control = await Child.spawn("control", CONTROL)

    async def _read(self) -> Loaded:
        """The definition as the files have it now. Raises Refused with every problem."""
        loaded = await asyncio.to_thread(load, self._request.files, self._request.options)
        if loaded.gateway is None:
            raise Refused(*map(str, loaded.problems))
        return loaded

    async def _add_kept(self, loaded: Loaded) -> list[str]:
        """The keys that were made while a gateway ran, beside those of the definition, which come first.

        Returns why some do not fit it.
        """
        try:
            kept = await asyncio.to_thread(self._store.kept)
        except StoreError as error:
            raise Refused(str(error)) from None
        self._limits.disable(kept.disabled)
        rows = [(key.name, key.value, key.plans) for key in kept.keys]
        problems = await asyncio.to_thread(add_kept_keys, loaded.gateway, rows, str(self._store.file))
        return [f"{problem.place.file}: {problem.message}; the key is left out" for problem in problems]

    def _resolve(self, loaded: Loaded) -> Resolved:
        try:
            return resolve(self._request.flags, file_settings(loaded))
        except SettingsError as error:
            raise Refused(*error.problems) from None

    def _bind(self, workers: int) -> None:
        settings = self._resolved.settings
        try:
            for one in map(Listen.parse, settings.listen):
                check_http2(one)
                found = self._inheritance.listen(one.address, workers)
                self._listening.append(dataclasses.replace(found, words=one.words))
            if settings.ops != "off":
                self._ops_listening = self._inheritance.listen(Address.parse(settings.ops), 1)
        except ListenError as error:
            raise Refused(str(error)) from None
        self._inheritance.settle()

    async def _define(self, loaded: Loaded) -> tuple[Definition, Assigned]:
        """Raises Refused where its limits or its logs cannot be served."""
        gateway = self._functions.reachable(loaded.gateway)
        if not gateway.tls and (secure := [one.name for one in self._listening if one.tls]):
            raise Refused(f"{self._request.files[0]}:1:1: error: listener {secure[0]} speaks TLS, and the definition "
                          "has no section tls with certificates")
        shared = [plan for plan in gateway.plans if plan.nodes]
        if shared and not self._resolved.settings.redis_url:
            raise Refused(*(f"{plan.nodes.place}: error: plan {plan.name} is shared with other nodes, and redis_url is "
                            "not set (FASTGW_REDIS_URL, or FASTGW_REDIS_URL_FILE)" for plan in shared))
        files = self._log_files.assign(gateway)
        try:
            assigned = await asyncio.to_thread(self._limits.assign, gateway)
        except TooMany as error:
            raise Refused(f"{self._request.files[0]}:1:1: error: {error}") from None
        rows = self._slots.assign(gateway)
        return Definition(without_keys(gateway), rows, assigned.numbers, assigned.generation, files), assigned

    def _shared(self) -> list[tuple[str, int]]:
        limits = [(LIMITS, self._limits.descriptor), (KEYS, self._assigned.keys)]
        return [(COUNTERS, self._counters), (LOG, self._rings), (HEALTH, self._health), *limits]

    async def _start_worker(self, number: int) -> None:
        child = self._workers[number]
        own = [(one.words, sock) for one in self._listening for sock in one.of(number, len(self._workers))]
        handed = [*self._shared(), *((LISTEN, sock.fileno()) for _, sock in own)]
        roles, descriptors = zip(*handed, strict=True)
        settings = self._resolved.settings
        words = tuple(words for words, _ in own)
        self._tickets.turn(time.monotonic())
        message = WorkerStart(roles, words, number, self._memory_share, settings, self._definition, self._tickets)
        await child.start(descriptors, message, {})
        self._ready.add(number)

    async def _start_control(self) -> None:
        verbs = {
            "state": self._state,
            "upstreams": lambda _: self._ask_workers("upstreams"),
            "live": lambda _: self._ask_workers("live"),
            "samples": lambda _: self._ask_workers("samples"),
            "flush": self._flush,
            "reload": lambda _: self.reload(),
            "drain": self._drain,
            "switch_key": self._switch_key,
            "own_state": self._own_state_of_control,
        }
        handed = self._shared()
        if self._ops_listening:
            handed.append((LISTEN, self._ops_listening.sockets[0].fileno()))
        roles, descriptors = zip(*handed, strict=True)
        message = ControlStart(
            roles, len(self._workers), self._store.directory, self._resolved, self._served(), self._log_files.numbers
        )
        await self._control.start(descriptors, message, verbs)

    def _served(self) -> Served:
        definition = self._definition
        gateway = replace(definition.gateway, tls=())
        return Served(gateway, self._slots.labels(), definition.cells, definition.generation)

    def _status_line(self) -> str:
        apis = self._definition.gateway.apis
        routes = sum(len(api.routes) for api in apis)
        counts = {"API": len(apis), "route": routes, "worker": len(self._workers)}
        return ", ".join(f"{count} {name}{'s' * (count != 1)}" for name, count in counts.items())

    def _announce(self) -> None:
        print(f"fastgw {fastgw.__version__}, pid {os.getpid()}: {self._status_line()}")
        for one in self._listening:
            print(f"listening on {url(one.address, one.tls)}")
        if self._ops_listening:
            print(f"ops on {url(self._ops_listening.address)}")
        sys.stdout.flush()
        if self._when_ready:
            self._when_ready([url(one.address, one.tls) for one in self._listening])

    # Watching

    def _keep_task(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._keepers.add(task)
        task.add_done_callback(self._keepers.discard)

    async def _keep_worker(self, number: int) -> None:
        async def replace() -> None:
            self._workers[number] = await Child.spawn(f"worker-{number}", WORKER)
            await self._start_worker(number)

        def lost() -> None:
            self._ready.discard(number)
            self._limits.worker_died(number)

        await keep(lambda: self._workers[number], lost, replace, self._stopping, self._changing)

    async def _keep_control(self) -> None:
        async def replace() -> None:
            self._control = await Child.spawn("control", CONTROL)
            await self._start_control()

        await keep(lambda: self._control, lambda: None, replace, self._stopping, self._changing)

    async def _watch_workers(self) -> None:
        limit = self._resolved.settings.watchdog_timeout
        if not limit:
            return
        watchdog, reader = Watchdog(limit), counters.Reader(self._counters, len(self._workers))
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            seen = {(n, self._workers[n].process.pid): reader.header(n) for n in self._ready}
            for number, _ in watchdog.stuck(seen, time.monotonic()):
                _log.error("worker-%d made no progress for %g s; it is killed", number, limit)
                self._workers[number].kill()

    # What the control process asks for

    async def _state(self, _: None) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "draining": self._stopping.is_set(),
            "workers": [
                {"worker": number, "pid": child.process.pid, "ready": number in self._ready}
                for number, child in sorted(self._workers.items())
            ],
        }

    async def _ask_workers(self, verb: str, argument: Any = None) -> dict[int, Any]:
        """Worker -> its answer; a worker that does not answer is left out."""
        ready = sorted(self._ready)
        answers = await asyncio.gather(
            *(self._workers[number].peer.call(verb, argument, timeout=2.0) for number in ready), return_exceptions=True
        )
        return {n: a for n, a in zip(ready, answers, strict=True) if not isinstance(a, BaseException)}

    async def _flush(self, stage: bytes) -> int:
        """Every worker forgets the cached answers of b"{api id}/{stage}" (b"": of all); how many there were.

        Raises Refused when one does not say so: it may go on giving them.
        """
        async with self._changing:
            ready = len(self._ready)
            gone = await self._ask_workers("flush", stage)
            if len(gone) < ready:
                raise Refused(f"{ready - len(gone)} of {ready} workers did not answer: their caches may be as before")
            return sum(gone.values())

    async def _drain(self, _: None) -> None:
        self._stopping.set()

    async def _own_state(self) -> bool:
        """Whether the state directory is ours; once it is, what was used before counts. Raises Refused.

        The caller holds _changing: use is counted once, and into the definition in force.
        """
        try:
            if not self._owns_state and await asyncio.to_thread(self._store.lock):
                used = await asyncio.to_thread(self._store.usage)
                await asyncio.to_thread(self._limits.count, used, self._definition.gateway, self._assigned)
                self._owns_state = True
        except StoreError as error:
            raise Refused(str(error)) from None
        return self._owns_state

    async def _own_state_of_control(self, _: None) -> bool:
        if self._owns_state:        # a reload that is under way does not hold up what is to be kept
            return True
        async with self._changing:
            return await self._own_state()

    async def _switch_key(self, given: tuple[str, bool]) -> bool:
        """Enable or disable a key by its name, at once; False where no key has that name."""
        return self._limits.switch(*given)

    # Reloading

    async def reload(self) -> list[str]:
        """Puts the files' definition of now in force in every worker, or in none.

        Returns the definition's warnings. Raises Refused with every problem; then nothing has changed.
        """
        async with self._changing:
            if self._stopping.is_set():
                raise Refused("the gateway is stopping")
            self._manager.reloading()
            try:
                return await self._reload()
            finally:
                self._manager.ready(self._status_line())

    async def _reload(self) -> list[str]:
        loaded = await self._read()
        self._check_fixed(loaded)
        left_out = await self._add_kept(loaded)
        definition, assigned = await self._define(loaded)
        settings, before = self._resolved.settings, self._definition.gateway
        try:
            await self._functions.serve(before, definition.gateway, settings=settings)
            await self._open_logs(definition)
            await self._put_in_force(definition, assigned)
        except Refused:
            self._limits.release(assigned)
            raise
        finally:
            await self._functions.serve(self._definition.gateway, settings=settings)
        old, self._assigned = self._assigned, assigned
        self._limits.release(old)
        if self._control.peer:
            self._control.hand_over(assigned.generation, assigned.keys)
        await self._tell_control("update", self._served())
        return [*map(str, loaded.problems), *left_out]

    async def _open_logs(self, definition: Definition) -> None:
        """Before a plan writes to them. Raises Refused where a file cannot be opened."""
        problems = await self._tell_control("logs", definition.logs) or {}
        places = {log.file: log.place for log in access_logs(definition.gateway)}
        lines = [f"{places[file]}: error: {file}: {why}" for file, why in problems.items() if file in places]
        if lines:
            raise Refused(*lines)

    async def _tell_control(self, verb: str, payload: Any = None) -> Any:
        """Raises Refused. A control process that is away is no matter: its successor starts with the newest."""
        if self._control and self._control.peer:
            try:
                return await self._control.peer.call(verb, payload)
            except PeerGone:
                _log.debug("the control process is away; it was not told to %s", verb)
        return None

    async def _reopen_logs(self) -> None:
        try:
            await self._tell_control("reopen")
        except Refused as refusal:
            for line in refusal.problems:
                _log.error("%s", line)

    def _check_fixed(self, loaded: Loaded) -> None:
        """Raises Refused when the files change a setting: the processes keep theirs for life."""
        old, new = self._resolved.settings, self._resolve(loaded)
        changed = [
            f"{origin}: {name} is now {shown(name, getattr(new.settings, name))} and was "
            f"{shown(name, getattr(old, name))}: that needs a restart, not a reload"
            for name, origin in new.origins.items()
            if getattr(old, name) != getattr(new.settings, name)
        ]
        if changed:
            raise Refused(*changed)

    async def _put_in_force(self, definition: Definition, assigned: Assigned) -> None:
        """All workers compile; only when all could do they swap."""
        numbers = sorted(self._ready)
        for number in numbers:
            self._workers[number].hand_over(assigned.generation, assigned.keys)
        peers = [self._workers[number].peer for number in numbers]
        prepared = await asyncio.gather(
            *(peer.call("prepare", definition, ANSWER_SECONDS) for peer in peers), return_exceptions=True
        )
        # A worker that died meanwhile is replaced, and its successor gets the plan in force then.
        failures = [outcome for outcome in prepared if outcome and not isinstance(outcome, PeerGone)]
        if failures:
            await asyncio.gather(*(peer.call("discard") for peer in peers), return_exceptions=True)
            raise Refused(*dict.fromkeys(line for failure in failures for line in reasons(failure)))
        self._definition = definition
        swapped = await asyncio.gather(*(peer.call("commit") for peer in peers), return_exceptions=True)
        for number, outcome in zip(numbers, swapped, strict=True):
            if outcome and not isinstance(outcome, PeerGone):
                _log.error("worker-%d could not swap (%s); it is replaced", number, "; ".join(reasons(outcome)))
                self._workers[number].kill()

    async def _reload_and_log(self) -> None:
        try:
            warnings = await self.reload()
        except Refused as refusal:
            for line in ("reload refused; the definition in force stays", *refusal.problems):
                _log.error("%s", line)
            return
        for line in warnings:
            _log.warning("%s", line)
        _log.info("reloaded")

    # Upgrading

    async def _upgrade(self) -> None:
        """Starts the command line again, as its files are now, hands it the sockets, and drains once it serves."""
        async with self._changing:
            if self._stopping.is_set():
                return
            if self._when_ready:
                _log.error("no upgrade: this gateway is a part of another program")
                return
            _log.info("upgrading")
            listening = [*self._listening, *([self._ops_listening] if self._ops_listening else [])]
            if why := await hand_over(listening, self._manager.words, self._handing_over):
                _log.error("the upgrade failed: %s; this gateway serves on", why)
            else:
                self._stopping.set()

    def _handing_over(self, pid: int) -> None:
        """Before the successor says a word to the service manager: that listens to the main process only."""
        self._handed_over = True
        self._manager.replaced_by(pid)
        _log.info("pid %d takes over", pid)

    async def _say_alive(self) -> None:
        while True:
            self._manager.alive()
            await asyncio.sleep(self._manager.watchdog_seconds / 2)

    # Stopping

    def _on_stop_signal(self) -> None:
        if not self._stopping.is_set():
            self._stopping.set()
            return
        for child in self._children():
            child.kill()
        self._status = 1

    async def _stop(self) -> int:
        """Every listener closes at once; the workers answer what they have in hand."""
        for task in self._keepers:
            task.cancel()
        statuses = []
        if self._handed_over:
            statuses.append(await self._control.end(EXIT_GRACE))      # the ops listener is the successor's
        else:
            self._manager.stopping()
        self._close_listeners()
        _log.info("draining")
        limit = self._resolved.settings.drain_timeout + EXIT_GRACE
        serving = [child for number, child in self._workers.items() if number in self._ready]
        statuses += await asyncio.gather(*(child.end(limit, self._handed_over) for child in serving))
        statuses.append(await self._functions.end(limit))
        statuses.append(await self._control.end(EXIT_GRACE))
        for child in self._children():
            child.kill()
            await child.wait()
        if self._ops_listening:
            self._let_go(self._ops_listening)
        os.close(self._counters)
        os.close(self._health)
        self._limits.release(self._assigned)
        self._limits.close()
        os.close(self._rings)
        self._store.close()
        _log.info("stopped")
        return self._status or int(any(statuses))

    def _close_listeners(self) -> None:
        for one in self._listening:
            self._let_go(one)

    def _let_go(self, one: Listening) -> None:
        if self._handed_over or self._inheritance.is_shared:
            one.let_go()
        else:
            one.close()

    async def _kill_all(self) -> None:
        self._close_listeners()
        if self._ops_listening:
            self._let_go(self._ops_listening)
        for child in self._children():
            child.kill()
            await child.wait()
        await self._functions.end(0)

    def _children(self) -> list[Child]:
        control = [self._control] if self._control else []
        return [*self._workers.values(), *self._functions.children(), *control]


def url(address: Address, tls: bool = False) -> str:
    """What to put before a path, for people and tests."""
    return str(address) if address.path else f"http{'s' * tls}://{address}"


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr)


def run(request: RunRequest, when_ready: Callable[[list[str]], None] | None = None) -> int:
    """Blocks until the gateway has stopped; the exit status.

    when_ready is called with the listeners' URLs once every worker serves. Raises SettingsError
    before anything is started.
    """
    return asyncio.run(Supervisor(request, when_ready).run())

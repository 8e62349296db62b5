"""Equal misses at one time: one of them asks the upstream, the others wait, and nobody waits in vain."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.support.cache import Shop, cached, counting, shop
from tests.support.client import Wire, eventually, get
from tests.support.definition import proxy
from tests.support.upstream import Behaviour, Exchange

CROWD = 20


class Held:
    """Keeps requests until they are let go; then `answer` answers. Counts what came."""

    def __init__(self, served: Shop, path: str, answer: Behaviour) -> None:
        self.served, self.answer = served, answer
        self.came = 0
        self.gates: list[asyncio.Event] = []
        served.upstream.on(path, self)

    async def __call__(self, exchange: Exchange) -> None:
        gate = asyncio.Event()
        self.came += 1
        self.gates.append(gate)
        await gate.wait()
        await self.answer(exchange)

    def wait(self, count: int) -> None:
        eventually(lambda: self.came >= count, f"{count} requests held upstream")
        assert self.came == count

    def release(self, number: int) -> None:
        self.served.upstream.call(self.gates[number].set)

    def open(self) -> None:
        """From now on nothing is held."""
        for gate in self.gates:
            self.served.upstream.call(gate.set)


async def fine(exchange: Exchange) -> None:
    await exchange.reply(200, b"fine")


async def personal(exchange: Exchange) -> None:
    await exchange.reply(200, b"mine", "Set-Cookie: a=b")


async def cut(exchange: Exchange) -> None:
    await exchange.body()
    await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    exchange.close()


async def broken(exchange: Exchange) -> None:
    await exchange.body()
    await exchange.write(b"nonsense\r\n\r\n")
    exchange.close()


@contextmanager
def crowd(served: Shop, path: str, count: int, *headers: str) -> Iterator[list[Wire]]:
    """That many clients that have asked, each on a connection of its own, in this order."""
    with ExitStack() as stack:
        wires = []
        before = served.gateway.live()["exchanges"]
        for number in range(count):
            wire = stack.enter_context(served.wire())
            wire.send(get(path, *headers))
            wires.append(wire)
            eventually(lambda n=number: served.gateway.live()["exchanges"] == before + n + 1, "the request in hand")
        yield wires


def test_one_asks_and_all_get_its_answer() -> None:
    with shop() as served:
        held = Held(served, "/x", fine)
        with crowd(served, "/x", CROWD) as wires:
            held.wait(1)
            held.release(0)
            answers = [wire.answer() for wire in wires]
            assert {answer.body for answer in answers} == {b"fine"}
            assert [answer.get("X-Cache") for answer in answers] == ["MISS"] + ["HIT"] * (CROWD - 1)
            assert held.came == 1
            again = [wire.request(get("/x")) for wire in wires]
            assert {answer.get("X-Cache") for answer in again} == {"HIT"}


def test_requests_of_other_keys_do_not_wait() -> None:
    with shop() as served:
        held = Held(served, "/x", fine)
        with crowd(served, "/x", 1), crowd(served, "/x?1", 1), crowd(served, "/x", 1, "Accept-Encoding: br"), \
                crowd(served, "/x", 1, "Authorization: a"), crowd(served, "/x", 1, "Authorization: a"), \
                crowd(served, "/x", 1, "Range: bytes=0-1"):
            held.wait(6)
            held.open()


def test_when_the_answer_is_not_to_be_shared_all_ask_at_once() -> None:
    """And for a while equal requests do not wait for such an answer again."""
    with shop() as served:
        held = Held(served, "/x", personal)
        with crowd(served, "/x", CROWD) as wires:
            held.wait(1)
            held.release(0)
            held.wait(CROWD)
            held.open()
            assert {wire.answer().body for wire in wires} == {b"mine"}
        with crowd(served, "/x", 5) as wires:
            held.wait(CROWD + 5)
            held.open()
            assert {wire.answer().body for wire in wires} == {b"mine"}
        served.upstream.on("/x", fine)
        assert served.states("/x") == ["MISS", "HIT"], "a good answer ends that"


def test_when_the_first_fails_all_ask_at_once() -> None:
    for failing, status in ((cut, 200), (broken, 502)):
        with shop() as served:
            held = Held(served, "/x", failing)
            with crowd(served, "/x", CROWD) as wires:
                held.wait(1)
                held.answer, first = fine, held.answer

                async def both(exchange: Exchange, first: Behaviour = first) -> None:
                    await (first if exchange.connection.number == 0 else fine)(exchange)

                held.answer = both
                held.release(0)
                held.wait(CROWD)
                held.open()
                answer = wires[0].answer()
                assert (answer.status, answer.complete) == (status, status == 502)
                assert [wire.answer().body for wire in wires[1:]] == [b"fine"] * (CROWD - 1)
            assert served.states("/x", times=1) == ["HIT"], "one of them stored it"


def test_when_the_client_of_the_first_leaves_the_next_one_asks() -> None:
    with shop() as served:
        held = Held(served, "/x", fine)
        with crowd(served, "/x", CROWD) as wires:
            held.wait(1)
            wires[0].reset()
            held.wait(2)
            held.release(1)
            assert {wire.answer().body for wire in wires[1:]} == {b"fine"}
            assert held.came == 2
            held.open()


def test_when_clients_leave_one_after_the_other_the_others_do_not_queue_behind_them() -> None:
    with shop() as served:
        held = Held(served, "/x", fine)
        with crowd(served, "/x", CROWD) as wires:
            held.wait(1)
            wires[0].reset()
            held.wait(2)
            wires[1].reset()
            held.wait(CROWD)
            held.open()
            assert {wire.answer().body for wire in wires[2:]} == {b"fine"}


def test_waiters_that_leave() -> None:
    with shop() as served:
        held = Held(served, "/x", fine)
        with crowd(served, "/x", CROWD) as wires:
            held.wait(1)
            for wire in wires[1::2]:
                wire.reset()
            eventually(lambda: served.gateway.live()["exchanges"] == CROWD // 2, "those gone")
            held.release(0)
            assert {wire.answer().body for wire in wires[::2]} == {b"fine"}


def test_everybody_leaves() -> None:
    with shop() as served:
        held = Held(served, "/x", fine)
        with crowd(served, "/x", CROWD) as wires:
            held.wait(1)
            for wire in wires:
                wire.reset()
        served.gateway.wait_idle()
        assert served.gateway.live()["fills"] == 0
        held.open()


def test_a_waiter_has_a_deadline_of_its_own() -> None:
    """An upstream that never answers: each is told after its route's time."""
    routes = {"/x": {"get": cached(proxy("{url}/x", timeout_ms=700))}}
    with shop(routes=routes) as served:
        held = Held(served, "/x", fine)
        with crowd(served, "/x", 5) as wires:
            assert {wire.answer().status for wire in wires} == {504}
        held.open()
        served.gateway.wait_idle()
        assert served.gateway.live()["fills"] == 0


PAD = 100_000


def pads_until_full(served: Shop) -> int:
    """How many answers of PAD bytes the kernel takes for a client that does not read."""
    with served.wire(receive_buffer=4096) as wire:
        for number in range(1, 500):
            wire.send(get("/pad"))
            eventually(lambda n=number: served.gateway.live()["writes"] or served.hits("/pad") == n, "the answer sent")
            if served.gateway.live()["writes"]:
                return number
    raise AssertionError("50 MB were taken")


def test_a_slow_first_client_holds_nobody_up() -> None:
    """It does not read; the others get the whole answer at the upstream's pace."""
    body = bytes(range(256)) * 4000

    async def large(exchange: Exchange) -> None:
        await exchange.reply(200, body)

    with shop(routes={path: {"get": proxy(f"{{url}}{path}")} for path in ("/x", "/pad")}) as served:
        served.upstream.on("/pad", counting(body=b"p" * PAD))
        served.ask("/pad")
        pads = pads_until_full(served) - 2
        held = Held(served, "/x", large)
        with served.wire(receive_buffer=4096) as slow:
            slow.send(get("/pad") * pads + get("/x"))
            held.wait(1)
            held.release(0)
            eventually(lambda: served.gateway.live()["writes"] == 1, "bytes that it does not take")
            assert {served.ask("/x").body for _ in range(5)} == {body}
            assert held.came == 1
            for _ in range(pads):
                slow.answer()
            assert slow.answer().body == body


def test_a_worker_that_stops_while_some_wait() -> None:
    """Draining answers them; nothing is left behind."""
    with shop() as served:
        held = Held(served, "/x", fine)
        with crowd(served, "/x", CROWD) as wires:
            held.wait(1)
            assert served.gateway.ops("/drain", "POST")[0] == 202
            eventually(lambda: "draining" in served.gateway.stderr(), "the drain")
            held.open()
            assert {wire.answer().body for wire in wires} == {b"fine"}
        assert served.gateway.exited(30) == 0

"""What a worker does when memory or time runs out, step by step, and that it recovers."""

import contextlib
import os
import time

import pytest

from tests.support.cache import shop
from tests.support.client import Closed, Wire, eventually, get
from tests.support.definition import mock, openapi, proxy
from tests.support.process import Gateway
from tests.support.upstream import Upstream, pause, scripted

STEP = r"^fastgw_overload_step"
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000


def document(url: str = "http://127.0.0.1:9") -> dict:
    return openapi({"/fixed": {"get": mock(200, "{}")}, "/slow/{proxy+}": {"any": proxy(f"{url}/{{proxy}}")}})


def own_memory(pid: int) -> int:
    """Resident and not shared, as the worker itself counts."""
    with open(f"/proc/{pid}/statm") as file:
        _, resident, shared, *_ = map(int, file.read().split())
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="module")
def at_rest() -> int:
    """Bytes of a worker's own when it has served a little."""
    with Gateway({"api.json": document()}) as gateway:
        for _ in range(20):
            gateway.fetch(get("/fixed"))
        (worker,) = gateway.workers()
        return own_memory(worker)


def limited(at_rest: int, full: float) -> dict[str, str]:
    """Settings under which a worker at rest has used that part of its share; the supervisor has one too."""
    return {"FASTGW_MEMORY_LIMIT": str(round(2 * at_rest / full)), "FASTGW_OVERLOAD_LAG": "0"}


def test_memory_in_good_health(at_rest: int) -> None:
    with Gateway({"api.json": document()}, env=limited(at_rest, 0.6)) as gateway, gateway.wire() as wire:
        assert not wire.request(get("/fixed")).closes
        assert gateway.metric(STEP) == 0


def test_memory_far_beyond_its_share_refuses_connections(at_rest: int) -> None:
    with Gateway({"api.json": document()}, env=limited(at_rest, 1.5)) as gateway:
        eventually(lambda: gateway.metric(STEP) == 3, "the last step")
        with pytest.raises((Closed, ConnectionResetError, BrokenPipeError)):
            gateway.fetch(get("/fixed"))
        eventually(lambda: "overload step 3, was 0" in gateway.stderr(), "its line in the log")
        assert gateway.metric("^fastgw_connections_refused_total") >= 1
        assert gateway.ops("/healthz")[0] == 200


def test_cached_answers_are_given_back_first(at_rest: int) -> None:
    """They fill the worker; at step 1 they go, and nobody is refused."""
    with shop(env=limited(at_rest, 0.7)) as served:
        kept = [0]
        for number in range(400):
            served.upstream.on(f"/large/{number}", scripted(LARGE))
            assert served.ask(f"/large/{number}").status == 200
            kept.append(served.cached())
            if kept[-1] < kept[-2]:
                break
            time.sleep(0.15)        # memory is looked at ten times a second: no step may be passed over
        assert kept[-1] < kept[-2] > 10, kept
        assert served.gateway.metric("^fastgw_overload_refused_total") == 0
        eventually(lambda: served.gateway.metric(STEP) == 0, "good health again", 20)


def test_memory_that_fills_and_is_given_back(at_rest: int) -> None:
    """Bytes read ahead for an upstream that takes its time fill the worker until it refuses; then it is well again."""
    with (
        Upstream(pause(5)) as stub,
        Gateway({"api.json": document(stub.url)}, env=limited(at_rest, 0.7)) as gateway,
        contextlib.ExitStack() as held,
    ):
        seen, closing = [], False
        for _ in range(400):
            with contextlib.suppress(OSError):
                wire = held.enter_context(Wire(gateway.port, patience=1))
                # The second request lies read ahead while the first one waits for its answer.
                wire.send(get("/slow/x") + get("/slow/y", body=b"x" * 60_000))
            seen.append(int(gateway.metric(STEP)))
            if seen[-1] >= 2:
                break
            if seen[-1] == 1 and not closing:
                closing = gateway.fetch(get("/fixed")).closes
            time.sleep(0.02)        # the steps are looked at ten times a second
        assert seen == sorted(seen) and set(seen) >= {0, 1, 2}, seen
        assert closing, "step 1 gives up keep-alive"
        held.close()
        eventually(lambda: gateway.metric(STEP) == 0, "good health again", 20)
        with gateway.wire() as wire:
            answer = wire.request(get("/fixed"))
            assert answer.status == 200 and not answer.closes
        eventually(lambda: ", was 0" in gateway.stderr() and "step 0, was" in gateway.stderr(), "the log of both")

"""TRIALS R4: the wall clock jumps by an hour, back, and by 400 days; what is timed goes by the monotonic clock."""

import os
import re
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.support.client import eventually, get
from tests.support.definition import mock, openapi, proxy
from tests.support.process import Gateway
from tests.support.upstream import Upstream, pause

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
JUMPS = {"+1h": 3600, "-1h": -3600, "+400d": 400 * 86_400}


class Clocked(Gateway):
    """Its processes see the wall clock that jump() sets, and the real monotonic one."""

    def __init__(self, files: dict, **env: str) -> None:
        super().__init__(files, env=env)
        self._clock = self.folder / "clock"
        self._offset = 0
        self.jump("+0")
        self._env |= {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_NO_CACHE": "1",
            "TZ": "Europe/Berlin",
        }

    def jump(self, by: str) -> None:
        self._clock.write_text(f"{by}\n")
        self._offset = JUMPS.get(by, 0)

    def now(self) -> float:
        return time.time() + self._offset


@pytest.fixture
def faketime() -> None:
    if LIBRARY is None:
        pytest.skip("libfaketime (package faketime) is not installed")
    if os.environ.get("LD_PRELOAD"):
        pytest.skip("another library is preloaded")


@pytest.fixture(params=JUMPS)
def jump(request: pytest.FixtureRequest, faketime: None) -> str:
    return request.param


@pytest.fixture
def slow() -> Iterator[Upstream]:
    with Upstream(pause(2)) as stub:
        yield stub


def document(stub: Upstream) -> dict:
    return openapi({"/fixed": {"get": mock(200, "{}")}, "/slow": {"get": proxy(f"{stub.url}/slow")}})


def date(gateway: Clocked) -> float:
    return parsedate_to_datetime(gateway.fetch(get("/fixed")).get("date")).timestamp()


def test_r4_deadlines_stay_and_the_date_follows(jump: str, slow: Upstream) -> None:
    with Clocked({"api.json": document(slow)}, FASTGW_HEAD_TIMEOUT="2") as gateway:
        assert abs(date(gateway) - gateway.now()) < 5
        workers = gateway.workers()
        with gateway.wire() as resting, gateway.wire() as waiting, gateway.wire() as half:
            assert resting.request(get("/fixed")).status == 200
            waiting.send(get("/slow"))
            half.send("GET /fixed HTTP/1.1\r\nHo")
            began = time.monotonic()
            eventually(lambda: slow.requests, "the request upstream")
            gateway.jump(jump)
            eventually(lambda: abs(date(gateway) - gateway.now()) < 5, "the new date")
            assert half.answer().status == 408
            assert 1.5 < time.monotonic() - began < 15, "neither at once nor in an hour"
            assert waiting.answer().status == 200, "it was not late"
            assert resting.request(get("/fixed")).status == 200, "it was not idle for long"
        assert gateway.workers() == workers, "the watchdog goes by the monotonic clock"


def test_r4_the_log_never_goes_back(faketime: None, slow: Upstream) -> None:
    """Neither with the clock nor with the local time, which is that of a place with summer time."""
    with Clocked({"api.json": document(slow)}) as gateway:
        for by in ("+1h", "-1h", "+400d", "-1h"):
            gateway.jump(by)
            lines = gateway.stderr().count("INFO reloaded")
            os.kill(gateway.pid, signal.SIGHUP)
            eventually(lambda before=lines: gateway.stderr().count("INFO reloaded") > before, "a line")
        times = re.findall(r"^(\S+Z) supervisor", gateway.stderr(), re.MULTILINE)
    assert len(times) >= 4 and times == sorted(times)
    assert datetime.fromisoformat(times[3]).timestamp() - time.time() > 300 * 86_400


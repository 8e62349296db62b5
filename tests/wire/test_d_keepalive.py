"""TRIALS D1 and D2: upstreams that close idle keep-alive connections cost no GET and hardly a POST."""

from pathlib import Path

import pytest

from tests.support.client import eventually, get
from tests.support.closing_origin import ClosingOrigin
from tests.support.definition import pass_through
from tests.support.load import Load, wrk
from tests.support.process import Gateway

CLOSERS = [("idle", 0.003), ("answers", 3), ("answers", 1)]
POST = get("/d2", method="POST", body=b"hello")


def answers(load: Load, count: int) -> None:
    """Runs the load until so many requests have had an answer of some kind."""
    with load:
        eventually(lambda: load.answered + sum(load.failures.values()) >= count, f"{count} answers", 60)


@pytest.mark.parametrize(("kind", "limit"), CLOSERS)
def test_d1_get(kind: str, limit: float) -> None:
    with ClosingOrigin(kind, limit) as origin, Gateway({"api.json": pass_through(origin.url)}) as gateway:
        load = Load(gateway.port, 16, get("/d1"), b"ok")
        answers(load, 4000)
    assert load.failures == {}


@pytest.mark.parametrize(("kind", "limit"), CLOSERS)
def test_d2_post(kind: str, limit: float) -> None:
    """At most one in a thousand fails, and none is ever done twice."""
    with ClosingOrigin(kind, limit) as origin, Gateway({"api.json": pass_through(origin.url)}) as gateway:
        load = Load(gateway.port, 16, POST, b"ok")
        answers(load, 4000)
    failed = sum(load.failures.values())
    assert failed <= 0.001 * load.answered
    assert origin.answered <= load.answered + failed


@pytest.mark.trial
@pytest.mark.parametrize(("kind", "limit"), CLOSERS)
@pytest.mark.parametrize("method", ("GET", "POST"))
def test_d_full(kind: str, limit: float, method: str, tmp_path: Path) -> None:
    script = tmp_path / "method.lua"
    script.write_text(f'wrk.method = "{method}"\n' + 'wrk.body = "hello"\n' * (method == "POST"))
    with ClosingOrigin(kind, limit) as origin, Gateway({"api.json": pass_through(origin.url)}) as gateway:
        result = wrk(f"http://127.0.0.1:{gateway.port}/d", 5, script=str(script)).wait()
    assert result.requests > 1000
    assert result.failed() <= (0.001 * result.requests if method == "POST" else 0), result.text

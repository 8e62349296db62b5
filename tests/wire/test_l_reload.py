"""TRIALS L1 and L2: a reload loses no request, and a broken one changes nothing."""

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import eventually, get
from tests.support.definition import INTEGRATION, mock, openapi, pass_through, proxy
from tests.support.load import load_get, wrk
from tests.support.nginx import Nginx
from tests.support.process import Gateway
from tests.support.upstream import Upstream, pause


def version(url: str, number: int) -> dict:
    """The same pass-through with a route that tells which definition is in force."""
    return openapi(
        {
            "/version": {"get": mock(200, str(number))},
            "/up/{proxy+}": {"any": proxy(f"{url}/up/{{proxy}}")},
        }
    )


@pytest.mark.parametrize("workers", ("1", "2"))
def test_l1_reloads_under_load(workers: str) -> None:
    with (
        Upstream(keep_bodies=False, record=False) as stub,
        Gateway({"api.json": version(stub.url, 0)}, env={"FASTGW_WORKERS": workers}) as gateway,
        load_get(gateway.port, 16, "/up/x") as load,
    ):
        for number in range(1, 6):
            answered = load.answered
            eventually(lambda before=answered: load.answered > before + 200, "traffic between reloads")
            gateway.write("api.json", version(stub.url, number))
            run = gateway.reload()
            assert run.returncode == 0, run.stdout + run.stderr
            assert {gateway.fetch(get("/version")).body for _ in range(8)} == {str(number).encode()}
        assert len(load.failures) == 0, load.failures
    assert load.failures == {}


def test_l1_sighup_reloads() -> None:

    with Upstream() as stub, Gateway({"api.json": version(stub.url, 0)}) as gateway:
        gateway.write("api.json", version(stub.url, 1))
        os.kill(gateway.pid, signal.SIGHUP)
        eventually(lambda: gateway.fetch(get("/version")).body == b"1", "the new definition")


def test_l1_reload_keeps_connections_and_exchanges() -> None:
    """A request in flight ends as it began; its connection then sees the new definition."""
    with Upstream() as stub, Gateway({"api.json": version(stub.url, 0)}) as gateway, gateway.wire() as wire:
        stub.on("/up/slow", pause(1.5))
        wire.send(get("/up/slow"))
        eventually(lambda: stub.requests, "the request upstream")
        gateway.write("api.json", openapi({"/version": {"get": mock(200, "1")}}))
        assert gateway.reload().returncode == 0
        assert wire.answer().body == b"/up/slow"
        assert wire.request(get("/version")).body == b"1"
        assert wire.request(get("/up/gone")).status == 403


@pytest.mark.trial
def test_l1_full() -> None:
    """10 reloads in 18 s, at least 500,000 requests, none failed."""
    total = 0
    with (
        Nginx() as origin,
        Gateway({"api.json": pass_through(origin.url)}, env={"FASTGW_WORKERS": "0"}) as gateway,
    ):
        while total < 500_000:
            running = wrk(f"http://127.0.0.1:{gateway.port}/x", 18)
            for _ in range(10):
                time.sleep(1.6)
                assert gateway.reload().returncode == 0
            result = running.wait()
            assert result.failed() == 0, result.text
            total += result.requests


BROKEN = {
    "not-json": "{",
    "empty": "",
    "no-paths": '{"openapi": "3.0.1", "info": {"title": "x", "version": "1"}}',
    "bad-integration": {
        "openapi": "3.0.1",
        "info": {"title": "x", "version": "1"},
        "paths": {"/a": {"get": {"responses": {}, "x-amazon-apigateway-integration": {"type": "htp_proxy"}}}},
    },
    "missing-ref": {
        "openapi": "3.0.1",
        "info": {"title": "x", "version": "1"},
        "paths": {"/a": {"get": {"responses": {}, INTEGRATION: {"$ref": "#/components/nowhere"}}}},
    },
    "yaml-tab": "openapi: 3.0.1\n\tinfo: x\n",
}


@pytest.fixture(scope="module")
def reloadable() -> Iterator[Served]:
    with Upstream() as stub, Gateway({"api.json": version(stub.url, 0)}) as gateway:
        yield Served(gateway, stub)


@pytest.mark.parametrize("name", BROKEN)
def test_l2_broken_reload_changes_nothing(reloadable: Served, name: str) -> None:
    gateway, url = reloadable.gateway, reloadable.upstream.url
    gateway.write("api.json", version(url, 0))
    assert gateway.reload().returncode == 0
    with load_get(gateway.port, 4, "/up/x") as load:
        gateway.write("api.json", BROKEN[name])
        run = gateway.reload()
        assert run.returncode == 1
        assert "api.json:" in run.stdout + run.stderr
        assert "Traceback" not in run.stdout + run.stderr
        assert gateway.fetch(get("/version")).body == b"0"
        assert gateway.ops("/reload", "POST")[0] == 422
        gateway.write("api.json", version(url, 2))
        assert gateway.ops("/reload", "POST")[0] == 200
        assert gateway.fetch(get("/version")).body == b"2"
    assert load.failures == {}


def large(url: str, number: int, megabytes: int = 5) -> str:
    """A definition of so many megabytes, most of it prose and models, as generators write them."""
    document = version(url, number)
    members = {f"p{n}": {"type": "string"} for n in range(20)}
    model = {"type": "object", "description": "x" * 1000, "properties": members}
    each = len(json.dumps(model))
    models = {f"Model{n}": model for n in range((megabytes << 20) // each + 1)}
    document["components"] = {"schemas": models}
    return json.dumps(document)


def test_l2_a_definition_of_5_megabytes(reloadable: Served) -> None:
    """Refused or taken, the traffic does not notice."""
    gateway, url = reloadable.gateway, reloadable.upstream.url
    gateway.write("api.json", version(url, 0))
    assert gateway.reload().returncode == 0
    with load_get(gateway.port, 4, "/up/x") as load:
        whole = large(url, 3)
        assert len(whole) > 5 << 20
        gateway.write("api.json", whole[:-1])
        run = gateway.reload()
        assert run.returncode == 1 and "api.json:1:" in run.stderr and len(run.stderr) < 1000
        assert gateway.fetch(get("/version")).body == b"0"
        gateway.write("api.json", whole)
        assert gateway.reload().returncode == 0
        assert gateway.fetch(get("/version")).body == b"3"
    assert load.failures == {}


def test_l2_a_missing_file(reloadable: Served) -> None:
    gateway = reloadable.gateway
    gateway.write("api.json", version(reloadable.upstream.url, 5))
    assert gateway.reload().returncode == 0
    (gateway.folder / "api.json").unlink()
    run = gateway.reload()
    assert run.returncode != 0 and "api.json" in run.stdout + run.stderr
    assert gateway.fetch(get("/version")).body == b"5"

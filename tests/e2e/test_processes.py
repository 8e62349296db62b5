"""Supervisor, workers and ops listener, run as an operator runs them."""

import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.e2e.load import Load
from tests.support.client import Wire, eventually, get
from tests.support.definition import mock, openapi, proxy
from tests.support.process import Gateway, alive, descriptors
from tests.support.upstream import Upstream

TWO = {"FASTGW_WORKERS": "2"}


def answering(text: str) -> dict:
    """A definition that shows which version of it is in force."""
    return openapi({"/": {"get": mock(200, json.dumps({"version": text}))}})


def version(gateway: Gateway) -> str:
    return json.loads(gateway.fetch(get("/")).body)["version"]


async def slow(exchange) -> None:
    import asyncio

    await exchange.body()
    await asyncio.sleep(2)
    await exchange.reply(200, b"done")


def test_it_serves_within_two_seconds():
    with Gateway({"api.json": answering("one")}) as gateway:
        gateway.stop()
        times = []
        for _ in range(3):
            begin = time.monotonic()
            gateway.start()
            times.append(time.monotonic() - begin)
            gateway.stop()
        gateway.start()
    assert min(times) < 2.0, times


def test_readiness_and_what_the_ops_listener_shows():
    with Gateway({"api.json": answering("one")}, env={**TWO, "FASTGW_OPS_TOKEN": "s3cret"}) as gateway:
        assert gateway.ops("/healthz") == (200, "ok\n")
        ready = json.loads(gateway.ops("/readyz")[1])
        assert [worker["ready"] for worker in ready["workers"]] == [True, True]
        assert gateway.ops("/config")[0] == 401
        assert gateway.ops("/drain", "POST")[0] == 401
        gateway.token = "s3cret"
        config = {row["name"]: row for row in json.loads(gateway.ops("/config")[1])["settings"]}
        assert config["workers"] == {"name": "workers", "value": "2", "origin": "environment FASTGW_WORKERS"}
        assert config["ops_token"]["value"] == "***"
        routes = json.loads(gateway.ops("/routes")[1])["routes"]
        assert [(r["method"], r["path"], r["integration"]) for r in routes] == [("GET", "/", "MOCK 200")]


def test_metrics_count_routes_and_no_door_is_opened():
    with Gateway({"api.json": answering("one")}, env=TWO) as gateway:
        for _ in range(20):
            assert gateway.fetch(get("/")).status == 200
        assert gateway.fetch(get("/nowhere")).status == 403
        assert gateway.metric(r'^fastgw_requests_total.*resource="/",class="2xx"') == 20
        assert gateway.metric(r'^fastgw_requests_total.*resource="\(none\)",class="4xx"') == 1
        assert gateway.metric(r'^fastgw_request_duration_seconds_count.*resource="/"') == 20
        assert gateway.metric(r"^fastgw_doors_total") == 0
        assert gateway.metric(r"^fastgw_door_") == 0


def test_a_killed_worker_is_replaced_and_its_counters_stay():
    with Gateway({"api.json": answering("one")}, env={**TWO, "FASTGW_LOG_LEVEL": "info"}) as gateway:
        for _ in range(10):
            gateway.fetch(get("/"))
        victim, other = gateway.workers()
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: not alive(victim), "the worker's end")
        eventually(lambda: gateway.ops("/readyz")[0] == 200, "the worker's successor", 5)
        assert other in gateway.workers()
        for _ in range(10):
            assert gateway.fetch(get("/")).status == 200
        assert gateway.metric(r'^fastgw_requests_total.*resource="/",class="2xx"') == 20
        assert "worker-" in gateway.stderr() and "killed by signal 9" in gateway.stderr()


def test_connections_that_wait_for_a_dead_worker_are_served_by_its_successor():
    with Gateway({"api.json": answering("one")}) as gateway:
        (victim,) = gateway.workers()
        os.kill(victim, signal.SIGKILL)
        assert gateway.fetch(get("/")).status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT])
def test_stopping_answers_what_is_in_hand(number):
    with Upstream(slow) as upstream:
        definition = openapi({"/": {"get": proxy(upstream.url + "/", method="GET")}})
        with Gateway({"api.json": definition}, env=TWO) as gateway:
            wires = [gateway.wire() for _ in range(50)]
            idle = gateway.wire()
            for wire in wires:
                wire.send(get("/"))
            eventually(lambda: len(upstream.requests) == 50, "50 requests in hand")
            os.kill(gateway.pid, number)
            eventually(lambda: refused(gateway.port), "no listener", 1)
            answers = [wire.answer() for wire in wires]
            assert [answer.status for answer in answers] == [200] * 50
            assert {answer.header("Connection") for answer in answers} == {"close"}
            assert idle.ends()
            gateway.expect_exit(0)


def refused(port: int) -> bool:
    try:
        Wire(port).close()
    except ConnectionRefusedError:
        return True
    return False


def test_drain_over_the_ops_listener():
    with Gateway({"api.json": answering("one")}, env=TWO) as gateway:
        told = gateway.command_line_tool("drain")
        assert (told.returncode, told.stdout) == (0, "draining\n")
        gateway.expect_exit(0)
        told = gateway.command_line_tool("drain")
        assert told.returncode == 1 and told.stderr.startswith("fastgw: no gateway answers at unix:")


def test_a_second_signal_ends_at_once():
    with Upstream(slow) as upstream:
        definition = openapi({"/": {"get": proxy(upstream.url + "/", method="GET")}})
        with Gateway({"api.json": definition}) as gateway, gateway.wire() as wire:
            wire.send(get("/"))
            eventually(lambda: upstream.requests, "a request in hand")
            os.kill(gateway.pid, signal.SIGTERM)
            eventually(lambda: refused(gateway.port), "draining")
            begin = time.monotonic()
            os.kill(gateway.pid, signal.SIGTERM)
            gateway.expect_exit(1)
            assert time.monotonic() - begin < 1.5


def test_a_reload_swaps_the_plan_in_living_workers():
    with Gateway({"api.json": answering("one")}, env=TWO) as gateway, gateway.wire() as wire:
        before = gateway.workers()
        assert json.loads(wire.request(get("/")).body)["version"] == "one"
        gateway.write("api.json", answering("two"))
        told = gateway.reload()
        assert (told.returncode, told.stdout) == (0, "reloaded\n")
        assert json.loads(wire.request(get("/")).body)["version"] == "two", "on the same connection"
        assert {version(gateway) for _ in range(20)} == {"two"}
        assert gateway.workers() == before


def test_sighup_reloads_too():
    with Gateway({"api.json": answering("one")}, env=TWO) as gateway:
        gateway.write("api.json", answering("two"))
        os.kill(gateway.pid, signal.SIGHUP)
        eventually(lambda: {version(gateway) for _ in range(10)} == {"two"}, "the new definition")


def test_a_successor_gets_the_newest_plan():
    with Gateway({"api.json": answering("one")}) as gateway:
        gateway.write("api.json", answering("two"))
        assert gateway.reload().returncode == 0
        os.kill(gateway.workers()[0], signal.SIGKILL)
        assert version(gateway) == "two"


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", r"api\.json:1:\d+: error: "), ("openapi: 3.0.1\npaths: 7\n", r"api\.json:2:\d+: error: ")],
)
def test_a_broken_file_changes_nothing_and_says_why(content, message):
    with Gateway({"api.json": answering("one")}, env=TWO) as gateway:
        gateway.write("api.json", content)
        told = gateway.reload()
        assert told.returncode == 1 and re.search(message, told.stderr), told.stderr
        assert version(gateway) == "one" and gateway.ops("/readyz")[0] == 200
        os.kill(gateway.pid, signal.SIGHUP)
        eventually(lambda: "reload refused" in gateway.stderr(), "the refusal in the log")
        assert version(gateway) == "one"
        gateway.write("api.json", answering("two"))
        assert gateway.reload().returncode == 0 and version(gateway) == "two"


def test_a_missing_file_is_refused_on_reload():
    with Gateway({"api.json": answering("one")}) as gateway:
        (gateway.folder / "api.json").unlink()
        told = gateway.reload()
        assert told.returncode == 1 and "api.json" in told.stderr
        assert version(gateway) == "one"


def test_reloads_under_load_fail_no_request():
    with Gateway({"api.json": answering("0")}, env=TWO) as gateway, Load(gateway.port, "/", 4) as load:
        done = 0
        while load.running and done < 10:
            done += 1
            gateway.write("api.json", answering(str(done)))
            assert gateway.reload().returncode == 0
        report = load.report()
        assert report.failed == 0 and report.requests > 1000, report
        assert done >= 3 and version(gateway) == str(done)


@pytest.mark.trial
def test_l1_ten_reloads_in_half_a_million_proxied_requests():
    from tests.support.nginx import Nginx

    with Nginx() as origin:
        definition = openapi({"/": {"get": proxy(origin.url + "/", method="GET")}})
        with Gateway({"api.json": definition}, env=TWO) as gateway, Load(gateway.port, "/", 60, 64) as load:
            for _ in range(10):
                time.sleep(1.8)
                assert gateway.reload().returncode == 0
            report = load.report()
            assert report.failed == 0 and report.requests >= 500_000, report


def test_l3_a_worker_killed_five_times_under_load():
    connections = 32
    with Gateway({"api.json": answering("one")}, env=TWO) as gateway:
        with Load(gateway.port, "/", 8, connections) as load:
            for _ in range(5):
                time.sleep(0.5)
                os.kill(gateway.workers()[0], signal.SIGKILL)
                eventually(lambda: gateway.ops("/readyz")[0] == 200, "the worker's successor", 8)
            report = load.report()
        assert report.non_2xx == 0 and report.socket_errors <= 5 * connections, report
        assert gateway.metric(r'^fastgw_requests_total.*resource="/",class="2xx"') >= report.requests


def test_workers_serve_on_without_the_supervisor_and_end_when_told():
    with Gateway({"api.json": answering("one")}, env=TWO) as gateway:
        workers = gateway.workers()
        os.kill(gateway.pid, signal.SIGKILL)
        gateway.expect_exit(-signal.SIGKILL)
        eventually(lambda: gateway.stderr().count("the supervisor is gone") == 2, "the workers' notice")
        assert {version(gateway) for _ in range(20)} == {"one"}
        for pid in workers:
            os.kill(pid, signal.SIGTERM)
        eventually(lambda: not any(alive(pid) for pid in workers), "the workers' end")
        assert refused(gateway.port)
        assert "left behind" not in gateway.stderr()


def test_descriptors_are_the_same_after_reloads_and_replacements():
    with Gateway({"api.json": answering("one")}, env=TWO) as gateway:
        def count() -> list[int]:
            return sorted(descriptors(pid) for pid in (gateway.pid, *gateway.workers()))

        gateway.reload()
        before = count()
        for _ in range(3):
            gateway.reload()
            os.kill(gateway.workers()[0], signal.SIGKILL)
            eventually(lambda: gateway.ops("/readyz")[0] == 503, "its end seen")
            eventually(lambda: gateway.ops("/readyz")[0] == 200, "its successor", 8)
        assert count() == before


def test_the_ops_process_is_replaced_too():
    with Gateway({"api.json": answering("one")}) as gateway:
        gateway.fetch(get("/"))
        ops = gateway.ops_process()
        os.kill(ops, signal.SIGKILL)
        eventually(lambda: gateway.answers_ops() and gateway.ops_process() != ops, "its successor", 5)
        assert gateway.metric(r'^fastgw_requests_total.*resource="/",class="2xx"') == 1


def test_live_counts_are_zero_when_nobody_is_connected():
    with Gateway({"api.json": answering("one")}, env=TWO) as gateway:
        with gateway.wire() as wire:
            wire.request(get("/"))
            assert gateway.live()["connections"] == 1
        eventually(lambda: gateway.live()["connections"] == 0, "the connection's end")
        assert gateway.live()["exchanges"] == 0


def run_once(tmp_path, *arguments, definition=None):
    """`fastgw run` that must not come up."""
    file = tmp_path / "api.json"
    file.write_text(json.dumps(definition or answering("one")))
    return subprocess.run(
        [sys.executable, "-m", "fastgw", "run", str(file), *arguments],
        capture_output=True, text=True, timeout=30,
    )


def test_an_address_in_use_is_one_line(tmp_path):
    with Gateway({"api.json": answering("one")}) as gateway:
        told = run_once(tmp_path, "--listen", f"127.0.0.1:{gateway.port}", "--ops", "off")
    assert told.returncode == 1
    assert told.stderr == f"cannot listen on 127.0.0.1:{gateway.port}: address already in use\n"


def test_a_definition_with_errors_does_not_start(tmp_path):
    broken = {"openapi": "3.0.1", "paths": 7}
    told = run_once(tmp_path, "--listen", "127.0.0.1:0", "--ops", "off", definition=broken)
    assert told.returncode == 1 and "api.json:1:" in told.stderr and "Traceback" not in told.stderr


def test_a_wrong_setting_does_not_start(tmp_path):
    told = run_once(tmp_path, "--workers", "many", "--set", "heed_bytes=1")
    assert told.returncode == 2
    assert told.stderr.splitlines() == [
        "fastgw: flag --set heed_bytes: no setting is called heed_bytes; did you mean head_bytes?",
        "fastgw: flag --workers: workers is 'many': expected a whole number from 0 to 1024",
    ]


def test_many_reloads_at_once_are_made_one_after_the_other():
    with Gateway({"api.json": answering("one")}, env=TWO) as gateway:
        gateway.write("api.json", answering("two"))
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            told = list(pool.map(lambda _: gateway.ops("/reload", "POST"), range(5)))
        assert told == [(200, "reloaded\n")] * 5 and version(gateway) == "two"

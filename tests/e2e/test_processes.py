"""Supervisor, workers and ops listener, run as an operator runs them; tests/wire has the trials L1 to L5."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.client import Wire, eventually, get
from tests.support.definition import mock, openapi, pass_through
from tests.support.process import Gateway, UnixHTTP, alive, children, command, command_line, descriptors
from tests.support.upstream import Upstream, pause

TWO = {"FASTGW_WORKERS": "2"}


class Watched(Gateway):
    """Its end is looked at by the test itself, and need not be a clean one."""

    def stop(self) -> None:
        assert self.exited(0) is not None


class Unflagged(Gateway):
    """Listens where its file says."""

    def command(self) -> list[str]:
        words = super().command()
        flag = words.index("--listen")
        return words[:flag] + words[flag + 2 :]


def answering(text: str) -> dict:
    """A definition that shows which version of it is in force."""
    return openapi({"/": {"get": mock(200, json.dumps({"version": text}))}})


def version(gateway: Gateway) -> str:
    return json.loads(gateway.fetch(get("/")).body)["version"]


def tell(gateway: Gateway, what: str):
    return command(what, "--ops", f"unix:{gateway.ops_path}")


def refused(port: int) -> bool:
    try:
        Wire(port).close()
    except ConnectionRefusedError:
        return True
    return False


def ops_process(gateway: Gateway) -> int:
    (pid,) = [pid for pid in children(gateway.pid) if b"fastgw.control.process" in command_line(pid)]
    return pid


def is_ready(gateway: Gateway) -> bool:
    try:
        return gateway.ops("/readyz")[0] == 200
    except OSError:
        return False


# Starting


def test_it_serves_within_two_seconds():
    times = []
    for _ in range(3):
        begin = time.monotonic()
        with Gateway({"api.json": answering("one")}, env=TWO):
            times.append(time.monotonic() - begin)
    assert min(times) < 2.0, times


def run_once(tmp_path, *arguments, definition=None):
    """`fastgw run` that must not come up."""
    file = tmp_path / "api.json"
    file.write_text(json.dumps(definition or answering("one")))
    return command("run", str(file), *arguments)


def test_an_address_in_use_is_one_line(tmp_path):
    with Gateway({"api.json": answering("one")}) as gateway:
        told = run_once(tmp_path, "--listen", f"127.0.0.1:{gateway.port}", "--ops", "off")
    assert told.returncode == 1
    assert told.stderr == f"cannot listen on 127.0.0.1:{gateway.port}: address already in use\n"


def test_a_definition_with_errors_does_not_start(tmp_path):
    broken = {"openapi": "3.0.1", "paths": 7}
    told = run_once(tmp_path, "--listen", "127.0.0.1:0", "--ops", "off", definition=broken)
    assert told.returncode == 1 and "api.json:1:" in told.stderr and "Traceback" not in told.stderr


def test_wrong_settings_do_not_start(tmp_path):
    told = run_once(tmp_path, "--workers", "many", "--set", "heed_bytes=1")
    assert told.returncode == 2
    assert told.stderr.splitlines() == [
        "fastgw: flag --set heed_bytes: no setting is called heed_bytes; did you mean head_bytes?",
        "fastgw: flag --workers: workers is 'many': expected a whole number from 0 to 1024",
    ]


def native(listen: str, **settings: object) -> dict:
    return {
        "fastgw": 1,
        "apis": {"one": {"definition": "api.json"}},
        "listeners": [{"address": listen}],
        "settings": settings,
    }


def test_settings_of_the_file_are_weaker_than_environment_and_flags():
    file = native("127.0.0.1:1", workers=3, head_fields=50, dns_ttl=7)
    env = {**TWO, "FASTGW_HEAD_FIELDS": "60"}
    with Gateway({"fastgw.yaml": file, "api.json": answering("one")}, env=env) as gateway:
        rows = {row["name"]: row for row in json.loads(gateway.ops("/config")[1])["settings"]}
        assert len(gateway.workers()) == 2
        assert rows["listen"]["origin"] == "flag --listen"
        assert (rows["head_fields"]["value"], rows["head_fields"]["origin"]) == (
            "60", "environment FASTGW_HEAD_FIELDS",
        )
        assert rows["dns_ttl"]["value"] == "7" and "fastgw.yaml:" in rows["dns_ttl"]["origin"]


# The ops listener


def test_what_the_ops_listener_shows():
    with Gateway({"api.json": answering("one")}, env=TWO) as gateway:
        assert gateway.ops("/healthz") == (200, "ok\n")
        ready = json.loads(gateway.ops("/readyz")[1])
        assert [worker["ready"] for worker in ready["workers"]] == [True, True]
        assert sorted(worker["pid"] for worker in ready["workers"]) == sorted(gateway.workers())
        config = {row["name"]: row for row in json.loads(gateway.ops("/config")[1])["settings"]}
        assert config["workers"] == {"name": "workers", "value": "2", "origin": "environment FASTGW_WORKERS"}
        routes = json.loads(gateway.ops("/routes")[1])["routes"]
        assert [(r["method"], r["path"], r["integration"]) for r in routes] == [("GET", "/", "MOCK 200")]
        assert set(json.loads(gateway.ops("/upstreams")[1])["workers"]) == {"0", "1"}


def test_the_token_guards_what_it_shows():
    with Gateway({"api.json": answering("one")}, env={"FASTGW_OPS_TOKEN": "s3cret"}) as gateway:
        assert gateway.ops("/config")[0] == 401 and gateway.ops("/drain", "POST")[0] == 401
        connection = UnixHTTP(gateway.ops_path)
        connection.request("GET", "/config", headers={"Authorization": "Bearer s3cret"})
        text = connection.getresponse().read().decode()
        connection.close()
        assert '"***"' in text and "s3cret" not in text
        told = command("reload", "--ops", f"unix:{gateway.ops_path}", FASTGW_OPS_TOKEN="s3cret")
        assert (told.returncode, told.stdout) == (0, "reloaded\n")
        # The harness asks /live without a token when it stops a gateway.
        os.kill(gateway.pid, signal.SIGTERM)
        assert gateway.exited() == 0


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


def test_live_counts_are_zero_when_nobody_is_connected():
    with Gateway({"api.json": answering("one")}, env=TWO) as gateway:
        with gateway.wire() as wire:
            wire.request(get("/"))
            assert gateway.live()["connections"] == 1
        eventually(lambda: gateway.live()["connections"] == 0, "the connection's end")
        assert gateway.live()["exchanges"] == 0


def test_the_ops_process_is_replaced_too():
    with Gateway({"api.json": answering("one")}) as gateway:
        gateway.fetch(get("/"))
        ops = ops_process(gateway)
        os.kill(ops, signal.SIGKILL)
        eventually(lambda: not alive(ops), "its end")
        eventually(lambda: is_ready(gateway), "its successor")
        assert gateway.metric(r'^fastgw_requests_total.*resource="/",class="2xx"') == 1


# Reloading


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


def test_a_successor_gets_the_newest_plan():
    with Gateway({"api.json": answering("one")}) as gateway:
        gateway.write("api.json", answering("two"))
        assert gateway.reload().returncode == 0
        os.kill(gateway.workers()[0], signal.SIGKILL)
        assert version(gateway) == "two"


def test_reloads_at_the_same_time_are_made_one_after_the_other():
    with Gateway({"api.json": answering("one")}, env=TWO) as gateway:
        gateway.write("api.json", answering("two"))
        with ThreadPoolExecutor(5) as pool:
            told = list(pool.map(lambda _: gateway.ops("/reload", "POST"), range(5)))
        assert told == [(200, "reloaded\n")] * 5 and version(gateway) == "two"


def test_a_reload_does_not_change_settings():
    files = {"fastgw.yaml": native("127.0.0.1:1", head_fields=50), "api.json": answering("one")}
    with Gateway(files) as gateway:
        gateway.write("fastgw.yaml", native("127.0.0.1:1", head_fields=60))
        gateway.write("api.json", answering("two"))
        told = gateway.reload()
        assert told.returncode == 1
        assert "head_fields is now 60 and was 50: that needs a restart, not a reload" in told.stderr
        assert version(gateway) == "one"


def test_a_reload_does_not_change_listeners(tmp_path):
    path = tmp_path / "g.sock"
    files = {"fastgw.yaml": native(f"unix:{path}"), "api.json": answering("one")}
    with Unflagged(files) as gateway:
        gateway.write("fastgw.yaml", native("127.0.0.1:1"))
        told = gateway.reload()
        assert told.returncode == 1
        assert f"listen is now 127.0.0.1:1 and was unix:{path}" in told.stderr
    assert not path.exists()


def test_a_refused_reload_by_signal_is_in_the_log():
    with Gateway({"api.json": answering("one")}) as gateway:
        gateway.write("api.json", "{")
        os.kill(gateway.pid, signal.SIGHUP)
        eventually(lambda: "reload refused; the definition in force stays" in gateway.stderr(), "the refusal")
        eventually(lambda: "api.json:1:" in gateway.stderr(), "its reason")
        assert version(gateway) == "one"


# Ends


def test_drain_over_the_ops_listener():
    with Gateway({"api.json": answering("one")}, env=TWO) as gateway:
        told = tell(gateway, "drain")
        assert (told.returncode, told.stdout) == (0, "draining\n")
        assert gateway.exited() == 0
        told = tell(gateway, "drain")
        assert told.returncode == 1 and told.stderr.startswith("fastgw: no gateway answers at unix:")


def test_ctrl_c_drains_too():
    with Upstream(pause(1)) as stub, Gateway({"api.json": pass_through(stub.url)}) as gateway:
        with gateway.wire() as wire:
            wire.send(get("/x"))
            eventually(lambda: stub.requests, "a request in hand")
            os.kill(gateway.pid, signal.SIGINT)
            assert wire.answer().status == 200
        assert gateway.exited() == 0


def test_a_second_signal_ends_at_once():
    with Upstream(pause(20)) as stub, Watched({"api.json": pass_through(stub.url)}) as gateway:
        family = [gateway.pid, *children(gateway.pid)]
        with gateway.wire() as wire:
            wire.send(get("/x"))
            eventually(lambda: stub.requests, "a request in hand")
            os.kill(gateway.pid, signal.SIGTERM)
            eventually(lambda: refused(gateway.port), "draining")
            os.kill(gateway.pid, signal.SIGTERM)
            assert gateway.exited(5) == 1
        assert not any(alive(pid) for pid in family)


def test_workers_serve_on_without_the_supervisor_and_end_when_told():
    with Watched({"api.json": answering("one")}, env=TWO) as gateway:
        workers, ops = gateway.workers(), ops_process(gateway)
        os.kill(gateway.pid, signal.SIGKILL)
        assert gateway.exited() == -signal.SIGKILL
        eventually(lambda: gateway.stderr().count("the supervisor is gone") == 2, "the workers' notice")
        eventually(lambda: not alive(ops), "the ops process's end")
        assert {version(gateway) for _ in range(20)} == {"one"}
        for pid in workers:
            os.kill(pid, signal.SIGTERM)
        eventually(lambda: not any(alive(pid) for pid in workers), "the workers' end")
        assert refused(gateway.port)
        assert "left behind" not in gateway.stderr()


def test_connections_that_wait_for_a_dead_worker_are_served_by_its_successor():
    with Gateway({"api.json": answering("one")}) as gateway:
        (victim,) = gateway.workers()
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: not alive(victim), "its end")
        assert gateway.fetch(get("/")).status == 200
        assert "worker-0 died (killed by signal 9)" in gateway.stderr()


def test_descriptors_are_the_same_after_reloads_and_replacements():
    with Gateway({"api.json": answering("one")}, env=TWO) as gateway:

        def count() -> list[int]:
            return [descriptors(gateway.pid), *sorted(map(descriptors, gateway.workers()))]

        gateway.reload()
        before = count()
        for _ in range(3):
            gateway.reload()
            os.kill(gateway.workers()[0], signal.SIGKILL)
            eventually(lambda: not is_ready(gateway), "its end seen")
            eventually(lambda: is_ready(gateway), "its successor")
        eventually(lambda: count() == before, "the same descriptors")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_worker_that_ends_by_itself_is_replaced(number):
    """A signal meant for one worker is no leak and no reason to stop."""
    with Gateway({"api.json": answering("one")}) as gateway:
        (worker,) = gateway.workers()
        os.kill(worker, number)
        eventually(lambda: not alive(worker), "its end")
        eventually(lambda: is_ready(gateway), "its successor")
        assert version(gateway) == "one" and "left behind" not in gateway.stderr()

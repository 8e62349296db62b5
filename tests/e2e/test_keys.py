"""Keys and quotas as an operator meets them: fastgw keys, plans and usage; restarts; kill -9."""

import json
import os
import signal
import stat
from collections.abc import Iterator

import pytest

from tests.support.client import eventually, get
from tests.support.definition import mock, openapi
from tests.support.process import Gateway, alive, children, command, command_line

VALUE = "value-of-acme-0123456789"
QUOTA = 20
DAY = {"limit": QUOTA, "period": "DAY"}


def definition() -> dict:
    operation = mock(200, "ok") | {"security": [{"key": []}]}
    document = openapi({"/pets": {"get": operation}})
    document["components"] = {"securitySchemes": {"key": {"type": "apiKey", "name": "x-api-key", "in": "header"}}}
    return document


def files(**more: object) -> dict[str, object]:
    stages = [{"api": "pets", "stage": "$default"}]
    native = {
        "fastgw": 1,
        "apis": {"pets": {"definition": "api.json"}},
        "keys": {"acme": {"value": VALUE, "plans": ["gold"]}},
        "plans": {
            "gold": {"throttle": {"rate": 1000, "burst": 500}, "quota": DAY, "stages": stages},
            "open": {"stages": stages},
        },
    }
    return {"fastgw.yaml": {**native, **more}, "api.json": definition()}


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway(files()) as running:
        yield running


def status(gateway: Gateway, value: str) -> int:
    return gateway.fetch(get("/pets", f"x-api-key: {value}")).status


def told(gateway: Gateway, *words: str) -> str:
    done = gateway.tell(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kill_all(gateway: Gateway) -> None:
    family = [gateway.pid, *children(gateway.pid)]
    for pid in family:
        os.kill(pid, signal.SIGKILL)
    gateway.exited()
    eventually(lambda: not any(alive(pid) for pid in family), "the end of all processes")


def restart(gateway: Gateway) -> None:
    gateway.stop()
    gateway.start()


def test_a_new_key_is_in_force_when_its_value_is_told(gateway: Gateway) -> None:
    value = told(gateway, "keys", "new", "bob", "--plan", "gold").strip()
    assert len(value) == 40
    assert status(gateway, value) == 200
    assert told(gateway, "keys", "list").split() == [
        "KEY", "ENABLED", "PLANS", "acme", "yes", "gold", "bob", "yes", "gold",
    ]  # fmt: skip
    assert value not in gateway.stderr()
    restart(gateway)
    assert status(gateway, value) == 200


def test_a_value_may_be_given(gateway: Gateway) -> None:
    file = gateway.folder / "value.txt"
    file.write_text("a-value-that-bob-had-before\n")
    assert told(gateway, "keys", "new", "bob", "--plan", "open", "--value-file", str(file)).strip() == (
        "a-value-that-bob-had-before"
    )
    assert status(gateway, "a-value-that-bob-had-before") == 200


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("keys", "new", "acme"), "fastgw: a key is named 'acme' already"),
        (("keys", "new", "bob", "--plan", "glod"), "fastgw: no plan is named 'glod'; there are gold, open"),
        (("keys", "disable", "nobody"), "fastgw: no key has this name"),
        (("usage", "nobody"), "fastgw: no key has this name"),
    ],
)
def test_what_cannot_be_done_is_told(gateway: Gateway, words: tuple[str, ...], says: str) -> None:
    done = gateway.tell(*words)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (1, "", says)


def test_a_key_of_both_plans_of_a_stage_is_refused_and_leaves_nothing_behind(gateway: Gateway) -> None:
    done = gateway.tell("keys", "new", "bob", "--plan", "gold", "--plan", "open")
    assert done.returncode == 1
    assert "one plan is allowed for each stage" in done.stderr
    restart(gateway)
    assert "bob" not in told(gateway, "keys", "list")


def test_disabling_takes_effect_at_once_and_is_remembered(gateway: Gateway) -> None:
    assert status(gateway, VALUE) == 200
    assert told(gateway, "keys", "disable", "acme") == "acme is disabled\n"
    assert status(gateway, VALUE) == 403
    restart(gateway)
    assert status(gateway, VALUE) == 403
    assert gateway.reload().returncode == 0
    assert status(gateway, VALUE) == 403
    assert told(gateway, "keys", "enable", "acme") == "acme is enabled\n"
    assert status(gateway, VALUE) == 200
    restart(gateway)
    assert status(gateway, VALUE) == 200


def test_plans_and_usage(gateway: Gateway) -> None:
    assert told(gateway, "plans").splitlines()[1].split() == [
        "gold", "1000", "500", "20", "a", "day", "pets/$default",
    ]  # fmt: skip
    for _ in range(3):
        assert status(gateway, VALUE) == 200
    lines = told(gateway, "usage", "acme").splitlines()
    assert lines[0] == "acme: enabled"
    assert lines[2].endswith("of 500 at once, 1000 a second")
    assert lines[3].strip().startswith("3 of 20 a day used, 17 left until ")


def test_explain_says_what_is_left(gateway: Gateway) -> None:
    words = ("explain", str(gateway.folder / gateway.main), "GET", "/pets", "-H", f"x-api-key: {VALUE}")
    for _ in range(3):
        assert status(gateway, VALUE) == 200
    rows = dict(line.split("  ", 1) for line in told(gateway, *words).splitlines())
    assert rows["key"].strip() == "acme"
    assert rows["left of QUOTA"].strip().startswith("17 until ")
    assert rows["left of PLAN"].strip().endswith(" at once, plan gold")
    without = command(*words, "--ops", f"unix:{gateway.folder}/nobody.sock")
    assert without.returncode == 0
    assert "limit QUOTA" in without.stdout and "left of" not in without.stdout


def test_a_quota_outlives_the_gateway(gateway: Gateway) -> None:
    for _ in range(QUOTA - 5):
        assert status(gateway, VALUE) == 200
    restart(gateway)
    assert [status(gateway, VALUE) for _ in range(7)] == [200] * 5 + [429] * 2


def test_a_quota_outlives_kill_9_but_for_the_last_second(gateway: Gateway) -> None:
    for _ in range(QUOTA - 5):
        assert status(gateway, VALUE) == 200
    eventually(lambda: kept(gateway) == QUOTA - 5, "the use in the state directory")
    kill_all(gateway)
    gateway.start()
    assert [status(gateway, VALUE) for _ in range(7)] == [200] * 5 + [429] * 2


def kept(gateway: Gateway) -> int:
    from fastgw.runtime.store import Store

    return sum(row.used for row in Store(str(gateway.folder / ".fastgw")).usage())


def test_the_control_process_goes_on_where_its_predecessor_was_killed(gateway: Gateway) -> None:
    assert status(gateway, VALUE) == 200
    eventually(lambda: kept(gateway) == 1, "the use in the state directory")
    (control,) = [pid for pid in children(gateway.pid) if b"control.process" in command_line(pid)]
    os.kill(control, signal.SIGKILL)
    eventually(lambda: "control is back" in gateway.stderr(), "a new control process")
    assert status(gateway, VALUE) == 200
    eventually(lambda: kept(gateway) == 2, "the use in the state directory")


def test_a_directory_that_cannot_be_written_stops_nobody() -> None:
    with Gateway(files(), env={"FASTGW_STATE_DIR": "/proc/nowhere"}) as gateway:
        assert status(gateway, VALUE) == 200
        eventually(lambda: "cannot keep state in /proc/nowhere" in gateway.stderr(), "the reason")
        done = gateway.tell("keys", "new", "bob", "--plan", "gold")
        assert done.returncode == 1
        assert "cannot keep state in /proc/nowhere" in done.stderr


def test_nothing_is_kept_without_a_plan() -> None:
    with Gateway({"api.json": openapi({"/pets": {"get": mock(200, "ok")}})}) as gateway:
        assert gateway.fetch(get("/pets")).status == 200
        restart(gateway)
        assert not (gateway.folder / ".fastgw").exists()


def test_the_state_is_its_owners(gateway: Gateway) -> None:
    told(gateway, "keys", "new", "bob", "--plan", "gold")
    directory = gateway.folder / ".fastgw"
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


def test_keys_from_a_csv_file() -> None:
    more = files(key_files=["more.csv"]) | {"more.csv": f'Name,Key,UsagePlanIds\nbob,{"b" * 30},"gold"\n'}
    more["fastgw.yaml"] = json.dumps(more["fastgw.yaml"])
    with Gateway(more) as gateway:
        assert status(gateway, "b" * 30) == 200
        assert status(gateway, VALUE) == 200
        gateway.write("more.csv", f"Name,Key,UsagePlanIds\nbob,{'c' * 30},gold\n")
        assert gateway.reload().returncode == 0
        assert (status(gateway, "b" * 30), status(gateway, "c" * 30)) == (403, 200)
        gateway.write("more.csv", f"Name,Key,UsagePlanIds\nbob,{'c' * 30},glod\n")
        done = gateway.reload()
        assert done.returncode == 1
        assert 'more.csv:2:1: error: no plan is named "glod"; did you mean "gold"?' in done.stderr
        assert status(gateway, "c" * 30) == 200

"""The function host with real processes: what handlers see, what callers get, and every way it can go wrong."""

import asyncio
import importlib.util
import logging
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fastgw.functions import process as process_module
from fastgw.functions.peer import same_user
from tests.support.door import eventually, run
from tests.support.functions import Functions, answer, request
from tests.support.process import ROOT, alive

PYTHON = """\
import json, logging, os, sys, time
logging.getLogger().setLevel("INFO")

def handler(event, context):
    what = (event or {}).get("what")
    if what == "throw":
        raise ValueError("no such pet: \\u00e9")
    if what == "exit":
        sys.exit(3)
    if what == "sleep":
        time.sleep(event["seconds"])
    if what == "wait":
        while not os.path.exists(event["for"]):
            time.sleep(0.01)
    if what == "set":
        return {1, 2}
    if what == "say":
        print("said")
        logging.info("logged")
    if what == "fill":
        kept = b"x" * (event["mb"] << 20)
        time.sleep(60)
    if what == "write":
        with open(event["file"], "w") as file:
            file.write("done")
    return {
        "event": event, "pid": os.getpid(), "id": context.aws_request_id, "name": context.function_name,
        "arn": context.invoked_function_arn, "left": context.get_remaining_time_in_millis(), "cwd": os.getcwd(),
        "client": vars(context.client_context) if context.client_context else None,
        "env": {key: os.environ.get(key) for key in ("COLOUR", "FASTGW_WORKERS", "AWS_LAMBDA_FUNCTION_NAME", "TZ",
                "_HANDLER", "_X_AMZN_TRACE_ID")},
    }
"""

NODE = """\
exports.handler = async (event, context) => {
  if (event.what === "throw") throw new TypeError("no such pet");
  if (event.what === "exit") process.exit(3);
  if (event.what === "loop") return BigInt(1);
  return { event, id: context.awsRequestId, name: context.functionName, left: context.getRemainingTimeInMillis() };
};
exports.back = (event, context, callback) => setTimeout(() => callback(null, { back: event }), 1);
exports.error = (event, context, callback) => callback("plain");
exports.inner = { deep: () => "at once" };
"""

PROVIDED = f"""\
#!{sys.executable}
import json, os, urllib.request
API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(API + "next") as next_:
        id_, event = next_.headers["Lambda-Runtime-Aws-Request-Id"], next_.read()
    if event == b'"break"':
        urllib.request.urlopen(API + "next")    # without an answer
    answer = {{"handler": os.environ["_HANDLER"], "event": json.loads(event)}}
    urllib.request.urlopen(API + id_ + "/response", json.dumps(answer).encode())
"""

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed (Debian: nodejs)")


def hosted(files: dict[str, str], test: Callable[[Functions], Awaitable[None]], **told: object) -> None:
    async def body() -> None:
        async with Functions(files, **told) as functions:       # type: ignore[arg-type]
            await test(functions)

    run(body())


def test_a_python_handler(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTGW_WORKERS", "7")

    async def body(functions: Functions) -> None:
        arn = "arn:aws:lambda:eu-west-1:123456789012:function:f"
        functions.host.adopt([functions.function(environment=(("COLOUR", "red"), ("ABSENT", None)), arn=arn)])
        first = await functions.invoke(
            {"a": "\u00e9"}, X_Amzn_Trace_Id="Root=1-a", X_Amz_Client_Context='{"custom": {"x": 1}}'
        )
        value = first.value
        assert (first.status, first.fault) == (200, None)
        assert value["event"] == {"a": "\u00e9"}
        assert (value["name"], value["arn"], value["cwd"]) == ("f", arn, str(functions.code))
        assert value["id"] == first.headers["x-amzn-requestid"]
        assert 0 < value["left"] <= 30_000
        assert value["client"] == {"custom": {"x": 1}}
        assert value["env"] == {
            "COLOUR": "red", "FASTGW_WORKERS": None, "AWS_LAMBDA_FUNCTION_NAME": "f", "TZ": ":UTC",
            "_HANDLER": "app.handler", "_X_AMZN_TRACE_ID": "Root=1-a",
        }
        large = {"large": "\u00e9" * 1_000_000}
        assert (await functions.invoke(large)).value["event"] == large
        again = await functions.invoke({}, arn)
        assert again.value["pid"] == value["pid"]

        thrown = await functions.invoke({"what": "throw"})
        assert (thrown.status, thrown.fault) == (200, "Unhandled")
        assert thrown.value["errorMessage"] == "no such pet: \u00e9"
        assert thrown.value["errorType"] == "ValueError"
        assert thrown.value["requestId"] == thrown.headers["x-amzn-requestid"]
        assert thrown.value["stackTrace"][-1].startswith(f'  File "{functions.code}/app.py", line 7, in handler\n')

        unfit = await functions.invoke({"what": "set"})
        assert unfit.value["errorType"] == "Runtime.MarshalError"

        said = await functions.invoke({"what": "say"}, "f:live")
        assert await eventually(lambda: "logged" in caplog.text)
        id_ = said.headers["x-amzn-requestid"]
        assert f"f[{value['pid']}] RequestId: {id_} said" in caplog.text
        assert f"\t{id_}\tlogged" in caplog.text

        gone = await functions.invoke({"what": "exit"})
        assert (gone.status, gone.fault) == (200, "Unhandled")
        assert gone.value == {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {gone.headers['x-amzn-requestid']} Error: Runtime exited with error: "
            "exit status 3",
        }
        replaced = await functions.invoke({})
        assert replaced.value["pid"] != value["pid"]

    monkeypatch.setattr(logging.getLogger("fastgw"), "propagate", True)
    caplog.set_level(logging.INFO, "fastgw")
    hosted({"app.py": PYTHON}, body)


@needs_node
def test_a_node_handler() -> None:
    async def body(functions: Functions) -> None:
        names = {"f": "index.handler", "back": "index.back", "error": "index.error", "deep": "index.inner.deep",
                 "none": "index.absent", "no-module": "absent.handler", "module": "module.handler"}
        functions.host.adopt([functions.function(name, handler, "nodejs20.x") for name, handler in names.items()])
        first = await functions.invoke({"a": [1]})
        assert (first.value["event"], first.value["name"]) == ({"a": [1]}, "f")
        assert first.value["id"] == first.headers["x-amzn-requestid"]
        thrown = await functions.invoke({"what": "throw"})
        assert thrown.fault == "Unhandled"
        assert (thrown.value["errorType"], thrown.value["errorMessage"]) == ("TypeError", "no such pet")
        assert (await functions.invoke({"what": "loop"})).value["errorType"] == "Runtime.MarshalError"
        large = {"large": "\u00e9" * 1_000_000}
        assert (await functions.invoke(large)).value["event"] == large
        assert (await functions.invoke({"what": "exit"})).value["errorType"] == "Runtime.ExitError"
        others = await asyncio.gather(*(functions.invoke({"b": 1}, name) for name in list(names)[1:]))
        back, error, deep, none, no_module, module = (result.value for result in others)
        assert back == {"back": {"b": 1}}
        assert error["errorMessage"] == "plain"
        assert deep == "at once"
        assert none["errorType"] == "Runtime.HandlerNotFound"
        assert no_module["errorType"] == "Runtime.ImportModuleError"
        assert module == "of a module"

    hosted({"index.js": NODE, "module.mjs": 'export const handler = async () => "of a module";'}, body)


def test_a_provided_bootstrap() -> None:
    async def body(functions: Functions) -> None:
        functions.host.adopt([functions.function("f", "what.ever", "provided.al2023")])
        assert (await functions.invoke([1])).value == {"handler": "what.ever", "event": [1]}
        broken = await functions.invoke("break")
        assert broken.value["errorType"] == "Runtime.NoReply"

    hosted({"bootstrap": PROVIDED}, body)


def test_an_unmodified_runtime_client() -> None:
    """awslambdaric in the function's own directory is what runs it."""
    found = importlib.util.find_spec("awslambdaric")
    if found is None:
        pytest.skip("awslambdaric is not installed (pip install awslambdaric)")

    async def body(functions: Functions) -> None:
        for path in Path(found.origin).parents[1].iterdir():
            if path.name.startswith(("awslambdaric", "simplejson", "snapshot_restore_py", "runtime_client")):
                (functions.code / path.name).symlink_to(path)
        functions.host.adopt([functions.function()])
        first = await functions.invoke({"a": 1})
        assert first.value["event"] == {"a": 1}
        assert first.value["id"] == first.headers["x-amzn-requestid"]
        thrown = await functions.invoke({"what": "throw"})
        assert (thrown.fault, thrown.value["errorType"]) == ("Unhandled", "ValueError")
        assert (await functions.invoke({"what": "exit"})).fault == "Unhandled"

    hosted({"app.py": PYTHON}, body)


def test_an_unmodified_node_client() -> None:
    """aws-lambda-ric in the function's own node_modules is what runs it."""
    modules = ROOT / ".venv" / "npm" / "node_modules"
    if not (modules / "aws-lambda-ric" / "dist" / "rapid-client.node").is_file():
        pytest.skip("aws-lambda-ric is not installed (npm install --prefix .venv/npm aws-lambda-ric, which compiles)")

    async def body(functions: Functions) -> None:
        (functions.code / "node_modules").symlink_to(modules)
        functions.host.adopt([functions.function("f", "index.handler", "nodejs20.x")])
        assert (await functions.invoke({"a": 1})).value["event"] == {"a": 1}
        assert (await functions.invoke({"what": "throw"})).value["errorType"] == "TypeError"

    hosted({"index.js": NODE}, body)


def test_only_our_own_user_is_served() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        with socket.create_connection(address), listening.accept()[0] as ours:
            assert same_user(ours.getpeername(), ours.getsockname())
        assert not same_user(("127.0.0.1", 1), address)
        if os.geteuid():
            pytest.skip("only root can be another user")
        connect = f"import socket, sys; own = socket.create_connection({address!r}); sys.stdin.read()"
        other = subprocess.Popen(["/usr/bin/python3", "-c", connect], user=65534, cwd="/", stdin=subprocess.PIPE)
        with other, listening.accept()[0] as theirs:
            assert not same_user(theirs.getpeername(), theirs.getsockname())


def test_nobody_else_gets_an_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastgw.functions.process.same_user", lambda theirs, ours: False)

    async def body(functions: Functions) -> None:
        functions.host.adopt([functions.function()])
        refused = await functions.invoke({})
        assert (refused.fault, refused.value["errorType"]) == ("Unhandled", "Runtime.ExitError")

    hosted({"app.py": PYTHON}, body)


def test_time_and_memory_have_a_limit(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        functions.host.adopt([
            functions.function("slow", timeout_ms=250),
            functions.function("fat", memory_mb=128),
        ])
        before = await functions.invoke({}, "slow")
        late = await functions.invoke({"what": "sleep", "seconds": 60}, "slow")
        assert late.fault == "Unhandled"
        assert late.value == {
            "errorType": "Sandbox.Timedout",
            "errorMessage": f"RequestId: {late.headers['x-amzn-requestid']} Error: Task timed out after 0.25 seconds",
        }
        assert await eventually(lambda: not alive(before.value["pid"]))
        full = await functions.invoke({"what": "fill", "mb": 200}, "fat")
        assert full.fault == "Unhandled"
        assert full.value["errorType"] == "Runtime.ExitError"
        assert full.value["errorMessage"].endswith("Runtime exited with error: signal: killed")

    hosted({"app.py": PYTHON}, body)


@pytest.mark.parametrize(
    ("files", "told", "kind"),
    [
        ({}, {}, "Runtime.ImportModuleError"),
        ({"app.py": "x ="}, {}, "Runtime.UserCodeSyntaxError"),
        ({"app.py": "x = 1"}, {}, "Runtime.HandlerNotFound"),
        ({"app.py": "1 / 0"}, {}, "ZeroDivisionError"),
        ({"app.py": "import os; os._exit(2)"}, {}, "Runtime.ExitError"),
        ({}, {"handler": "app"}, "Runtime.MalformedHandlerName"),
        ({}, {"runtime": "provided"}, "Runtime.InvalidEntrypoint"),
        ({}, {"runtime": "python3.99"}, "Runtime.InvalidEntrypoint"),
        ({"bootstrap": "no program"}, {"runtime": "provided"}, "Runtime.InvalidEntrypoint"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_start_says_why_and_is_not_started_at_once_again(
    files: dict[str, str], told: dict[str, str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    spawn = process_module.Process.start
    monkeypatch.setattr(process_module.Process, "start", lambda self: (started.append(self), spawn(self))[1])
    monkeypatch.setattr("fastgw.functions.pool.FIRST_REST", 1000.0)
    monkeypatch.setattr("fastgw.functions.pool.LONGEST_REST", 1000.0)

    async def body(functions: Functions) -> None:
        functions.host.adopt([functions.function(**told)])
        first, *more = [await functions.invoke({}) for _ in range(3)]
        assert (first.status, first.fault, first.value["errorType"]) == (200, "Unhandled", kind)
        assert [result.value["errorType"] for result in more] == [kind, kind]
        assert len(started) == 1

    hosted(files, body)


def test_a_queue_has_an_end(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        functions.host.adopt([functions.function(concurrency=1, queue=1)])
        pid = (await functions.invoke({})).value["pid"]
        waits = {"what": "wait", "for": str(tmp_path / "go")}
        running = asyncio.create_task(functions.invoke(waits))
        pool = functions.host._pools["f"]
        assert await eventually(lambda: pool.busy)
        queued = asyncio.create_task(functions.invoke({"n": 2}))
        assert await eventually(lambda: len(pool._waiting) == 1)
        refused = await functions.invoke({"n": 3})
        assert (refused.status, refused.headers["x-amzn-errortype"]) == (429, "TooManyRequestsException")
        assert (await functions.invoke({"n": 4}, X_Amz_Invocation_Type="Event")).status == 429
        queued.cancel()     # who leaves makes room
        assert await eventually(lambda: not pool._waiting)
        last = asyncio.create_task(functions.invoke({"n": 5}))
        assert await eventually(lambda: len(pool._waiting) == 1)
        (tmp_path / "go").touch()
        assert (await running).value["event"] == waits
        assert (await last).value["event"] == {"n": 5}
        assert (await last).value["pid"] == pid

    hosted({"app.py": PYTHON}, body)


def test_processes_come_with_the_demand_and_go_without(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        functions.host.adopt([functions.function(concurrency=3)])
        waits = {"what": "wait", "for": str(tmp_path / "go")}
        tasks = [asyncio.create_task(functions.invoke(waits)) for _ in range(5)]
        pool = functions.host._pools["f"]
        assert await eventually(lambda: sum(p.invocation is not None for p in pool.processes) == 3)
        assert (len(pool.processes), len(pool._waiting)) == (3, 2)
        (tmp_path / "go").touch()
        assert len({(await task).value["pid"] for task in tasks}) == 3
        assert await eventually(lambda: len(pool._idle) == 3)
        pool.retire(asyncio.get_running_loop().time() + 1e6)
        assert await eventually(lambda: not pool.processes)
        assert (await functions.invoke({})).status == 200

    hosted({"app.py": PYTHON}, body)


def test_an_event_is_taken_and_nobody_waits(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        functions.host.adopt([functions.function()])
        file = tmp_path / "written"
        taken = await functions.invoke({"what": "write", "file": str(file)}, X_Amz_Invocation_Type="Event")
        assert (taken.status, taken.body) == (202, b"")
        assert await eventually(file.exists)
        assert (await functions.invoke({}, X_Amz_Invocation_Type="DryRun")).status == 204
        assert (await functions.invoke({}, X_Amz_Invocation_Type="Later")).status == 400

    hosted({"app.py": PYTHON}, body)


def test_requests_that_are_no_invocation() -> None:
    async def body(functions: Functions) -> None:
        functions.host.adopt([functions.function()])
        absent = await functions.invoke({}, "absent")
        assert (absent.status, absent.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")
        garbage = await functions.invoke(b'{"a": ')
        assert (garbage.status, garbage.headers["x-amzn-errortype"]) == (400, "InvalidRequestContentException")
        reader, writer = await asyncio.open_unix_connection(functions._address)
        writer.write(b"GET / HTTP/1.1\r\n\r\n" * 3 + request("absent", b"{}", {"Connection": "close"}))
        assert [(await answer(reader)).status for _ in range(4)] == [404] * 4
        assert await reader.read() == b""
        writer.close()
        reader, writer = await asyncio.open_unix_connection(functions._address)
        writer.write(b"\0\1\2\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        assert functions.host.processes == 0

    hosted({"app.py": PYTHON}, body)


def test_changed_code_runs_anew_and_what_runs_ends_as_it_began(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        functions.host.adopt([functions.function()])
        assert (await functions.invoke({})).value["event"] == {}
        waits = {"what": "wait", "for": str(tmp_path / "go")}
        running = asyncio.create_task(functions.invoke(waits))
        pool = functions.host._pools["f"]
        assert await eventually(lambda: pool.busy)
        functions.write({"app.py": 'def handler(event, context):\n    return "new"\n'})
        assert await eventually(lambda: all(process.stale for process in pool.processes))
        assert (await functions.invoke({})).value == "new"
        (tmp_path / "go").touch()
        assert (await running).value["event"] == waits
        assert await eventually(lambda: len(pool.processes) == 1)

    hosted({"app.py": PYTHON}, body, reload=True)


def test_another_definition_takes_the_place_of_the_old(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        functions.host.adopt([functions.function(), functions.function("other")])
        running = asyncio.create_task(functions.invoke({"what": "wait", "for": str(tmp_path / "go")}, "other"))
        before = (await functions.invoke({})).value
        assert await eventually(lambda: functions.host._pools["other"].busy)
        functions.host.adopt([functions.function()])
        assert (await functions.invoke({})).value["pid"] == before["pid"]
        assert (await functions.invoke({}, "other")).status == 404
        functions.host.adopt([functions.function(environment=(("COLOUR", "blue"),))])
        after = (await functions.invoke({})).value
        assert (after["env"]["COLOUR"], before["env"]["COLOUR"]) == ("blue", None)
        (tmp_path / "go").touch()
        assert (await running).status == 200
        assert await eventually(lambda: functions.host.processes == 1)

    hosted({"app.py": PYTHON}, body)


def test_a_stop_lets_what_runs_end(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        functions.host.adopt([functions.function()])
        running = asyncio.create_task(functions.invoke({"what": "wait", "for": str(tmp_path / "go")}))
        assert await eventually(lambda: functions.host._pools["f"].busy)
        stopping = asyncio.create_task(functions.host.stop(60))
        await asyncio.sleep(0)
        (tmp_path / "go").touch()
        assert (await running).status == 200
        await stopping
        assert functions.host.processes == 0

    hosted({"app.py": PYTHON}, body)

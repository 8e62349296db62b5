"""python -m bench.functions: what a warm invocation of a Lambda function costs on top of the function.

Handlers that answer at once are invoked one after the other: at the function host (its Invoke API), and through the
whole gateway, beside a MOCK route of the same gateway. Then several clients ask at a time, and its CPU is counted.
The exit status is 1 when the median of a warm invocation at the host is over the bar.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import report
from bench.compare import check, machine, process
from bench.compare.measure import START_SECONDS
from bench.compare.process import Process
from bench.compare.site import free_port
from bench.compare.targets.fastgw import Fastgw

BAR_US = 300.0
"""Of a warm invocation at the host, on top of the handler: median."""

HANDLERS = {
    "app.py": 'def handler(event, context):\n    return {"statusCode": 200, "body": "x"}\n',
    "index.js": 'exports.handler = async () => ({ statusCode: 200, body: "x" });\n',
}
RUNTIMES = {"python": ("app.handler", "python3"), "node": ("index.handler", "nodejs20.x")}

HOST = """\
import asyncio, signal, socket, sys
import uvloop
from fastgw.functions.host import Host
from fastgw.model.function import Function

async def main(path, code, *names):
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(64)
    host = Host(False)
    host.adopt([Function(*name.split(":")) for name in names])
    await host.start(listening)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await host.stop(0)

uvloop.run(main(*sys.argv[1:]))
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Times:
    """Of requests one after the other, in microseconds."""

    p50: float
    p99: float


def definition() -> dict[str, object]:
    """A route for each runtime, and a MOCK."""
    arn = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"
    integrations: dict[str, dict[str, object]] = {
        name: {"type": "aws_proxy", "httpMethod": "POST", "uri": arn.format(name)} for name in RUNTIMES
    }
    integrations["mock"] = {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "responses": {"default": {"statusCode": "200", "responseTemplates": {"application/json": "x"}}},
    }
    paths = {
        f"/{name}": {"get": {"responses": {"200": {"description": "x"}}, "x-amazon-apigateway-integration": one}}
        for name, one in integrations.items()
    }
    return {"openapi": "3.0.1", "info": {"title": "functions", "version": "1"}, "paths": paths}


def configuration(code: Path) -> dict[str, object]:
    functions = {
        name: {"code": str(code), "handler": handler, "runtime": runtime, "memory": 512}
        for name, (handler, runtime) in RUNTIMES.items()
    }
    return {"fastgw": 1, "apis": {"bench": {"definition": "api.json"}}, "functions": functions}


def answer(connection: socket.socket) -> int:
    """Reads one whole answer; its status."""
    data = received(connection)
    while b"\r\n\r\n" not in data:
        data += received(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < size:
        body += received(connection)
    return int(head.split(b" ")[1])


def received(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("closed without an answer")
    return data


def timed(connect: Callable[[], socket.socket], request: bytes, count: int) -> Times:
    """The first tenth warms up."""
    taken = []
    with connect() as connection:
        for number in range(count + count // 10):
            begun = time.perf_counter_ns()
            connection.sendall(request)
            if (status := answer(connection)) != 200:
                raise RuntimeError(f"an answer of status {status}")
            if number >= count // 10:
                taken.append((time.perf_counter_ns() - begun) / 1000)
    taken.sort()
    return Times(statistics.median(taken), taken[len(taken) * 99 // 100])


def at_once(connect: Callable[[], socket.socket], request: bytes, clients: int, seconds: float) -> float:
    """Requests a second of clients that each wait for their answer."""
    counts = [0] * clients
    until = time.monotonic() + seconds

    def client(own: int) -> None:
        with connect() as connection:
            while time.monotonic() < until:
                connection.sendall(request)
                answer(connection)
                counts[own] += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


@contextlib.contextmanager
def hosted(folder: Path, code: Path) -> Iterator[Callable[[], socket.socket]]:
    """A function host of its own; how to connect to it."""
    address = str(folder / "host")
    names = [f"{name}:{code}:{handler}:{runtime}" for name, (handler, runtime) in RUNTIMES.items()]
    running = subprocess.Popen([sys.executable, "-c", HOST, address, str(code), *names], cwd=Path(__file__).parents[1])

    def connect() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(address)
        return connection

    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), connect():
                break
            if time.monotonic() > deadline:
                raise RuntimeError("the function host does not start")
            time.sleep(0.05)
        yield connect
    finally:
        running.terminate()
        running.wait()


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += family(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def of_functions(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"/functions/clients/" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def spent(pid: int) -> float:
    """CPU of the gateway with its function host, without the functions themselves."""
    return sum(cpu_seconds(one) for one in family(pid) if not of_functions(one))


def measured(chosen: argparse.Namespace, folder: Path) -> dict[str, object]:
    code = folder / "code"
    code.mkdir()
    for name, text in HANDLERS.items():
        (code / name).write_text(text)
    found: dict[str, object] = {}
    with hosted(folder, code) as connect:
        for name in RUNTIMES:
            path = f"POST /2015-03-31/functions/{name}/invocations HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{{}}"
            found[f"host {name}"] = dataclasses.asdict(timed(connect, path.encode(), chosen.requests))
    (folder / "api.json").write_text(json.dumps(definition()))
    (folder / "fastgw.yaml").write_text(json.dumps(configuration(code)))
    port = free_port()
    command = [sys.executable, "-m", "fastgw", "run", str(folder / "fastgw.yaml"), "--listen", f"127.0.0.1:{port}",
               "--ops", "off", "--workers", "1"]

    def connect_gateway() -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    with Process(command, None, folder / "log", {"FASTGW_KEEPALIVE_REQUESTS": "100000000"}) as gateway:
        check.ready(gateway, port, START_SECONDS)
        for name in ("mock", *RUNTIMES):
            request = f"GET /{name} HTTP/1.1\r\nHost: h\r\n\r\n".encode()
            found[f"gateway {name}"] = dataclasses.asdict(timed(connect_gateway, request, chosen.requests))
            at_once(connect_gateway, request, chosen.clients, 0.5)
            before = spent(gateway.popen.pid)
            rate = at_once(connect_gateway, request, chosen.clients, chosen.seconds)
            cost = (spent(gateway.popen.pid) - before) / (rate * chosen.seconds) * 1e6
            found[f"gateway {name}, {chosen.clients} clients"] = {"rate": rate, "cpu_us": cost}
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.functions", description=__doc__)
    parser.add_argument("--requests", type=int, default=5_000, help="one after the other (%(default)s)")
    parser.add_argument("--clients", type=int, default=8, help="at a time (%(default)s)")
    parser.add_argument("--seconds", type=float, default=5, help="that they ask (%(default)s)")
    parser.add_argument("--output", type=Path, help="result file (bench/results/functions/DATE-MACHINE.json)")
    chosen = parser.parse_args()
    if shutil.which("node") is None:
        del RUNTIMES["node"]
    now = datetime.datetime.now(datetime.UTC)
    with tempfile.TemporaryDirectory(prefix="fastgw-bench-", dir=process.memory_folder()) as folder:
        found = measured(chosen, Path(folder))
    facts = machine.machine()
    result = {
        "started": now.isoformat(timespec="seconds"), "command": " ".join(["python -m bench.functions", *sys.argv[1:]]),
        "bar_us": BAR_US, "measured": found, "machine": facts, "versions": machine.versions([Fastgw()]),
    }  # fmt: skip
    file = chosen.output or report.RESULTS / "functions" / f"{now:%Y-%m-%d}-{machine.machine_class(facts)}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    for what, numbers in found.items():
        print(f"{what:28}", "  ".join(f"{name} {value:9.1f}" for name, value in numbers.items()))
    worst = max(found[f"host {name}"]["p50"] for name in RUNTIMES)
    print(f"warm invocation at the host: p50 {worst:.0f} us at most, bar {BAR_US:.0f}")
    return int(worst > BAR_US)


if __name__ == "__main__":
    sys.exit(main())

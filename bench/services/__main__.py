"""python -m bench.services: a DynamoDB GetItem through the gateway, against the same call made directly.

The gateway asks the store by templates both ways, signed, on one worker. Both are asked by the same open loop
(bench/openloop) at the same rate, turn by turn; what the gateway adds is the difference of a round's medians, and its
own CPU time. The store is dynalite or moto for real, or the C origin of the other benches, which answers at once:
beside it the gateway's own share shows best. The exit status is 1 when a request failed.
"""

import argparse
import dataclasses
import datetime
import http.client
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import openloop, origin, report
from bench.compare import check, machine, process
from bench.compare.measure import START_SECONDS
from bench.compare.process import Process
from bench.compare.site import free_port
from bench.compare.targets.fastgw import Fastgw
from fastgw.cli.demo_store import ANYBODY, DYNALITE

WARM_SECONDS = 2
ITEM = {"author": {"S": "kim"}, "id": {"S": "1"}, "text": {"S": "x" * 200}}
KEY = {"TableName": "Notes", "Key": {"author": {"S": "kim"}, "id": {"S": "1"}}}
ASKED = "/notes/1?author=kim"

REQUEST = """\
#set($author = $util.escapeJavaScript($input.params('author')))
#set($id = $util.escapeJavaScript($input.params('id')))
{"TableName": "Notes", "Key": {"author": {"S": "$author"}, "id": {"S": "$id"}}}"""
ANSWER = """\
#set($item = $input.path('$.Item'))
{"author": "$item.author.S", "id": "$item.id.S", "text": "$util.escapeJavaScript($item.text.S)"}"""


@dataclasses.dataclass(frozen=True, slots=True)
class Round:
    """direct and through: the same call; cpu_us: the gateway's CPU time for each request, in microseconds."""

    direct: openloop.Seen
    through: openloop.Seen
    cpu_us: float

    @property
    def added(self) -> int:
        return self.through.p50 - self.direct.p50

    @property
    def errors(self) -> int:
        return self.direct.errors + self.through.errors


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.services", description=__doc__)
    parser.add_argument("--store", choices=("origin", "dynalite", "moto"),
                        default="dynalite" if DYNALITE.is_file() else "moto", help="(%(default)s)")
    parser.add_argument("--rate", type=int, default=100, help="calls a second (%(default)s)")
    parser.add_argument("--seconds", type=int, default=10, help="length of a run (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--connections", type=int, default=8, help="(%(default)s)")
    parser.add_argument("--output", type=Path, help="result file (bench/results/services/DATE-MACHINE-STORE.json)")
    return parser.parse_args()


def definition() -> str:
    integration = {
        "type": "aws", "httpMethod": "POST", "uri": "arn:aws:apigateway:us-east-1:dynamodb:action/GetItem",
        "requestTemplates": {"application/json": REQUEST},
        "responses": {"default": {"statusCode": "200", "responseTemplates": {"application/json": ANSWER}}},
    }  # fmt: skip
    parameters = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
                  {"name": "author", "in": "query", "required": True, "schema": {"type": "string"}}]
    operation = {"parameters": parameters, "responses": {"200": {"description": "ok"}},
                 "x-amazon-apigateway-request-validator": "all", "x-amazon-apigateway-integration": integration}
    return json.dumps({
        "openapi": "3.0.1", "info": {"title": "notes", "version": "1"}, "paths": {"/notes/{id}": {"get": operation}},
        "x-amazon-apigateway-request-validators": {"all": {"validateRequestParameters": True}},
    })


def gateway(folder: Path, store: int, port: int, ops: int) -> Process:
    (folder / "openapi.json").write_text(definition())
    file = folder / "fastgw.yaml"
    file.write_text(json.dumps({
        "fastgw": 1, "apis": {"notes": {"definition": "openapi.json"}},
        "log": {"file": str(folder / "access.log"), "preset": "json"},
        "services": {"dynamodb": {"endpoint": f"http://127.0.0.1:{store}"}},
    }))
    command = [sys.executable, "-m", "fastgw", "run", str(file), "--workers", "1", "--listen", f"127.0.0.1:{port}",
               "--ops", f"127.0.0.1:{ops}"]
    return Process(command, None, folder / "log", {
        "AWS_ACCESS_KEY_ID": "AKIDBENCH", "AWS_SECRET_ACCESS_KEY": "none", "FASTGW_DRAIN_TIMEOUT": "2",
        "FASTGW_KEEPALIVE_REQUESTS": str(10**9)})


def store(kind: str, folder: Path, port: int) -> Process:
    if kind == "origin":
        return Process([str(origin.build(folder)), str(port)], None, folder / "store.log")
    command = [sys.executable, "-m", "fastgw.cli.demo_store", "127.0.0.1", str(port), kind]
    return Process(command, None, folder / "store.log")


def asked_directly(port: int) -> bytes:
    """A whole GetItem as an SDK sends it; these stores look at no signature."""
    body = json.dumps(KEY).encode()
    fields = {"Host": f"127.0.0.1:{port}", "X-Amz-Target": "DynamoDB_20120810.GetItem", "Authorization": ANYBODY,
              "X-Amz-Date": "20260101T000000Z", "Content-Type": "application/x-amz-json-1.0",
              "Content-Length": str(len(body))}
    return "\r\n".join(["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]).encode() \
        + body


def answer(port: int, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, headers)
        got = connection.getresponse()
        text = got.read()
        check.expect(got.status == 200, f"{method} {path} is answered {got.status}: {text[:200]!r}")
        return text
    finally:
        connection.close()


def right(kind: str, port: int, stored: int) -> None:
    """The item is there, and comes through the gateway as it is. Raises check.WrongAnswer."""
    headers = {"X-Amz-Target": "DynamoDB_20120810.PutItem", "Authorization": ANYBODY,
               "X-Amz-Date": "20260101T000000Z", "Content-Type": "application/x-amz-json-1.0"}
    if kind != "origin":
        answer(stored, "POST", "/", headers, json.dumps({"TableName": "Notes", "Item": ITEM}).encode())
    got = json.loads(answer(port, "GET", ASKED, {}, b""))
    wanted = {name: "" if kind == "origin" else value["S"] for name, value in ITEM.items()}
    check.expect(got == wanted, f"GET {ASKED} is answered {got}")


def one_round(chosen: argparse.Namespace, load: Path, port: int, stored: int, target: Process, seconds: int) -> Round:
    through_gateway = openloop.request("GET", ASKED, port, {})
    direct = openloop.load(load, stored, chosen.rate, seconds, chosen.connections, asked_directly(stored))
    before = process.cpu(target.tree())
    through = openloop.load(load, port, chosen.rate, seconds, chosen.connections, through_gateway)
    used = process.cpu(target.tree()) - before
    return Round(direct, through, used.total / max(through.answered, 1) * 1e6)


def measured(chosen: argparse.Namespace, folder: Path) -> list[Round]:
    load = openloop.build(folder)
    stored, port, ops = free_port(), free_port(), free_port()
    with store(chosen.store, folder, stored) as behind:
        check.ready(behind, stored, START_SECONDS)
        with gateway(folder, stored, port, ops) as target:
            check.ready(target, port, START_SECONDS)
            right(chosen.store, port, stored)
            one_round(chosen, load, port, stored, target, WARM_SECONDS)
            rounds = []
            for _ in range(chosen.rounds):
                rounds.append(one_round(chosen, load, port, stored, target, chosen.seconds))
                print(rounds[-1], file=sys.stderr, flush=True)
    return rounds


def result(chosen: argparse.Namespace, started: datetime.datetime, rounds: list[Round]) -> dict[str, Any]:
    return {
        "started": started.isoformat(timespec="seconds"),
        "command": " ".join(["python -m bench.services", *sys.argv[1:]]),
        "store": chosen.store, "rate": chosen.rate, "seconds": chosen.seconds,
        "direct_p50_us": statistics.median(one.direct.p50 for one in rounds),
        "through_p50_us": statistics.median(one.through.p50 for one in rounds),
        "added_p50_us": statistics.median(one.added for one in rounds),
        "gateway_cpu_us": statistics.median(one.cpu_us for one in rounds),
        "errors": sum(one.errors for one in rounds),
        "rounds": [dataclasses.asdict(one) for one in rounds],
        "machine": machine.machine(), "versions": machine.versions([Fastgw()]),
    }  # fmt: skip


def main() -> int:
    chosen = arguments()
    now = datetime.datetime.now(datetime.UTC)
    with tempfile.TemporaryDirectory(prefix="fastgw-bench-", dir=process.memory_folder()) as folder:
        rounds = measured(chosen, Path(folder))
    found = result(chosen, now, rounds)
    name = f"{now:%Y-%m-%d}-{machine.machine_class(found['machine'])}-{chosen.store}.json"
    file = chosen.output or report.RESULTS / "services" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n")
    print(f"GetItem of {chosen.store}: direct p50 {found['direct_p50_us']:.0f} us, through the gateway "
          f"{found['through_p50_us']:.0f} us, so {found['added_p50_us']:.0f} us more and "
          f"{found['gateway_cpu_us']:.0f} us of its CPU; {found['errors']} requests failed")
    return int(found["errors"] > 0)


if __name__ == "__main__":
    sys.exit(main())

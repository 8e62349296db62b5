"""python -m bench.signatures: what verifying signed requests adds to a proxied request.

fastgw proxies the same requests to the same origin: as they are, signed in the header, and signed in the query. Figures
are CPU microseconds per request, and what the signature adds: the median over the rounds. Neither nginx nor Envoy
verifies these signatures, so there is no peer beside it. The exit status is 1 when the bar is missed.
"""

import argparse
import contextlib
import dataclasses
import datetime
import http.client
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from bench import origin, report
from bench.compare import check, definition, load, machine, process, works
from bench.compare.measure import START_SECONDS
from bench.compare.process import Process
from bench.compare.site import Launch, Site, free_port
from bench.compare.targets.fastgw import Fastgw
from fastgw.parts.aws.credentials import Credentials
from fastgw.parts.aws.sigv4 import canonical_request, sign, signature, string_to_sign

BAR = 5.0
"""Microseconds that a signature may add."""

KEY, SECRET, REGION, SERVICE, HOST = "AKIABENCH", "bench-secret", "us-east-1", "execute-api", "bench.example"
EMPTY = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
KINDS = ("plain", "header", "query")
ALL = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}]}


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """cpu: microseconds per request, all processes of the gateway together."""

    kind: str
    round: int
    cpu: float
    requests_per_second: float


class Signed(Fastgw):
    """fastgw with one proxied route, for signed requests alone or for all."""

    def __init__(self, asks: bool) -> None:
        super().__init__(1)
        self._asks = asks

    def launch(self, site: Site) -> Launch:
        launched = super().launch(site)
        integration = {"type": "http_proxy", "httpMethod": "GET",
                       "uri": f"http://127.0.0.1:{site.origin_port}{works.PROXY.path}"}
        operation: dict[str, object] = {"responses": {}, "x-amazon-apigateway-integration": integration}
        if self._asks:
            operation["x-amazon-apigateway-auth"] = {"type": "AWS_IAM"}
            file = site.folder / "fastgw.yaml"
            users = {"bench": {"keys": {KEY: {"secret_file": "secret.txt"}}, "policies": {"all": ALL}}}
            file.write_text(json.dumps(json.loads(file.read_text()) | {"iam": {"users": users}}))
            (site.folder / "secret.txt").write_text(SECRET)
        (site.folder / "openapi.json").write_text(definition.document({works.PROXY.path: {"get": operation}}))
        return launched


def signed(kind: str) -> tuple[str, list[tuple[str, str]]]:
    """Target and fields of a request that is good for some minutes."""
    path, now = works.PROXY.path, time.time()
    if kind == "plain":
        return path, []
    if kind == "header":
        added = sign(b"GET", HOST.encode(), path.encode(), b"", [], b"", Credentials(KEY, SECRET, ""), REGION, SERVICE,
                     now)
        return path, [(name.decode(), value.decode()) for name, value in added]
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    scope = f"{stamp[:8]}/{REGION}/{SERVICE}/aws4_request"
    pairs = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{KEY}/{scope}", "X-Amz-Date": stamp,
             "X-Amz-Expires": "3600", "X-Amz-SignedHeaders": "host"}
    query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in pairs.items())
    _, canonical = canonical_request(b"GET", path.encode(), query.encode(), [(b"host", HOST.encode())], EMPTY)
    return f"{path}?{query}&X-Amz-Signature={signature(SECRET, scope, string_to_sign(stamp, scope, canonical))}", []


def lets_in(site: Site, kind: str) -> None:
    """Raises WrongAnswer unless such a request reaches the origin."""
    target, fields = signed(kind)
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=check.TIMEOUT)
    try:
        answer = check.ask(connection, "GET", target, Host=HOST, **dict(fields))
    finally:
        connection.close()
    check.expect(answer.status == 200, f"a request signed in the {kind} is answered {answer}")


def loaded(chosen: argparse.Namespace, kind: str, number: int, site: Site, started: Process) -> Run:
    target, fields = signed(kind)
    pids = started.tree()
    used = process.cpu(pids)
    work = dataclasses.replace(works.PROXY, path=target, headers=(("Host", HOST), *fields))
    with load.Load(work, site.port, chosen.connections, chosen.seconds, chosen.load_core) as running:
        seen = running.finish()
    spent = process.cpu(pids) - used
    return Run(kind, number, spent.total * 1e6 / seen.requests, seen.requests / seen.seconds)


def measured(chosen: argparse.Namespace, folder: Path) -> list[Run]:
    runs = []
    with contextlib.ExitStack() as stack:
        port = free_port()
        stack.enter_context(Process([str(origin.build(folder)), str(port)], chosen.load_core, folder / "origin.log"))
        stood = {}
        for asks in (False, True):
            own = folder / f"asks-{asks}"
            own.mkdir()
            site = Site(own, free_port(), free_port(), port, works.PROXY)
            launch = Signed(asks).launch(site)
            started = stack.enter_context(Process(launch.command, chosen.gateway_core, own / "log", launch.environment))
            check.ready(started, site.port, START_SECONDS)
            stood[asks] = site, started
        for kind in KINDS:
            lets_in(stood[kind != "plain"][0], kind)
        for number in range(chosen.rounds):
            for kind in KINDS:
                runs.append(loaded(chosen, kind, number, *stood[kind != "plain"]))
                print(runs[-1], file=sys.stderr, flush=True)
    return runs


def added(runs: list[Run], kind: str) -> float:
    """The median over the rounds of the difference to the plain run of the same round."""
    plain = {run.round: run.cpu for run in runs if run.kind == "plain"}
    return statistics.median(run.cpu - plain[run.round] for run in runs if run.kind == kind)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.signatures", description=__doc__)
    parser.add_argument("--seconds", type=int, default=2, help="length of a run (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--connections", type=int, default=64, help="(%(default)s)")
    parser.add_argument("--gateway-core", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--load-core", type=int, default=1, help="(%(default)s)")
    parser.add_argument("--output", type=Path, help="result file (bench/results/signatures/DATE-MACHINE.json)")
    chosen = parser.parse_args()
    lack = load.missing() or origin.missing()
    if lack:
        print(lack, file=sys.stderr)
        return 2
    now = datetime.datetime.now(datetime.UTC)
    with tempfile.TemporaryDirectory(prefix="fastgw-bench-", dir=process.memory_folder()) as folder:
        runs = measured(chosen, Path(folder))
    facts = machine.machine()
    costs = {kind: added(runs, kind) for kind in KINDS[1:]}
    result = {
        "started": now.isoformat(timespec="seconds"),
        "command": " ".join(["python -m bench.signatures", *sys.argv[1:]]),
        "added_us": costs, "bar_us": BAR, "runs": [dataclasses.asdict(run) for run in runs], "machine": facts,
        "versions": machine.versions([Fastgw()]),
    }  # fmt: skip
    file = chosen.output or report.RESULTS / "signatures" / f"{now:%Y-%m-%d}-{machine.machine_class(facts)}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    for kind, cost in costs.items():
        print(f"a signature in the {kind} adds {cost:6.2f} us")
    return int(max(costs.values()) > BAR)


if __name__ == "__main__":
    sys.exit(main())

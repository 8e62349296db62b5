"""python -m bench.firewall: what a firewall of twenty rules adds to a proxied request, beside nginx with maps.

fastgw and nginx proxy the same requests to the same origin, plain and with rules that let all of them in. nginx does
what its own modules can: geo for the networks, maps of regular expressions for agents, paths and query; it tokenises
no SQL and reads no markup, which the twenty rules of tests/support/firewall.py do. Figures are CPU microseconds per
request, and what the rules add: the median over interleaved rounds. The exit status is 1 when the bar is missed.
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
from pathlib import Path

from bench import origin, report
from bench.compare import check, load, machine, process, works
from bench.compare.load import Load
from bench.compare.measure import START_SECONDS
from bench.compare.process import Process
from bench.compare.site import Launch, Site, Target, free_port
from bench.compare.targets.fastgw import Fastgw
from bench.compare.targets.nginx import Nginx
from tests.support.firewall import TWENTY, TWENTY_SETS

BAR = 5.0
"""Microseconds that the twenty rules may add."""

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
MAPS = """\
    geo $known {{ default 0; {networks} }}
    map $http_user_agent $agent {{ default 0; ~*(sqlmap|nikto|masscan|zgrab|acunetix|dirbuster|nessus|havij) 1; }}
    map $uri $path {{ default 0; ~*(/\\.git/|/\\.env|/wp-admin|/phpmyadmin|/etc/passwd) 1; }}
    map $args $query {{ default 0; ~*(union.+select|<script|%3cscript|%27.*or) 1; }}
    map $known$agent$path$query $refused {{ default 1; 0000 0; }}
    proxy_http_version 1.1;
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """cpu: microseconds per request, all processes of the target together."""

    target: str
    kind: str
    round: int
    cpu: float
    requests_per_second: float


class Guarded(Fastgw):
    """fastgw whose stage has the twenty rules."""

    def launch(self, site: Site) -> Launch:
        launched = super().launch(site)
        file = site.folder / "fastgw.yaml"
        whole = json.loads(file.read_text())
        for api in whole["apis"].values():
            stages = api.setdefault("stages", {"$default": {}})
            stages.update({name: {**(stage or {}), "firewall": "edge"} for name, stage in stages.items()})
        whole |= {"firewalls": {"edge": {"rules": TWENTY}}, **TWENTY_SETS}
        file.write_text(json.dumps(whole))
        return launched


class GuardedNginx(Nginx):
    """nginx with maps for the same."""

    def launch(self, site: Site) -> Launch:
        launched = super().launch(site)
        file = site.folder / "nginx.conf"
        networks = " ".join(f"{network} 1;" for network in TWENTY_SETS["ip_sets"]["known"])
        text = file.read_text().replace("    proxy_http_version 1.1;\n", MAPS.format(networks=networks), 1)
        file.write_text(text.replace("location / {", "location / { if ($refused) { return 403; }", 1))
        return launched


MAKERS = {("fastgw", "plain"): Fastgw, ("fastgw", "rules"): Guarded, ("nginx", "plain"): Nginx,
          ("nginx", "rules"): GuardedNginx}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.firewall", description=__doc__)
    parser.add_argument("--seconds", type=int, default=2, help="length of a run (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="(%(default)s)")
    parser.add_argument("--connections", type=int, default=64, help="(%(default)s)")
    parser.add_argument("--gateway-core", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--load-core", type=int, default=1, help="(%(default)s)")
    parser.add_argument("--output", type=Path, help="result file (bench/results/firewall/DATE-MACHINE.json)")
    return parser.parse_args()


def let_in(site: Site, guarded: bool) -> None:
    """Raises WrongAnswer unless the rules let a browser in, and keep a scanner out."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=check.TIMEOUT)
    try:
        good = check.ask(connection, "GET", works.PROXY.path, **{"User-Agent": AGENT})
        bad = check.ask(connection, "GET", works.PROXY.path, **{"User-Agent": "sqlmap/1.7"})
    finally:
        connection.close()
    check.expect(good.status == 200 and good.body == works.PROXY.answer, f"a browser is answered {good}")
    check.expect((bad.status == 403) == guarded, f"a scanner is answered {bad}")


def run(chosen: argparse.Namespace, target: str, kind: str, number: int, site: Site, started: Process) -> Run:
    work = dataclasses.replace(works.PROXY, headers=(("User-Agent", AGENT), ("Cookie", "session=0123456789abcdef")))
    pids = started.tree()
    used = process.cpu(pids)
    with Load(work, site.port, chosen.connections, chosen.seconds, chosen.load_core) as wrk:
        seen = wrk.finish()
    spent = process.cpu(pids) - used
    return Run(target, kind, number, spent.total * 1e6 / seen.requests, seen.requests / seen.seconds)


def measured(chosen: argparse.Namespace, folder: Path) -> list[Run]:
    port = free_port()
    runs = []
    with contextlib.ExitStack() as stack:
        built = str(origin.build(folder))
        stack.enter_context(Process([built, str(port)], chosen.load_core, folder / "origin.log"))
        stood = {}
        for (name, kind), maker in MAKERS.items():
            own = folder / f"{name}-{kind}"
            own.mkdir()
            site = Site(own, free_port(), free_port(), port, works.PROXY)
            target: Target = maker()
            launch = target.launch(site)
            started = stack.enter_context(Process(launch.command, chosen.gateway_core, own / "log", launch.environment))
            check.ready(started, site.port, START_SECONDS)
            let_in(site, kind == "rules")
            stood[name, kind] = site, started
        for number in range(-1, chosen.rounds):     # the first one warms up
            for (name, kind), (site, started) in stood.items():
                runs.append(run(chosen, name, kind, number, site, started))
                print(runs[-1], file=sys.stderr, flush=True)
    return [one for one in runs if one.round >= 0]


def added(runs: list[Run], target: str) -> float:
    plain = {one.round: one.cpu for one in runs if (one.target, one.kind) == (target, "plain")}
    return statistics.median(one.cpu - plain[one.round] for one in runs if (one.target, one.kind) == (target, "rules"))


def main() -> int:
    chosen = arguments()
    lack = load.missing() or origin.missing()
    if lack:
        print(lack, file=sys.stderr)
        return 2
    now = datetime.datetime.now(datetime.UTC)
    with tempfile.TemporaryDirectory(prefix="fastgw-bench-", dir=process.memory_folder()) as folder:
        runs = measured(chosen, Path(folder))
    facts = machine.machine()
    costs = {target: added(runs, target) for target in ("fastgw", "nginx")}
    result = {
        "started": now.isoformat(timespec="seconds"),
        "command": " ".join(["python -m bench.firewall", *sys.argv[1:]]),
        "added_us": costs, "bar_us": BAR, "runs": [dataclasses.asdict(one) for one in runs], "machine": facts,
        "versions": machine.versions([Fastgw(), Nginx()]),
    }  # fmt: skip
    file = chosen.output or report.RESULTS / "firewall" / f"{now:%Y-%m-%d}-{machine.machine_class(facts)}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    for target, cost in costs.items():
        print(f"{target:8} adds {cost:.2f} us")
    return int(costs["fastgw"] > BAR)


if __name__ == "__main__":
    sys.exit(main())

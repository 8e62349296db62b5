"""python -m bench.isolation: what templates cost the requests beside them, on the same worker.

One worker proxies requests at a steady rate, alone and while templates are rendered in Python beside them, 200 a second
of 1 KB with 20 references each. Both loads are open (bench/openloop). The p99 of the proxied requests is compared round
by round; the exit status is 1 when the median ratio is over the bar or a request failed.
"""

import argparse
import dataclasses
import datetime
import json
import statistics
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from bench import openloop, origin, report
from bench.compare import check, definition, machine, process, works
from bench.compare.measure import START_SECONDS
from bench.compare.process import Process
from bench.compare.site import Site, free_port
from bench.compare.targets.fastgw import Fastgw

BAR = 3.0
WARM_SECONDS = 2
REFERENCES = 20
TEMPLATE_BYTES = 1024
TEMPLATE_CONNECTIONS = 8
PATH = "/rendered"
BODY = json.dumps({"name": "a name", "items": [{"id": n, "of": f"item {n}"} for n in range(6)]}).encode()


def template() -> str:
    """A JSON answer of TEMPLATE_BYTES that is filled from the request."""
    sources = ("$input.path('$.name')", "$context.requestId", "$input.path('$.items[2].of')", "$context.stage")
    lines = [f'"field{n}": "{sources[n % len(sources)]}"' for n in range(REFERENCES - 1)]
    text = "{\n" + ",\n".join([*lines, '"rest": "$input.params(\'q\')'])
    return text + "x" * (TEMPLATE_BYTES - len(text) - 3) + '"\n}'


def rendered() -> dict[str, Any]:
    """A mock whose answer is the template."""
    return {
        "post": {
            "responses": {"200": {"description": "as rendered"}},
            "x-amazon-apigateway-integration": {
                "type": "mock",
                "requestTemplates": {"application/json": '{"statusCode": 200}'},
                "responses": {"default": {"statusCode": "200", "responseTemplates": {"application/json": template()}}},
            },
        }
    }


@dataclasses.dataclass(frozen=True, slots=True)
class Round:
    """alone and beside: the proxied requests; templates: the others, in the second run."""

    alone: openloop.Seen
    beside: openloop.Seen
    templates: openloop.Seen

    @property
    def ratio(self) -> float:
        return self.beside.p99 / self.alone.p99

    @property
    def errors(self) -> int:
        return self.alone.errors + self.beside.errors + self.templates.errors


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.isolation", description=__doc__)
    parser.add_argument("--rate", type=int, default=2_000, help="proxied requests a second (%(default)s)")
    parser.add_argument("--templates", type=int, default=200, help="templates a second (%(default)s)")
    parser.add_argument("--seconds", type=int, default=10, help="length of a run (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--connections", type=int, default=32, help="of the proxied requests (%(default)s)")
    parser.add_argument("--output", type=Path, help="result file (bench/results/isolation/DATE-MACHINE.json)")
    return parser.parse_args()


def one_round(chosen: argparse.Namespace, load: Path, port: int) -> Round:
    proxied = openloop.request("GET", works.PROXY.path, port, {})
    others = openloop.request("POST", f"{PATH}?q=1", port, {}, BODY)
    alone = openloop.load(load, port, chosen.rate, chosen.seconds, chosen.connections, proxied)
    seen: list[openloop.Seen] = []

    def render() -> None:
        seen.append(openloop.load(load, port, chosen.templates, chosen.seconds, TEMPLATE_CONNECTIONS, others))

    thread = threading.Thread(target=render)
    thread.start()
    beside = openloop.load(load, port, chosen.rate, chosen.seconds, chosen.connections, proxied)
    thread.join()
    return Round(alone, beside, seen[0])


def measured(chosen: argparse.Namespace, folder: Path) -> list[Round]:
    load = openloop.build(folder)
    home = folder / "fastgw"
    home.mkdir()
    site = Site(home, free_port(), free_port(), free_port(), works.PROXY)
    launch = Fastgw(workers=1).launch(site)
    paths = {PATH: rendered(), **definition.plain(site.origin_port)}
    (home / "openapi.json").write_text(definition.document(paths, **definition.CHECKS))
    with (
        Process([str(origin.build(folder)), str(site.origin_port)], None, folder / "origin.log"),
        Process(launch.command, None, home / "log", launch.environment) as gateway,
    ):
        check.ready(gateway, site.port, START_SECONDS)
        check.right(site, works.PROXY)
        rounds = []
        for number in range(-1, chosen.rounds):     # the first one warms up
            shorter = argparse.Namespace(**vars(chosen) | ({"seconds": WARM_SECONDS} if number < 0 else {}))
            rounds.append(one_round(shorter, load, site.port))
            print(rounds[-1], file=sys.stderr, flush=True)
    return rounds[1:]


def main() -> int:
    chosen = arguments()
    now = datetime.datetime.now(datetime.UTC)
    with tempfile.TemporaryDirectory(prefix="fastgw-bench-", dir=process.memory_folder()) as folder:
        rounds = measured(chosen, Path(folder))
    facts = machine.machine()
    ratio = statistics.median(one.ratio for one in rounds)
    errors = sum(one.errors for one in rounds)
    result = {
        "started": now.isoformat(timespec="seconds"),
        "command": " ".join(["python -m bench.isolation", *sys.argv[1:]]),
        "rate": chosen.rate, "templates": chosen.templates, "seconds": chosen.seconds, "ratio": ratio, "bar": BAR,
        "errors": errors, "rounds": [dataclasses.asdict(one) for one in rounds], "machine": facts,
        "versions": machine.versions([Fastgw()]),
    }  # fmt: skip
    default = report.RESULTS / "isolation" / f"{now:%Y-%m-%d}-{machine.machine_class(facts)}.json"
    file = chosen.output or default
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    for one in rounds:
        print(f"p99 alone {one.alone.p99:6} us, beside {chosen.templates} templates/s {one.beside.p99:6} us "
              f"({one.ratio:.2f}x); a template's own p99 {one.templates.p99} us")
    print(f"median ratio {ratio:.2f}, bar {BAR}; {errors} requests failed")
    return int(ratio > BAR or errors > 0)


if __name__ == "__main__":
    sys.exit(main())

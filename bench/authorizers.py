"""python -m bench.authorizers: what a known caller adds to a proxied request, beside nginx's auth_request.

fastgw and nginx proxy the same requests, each with the same token, to the same origin: without an authorizer ("plain"),
and with one whose decision is kept ("cached"): a Lambda authorizer in fastgw, with its policy looked at for each
request; in nginx auth_request to a location with proxy_cache. Figures are CPU microseconds per request, and what
the authorizer adds: the median over interleaved rounds. The exit status is 1 when the bar is missed.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import origin, report
from bench.compare import definition, load, machine, process, works
from bench.compare.process import Process
from bench.compare.site import Launch, Site, Target, free_port
from bench.compare.targets.fastgw import Fastgw
from bench.compare.targets.nginx import Nginx
from bench.compare.works import Work
from bench.jwt import Run, added, loaded, running

BAR_US = 1.0
"""That a kept decision may add."""

TOKEN = "5f1c2e7a9b4d4a6f8c3e0d1b2a4f6e8c"
KINDS = ("plain", "cached")

FUNCTION = f"""\
def handler(event, context):
    if event["authorizationToken"] != "Bearer {TOKEN}":
        raise Exception("Unauthorized")
    statement = {{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "arn:aws:execute-api:*:*:*/*/GET/*"}}
    return {{"principalId": "bench", "policyDocument": {{"Version": "2012-10-17", "Statement": [statement]}},
            "context": {{"plan": "gold"}}}}
"""

ASKED = """\
    map $http_authorization $known {{ default 0; "Bearer {token}" 1; }}
    server {{
        listen unix:{folder}/authorizer;
        access_log off;
        location / {{ if ($known = 0) {{ return 401; }} return 200; }}
    }}
"""
LOCATIONS = """\
        location / {{ auth_request /authorizer; proxy_pass http://origin; }}
        location = /authorizer {{
            internal;
            proxy_cache cached;
            proxy_cache_key $http_authorization;
            proxy_cache_valid 200 1h;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_pass http://unix:{folder}/authorizer:/;
        }}
"""


class Guarded(Fastgw):
    """fastgw with a REST API of one proxied route, and perhaps an authorizer on it."""

    def __init__(self, kind: str) -> None:
        super().__init__(1)
        self._kind = kind

    def launch(self, site: Site) -> Launch:
        launched = super().launch(site)
        file = site.folder / "fastgw.yaml"
        whole = json.loads(file.read_text())
        integration = {"type": "http_proxy", "httpMethod": "GET",
                       "uri": f"http://127.0.0.1:{site.origin_port}{works.PROXY.path}"}
        operation: dict[str, Any] = {"responses": {}, "x-amazon-apigateway-integration": integration}
        more: dict[str, Any] = {}
        if self._kind != "plain":
            operation["security"] = [{"token": []}]
            uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/authorizer/invocations"
            authorizer = {"type": "token", "authorizerUri": uri, "authorizerResultTtlInSeconds": 3_600}
            scheme = {"type": "apiKey", "name": "Authorization", "in": "header",
                      "x-amazon-apigateway-authorizer": authorizer}
            more["components"] = {"securitySchemes": {"token": scheme}}
            whole["functions"] = {"authorizer": {"code": ".", "handler": "app.handler", "runtime": "python3"}}
            (site.folder / "app.py").write_text(FUNCTION)
        (site.folder / "openapi.json").write_text(definition.document({works.PROXY.path: {"get": operation}}, **more))
        file.write_text(json.dumps(whole))
        return launched


class GuardedNginx(Nginx):
    """nginx, perhaps with auth_request, whose answers it keeps."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._folder = Path()

    def launch(self, site: Site) -> Launch:
        self._folder = site.folder
        return super().launch(site)

    def http(self, site: Site) -> str:
        return "" if self._kind == "plain" else ASKED.format(token=TOKEN, folder=site.folder)

    def locations(self, work: Work) -> str:
        return super().locations(work) if self._kind == "plain" else LOCATIONS.format(folder=self._folder)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.authorizers", description=__doc__)
    parser.add_argument("--seconds", type=int, default=2, help="length of a run (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="(%(default)s)")
    parser.add_argument("--connections", type=int, default=64, help="(%(default)s)")
    parser.add_argument("--gateway-core", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--load-core", type=int, default=1, help="(%(default)s)")
    parser.add_argument("--output", type=Path, help="result file (bench/results/authorizers/DATE-MACHINE.json)")
    return parser.parse_args()


def measured(chosen: argparse.Namespace, folder: Path, makers: dict[str, type[Target]]) -> list[Run]:
    port = free_port()
    runs = []
    with contextlib.ExitStack() as stack:
        built = str(origin.build(folder))
        stack.enter_context(Process([built, str(port)], chosen.load_core, folder / "origin.log"))
        stood = {
            (name, kind): stack.enter_context(
                running(maker(kind), kind, folder / f"{name}-{kind}", port, chosen.gateway_core, TOKEN))
            for name, maker in makers.items() for kind in KINDS
        }
        for number in range(-1, chosen.rounds):     # the first one warms up
            for (name, kind), (site, started) in stood.items():
                runs.append(loaded(chosen, name, kind, number, site, started, TOKEN))
                print(runs[-1], file=sys.stderr, flush=True)
    return [run for run in runs if run.round >= 0]


def main() -> int:
    chosen = arguments()
    lack = load.missing() or origin.missing()
    if lack:
        print(lack, file=sys.stderr)
        return 2
    makers = {"fastgw": Guarded} | ({"nginx": GuardedNginx} if Nginx().missing() is None else {})
    now = datetime.datetime.now(datetime.UTC)
    with tempfile.TemporaryDirectory(prefix="fastgw-bench-", dir=process.memory_folder()) as folder:
        runs = measured(chosen, Path(folder), makers)
    facts = machine.machine()
    costs = {target: added(runs, target, "cached") for target in makers}
    result = {
        "started": now.isoformat(timespec="seconds"),
        "command": " ".join(["python -m bench.authorizers", *sys.argv[1:]]),
        "added_us": costs, "bar_us": BAR_US, "runs": [dataclasses.asdict(run) for run in runs], "machine": facts,
        "versions": machine.versions([Fastgw(), *([Nginx()] if "nginx" in makers else [])]),
    }  # fmt: skip
    file = chosen.output or report.RESULTS / "authorizers" / f"{now:%Y-%m-%d}-{machine.machine_class(facts)}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    for target, us in costs.items():
        print(f"{target:8} adds {us:.2f} us")
    return int(costs["fastgw"] > BAR_US)


if __name__ == "__main__":
    sys.exit(main())

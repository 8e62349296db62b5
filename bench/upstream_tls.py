"""python -m bench.upstream_tls: what TLS to an upstream costs, beside nginx's proxy_ssl with the same OpenSSL.

One nginx is the origin, in plain and over TLS 1.3. Each gateway is asked over 64 plain connections and goes to it over
kept connections, verifying its certificate. The figures are CPU microseconds per request; ratios are medians over the
rounds. The exit status is 1 when fastgw takes more than the bar of nginx's CPU.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import sys
import tempfile
from pathlib import Path

from bench import origin, report
from bench.compare import load, machine, process, works
from bench.compare.process import Process
from bench.compare.site import Launch, Site, free_port
from bench.compare.targets.fastgw import Fastgw
from bench.compare.targets.nginx import Nginx
from bench.tls import Run, arguments, asked, certificate, cost, ratio, running

BAR = 1.1
"""Of nginx's CPU."""

KINDS = ("plain", "tls")
ORIGIN = """\
{user}
worker_processes 1; daemon off; pid {folder}/origin.pid; error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_timeout 300s; keepalive_requests 1000000000; default_type application/json;
    server {{
        listen 127.0.0.1:{plain} backlog=4096;
        listen 127.0.0.1:{tls} ssl backlog=4096;
        ssl_certificate {folder}/one.pem; ssl_certificate_key {folder}/one.key; ssl_protocols TLSv1.3;
        location / {{ return 200 '{body}'; }}
    }}
}}
"""
PROXY_SSL = """\
    proxy_ssl_protocols TLSv1.3; proxy_ssl_session_reuse on; proxy_ssl_server_name on; proxy_ssl_name localhost;
    proxy_ssl_verify on; proxy_ssl_trusted_certificate {folder}/one.pem;
    upstream origin {{"""


class TlsFastgw(Fastgw):
    """trust: folder of the origin's certificate."""

    def __init__(self, trust: Path) -> None:
        super().__init__(1)
        self._trust = trust

    def launch(self, site: Site) -> Launch:
        launched = super().launch(site)
        file = site.folder / "fastgw.yaml"
        whole = json.loads(file.read_text())
        tls = {"ca_file": str(self._trust / "one.pem"), "server_name": "localhost"}
        whole.setdefault("upstreams", {})[f"127.0.0.1:{site.origin_port}"] = {"tls": tls}
        file.write_text(json.dumps(whole))
        return launched


class TlsNginx(Nginx):
    def __init__(self, trust: Path) -> None:
        super().__init__()
        self._trust = trust

    def launch(self, site: Site) -> Launch:
        launched = super().launch(site)
        file = site.folder / "nginx.conf"
        text = file.read_text().replace("    upstream origin {", PROXY_SSL.format(folder=self._trust))
        file.write_text(text.replace("proxy_pass http://origin", "proxy_pass https://origin"))
        return launched


def measured(chosen: argparse.Namespace, folder: Path) -> list[Run]:
    ports = {kind: free_port() for kind in KINDS}
    certificate(folder)
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "origin.conf"
    config.write_text(ORIGIN.format(user=user, folder=folder, body=origin.GET_BODY.decode().rstrip(), **ports))
    targets = {("fastgw", "plain"): Fastgw(1), ("nginx", "plain"): Nginx(),
               ("fastgw", "tls"): TlsFastgw(folder), ("nginx", "tls"): TlsNginx(folder)}
    runs: list[Run] = []
    with contextlib.ExitStack() as stack:
        stack.enter_context(Process(["nginx", "-c", str(config)], chosen.load_core, folder / "origin.log"))
        stood = {}
        for (name, kind), target in targets.items():
            stood[name, kind] = stack.enter_context(
                running(target, folder / f"{name}-{kind}", ports[kind], works.PROXY, chosen.gateway_core))
        for number in range(chosen.rounds):
            for name, kind in (list(stood) if number % 2 else list(stood)[::-1]):
                site, started = stood[name, kind]
                pids = started.tree()
                used = process.cpu(pids)
                count, took = asked(chosen, f"http://127.0.0.1:{site.port}{works.PROXY.path}")
                spent = process.cpu(pids) - used
                runs.append(Run(name, kind, number, spent.total * 1e6 / count, count / took))
                print(runs[-1], file=sys.stderr, flush=True)
    return runs


def main() -> int:
    chosen = arguments()
    lack = load.missing() or Nginx().missing()
    if lack:
        print(lack, file=sys.stderr)
        return 2
    now = datetime.datetime.now(datetime.UTC)
    with tempfile.TemporaryDirectory(prefix="fastgw-bench-", dir=process.memory_folder()) as folder:
        runs = measured(chosen, Path(folder))
    facts = machine.machine()
    ratios = {kind: ratio(runs, kind) for kind in KINDS}
    result = {
        "started": now.isoformat(timespec="seconds"),
        "command": " ".join(["python -m bench.upstream_tls", *sys.argv[1:]]),
        "ratios": ratios, "bar": BAR,
        "runs": [dataclasses.asdict(run) for run in runs], "machine": facts,
        "versions": machine.versions([Fastgw(), Nginx()]),
    }  # fmt: skip
    file = chosen.output or report.RESULTS / "upstream_tls" / f"{now:%Y-%m-%d}-{machine.machine_class(facts)}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    for kind in KINDS:
        own, peer = cost(runs, "fastgw", kind), cost(runs, "nginx", kind)
        print(f"{kind:10} fastgw {own:8.2f} us, nginx {peer:8.2f} us: {ratios[kind]:.2f}")
    return int(ratios["tls"] > BAR)


if __name__ == "__main__":
    sys.exit(main())

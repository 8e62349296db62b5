"""python -m bench.h2: HTTP/2 from clients, beside nginx: CPU time per request of one worker each, by h2load.

Both run in one go with the same duties as in bench.compare (request id, access log, metrics), both ask the same origin
over HTTP/1.1, and h2load asks both alike, turn by turn: over TLS 1.3 with the same certificate and OpenSSL, or with
--plain without TLS (prior knowledge). The exit status is 1 when a request failed.
"""

import argparse
import dataclasses
import datetime
import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import origin, report
from bench.compare import check, machine, process, works
from bench.compare.measure import START_SECONDS
from bench.compare.process import Process
from bench.compare.site import Launch, Site, free_port
from bench.compare.targets.fastgw import Fastgw
from bench.compare.targets.nginx import Nginx

BAR = 1.2
"""Times nginx's CPU."""
WARM = 2000
DONE = re.compile(r"requests: (\d+) total, .* (\d+) succeeded")


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """cpu_us: CPU time for each request, in microseconds; rate: requests a second."""

    target: str
    work: str
    cpu_us: float
    rate: float
    failed: int


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.h2", description=__doc__)
    parser.add_argument("--works", default="fixed,proxy", help="comma list, of bench.compare's (%(default)s)")
    parser.add_argument("--requests", type=int, default=50_000, help="of a run (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--connections", type=int, default=16, help="(%(default)s)")
    parser.add_argument("--streams", type=int, default=10, help="at one time on each connection (%(default)s)")
    parser.add_argument("--plain", action="store_true", help="without TLS")
    parser.add_argument("--gateway-core", type=int, default=0, help="core of the target (%(default)s)")
    parser.add_argument("--load-core", type=int, default=1, help="core of h2load and the origin (%(default)s)")
    parser.add_argument("--output", type=Path, help="result file (bench/results/h2/DATE-MACHINE.json)")
    return parser.parse_args()


def certificate(folder: Path) -> None:
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
                    folder / "tls.key", "-out", folder / "tls.pem"], check=True, capture_output=True, timeout=60)


def with_nginx(site: Site, tls: bool) -> Launch:
    launch = Nginx().launch(site)
    file = site.folder / "nginx.conf"
    words = "ssl http2" if tls else "http2"
    lines = f"listen 127.0.0.1:{site.port} {words} reuseport backlog=4096;"
    if tls:
        lines += f" ssl_certificate {site.folder}/tls.pem; ssl_certificate_key {site.folder}/tls.key;"
    text, count = re.subn(r"listen 127\.0\.0\.1:\d+ [^;]*;", lines, file.read_text())
    check.expect(count == 1, "nginx's configuration has another listener than expected")
    file.write_text(text)
    return launch


def with_fastgw(site: Site, tls: bool) -> Launch:
    launch = Fastgw().launch(site)
    listen = f"127.0.0.1:{site.port}"
    command = [f"{word} {'tls' if tls else 'http2'}" if word == listen else word for word in launch.command]
    if tls:
        file = site.folder / "fastgw.yaml"
        domains = {"*": {"certificate": str(site.folder / "tls.pem"), "key": str(site.folder / "tls.key")}}
        file.write_text(json.dumps({**json.loads(file.read_text()), "tls": {"domains": domains}}))
    return Launch(command, launch.environment)


WORKS = {work.name: work for work in (works.FIXED, works.PROXY)}
TARGETS = {"fastgw": with_fastgw, "nginx": with_nginx}


@contextmanager
def running(name: str, chosen: argparse.Namespace, work: works.Work, folder: Path, behind: int) -> Iterator[tuple]:
    place = folder / f"{name}-{work.name}"
    place.mkdir()
    place.chmod(0o755)
    if not chosen.plain:
        for file in ("tls.pem", "tls.key"):
            shutil.copy(folder / file, place)
    site = Site(place, free_port(), free_port(), behind, work)
    launch = TARGETS[name](site, not chosen.plain)
    with Process(launch.command, chosen.gateway_core, place / "log", launch.environment) as target:
        listening(target, site.port)
        load(chosen, site, work, WARM)
        yield site, target


def connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def listening(target: Process, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not connects(port):
        check.expect(target.alive() and time.monotonic() < deadline, f"it is not up:\n{target.complaint()}")
        time.sleep(0.05)


def load(chosen: argparse.Namespace, site: Site, work: works.Work, requests: int) -> tuple[float, int]:
    """Requests a second, and how many failed."""
    url = f"http{'' if chosen.plain else 's'}://127.0.0.1:{site.port}{work.path}"
    command = ["h2load", "-n", str(requests), "-c", str(chosen.connections), "-m", str(chosen.streams), url]
    ran = subprocess.run(process.pinned(chosen.load_core, command), capture_output=True, text=True, timeout=600)
    done = DONE.search(ran.stdout)
    check.expect(done is not None, f"h2load says {ran.stdout[-500:]}{ran.stderr[-500:]}")
    codes = re.search(r"status codes: (\d+) 2xx", ran.stdout)
    rate = re.search(r", ([\d.]+) req/s", ran.stdout)
    return float(rate[1]), int(done[1]) - min(int(done[2]), int(codes[1]))


def measured(chosen: argparse.Namespace, folder: Path) -> list[Run]:
    runs = []
    behind = free_port()
    if not chosen.plain:
        certificate(folder)
    with Process([str(origin.build(folder)), str(behind)], chosen.load_core, folder / "origin.log") as source:
        check.ready(source, behind, START_SECONDS)
        for name in chosen.works.split(","):
            work = WORKS[name]
            with running("fastgw", chosen, work, folder, behind) as ours, \
                    running("nginx", chosen, work, folder, behind) as peer:
                for _ in range(chosen.rounds):
                    for target, (site, running_now) in (("fastgw", ours), ("nginx", peer)):
                        before = process.cpu(running_now.tree())
                        rate, failed = load(chosen, site, work, chosen.requests)
                        used = process.cpu(running_now.tree()) - before
                        runs.append(Run(target, name, used.total / chosen.requests * 1e6, rate, failed))
                        print(runs[-1], file=sys.stderr, flush=True)
    return runs


def table(runs: list[Run]) -> list[dict[str, Any]]:
    """Of each work the medians, and the median of the rounds' ratios."""
    rows = []
    for name in dict.fromkeys(run.work for run in runs):
        ours, peer = ([run.cpu_us for run in runs if (run.work, run.target) == (name, target)]
                      for target in ("fastgw", "nginx"))
        ratio = statistics.median(a / b for a, b in zip(ours, peer, strict=True))
        rows.append({"work": name, "fastgw_us": statistics.median(ours), "nginx_us": statistics.median(peer),
                     "ratio": ratio, "bar": BAR})
    return rows


def main() -> int:
    chosen = arguments()
    lack = [name for name in ("h2load", "openssl") if not shutil.which(name)]
    if lack or Nginx().missing() or origin.missing():
        print(Nginx().missing() or origin.missing() or f"not installed: {', '.join(lack)} (apt install nghttp2-client)",
              file=sys.stderr)
        return 2
    now = datetime.datetime.now(datetime.UTC)
    with tempfile.TemporaryDirectory(prefix="fastgw-bench-", dir=process.memory_folder()) as folder:
        Path(folder).chmod(0o755)
        runs = measured(chosen, Path(folder))
    found = {
        "started": now.isoformat(timespec="seconds"),
        "command": " ".join(["python -m bench.h2", *sys.argv[1:]]),
        "tls": not chosen.plain,
        "table": table(runs),
        "runs": [dataclasses.asdict(run) for run in runs],
        "machine": machine.machine(),
        "versions": machine.versions([Fastgw(), Nginx()]),
    }
    file = chosen.output or report.RESULTS / "h2" / f"{now:%Y-%m-%d}-{machine.machine_class(found['machine'])}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n")
    for row in found["table"]:
        print(f"{row['work']:<10} fastgw {row['fastgw_us']:6.1f} us  nginx {row['nginx_us']:6.1f} us  "
              f"ratio {row['ratio']:.2f} (bar {row['bar']})")
    return int(any(run.failed for run in runs))


if __name__ == "__main__":
    sys.exit(main())

"""python -m bench.tls: what TLS costs with clients, beside nginx with the same OpenSSL, certificate, cipher and curve.

Keep-alive: wrk asks over 64 connections, in plain and over TLS; the figures are CPU microseconds per request.
Handshakes: openssl s_time makes connections of one request each, with a whole handshake every time, or with a session
resumed (TLS 1.2, which is what s_time resumes); the figures are CPU microseconds per connection. Ratios are medians
over the rounds. The exit status is 1 when fastgw takes more than the bar of nginx's CPU.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench import origin, report
from bench.compare import check, load, machine, process, works
from bench.compare.measure import START_SECONDS
from bench.compare.process import Process, pinned
from bench.compare.site import Launch, Site, Target, free_port
from bench.compare.targets.fastgw import Fastgw
from bench.compare.targets.nginx import Nginx

BAR = 1.1
"""Of nginx's CPU."""

CIPHER, SUITE = "ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_AES_256_GCM_SHA384"
KINDS = ("plain", "keep-alive", "handshake", "resumed")
NGINX = """\
        listen 127.0.0.1:{port} ssl reuseport backlog=4096;
        ssl_certificate {folder}/one.pem;
        ssl_certificate_key {folder}/one.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ecdh_curve X25519;
        ssl_session_tickets on;
        ssl_prefer_server_ciphers on;
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """cpu: microseconds per request, or per connection; rate: of these a second."""

    target: str
    kind: str
    round: int
    cpu: float
    rate: float


def certificate(folder: Path) -> None:
    """one.pem and one.key: ECDSA on P-256, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now,
                                now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    (folder / "one.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "one.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )


class SecureFastgw(Fastgw):
    def __init__(self, tls_port: int) -> None:
        super().__init__(1)
        self._tls_port = tls_port

    def launch(self, site: Site) -> Launch:
        launched = super().launch(site)
        certificate(site.folder)
        file = site.folder / "fastgw.yaml"
        whole = json.loads(file.read_text())
        whole["tls"] = {"policy": "edge", "domains": {"*": {"certificate": "one.pem", "key": "one.key"}}}
        file.write_text(json.dumps(whole))
        command = [f"127.0.0.1:{site.port},127.0.0.1:{self._tls_port} tls" if word == f"127.0.0.1:{site.port}" else word
                   for word in launched.command]
        return Launch(command, launched.environment)


class SecureNginx(Nginx):
    def __init__(self, tls_port: int) -> None:
        super().__init__()
        self._tls_port = tls_port

    def launch(self, site: Site) -> Launch:
        launched = super().launch(site)
        certificate(site.folder)
        file = site.folder / "nginx.conf"
        text = file.read_text()
        listen = f"        listen 127.0.0.1:{site.port} "
        more = NGINX.format(port=self._tls_port, folder=site.folder)
        file.write_text(text.replace(listen, more + listen))
        return launched


TARGETS = {"fastgw": SecureFastgw, "nginx": SecureNginx}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.tls", description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="length of a run (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--connections", type=int, default=64, help="(%(default)s)")
    parser.add_argument("--work", choices=("proxy", "fixed"), default="proxy", help="(%(default)s)")
    parser.add_argument("--gateway-core", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--load-core", type=int, default=1, help="(%(default)s)")
    parser.add_argument("--output", type=Path, help="result file (bench/results/tls/DATE-MACHINE.json)")
    return parser.parse_args()


@contextlib.contextmanager
def running(target: Target, folder: Path, origin_port: int, work: works.Work,
            core: int) -> Iterator[tuple[Site, Process]]:
    folder.mkdir(parents=True)
    site = Site(folder, free_port(), free_port(), origin_port, work)
    launch = target.launch(site)
    with Process(launch.command, core, folder / "log", launch.environment) as started:
        check.ready(started, site.port, START_SECONDS)
        yield site, started


def asked(chosen: argparse.Namespace, url: str) -> tuple[int, float]:
    """Requests, and the seconds that they took."""
    options = ["-t1", f"-c{chosen.connections}", f"-d{chosen.seconds}s", "--latency", "--timeout", "10s"]
    done = subprocess.run(pinned(chosen.load_core, ["wrk", *options, "-s", str(load.SCRIPT), url, "--", "GET", ""]),
                          capture_output=True, text=True, timeout=chosen.seconds + 60)
    seen = load.outcome(done.stdout + done.stderr)
    return seen.requests, seen.seconds


def connected(chosen: argparse.Namespace, port: int, path: str, resumed: bool) -> tuple[int, float]:
    """Connections, and the seconds that they took."""
    options = ["-reuse", "-tls1_2", "-cipher", CIPHER] if resumed else ["-new", "-tls1_3", "-ciphersuites", SUITE]
    options += ["-connect", f"127.0.0.1:{port}", "-time", str(chosen.seconds), "-www", path]
    done = subprocess.run(pinned(chosen.load_core, ["openssl", "s_time", *options]), capture_output=True, text=True,
                          timeout=chosen.seconds + 60)
    found = re.search(r"(\d+) connections in (\d+) real seconds", done.stdout)
    if not found or not int(found[1]):
        raise RuntimeError(f"openssl s_time: {done.stdout}{done.stderr}")
    return int(found[1]), float(chosen.seconds)


def one(chosen: argparse.Namespace, name: str, kind: str, number: int, site: Site, started: Process, port: int) -> Run:
    pids = started.tree()
    used = process.cpu(pids)
    if kind in ("plain", "keep-alive"):
        where = f"https://127.0.0.1:{port}" if kind == "keep-alive" else f"http://127.0.0.1:{site.port}"
        count, seconds = asked(chosen, where + site.work.path)
    else:
        count, seconds = connected(chosen, port, site.work.path, kind == "resumed")
    spent = process.cpu(pids) - used
    return Run(name, kind, number, spent.total * 1e6 / count, count / seconds)


def measured(chosen: argparse.Namespace, folder: Path) -> list[Run]:
    work = works.PROXY if chosen.work == "proxy" else works.FIXED
    runs = []
    with contextlib.ExitStack() as stack:
        port = free_port()
        stack.enter_context(Process([str(origin.build(folder)), str(port)], chosen.load_core, folder / "origin.log"))
        stood = {}
        for name, kind in TARGETS.items():
            secure = free_port()
            stood[name] = (*stack.enter_context(running(kind(secure), folder / name, port, work, chosen.gateway_core)),
                           secure)
        for number in range(chosen.rounds):
            for kind in KINDS:
                for name in (list(stood) if number % 2 else list(stood)[::-1]):
                    runs.append(one(chosen, name, kind, number, *stood[name]))
                    print(runs[-1], file=sys.stderr, flush=True)
    return runs


def ratio(runs: list[Run], kind: str) -> float:
    """fastgw's CPU over nginx's: the median over the rounds."""
    cost = {(run.target, run.round): run.cpu for run in runs if run.kind == kind}
    rounds = {number for _, number in cost}
    return statistics.median(cost["fastgw", number] / cost["nginx", number] for number in rounds)


def cost(runs: list[Run], target: str, kind: str) -> float:
    return statistics.median(run.cpu for run in runs if (run.target, run.kind) == (target, kind))


def main() -> int:
    chosen = arguments()
    lack = load.missing() or origin.missing() or Nginx().missing()
    if not lack and not shutil.which("openssl"):
        lack = "openssl is not installed (apt install openssl)"
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
        "command": " ".join(["python -m bench.tls", *sys.argv[1:]]),
        "ratios": ratios, "bar": BAR,
        "runs": [dataclasses.asdict(run) for run in runs], "machine": facts,
        "versions": machine.versions([Fastgw(), Nginx()]),
    }  # fmt: skip
    file = chosen.output or report.RESULTS / "tls" / f"{now:%Y-%m-%d}-{machine.machine_class(facts)}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    for kind in KINDS:
        own, peer = cost(runs, "fastgw", kind), cost(runs, "nginx", kind)
        print(f"{kind:10} fastgw {own:8.2f} us, nginx {peer:8.2f} us: {ratios[kind]:.2f}")
    return int(any(ratios[kind] > BAR for kind in KINDS[1:]))


if __name__ == "__main__":
    sys.exit(main())

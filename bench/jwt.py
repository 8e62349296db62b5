"""python -m bench.jwt: what verifying tokens adds to a proxied request, beside Envoy's jwt_authn.

fastgw and Envoy proxy the same requests to the same origin, once without and once with an authorizer; the key set is a
file, or inline. Cached: one token in all requests. Cold: every request brings a token that was never seen, RS256 with a
2,048-bit key; Envoy keeps no decisions, so its two are alike. Figures are CPU microseconds per request, and what the
authorizer adds: the median over the rounds. The exit status is 1 when a bar is missed.
"""

import argparse
import contextlib
import dataclasses
import datetime
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bench import origin, report
from bench.compare import check, definition, load, machine, process, works
from bench.compare.measure import START_SECONDS
from bench.compare.process import Process, pinned
from bench.compare.site import Launch, Site, Target, free_port
from bench.compare.targets.envoy import Envoy, bootstrap, extension, program
from bench.compare.targets.fastgw import Fastgw

CACHED_BAR, COLD_BAR = 1.0, 60.0
"""Microseconds that a token may add."""

ISSUER, AUDIENCE, KID = "https://issuer.test", "bench", "bench"
SCRIPT = Path(__file__).with_name("wire") / "tokens.lua"
KINDS = ("plain", "cached", "cold")
AUTHORIZER = {
    "type": "oauth2",
    "flows": {},
    "x-amazon-apigateway-authorizer": {
        "type": "jwt",
        "identitySource": "$request.header.Authorization",
        "jwtConfiguration": {"issuer": ISSUER, "audience": [AUDIENCE]},
    },
}


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """cpu: microseconds per request, all processes of the target together."""

    target: str
    kind: str
    round: int
    cpu: float
    requests_per_second: float


def encode(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


class Tokens:
    """One key, and as many tokens as are asked for."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65537, 2048)

    def keys(self) -> str:
        numbers = self._key.public_key().public_numbers()
        n, e = (encode(number.to_bytes((number.bit_length() + 7) // 8)).decode() for number in (numbers.n, numbers.e))
        return json.dumps({"keys": [{"kty": "RSA", "kid": KID, "alg": "RS256", "use": "sig", "n": n, "e": e}]})

    def token(self, number: int) -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": f"user-{number}", "iat": now, "exp": now + 3_600,
                  "scope": "read write", "email": f"user-{number}@example.com"}
        parts = [encode(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": KID, "typ": "JWT"}, claims)]
        signed = b".".join(parts)
        signature = self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return (signed + b"." + encode(signature)).decode()


class Guarded(Fastgw):
    """fastgw with an HTTP API of one proxied route, and perhaps a jwt authorizer on it."""

    def __init__(self, keys: str, guarded: bool) -> None:
        super().__init__(1)
        self._keys, self._guarded = keys, guarded

    def launch(self, site: Site) -> Launch:
        launched = super().launch(site)
        file = site.folder / "fastgw.yaml"
        whole = json.loads(file.read_text())
        whole["apis"]["bench"]["kind"] = "HTTP"
        integration = {"type": "http_proxy", "httpMethod": "GET", "payloadFormatVersion": "1.0",
                       "uri": f"http://127.0.0.1:{site.origin_port}{works.PROXY.path}"}
        operation: dict[str, Any] = {"responses": {}, "x-amazon-apigateway-integration": integration}
        more = {}
        if self._guarded:
            operation["security"] = [{"token": []}]
            more["components"] = {"securitySchemes": {"token": AUTHORIZER}}
            whole["issuers"] = {ISSUER: {"jwks": "keys.json"}}
            (site.folder / "keys.json").write_text(self._keys)
        (site.folder / "openapi.json").write_text(definition.document({works.PROXY.path: {"get": operation}}, **more))
        file.write_text(json.dumps(whole))
        return launched


class GuardedEnvoy(Envoy):
    """Envoy with the filter jwt_authn on every route."""

    def __init__(self, keys: str, guarded: bool) -> None:
        self._keys, self._guarded = keys, guarded

    def launch(self, site: Site) -> Launch:
        launched = super().launch(site)
        if self._guarded:
            whole = bootstrap(site)
            provider = {"issuer": ISSUER, "audiences": [AUDIENCE], "forward": True,
                        "local_jwks": {"inline_string": self._keys}}
            rule = {"match": {"prefix": "/"}, "requires": {"provider_name": "bench"}}
            config = {"@type": extension("filters.http.jwt_authn.v3.JwtAuthentication"),
                      "providers": {"bench": provider}, "rules": [rule]}
            chain = whole["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
            chain["http_filters"].insert(0, {"name": "envoy.filters.http.jwt_authn", "typed_config": config})
            (site.folder / "envoy.json").write_text(json.dumps(whole, indent=1))
        return launched


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.jwt", description=__doc__)
    parser.add_argument("--seconds", type=int, default=2, help="length of a run (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--connections", type=int, default=64, help="(%(default)s)")
    parser.add_argument("--gateway-core", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--load-core", type=int, default=1, help="(%(default)s)")
    parser.add_argument("--tokens", type=int, default=20_000, help="that are made for each cold run (%(default)s)")
    parser.add_argument("--output", type=Path, help="result file (bench/results/jwt/DATE-MACHINE.json)")
    return parser.parse_args()


def lets_in(site: Site, value: str) -> None:
    """Raises WrongAnswer unless the token opens the way to the origin."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=check.TIMEOUT)
    try:
        answer = check.ask(connection, "GET", works.PROXY.path, Authorization=value)
    finally:
        connection.close()
    check.expect(answer.status == 200 and answer.body == works.PROXY.answer, f"a good token is answered {answer}")


def tokens_file(folder: Path, name: str, tokens: list[str]) -> Path:
    """What the load's script reads: one value of Authorization a line; none asks without."""
    file = folder / name
    file.write_text("".join(f"Bearer {token}\n" for token in tokens))
    return file


@contextlib.contextmanager
def running(target: Target, folder: Path, origin_port: int, core: int, first: str) -> Iterator[tuple[Site, Process]]:
    """A target that has let the first request in."""
    folder.mkdir(parents=True)
    site = Site(folder, free_port(), free_port(), origin_port, works.PROXY)
    launch = target.launch(site)
    with Process(launch.command, core, folder / "log", launch.environment) as started:
        check.ready(started, site.port, START_SECONDS)
        lets_in(site, first)
        yield site, started


def loaded(chosen: argparse.Namespace, target: str, kind: str, number: int, site: Site, started: Process,
           tokens: Path) -> Run:
    pids = started.tree()
    used = process.cpu(pids)
    options = ["-t1", f"-c{chosen.connections}", f"-d{chosen.seconds}s", "--latency", "--timeout", "10s"]
    url = f"http://127.0.0.1:{site.port}{works.PROXY.path}"
    done = subprocess.run(pinned(chosen.load_core, ["wrk", *options, "-s", str(SCRIPT), url, "--", str(tokens)]),
                          capture_output=True, text=True, timeout=chosen.seconds + 60)
    seen = load.outcome(done.stdout + done.stderr)
    spent = process.cpu(pids) - used
    return Run(target, kind, number, spent.total * 1e6 / seen.requests, seen.requests / seen.seconds)


def measured(chosen: argparse.Namespace, folder: Path, made: Tokens) -> list[Run]:
    peers: dict[str, Any] = {"fastgw": Guarded}
    if program():
        peers["envoy"] = GuardedEnvoy
    runs = []
    one = tokens_file(folder, "one", [made.token(0)])
    none = tokens_file(folder, "none", [])
    with contextlib.ExitStack() as stack:
        port = free_port()
        command = [str(origin.build(folder)), str(port)]
        stack.enter_context(Process(command, chosen.load_core, folder / "origin.log"))
        stood = {
            (name, guarded): stack.enter_context(running(kind(made.keys(), guarded), folder / f"{name}-{guarded}", port,
                                                         chosen.gateway_core, one.read_text().strip()))
            for name, kind in peers.items() for guarded in (False, True)
        }
        fresh = 1
        for number in range(chosen.rounds):
            for name in peers:
                for kind in KINDS:
                    used = {"plain": none, "cached": one}.get(kind)
                    if used is None:
                        many = [made.token(fresh + extra) for extra in range(chosen.tokens)]
                        fresh += len(many)
                        used = tokens_file(folder, "many", many)
                    site, started = stood[name, kind != "plain"]
                    runs.append(loaded(chosen, name, kind, number, site, started, used))
                    print(runs[-1], file=sys.stderr, flush=True)
    return runs


def added(runs: list[Run], target: str, kind: str) -> float:
    """What the authorizer costs: the median over the rounds of the difference to the plain run of the same round."""
    plain = {run.round: run.cpu for run in runs if run.target == target and run.kind == "plain"}
    return statistics.median(run.cpu - plain[run.round] for run in runs if run.target == target and run.kind == kind)


def main() -> int:
    chosen = arguments()
    lack = load.missing() or origin.missing()
    if lack:
        print(lack, file=sys.stderr)
        return 2
    now = datetime.datetime.now(datetime.UTC)
    with tempfile.TemporaryDirectory(prefix="fastgw-bench-", dir=process.memory_folder()) as folder:
        runs = measured(chosen, Path(folder), Tokens())
    facts = machine.machine()
    targets = list(dict.fromkeys(run.target for run in runs))
    costs = {target: {kind: added(runs, target, kind) for kind in KINDS[1:]} for target in targets}
    result = {
        "started": now.isoformat(timespec="seconds"),
        "command": " ".join(["python -m bench.jwt", *sys.argv[1:]]),
        "added_us": costs, "bars_us": {"cached": CACHED_BAR, "cold": COLD_BAR},
        "runs": [dataclasses.asdict(run) for run in runs], "machine": facts,
        "versions": machine.versions([Fastgw(), *([Envoy()] if "envoy" in targets else [])]),
    }  # fmt: skip
    file = chosen.output or report.RESULTS / "jwt" / f"{now:%Y-%m-%d}-{machine.machine_class(facts)}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    for target, cost in costs.items():
        print(f"{target:8} adds {cost['cached']:7.2f} us for a known token, {cost['cold']:7.2f} us for a new one")
    own = costs["fastgw"]
    return int(own["cached"] > CACHED_BAR or own["cold"] > COLD_BAR)


if __name__ == "__main__":
    sys.exit(main())

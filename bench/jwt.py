"""python -m bench.jwt: what verifying tokens adds to a proxied request, beside Envoy's jwt_authn.

fastgw and Envoy proxy the same requests, each with the same token (RS256, 2,048 bits), to the same origin: without an
authorizer ("plain"), with one whose decisions are kept ("cached"), and with one that verifies each request's token
("cold", authorizerResultTtlInSeconds 0). Envoy keeps no decisions. Figures are CPU microseconds per request, and what
the authorizer adds: the median over interleaved rounds. The exit status is 1 when a bar is missed.
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
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bench import origin, report
from bench.compare import check, definition, load, machine, process, works
from bench.compare.load import Load
from bench.compare.measure import START_SECONDS
from bench.compare.process import Process
from bench.compare.site import Launch, Site, Target, free_port
from bench.compare.targets.envoy import Envoy, bootstrap, extension, program
from bench.compare.targets.fastgw import Fastgw

BARS = {"cached": 1.0, "cold": 60.0}
"""Microseconds that a token may add."""

ISSUER, AUDIENCE, KID = "https://issuer.test", "bench", "bench"
KINDS = {"fastgw": ("plain", "cached", "cold"), "envoy": ("plain", "cold")}


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """cpu: microseconds per request, all processes of the target together."""

    target: str
    kind: str
    round: int
    cpu: float
    requests_per_second: float


@dataclasses.dataclass(frozen=True, slots=True)
class Signed:
    """A key set, and a token by its key."""

    keys: str
    token: str


def signed() -> Signed:
    key = rsa.generate_private_key(65537, 2048)
    numbers = key.public_key().public_numbers()
    n, e = (encode(number.to_bytes((number.bit_length() + 7) // 8)).decode() for number in (numbers.n, numbers.e))
    keys = json.dumps({"keys": [{"kty": "RSA", "kid": KID, "alg": "RS256", "use": "sig", "n": n, "e": e}]})
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "0b2e7c9a-5d6f-4e3b-9a1c-7f8e6d5c4b3a", "iat": now,
              "exp": now + 86_400, "scope": "read write", "email": "someone@example.com"}
    parts = [encode(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": KID, "typ": "JWT"}, claims)]
    signature = key.sign(b".".join(parts), padding.PKCS1v15(), hashes.SHA256())
    return Signed(keys, b".".join([*parts, encode(signature)]).decode())


def encode(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


class Guarded(Fastgw):
    """fastgw with an HTTP API of one proxied route, and perhaps a jwt authorizer on it."""

    def __init__(self, keys: str, kind: str) -> None:
        super().__init__(1)
        self._keys, self._kind = keys, kind

    def launch(self, site: Site) -> Launch:
        launched = super().launch(site)
        file = site.folder / "fastgw.yaml"
        whole = json.loads(file.read_text())
        whole["apis"]["bench"]["kind"] = "HTTP"
        integration = {"type": "http_proxy", "httpMethod": "GET", "payloadFormatVersion": "1.0",
                       "uri": f"http://127.0.0.1:{site.origin_port}{works.PROXY.path}"}
        operation: dict[str, Any] = {"responses": {}, "x-amazon-apigateway-integration": integration}
        more: dict[str, Any] = {}
        if self._kind != "plain":
            operation["security"] = [{"token": []}]
            authorizer = {"type": "jwt", "identitySource": "$request.header.Authorization",
                          "jwtConfiguration": {"issuer": ISSUER, "audience": [AUDIENCE]},
                          "authorizerResultTtlInSeconds": 0 if self._kind == "cold" else 3_600}
            scheme = {"type": "oauth2", "flows": {}, "x-amazon-apigateway-authorizer": authorizer}
            more["components"] = {"securitySchemes": {"token": scheme}}
            whole["issuers"] = {ISSUER: {"jwks": "keys.json"}}
            (site.folder / "keys.json").write_text(self._keys)
        (site.folder / "openapi.json").write_text(definition.document({works.PROXY.path: {"get": operation}}, **more))
        file.write_text(json.dumps(whole))
        return launched


class GuardedEnvoy(Envoy):
    """Envoy, perhaps with the filter jwt_authn on every route."""

    def __init__(self, keys: str, kind: str) -> None:
        self._keys, self._kind = keys, kind

    def launch(self, site: Site) -> Launch:
        launched = super().launch(site)
        if self._kind != "plain":
            whole = bootstrap(site)
            provider = {"issuer": ISSUER, "audiences": [AUDIENCE], "forward": True,
                        "local_jwks": {"inline_string": self._keys}}
            rule = {"match": {"prefix": "/"}, "requires": {"provider_name": "bench"}}
            config = {"@type": extension("filters.http.jwt_authn.v3.JwtAuthentication"),
                      "providers": {"bench": provider}, "rules": [rule]}
            manager = whole["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
            manager["http_filters"].insert(0, {"name": "envoy.filters.http.jwt_authn", "typed_config": config})
            (site.folder / "envoy.json").write_text(json.dumps(whole, indent=1))
        return launched


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.jwt", description=__doc__)
    parser.add_argument("--seconds", type=int, default=2, help="length of a run (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="(%(default)s)")
    parser.add_argument("--connections", type=int, default=64, help="(%(default)s)")
    parser.add_argument("--gateway-core", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--load-core", type=int, default=1, help="(%(default)s)")
    parser.add_argument("--output", type=Path, help="result file (bench/results/jwt/DATE-MACHINE.json)")
    return parser.parse_args()


def let_in(site: Site, token: str, guarded: bool) -> None:
    """Raises WrongAnswer unless the token opens the way to the origin, and nothing else does."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=check.TIMEOUT)
    try:
        good = check.ask(connection, "GET", works.PROXY.path, Authorization=f"Bearer {token}")
        bad = check.ask(connection, "GET", works.PROXY.path, Authorization=f"Bearer {token[:-4]}AAAA")
    finally:
        connection.close()
    check.expect(good.status == 200 and good.body == works.PROXY.answer, f"a good token is answered {good}")
    check.expect((bad.status == 401) == guarded, f"a bad token is answered {bad}")


@contextlib.contextmanager
def running(target: Target, kind: str, folder: Path, origin_port: int, core: int,
            token: str) -> Iterator[tuple[Site, Process]]:
    folder.mkdir()
    site = Site(folder, free_port(), free_port(), origin_port, works.PROXY)
    launch = target.launch(site)
    with Process(launch.command, core, folder / "log", launch.environment) as started:
        check.ready(started, site.port, START_SECONDS)
        let_in(site, token, kind != "plain")
        yield site, started


def loaded(chosen: argparse.Namespace, target: str, kind: str, number: int, site: Site, started: Process,
           token: str) -> Run:
    work = dataclasses.replace(works.PROXY, headers=(("Authorization", f"Bearer {token}"),))
    pids = started.tree()
    used = process.cpu(pids)
    with Load(work, site.port, chosen.connections, chosen.seconds, chosen.load_core) as wrk:
        seen = wrk.finish()
    spent = process.cpu(pids) - used
    return Run(target, kind, number, spent.total * 1e6 / seen.requests, seen.requests / seen.seconds)


def measured(chosen: argparse.Namespace, folder: Path) -> list[Run]:
    made = signed()
    makers: dict[str, Any] = {"fastgw": Guarded} | ({"envoy": GuardedEnvoy} if program() else {})
    port = free_port()
    runs = []
    with contextlib.ExitStack() as stack:
        built = str(origin.build(folder))
        stack.enter_context(Process([built, str(port)], chosen.load_core, folder / "origin.log"))
        stood = {
            (name, kind): stack.enter_context(running(
                maker(made.keys, kind), kind, folder / f"{name}-{kind}", port, chosen.gateway_core, made.token))
            for name, maker in makers.items() for kind in KINDS[name]
        }
        for number in range(-1, chosen.rounds):     # the first one warms up
            for (name, kind), (site, started) in stood.items():
                runs.append(loaded(chosen, name, kind, number, site, started, made.token))
                print(runs[-1], file=sys.stderr, flush=True)
    return [run for run in runs if run.round >= 0]


def added(runs: list[Run], target: str, kind: str) -> float:
    """What the authorizer costs: the median over the rounds of the difference to the plain run of the same round."""
    plain = {run.round: run.cpu for run in runs if (run.target, run.kind) == (target, "plain")}
    return statistics.median(run.cpu - plain[run.round] for run in runs if (run.target, run.kind) == (target, kind))


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
    targets = list(dict.fromkeys(run.target for run in runs))
    costs = {target: {kind: added(runs, target, kind) for kind in KINDS[target][1:]} for target in targets}
    result = {
        "started": now.isoformat(timespec="seconds"),
        "command": " ".join(["python -m bench.jwt", *sys.argv[1:]]),
        "added_us": costs, "bars_us": BARS, "runs": [dataclasses.asdict(run) for run in runs], "machine": facts,
        "versions": machine.versions([Fastgw(), *([Envoy()] if "envoy" in targets else [])]),
    }  # fmt: skip
    file = chosen.output or report.RESULTS / "jwt" / f"{now:%Y-%m-%d}-{machine.machine_class(facts)}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    for target, cost in costs.items():
        print(f"{target:8} adds " + ", ".join(f"{us:.2f} us ({kind})" for kind, us in cost.items()))
    return int(any(costs["fastgw"][kind] > bar for kind, bar in BARS.items()))


if __name__ == "__main__":
    sys.exit(main())

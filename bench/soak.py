"""python -m bench.soak: half an hour of traffic with everything on and hostile requests in it (TRIALS E7).

The load is open (bench/openloop), the gateway is the one of that bench; one request in a thousand is one of the
184 hostile ones of the tests. Every ten seconds memory and descriptors of each process are read. The exit status
is 1 when a request failed, memory grew by 1 MB an hour or more after the warm-up, the number of descriptors
moved, or the gateway wrote a traceback.
"""

import argparse
import json
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import openloop, report
from bench.compare import machine, process
from bench.compare.targets.fastgw import Fastgw
from bench.openloop import everything
from bench.openloop.everything import serving

HOSTILE = 1000  # one request in so many
SAMPLE_SECONDS = 10
WARM_SHARE = 1 / 3  # of the time: pools, tables and free lists fill
MOST_GROWTH = 1_000_000  # bytes an hour, of the gateway's processes together
PORTION_SECONDS = 60  # the load is started anew so often
ROTATION = {"FASTGW_LOG_ROTATE_BYTES": "100000000", "FASTGW_LOG_ROTATE_KEEP": "1"}


@dataclass(frozen=True, slots=True)
class Sample:
    """second of the run; rss in bytes, descriptors open, of all processes of the gateway together."""

    second: float
    rss: int
    descriptors: int


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="length (%(default)s)")
    parser.add_argument("--rate", type=int, default=10_000, help="requests a second (%(default)s)")
    parser.add_argument("--connections", type=int, default=128, help="client connections (%(default)s)")
    parser.add_argument("--output", type=Path, help="result file (bench/results/soak/DATE-MACHINE.json)")
    return parser.parse_args()


def sampled(pids: list[int], since: float) -> Sample:
    descriptors = sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)
    return Sample(time.monotonic() - since, process.memory(pids).rss, descriptors)


def slope(samples: list[Sample]) -> float:
    """Bytes an hour, by least squares."""
    line = statistics.linear_regression([one.second for one in samples], [float(one.rss) for one in samples])
    return line.slope * 3600


def molest(port: int, every: float, stop: threading.Event) -> None:
    """Hostile requests, each on a connection of its own, until told to stop."""
    from tests.wire.corpus_a1 import CORPUS

    chance = random.Random(1)
    while not stop.wait(every):
        with socket.socket() as client:
            client.settimeout(2.0)
            try:
                client.connect(("127.0.0.1", port))
                client.sendall(chance.choice(CORPUS).data)
                client.recv(65536)
            except OSError:
                continue


def soaked(chosen: argparse.Namespace, folder: Path) -> dict[str, Any]:
    load = openloop.build(folder)
    stop = threading.Event()
    samples: list[Sample] = []
    seen: list[openloop.Seen] = []
    with serving(folder, ROTATION) as served:
        gateway, port = served.gateway, served.site.port
        text = everything.request(port)
        pids, since = gateway.tree(), time.monotonic()
        until = since + 60 * chosen.minutes

        def watch() -> None:
            while not stop.wait(SAMPLE_SECONDS):
                samples.append(sampled(pids, since))

        threads = [
            threading.Thread(target=watch),
            threading.Thread(target=molest, args=(port, HOSTILE / chosen.rate, stop)),
        ]
        for thread in threads:
            thread.start()
        try:
            while (left := until - time.monotonic()) > 1:
                portion = min(PORTION_SECONDS, round(left))
                seen.append(openloop.load(load, port, chosen.rate, portion, chosen.connections, text))
                print(seen[-1], file=sys.stderr, flush=True)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        same = gateway.tree() == pids
        said = gateway.log.read_text(errors="replace")
    settled = [one for one in samples if one.second > 60 * chosen.minutes * WARM_SHARE]
    return {
        "requests": sum(one.due for one in seen),
        "errors": sum(one.errors for one in seen),
        "processes_replaced": not same,
        "tracebacks": said.count("Traceback"),
        "growth_per_hour": round(slope(settled)),
        "descriptors": sorted({one.descriptors for one in settled}),
        "p99": round(statistics.median(one.p99 for one in seen)),
        "samples": [asdict(one) for one in samples],
    }


def holds(result: dict[str, Any]) -> bool:
    """Hostile connections come and go, so the number of descriptors may differ by the few that are open just then."""
    few, many = min(result["descriptors"]), max(result["descriptors"])
    return (
        result["errors"] == 0
        and not result["processes_replaced"]
        and result["tracebacks"] == 0
        and result["growth_per_hour"] < MOST_GROWTH
        and many - few <= 32
    )


def main() -> int:
    chosen = arguments()
    with tempfile.TemporaryDirectory(prefix="fastgw-soak-", dir=process.memory_folder()) as folder:
        result = soaked(chosen, Path(folder))
    facts, today = machine.machine(), time.strftime("%Y-%m-%d", time.gmtime())
    result |= {
        "started": today, "command": " ".join(["python -m bench.soak", *sys.argv[1:]]), "minutes": chosen.minutes,
        "rate": chosen.rate, "machine": facts, "versions": machine.versions([Fastgw()]),
    }  # fmt: skip
    file = chosen.output or report.RESULTS / "soak" / f"{today}-{machine.machine_class(facts)}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    print({name: value for name, value in result.items() if name not in ("samples", "machine", "versions")})
    return 0 if holds(result) else 1


if __name__ == "__main__":
    sys.exit(main())

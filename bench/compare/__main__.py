"""python -m bench.compare: measure every target at every work, print the table, keep the raw figures."""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import origin, report
from bench.compare import idle, load, machine, measure, process, site, works
from bench.compare.process import Process
from bench.compare.targets import TARGETS


def words(allowed: tuple[str, ...]) -> Any:
    """A type for argparse: a comma-separated choice of allowed."""

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        for word in chosen:
            if word not in allowed:
                raise argparse.ArgumentTypeError(f"{word!r} is not one of {', '.join(allowed)}")
        return chosen

    return parse


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    for option, allowed in (("--works", works.NAMES), ("--targets", tuple(TARGETS))):
        parser.add_argument(option, type=words(allowed), default=list(allowed), help=",".join(allowed))
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds of each work (%(default)s)")
    parser.add_argument("--seconds", type=int, default=2, help="length of one run (%(default)s)")
    parser.add_argument("--connections", type=numbers, default=(64, 512), help="client connections (64,512)")
    parser.add_argument("--idle", type=int, default=10_000, help="idle connections held (%(default)s)")
    parser.add_argument("--gateway-core", type=int, default=0, help="core of the target (%(default)s)")
    parser.add_argument("--load-core", type=int, default=1, help="core of wrk and the origin (%(default)s)")
    parser.add_argument("--output", type=Path, help="result file (bench/results/DATE-MACHINE.json)")
    return parser.parse_args()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def impediment(options: measure.Options, names: list[str]) -> str | None:
    """Why nothing can be measured here, or None."""
    cores = os.sched_getaffinity(0)
    if not {options.gateway_core, options.load_core} <= cores or options.gateway_core == options.load_core:
        return f"two cores are needed for the target and the load; this process may use {sorted(cores)}"
    lack = idle.descriptors_missing(options.idle if "idle" in names else 0)
    return lack or load.missing() or origin.missing()


@contextlib.contextmanager
def origin_running(folder: Path, core: int) -> Iterator[int]:
    """The origin on the load's core; yields its port."""
    port = site.free_port()
    with Process([str(origin.build(folder)), str(port)], core, folder / "origin.log"):
        yield port


def limited(options: measure.Options, name: str) -> measure.Options:
    """How flat routes and keys are shows at one client count; the other would only take time."""
    one = options.connections[:1] if name in ("routes", "keys") else options.connections
    return dataclasses.replace(options, connections=one)


def measured(chosen: argparse.Namespace, options: measure.Options) -> dict[str, Any]:
    """Everything that was asked for, as the result file holds it."""
    absent = {name: lack for name in chosen.targets if (lack := TARGETS[name].missing())}
    for name, lack in absent.items():
        say(f"{name} is left out: {lack}")
    targets = [TARGETS[name] for name in chosen.targets if name not in absent]
    runs: list[measure.Run] = []
    idles: list[idle.Idle] = []
    refusals: list[measure.Refusal] = []
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="fastgw-bench-", dir=process.memory_folder()))
        port = stack.enter_context(origin_running(Path(folder), options.load_core))
        for name in chosen.works:
            able = [target for target in targets if name in target.works]
            pairs = [(work, target) for work in works.loads(name) for target in able if target.serves(work)]
            more, refused = measure.rounds(pairs, port, Path(folder), limited(options, name), say)
            runs += more
            refusals += refused
        if "idle" in chosen.works:
            more, idles, refused = idle.idle(targets, port, Path(folder), options, say)
            runs += more
            refusals += refused
    return {
        "command": machine.command_line(),
        "options": dataclasses.asdict(options),
        "machine": machine.machine(),
        "versions": machine.versions(targets),
        "absent": absent,
        "refused": [dataclasses.asdict(refusal) for refusal in refusals],
        "runs": [dataclasses.asdict(run) for run in runs],
        "idle": [dataclasses.asdict(one) for one in idles],
    }


def main() -> int:
    """0 when every target present was measured, 1 when one was refused, 2 when nothing can be measured."""
    chosen = arguments()
    options = measure.Options(
        chosen.rounds, chosen.seconds, chosen.connections, chosen.idle, chosen.gateway_core, chosen.load_core
    )
    if lack := impediment(options, chosen.works):
        say(f"bench: {lack}")
        return 2
    # Unwind, so that every child is stopped.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    os.sched_setaffinity(0, {options.load_core})
    began, now = time.monotonic(), datetime.datetime.now(datetime.UTC)
    result = {"started": now.isoformat(timespec="seconds")} | measured(chosen, options)
    result["took_seconds"] = round(time.monotonic() - began)
    default = report.RESULTS / f"{now:%Y-%m-%d}-{machine.machine_class(result['machine'])}.json"
    file = chosen.output or default
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    print(report.rendered(result))
    say(f"raw figures: {file}")
    return 1 if result["refused"] else 0


if __name__ == "__main__":
    sys.exit(main())

"""python -m bench.report [--write]: the newest result as README's table.

--write puts it between the markers of README.md; without it, it goes to stdout.
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

HOME = Path(__file__).resolve().parent.parent
RESULTS = HOME / "bench" / "results"
README = HOME / "README.md"
BEGIN = "<!-- bench:begin (python -m bench.report --write) -->"
END = "<!-- bench:end -->"
PEER = "nginx"  # what ratios are against
COUNTED = ("routes", "keys")  # works with a table of their own, by count

Rows = list[dict[str, Any]]


def newest(folder: Path = RESULTS) -> dict[str, Any] | None:
    """The result that was started last, or None when there is none."""
    results = [json.loads(file.read_text()) for file in folder.glob("*.json")]
    return max(results, key=lambda result: result["started"], default=None)


def cpu(run: dict[str, Any]) -> float:
    """Microseconds of CPU per request."""
    return (run["cpu_user"] + run["cpu_system"]) * 1e6 / run["requests"]


def ratio(runs: Rows, peer: Rows) -> float | None:
    """Median over the rounds of this target's CPU per request against the peer's in the same round."""
    beside = {run["round"]: cpu(run) for run in peer}
    ratios = [cpu(run) / beside[run["round"]] for run in runs if run["round"] in beside]
    return median(ratios) if ratios else None


def cpu_cell(runs: Rows, peer: Rows) -> str:
    share = ratio(runs, peer)
    cost = f"{median(map(cpu, runs)):.1f}"
    return cost if share is None or runs is peer else f"{cost} ({share:.2f})"


def rate_cell(runs: Rows, _: Rows) -> str:
    return f"{median(run['requests'] / run['seconds'] for run in runs):,.0f}"


def latency_cell(runs: Rows, _: Rows) -> str:
    p50, p99 = (median(run[name] for run in runs) / 1000 for name in ("p50", "p99"))
    return f"{p50:.2f} / {p99:.2f}"


def memory_cell(runs: Rows, _: Rows) -> str:
    rss, pss = (median(run[name] for run in runs) / 2**20 for name in ("rss", "pss"))
    return f"{rss:.0f} / {pss:.0f}"


FIGURES: tuple[tuple[str, Callable[[Rows, Rows], str]], ...] = (
    (f"CPU per request, us (times {PEER})", cpu_cell),
    ("Requests per second", rate_cell),
    ("Latency p50 / p99, ms", latency_cell),
    ("Memory RSS / PSS, MiB", memory_cell),
)


def ordered(items: Iterable[Any]) -> list[Any]:
    """Each once, in the order of first appearance."""
    return list(dict.fromkeys(items))


def table(title: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [title, ["---", *["---:"] * (len(title) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def work_label(run: dict[str, Any]) -> str:
    return f"{run['work']}, {run['connections']} connections"


def figure(result: dict[str, Any], targets: Sequence[str], cell: Callable[[Rows, Rows], str]) -> str:
    """One figure of every work (rows) and target (columns)."""
    rows = []
    for label in ordered(map(work_label, plain_runs(result))):
        there = [run for run in plain_runs(result) if work_label(run) == label]
        here = {name: [run for run in there if run["target"] == name] for name in targets}
        cells = [cell(here[name], here.get(PEER, [])) if here[name] else "-" for name in targets]
        rows.append([label, *cells])
    return table(["work", *targets], rows)


def plain_runs(result: dict[str, Any]) -> Rows:
    """The runs that have no table of their own."""
    return [run for run in result["runs"] if run["work"] not in (*COUNTED, "idle")]


def counts_table(result: dict[str, Any], work: str) -> str:
    """CPU per request by the number of routes or keys, and how flat it stays against the smallest number."""
    runs = [run for run in result["runs"] if run["work"] == work]
    targets, counts = ordered(run["target"] for run in runs), ordered(run["count"] for run in runs)
    rows = []
    for count in counts:
        cells = []
        for name in targets:
            mine = [run for run in runs if run["target"] == name]
            here, fewest = ([run for run in mine if run["count"] == n] for n in (count, counts[0]))
            flat = ratio(here, fewest)
            cells.append("-" if flat is None else f"{median(map(cpu, here)):.2f} ({flat:.2f})")
        rows.append([f"{count:,}", *cells])
    return table([work, *targets], rows)


def idle_table(result: dict[str, Any]) -> str:
    """Memory of an idle connection, and CPU per request with all of them open against none."""
    rows = []
    for one in result["idle"]:
        runs = [run for run in result["runs"] if run["work"] == "idle" and run["target"] == one["target"]]
        free = median(cpu(run) for run in runs if not run["held"])
        held = median(cpu(run) for run in runs if run["held"])
        growth = (one["pss_after"] - one["pss_before"]) / one["held"] / 1024
        rows.append([one["target"], f"{one['held']:,}", f"{growth:.2f}", f"{held / free:.2f}"])
    title = ["target", "idle connections", "user memory each, KiB", "CPU per request (times without them)"]
    return table(title, rows)


def disturbance(result: dict[str, Any]) -> float:
    """The largest share of a run's time in which the gateway's core did something else."""
    return max((run["other_cpu"] / run["seconds"] for run in result["runs"]), default=0.0)


def source(result: dict[str, Any]) -> str:
    """Machine, versions and command."""
    machine, options = result["machine"], result["options"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, {result['started'][:10]}; "
        f"medians of {options['rounds']} interleaved rounds of {options['seconds']} s; "
        "one core for the gateway, another for load and origin.",
        f"In the most disturbed run the gateway's core spent {disturbance(result):.0%} on something else.",
        f"Versions: {versions}.",
    ]
    lines += [f"Left out: {name} ({reason})." for name, reason in result["absent"].items()]
    for refusal in result["refused"]:
        reason = refusal["reason"].splitlines()[0]
        lines.append(f"Refused: {refusal['target']} at {refusal['work']} ({reason}).")
    return "\n\n".join([*lines, f"Repeat with `{result['command']}`."])


def rendered(result: dict[str, Any] | None) -> str:
    """The whole as markdown; None says that nothing was measured yet."""
    if result is None:
        return "No result is committed yet: run `make bench`."
    targets = ordered(run["target"] for run in plain_runs(result))
    parts = []
    if targets:
        for title, cell in FIGURES:
            parts += [f"**{title}**", figure(result, targets, cell)]
    for work in COUNTED:
        if any(run["work"] == work for run in result["runs"]):
            parts += [f"**CPU per request by number of {work}, us (times the smallest)**", counts_table(result, work)]
    if result["idle"]:
        parts += ["**Idle keep-alive connections**", idle_table(result)]
    return "\n\n".join([*parts, source(result)])


def open_loop(result: dict[str, Any]) -> str:
    """The result of bench.openloop as a table."""
    rows = []
    for name in ordered(run["target"] for run in result["runs"]):
        runs = [run for run in result["runs"] if run["target"] == name]
        errors = sum(run["due"] - run["answered"] + run["not_2xx"] for run in runs)
        times = [f"{median(run[figure] for run in runs) / 1000:.2f}" for figure in ("p50", "p99", "p999", "max")]
        rows.append([name, f"{sum(run['due'] for run in runs):,}", f"{errors:,}", *times])
    return table(["target", "requests", "errors", "p50, ms", "p99, ms", "p99.9, ms", "max, ms"], rows)


def of_the_side(folder: Path = RESULTS) -> str:
    """The newest results of bench.openloop and bench.soak, with their commands; "" where there are none."""
    parts = []
    if result := newest(folder / "open-loop"):
        spent = [run["cpu_seconds"] / run["answered"] * 1e6 for run in result["runs"] if run["target"] == "fastgw"]
        parts += [
            f"**{result['rate']:,} requests a second for {result['seconds']} s, open loop, everything on**",
            open_loop(result),
            f"The gateway took {median(spent):.0f} us of CPU for each request at this rate; two workers, the origin "
            f"and the load shared two cores. Repeat with `{result['command']}`.",
        ]
    if result := newest(folder / "soak"):
        parts += [
            f"**Soak: {result['minutes']:g} min at {result['rate']:,} requests a second, hostile ones among them**",
            f"{result['requests']:,} requests, {result['errors']} failed, memory grew by "
            f"{result['growth_per_hour'] / 1e6:.2f} MB an hour after the first third, open descriptors from "
            f"{min(result['descriptors'])} to {max(result['descriptors'])}. Repeat with `{result['command']}`.",
        ]
    return "\n\n".join(parts)


def placed(text: str, content: str) -> str:
    """text with content between the markers; ValueError when a marker is missing."""
    if BEGIN not in text or END not in text:
        raise ValueError(f"README.md has no markers {BEGIN} and {END}")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{content}\n{END}{rest.partition(END)[2]}"


def whole() -> str:
    """Everything that README shows."""
    return "\n\n".join(part for part in (rendered(newest()), of_the_side()) if part)


def main() -> None:
    if "--write" in sys.argv[1:]:
        README.write_text(placed(README.read_text(), whole()))
    else:
        print(whole())


if __name__ == "__main__":
    main()

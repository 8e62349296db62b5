"""The shared counters as Prometheus text.

A thousand routes are some 80,000 lines for each scrape: what a row's samples have in common is one text in which a
place stands for each number.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from fastgw.observe import layout
from fastgw.observe.counters import Reader
from fastgw.observe.metrics import (
    NODE_METRICS,
    ROUTE_LABELS,
    ROUTE_METRICS,
    SERVICE_METRICS,
    TARGET_CONNECTIONS,
    TARGET_PENDING,
    WORKER_METRICS,
    Metric,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

UNROUTED, OTHER = ("", "", "", "(none)"), ("", "", "", "(other)")
"""What the two rows that belong to no single route are called: see layout.SLOT_UNROUTED, SLOT_OTHER."""

RouteName = tuple[str, str, str, str]
Cells = tuple[int, ...]
Upstreams = Mapping[int, Sequence[Mapping[str, object]]]
"""Worker -> its targets, as Engine.upstreams() tells them."""

_LABELS = "\0"
"""Stands for a row's labels in a template."""


def exposition(reader: Reader, labels: Mapping[int, RouteName], upstreams: Upstreams | None = None) -> str:
    """The text of all metrics. labels: slot -> (api, stage, method, resource)."""
    return "\n".join(_lines(reader, labels, upstreams or {})) + "\n"


def _lines(reader: Reader, labels: Mapping[int, RouteName], upstreams: Upstreams) -> Iterator[str]:
    headers = [reader.header(worker) for worker in range(reader.workers)]
    for metric in WORKER_METRICS:
        yield _head(metric)
        for worker, cells in enumerate(headers):
            yield f'{metric.name}{{worker="{worker}"}} {_shown(metric)(cells[metric.cell])}'
    totals = tuple(map(sum, zip(*headers, strict=True)))
    for metric in NODE_METRICS:
        yield _head(metric)
        for value, cell in metric.variants:
            yield f'{metric.name}{{{metric.labels[-1]}="{value}"}} {totals[cell]}'
    named = {layout.SLOT_UNROUTED: UNROUTED, layout.SLOT_OTHER: OTHER, **labels}
    rows = [
        (slot, _labels(ROUTE_LABELS, named[slot]).replace("%", "%%"), cells)
        for slot, cells in reader.rows(max(named) + 1)
        if slot in named
    ]
    for metric in ROUTE_METRICS:
        yield from _family(metric, rows)
    routed = [row for row in rows if row[0] >= layout.FIRST_ROUTE_SLOT]
    for metric in SERVICE_METRICS.values():
        yield from _family(metric, routed)
    yield from _targets(upstreams)


def _head(metric: Metric) -> str:
    return f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.kind}"


def _family(metric: Metric, rows: Iterable[tuple[int, str, Cells]]) -> Iterator[str]:
    """The samples of a route metric."""
    template, values = _samples(metric)
    yield _head(metric)
    for _, text, cells in rows:
        yield template.replace(_LABELS, text) % values(cells)


def _samples(metric: Metric) -> tuple[str, Callable[[Cells], tuple[object, ...]]]:
    """The template of a row's samples, and what takes its numbers from the row."""
    name, cell, count, shown = metric.name, metric.cell, metric.count, _shown(metric)
    if metric.kind == "histogram":
        bounds = [*map(_seconds, layout.BUCKET_BOUNDS_US), "+Inf"]
        lines = [f'{name}_bucket{{{_LABELS},le="{bound}"}} %d' for bound in bounds]
        end = count + layout.BUCKETS

        def values(cells: Cells) -> tuple[object, ...]:
            below = tuple(accumulate(cells[count:end]))
            return (*below, shown(cells[cell]), below[-1])

        return "\n".join([*lines, f"{name}_sum{{{_LABELS}}} %s", f"{name}_count{{{_LABELS}}} %d"]), values
    if metric.kind == "summary":
        template = f"{name}_sum{{{_LABELS}}} %s\n{name}_count{{{_LABELS}}} %d"
        return template, lambda cells: (shown(cells[cell]), cells[count])
    if metric.variants:
        label = metric.labels[-1]
        lines = [f'{name}{{{_LABELS},{label}="{value}"}} %s' for value, _ in metric.variants]
        places = [place for _, place in metric.variants]
        return "\n".join(lines), lambda cells: tuple(shown(cells[place]) for place in places)
    if count >= 0:
        return f"{name}{{{_LABELS}}} %d", lambda cells: (cells[cell] + cells[count],)
    return f"{name}{{{_LABELS}}} %s", lambda cells: (shown(cells[cell]),)


def _shown(metric: Metric) -> Callable[[int], object]:
    return _seconds if metric.name.removesuffix("_total").endswith("_seconds") else int


def _seconds(microseconds: int) -> str:
    """Exact, without an exponent."""
    text = f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}"
    return text.rstrip("0").rstrip(".")


def _targets(upstreams: Upstreams) -> Iterator[str]:
    """State of the pools, added up over the workers."""
    found: dict[str, dict[str, int]] = {}
    for targets in upstreams.values():
        for target in targets:
            sums = found.setdefault(str(target["target"]), {"busy": 0, "idle": 0, "pending": 0})
            sums["idle"] += int(target["idle"])
            sums["busy"] += int(target["connections"]) - int(target["idle"])
            sums["pending"] += int(target["pending"])
    yield _head(TARGET_CONNECTIONS)
    for name, sums in found.items():
        for state in ("busy", "idle"):
            yield f"{TARGET_CONNECTIONS.name}{{{_labels(TARGET_CONNECTIONS.labels, (name, state))}}} {sums[state]}"
    yield _head(TARGET_PENDING)
    for name, sums in found.items():
        yield f"{TARGET_PENDING.name}{{{_labels(TARGET_PENDING.labels, (name,))}}} {sums['pending']}"


def _labels(names: Iterable[str], values: Iterable[str]) -> str:
    return ",".join(f'{name}="{_escape(value)}"' for name, value in zip(names, values, strict=True))


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

"""The shared counters as Prometheus text.

A thousand routes are some 80,000 lines for each scrape: what a row's samples have in common is one text in which a
place stands for each number.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from fastgw.observe import layout
from fastgw.observe.counters import Reader
from fastgw.observe.metrics import (
    ENDPOINT_STATES,
    ENDPOINT_WORKERS,
    NODE_METRICS,
    ROUTE_LABELS,
    ROUTE_METRICS,
    RULE_REQUESTS,
    SERVICE_METRICS,
    TARGET_ADMITS,
    TARGET_BUDGET,
    TARGET_CONNECTIONS,
    TARGET_METRICS,
    TARGET_PENDING,
    TARGET_REFUSED,
    TARGET_RETRIES,
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

Rules = Mapping[tuple[str, str, str], int]
"""(firewall, rule, action) -> requests."""

_LABELS = "\0"
"""Stands for a row's labels in a template."""


def exposition(reader: Reader, labels: Mapping[int, RouteName], upstreams: Upstreams | None = None,
               rules: Rules | None = None) -> str:
    """The text of all metrics. labels: slot -> (api, stage, method, resource)."""
    return "\n".join([*_lines(reader, labels, upstreams or {}), *_rules(rules or {})]) + "\n"


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


_OF_TARGETS = (
    (TARGET_CONNECTIONS, ("busy",), lambda target: target["connections"] - target["idle"]),
    (TARGET_CONNECTIONS, ("idle",), lambda target: target["idle"]),
    (TARGET_PENDING, (), lambda target: target["pending"]),
    (TARGET_ADMITS, (), lambda target: target["admits"]),
    (TARGET_BUDGET, (), lambda target: target["retry_budget"]),
    (TARGET_RETRIES, (), lambda target: target["retries"]),
    (TARGET_REFUSED, (), lambda target: target["refused"]),
)


def _targets(upstreams: Upstreams) -> Iterator[str]:
    """State of the groups, added up over the workers."""
    found: dict[Metric, dict[tuple[str, ...], float]] = {metric: {} for metric in TARGET_METRICS}
    for target in (target for targets in upstreams.values() for target in targets):
        name = str(target["target"])
        for metric, more, read in _OF_TARGETS:
            sums = found[metric]
            sums[name, *more] = sums.get((name, *more), 0) + read(target)
        for endpoint in target["endpoints"]:
            for state in ENDPOINT_STATES:
                sums = found[ENDPOINT_WORKERS]
                key = name, str(endpoint["address"]), state
                sums[key] = sums.get(key, 0) + (endpoint["state"] == state)
    for metric, sums in found.items():
        yield _head(metric)
        for values, total in sums.items():
            yield f"{metric.name}{{{_labels(metric.labels, values)}}} {_shortest(total)}"


def _rules(rules: Rules) -> Iterator[str]:
    yield _head(RULE_REQUESTS)
    for values, total in rules.items():
        yield f"{RULE_REQUESTS.name}{{{_labels(RULE_REQUESTS.labels, values)}}} {total}"


def _shortest(total: float) -> str:
    """A whole number, or tenths."""
    return str(int(total)) if total == int(total) else f"{total:.1f}"


def _labels(names: Iterable[str], values: Iterable[str]) -> str:
    return ",".join(f'{name}="{_escape(value)}"' for name, value in zip(names, values, strict=True))


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

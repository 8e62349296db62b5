"""Every metric: one row says its name, kind, labels and meaning, and which counter it shows.

/metrics and the table of docs/metrics.md are written from the rows.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fastgw.observe import layout
from fastgw.observe.counters import Reader

ROUTE_LABELS = ("api", "stage", "method", "resource")
UNROUTED, OTHER = ("", "", "", "(none)"), ("", "", "", "(other)")
"""What the two rows that belong to no single route are called: see layout.SLOT_UNROUTED, SLOT_OTHER."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Metric:
    """kind is Prometheus's: counter, gauge, histogram or summary. cell is an index of layout."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    cell: int


def _worker(name: str, kind: str, cell: int, help: str) -> Metric:
    return Metric(name, kind, ("worker",), help, cell)


WORKER_METRICS = (
    _worker("fastgw_connections_accepted_total", "counter", layout.H_CONNECTIONS_ACCEPTED,
            "Client connections accepted."),
    _worker("fastgw_connections_open", "gauge", layout.H_CONNECTIONS_OPEN, "Client connections open now."),
    _worker("fastgw_connections_refused_total", "counter", layout.H_CONNECTIONS_REFUSED,
            "Client connections closed at once because a limit was reached."),
    _worker("fastgw_worker_requests_total", "counter", layout.H_REQUESTS, "Requests received."),
    _worker("fastgw_worker_failures_total", "counter", layout.H_FAILURES,
            "Requests that the gateway itself answered with an error."),
    _worker("fastgw_received_bytes_total", "counter", layout.H_BYTES_IN, "Bytes read from clients."),
    _worker("fastgw_sent_bytes_total", "counter", layout.H_BYTES_OUT, "Bytes written to clients."),
    _worker("fastgw_upstream_connects_total", "counter", layout.H_UPSTREAM_CONNECTS,
            "Upstream connections made."),
    _worker("fastgw_upstream_connect_failures_total", "counter", layout.H_UPSTREAM_CONNECT_FAILURES,
            "Upstream connections that failed."),
    _worker("fastgw_upstream_reuses_total", "counter", layout.H_UPSTREAM_REUSES,
            "Requests sent on an upstream connection that was already open."),
    _worker("fastgw_upstream_retries_total", "counter", layout.H_UPSTREAM_RETRIES,
            "Requests sent again because a reused connection had gone."),
    _worker("fastgw_upstream_received_bytes_total", "counter", layout.H_UPSTREAM_BYTES_IN,
            "Bytes read from upstreams."),
    _worker("fastgw_upstream_sent_bytes_total", "counter", layout.H_UPSTREAM_BYTES_OUT,
            "Bytes written to upstreams."),
    _worker("fastgw_upstream_connections_open", "gauge", layout.H_UPSTREAM_OPEN,
            "Upstream connections open now."),
    _worker("fastgw_exchanges_open", "gauge", layout.H_EXCHANGES_LIVE, "Requests in hand now."),
    _worker("fastgw_plan_swaps_total", "counter", layout.H_PLAN_SWAPS, "Plans put in force."),
    _worker("fastgw_door_run_step_total", "counter", layout.H_DOOR_RUN_STEP,
            "Python functions called by the engine."),
    _worker("fastgw_door_start_task_total", "counter", layout.H_DOOR_START_TASK,
            "Python coroutines started by the engine."),
    _worker("fastgw_door_validate_total", "counter", layout.H_DOOR_VALIDATE,
            "Request bodies checked in Python, as their schema is not compiled."),
    _worker("fastgw_worker_pulses_total", "counter", layout.H_PULSES,
            "Turns of the worker's event loop that its watchdog counts, ten a second."),
    _worker("fastgw_loop_lag_microseconds", "gauge", layout.H_LOOP_LAG_US,
            "Least time that an event waited to be handled, over the last four pulses."),
    _worker("fastgw_overload_step", "gauge", layout.H_OVERLOAD,
            "0 in good health; 1 no keep-alive, 2 new requests refused, 3 new connections refused too."),
    _worker("fastgw_overload_refused_total", "counter", layout.H_OVERLOAD_REFUSED,
            "Requests answered 503 because the worker was overloaded."),
    _worker("fastgw_log_lines_total", "counter", layout.H_LOG_LINES, "Lines written to access logs."),
    _worker("fastgw_log_dropped_total", "counter", layout.H_LOG_DROPPED,
            "Lines of access logs that were dropped because their buffer was full."),
)

_CLASSES = (
    ("2xx", layout.R_1XX_2XX),
    ("3xx", layout.R_3XX),
    ("4xx", layout.R_4XX),
    ("5xx", layout.R_5XX),
)
REQUESTS = Metric(
    "fastgw_requests_total", "counter", (*ROUTE_LABELS, "class"),
    "Requests answered, by class of status; 1xx counts as 2xx.", layout.R_1XX_2XX,
)
DURATION = Metric(
    "fastgw_request_duration_seconds", "histogram", ROUTE_LABELS,
    "Time from the first byte of a request to the last of its answer.", layout.R_BUCKETS,
)
INTEGRATION = Metric(
    "fastgw_integration_duration_seconds", "summary", ROUTE_LABELS,
    "Time from a request sent to an integration to its answer.", layout.R_INTEGRATION_US,
)
DOORS = Metric(
    "fastgw_doors_total", "counter", ROUTE_LABELS, "Calls from the engine into Python.", layout.R_DOORS
)
CACHE_HITS = Metric(
    "fastgw_cache_hits_total", "counter", ROUTE_LABELS, "Requests answered from the stage cache.", layout.R_CACHE_HITS
)
CACHE_MISSES = Metric(
    "fastgw_cache_misses_total", "counter", ROUTE_LABELS,
    "Requests that the stage cache could have answered and did not.", layout.R_CACHE_MISSES,
)
CACHE_BYPASSES = Metric(
    "fastgw_cache_bypasses_total", "counter", ROUTE_LABELS,
    "Requests of cached routes that the stage cache must not answer.", layout.R_CACHE_BYPASSES,
)
_COUNTS = (DOORS, CACHE_HITS, CACHE_MISSES, CACHE_BYPASSES)
ROUTE_METRICS = (REQUESTS, DURATION, INTEGRATION, *_COUNTS)

METRICS = (*WORKER_METRICS, *ROUTE_METRICS)


def exposition(reader: Reader, labels: Mapping[int, tuple[str, str, str, str]]) -> str:
    """The Prometheus text of all metrics. labels: slot -> (api, stage, method, resource)."""
    return "\n".join(_lines(reader, labels)) + "\n"


def _lines(reader: Reader, labels: Mapping[int, tuple[str, str, str, str]]) -> Iterator[str]:
    headers = [(worker, reader.header(worker)) for worker in range(reader.workers)]
    for metric in WORKER_METRICS:
        yield from _head(metric)
        for worker, cells in headers:
            yield f'{metric.name}{{worker="{worker}"}} {cells[metric.cell]}'
    named = {layout.SLOT_UNROUTED: UNROUTED, layout.SLOT_OTHER: OTHER, **labels}
    rows = [
        (_labels(ROUTE_LABELS, named[slot]), cells)
        for slot, cells in reader.rows(max(named) + 1)
        if slot in named
    ]
    for metric, samples in (
        (REQUESTS, _requests),
        (DURATION, _duration),
        (INTEGRATION, _integration),
    ):
        yield from _head(metric)
        for text, cells in rows:
            yield from samples(metric.name, text, cells)
    for metric in _COUNTS:
        yield from _head(metric)
        for text, cells in rows:
            yield f"{metric.name}{{{text}}} {cells[metric.cell]}"


def _head(metric: Metric) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.help}"
    yield f"# TYPE {metric.name} {metric.kind}"


def _requests(name: str, labels: str, cells: tuple[int, ...]) -> Iterator[str]:
    for status_class, cell in _CLASSES:
        yield f'{name}{{{labels},class="{status_class}"}} {cells[cell]}'


def _duration(name: str, labels: str, cells: tuple[int, ...]) -> Iterator[str]:
    below = 0
    for index, bound in enumerate(layout.BUCKET_BOUNDS_US):
        below += cells[layout.R_BUCKETS + index]
        yield f'{name}_bucket{{{labels},le="{_seconds(bound)}"}} {below}'
    below += cells[layout.R_BUCKETS + layout.BUCKETS - 1]
    yield f'{name}_bucket{{{labels},le="+Inf"}} {below}'
    yield f"{name}_sum{{{labels}}} {_seconds(cells[layout.R_LATENCY_US])}"
    yield f"{name}_count{{{labels}}} {below}"


def _integration(name: str, labels: str, cells: tuple[int, ...]) -> Iterator[str]:
    yield f"{name}_sum{{{labels}}} {_seconds(cells[layout.R_INTEGRATION_US])}"
    yield f"{name}_count{{{labels}}} {cells[layout.R_INTEGRATION_ANSWERS]}"


def _seconds(microseconds: int) -> str:
    """Exact, without an exponent."""
    text = f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}"
    return text.rstrip("0").rstrip(".")


def _labels(names: Iterable[str], values: Iterable[str]) -> str:
    return ",".join(f'{name}="{_escape(value)}"' for name, value in zip(names, values, strict=True))


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def table() -> str:
    """All metrics as a Markdown table."""
    rows = ["| Metric | Kind | Labels | Meaning |", "|---|---|---|---|"]
    rows += [f"| `{m.name}` | {m.kind} | {', '.join(m.labels)} | {m.help} |" for m in METRICS]
    return "\n".join(rows)

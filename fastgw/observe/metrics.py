"""Every metric: one row says its name, kind, labels and meaning, and which counters it shows.

/metrics (fastgw.observe.exposition) and the tables of docs/metrics.md are written from the rows.
"""

from dataclasses import dataclass

from fastgw.errors import FAILURES
from fastgw.observe import layout

ROUTE_LABELS = ("api", "stage", "method", "resource")
SERVICE = "aws_apigateway_"
"""What the names of the service's own metrics begin with."""


@dataclass(frozen=True, slots=True)
class Metric:
    """kind is Prometheus's: counter, gauge, histogram or summary. Names ending in seconds show microseconds.

    cell      index of layout; of a histogram or a summary the sum's
    count     of a histogram its first bucket, of a summary the count
    variants  of a metric with one more label, the last: (value, cell) each
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    cell: int = -1
    count: int = -1
    variants: tuple[tuple[str, int], ...] = ()


def _worker(name: str, kind: str, cell: int, help: str) -> Metric:
    return Metric(name, kind, ("worker",), help, cell)


WORKER_METRICS = (
    _worker("fastgw_connections_accepted_total", "counter", layout.H_CONNECTIONS_ACCEPTED,
            "Client connections accepted."),
    _worker("fastgw_connections_open", "gauge", layout.H_CONNECTIONS_OPEN, "Client connections open now."),
    _worker("fastgw_connections_refused_total", "counter", layout.H_CONNECTIONS_REFUSED,
            "Client connections closed at once because a limit was reached."),
    _worker("fastgw_tls_handshakes_total", "counter", layout.H_TLS_HANDSHAKES,
            "TLS handshakes with clients that came to an end, resumed ones among them."),
    _worker("fastgw_tls_resumed_total", "counter", layout.H_TLS_RESUMED,
            "TLS handshakes with clients that resumed an earlier session."),
    _worker("fastgw_tls_failures_total", "counter", layout.H_TLS_FAILED,
            "Client connections to a listener with TLS that ended before their handshake."),
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
    _worker("fastgw_upstream_tls_handshakes_total", "counter", layout.H_UPSTREAM_TLS_HANDSHAKES,
            "TLS handshakes with upstreams."),
    _worker("fastgw_upstream_tls_resumed_total", "counter", layout.H_UPSTREAM_TLS_RESUMED,
            "Those of them that resumed a session."),
    _worker("fastgw_upstream_tls_failures_total", "counter", layout.H_UPSTREAM_TLS_FAILURES,
            "TLS handshakes with upstreams that failed."),
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
    _worker("fastgw_calls_total", "counter", layout.H_CALLS,
            "Requests that steps in Python made to upstreams."),
    _worker("fastgw_door_authorize_total", "counter", layout.H_DOOR_AUTHORIZE,
            "Times that the engine asked Python for the decision of an authorizer."),
    _worker("fastgw_authorizer_found_total", "counter", layout.H_DECISIONS_FOUND,
            "Requests whose authorizer's decision was at hand."),
    _worker("fastgw_authorizer_asked_total", "counter", layout.H_DECISIONS_ASKED,
            "Requests for which an authorizer was asked, or that joined an equal question."),
    _worker("fastgw_door_validate_total", "counter", layout.H_DOOR_VALIDATE,
            "Request bodies checked in Python, as their schema is not compiled."),
    _worker("fastgw_worker_pulses_total", "counter", layout.H_PULSES,
            "Turns of the worker's event loop that its watchdog counts, ten a second."),
    _worker("fastgw_loop_lag_seconds", "gauge", layout.H_LOOP_LAG_US,
            "Least time that an event waited to be handled, over the last four pulses."),
    _worker("fastgw_overload_step", "gauge", layout.H_OVERLOAD,
            "0 in good health; 1 no keep-alive, 2 new requests refused, 3 new connections refused too."),
    _worker("fastgw_overload_refused_total", "counter", layout.H_OVERLOAD_REFUSED,
            "Requests answered 503 because the worker was overloaded."),
    _worker("fastgw_log_lines_total", "counter", layout.H_LOG_LINES, "Lines written to access logs."),
    _worker("fastgw_log_dropped_total", "counter", layout.H_LOG_DROPPED,
            "Lines of access logs that were dropped because their buffer was full."),
    _worker("fastgw_door_lease_total", "counter", layout.H_DOOR_LEASE,
            "Times that the engine asked Python for leased tokens of a plan that nodes share."),
    _worker("fastgw_redis_down", "gauge", layout.H_REDIS_DOWN,
            "1 while the worker cannot use Redis; 0 where it can, or needs none."),
    _worker("fastgw_redis_away_requests_total", "counter", layout.H_AWAY,
            "Requests that a plan's away mode decided because Redis gave no answer."),
    _worker("fastgw_answers_compressed_total", "counter", layout.H_ENCODED, "Answers that the gateway compressed."),
    _worker("fastgw_requests_unpacked_total", "counter", layout.H_DECODED,
            "Requests whose compressed body the gateway decoded."),
    _worker("fastgw_http2_connections_total", "counter", layout.H_HTTP2_CONNECTIONS,
            "Client connections that spoke HTTP/2."),
    _worker("fastgw_http2_floods_total", "counter", layout.H_HTTP2_FLOODS,
            "Connections ended because their frames brought nothing: ENHANCE_YOUR_CALM."),
    _worker("fastgw_compressing_now", "gauge", layout.H_ENCODERS,
            "Answers that are being compressed as they come, 256 KB of memory each."),
)

_BY_FAILURE = tuple((failure.name, layout.FAILURES_AT + code) for code, failure in enumerate(FAILURES))
_BY_LEVEL = tuple((level, layout.LEVELS_AT + number) for number, level in enumerate(layout.LEVELS))
NODE_METRICS = (
    Metric("fastgw_refusals_total", "counter", ("level",), "Requests refused by a limit, by its level.",
           variants=_BY_LEVEL),
    Metric("fastgw_failures_total", "counter", ("failure",),
           "Requests that the gateway itself answered with an error, by what was wrong.", variants=_BY_FAILURE),
)
"""Header cells added up over the workers."""


def _route(name: str, kind: str, help: str, cell: int, count: int = -1) -> Metric:
    return Metric(name, kind, ROUTE_LABELS, help, cell, count)


ROUTE_METRICS = (
    Metric("fastgw_requests_total", "counter", (*ROUTE_LABELS, "class"),
           "Requests answered, by class of status; 1xx counts as 2xx.",
           variants=(("2xx", layout.R_1XX_2XX), ("3xx", layout.R_3XX), ("4xx", layout.R_4XX), ("5xx", layout.R_5XX))),
    _route("fastgw_request_duration_seconds", "histogram",
           "Time from the first byte of a request to the last of its answer.", layout.R_LATENCY_US, layout.R_BUCKETS),
    _route("fastgw_integration_duration_seconds", "histogram",
           "Time from a request sent to an integration to the head of its answer.", layout.R_INTEGRATION_US,
           layout.R_INTEGRATION_BUCKETS),
    Metric("fastgw_phase_seconds_total", "counter", (*ROUTE_LABELS, "phase"),
           "Time spent, by part of a request: read (its head coming in), decide (until it is sent to an upstream, or "
           "answered by the gateway), upstream (until the head of the answer), write (until the last of it).",
           variants=(("read", layout.R_READ_US), ("decide", layout.R_DECIDE_US), ("upstream", layout.R_UPSTREAM_US),
                     ("write", layout.R_WRITE_US))),
    _route("fastgw_request_bytes_total", "counter", "Bytes of requests, heads and bodies.", layout.R_BYTES_IN),
    _route("fastgw_response_bytes_total", "counter", "Bytes of answers, heads and bodies.", layout.R_BYTES_OUT),
    _route("fastgw_doors_total", "counter", "Calls from the engine into Python.", layout.R_DOORS),
    _route("fastgw_cache_hits_total", "counter", "Requests answered from the stage cache.", layout.R_CACHE_HITS),
    _route("fastgw_cache_misses_total", "counter",
           "Requests that the stage cache could have answered and did not.", layout.R_CACHE_MISSES),
    _route("fastgw_cache_bypasses_total", "counter",
           "Requests of cached routes that the stage cache must not answer.", layout.R_CACHE_BYPASSES),
)

SERVICE_METRICS = {
    "Count": _route("aws_apigateway_count_total", "counter", "Count: requests.", layout.R_REQUESTS),
    "4XXError": _route("aws_apigateway_4xx_error_total", "counter", "4XXError: answers of 400 to 499.", layout.R_4XX),
    "5XXError": _route("aws_apigateway_5xx_error_total", "counter", "5XXError: answers of 500 to 599.", layout.R_5XX),
    "Latency": _route("aws_apigateway_latency_seconds", "summary",
                      "Latency: time from a request's first byte to its answer's last.", layout.R_LATENCY_US,
                      layout.R_REQUESTS),
    "IntegrationLatency": _route("aws_apigateway_integration_latency_seconds", "summary",
                                 "IntegrationLatency: time from a request sent to an integration to its answer.",
                                 layout.R_INTEGRATION_US, layout.R_INTEGRATION_ANSWERS),
    "CacheHitCount": _route("aws_apigateway_cache_hit_count_total", "counter",
                            "CacheHitCount: requests answered from the stage cache.", layout.R_CACHE_HITS),
    "CacheMissCount": _route("aws_apigateway_cache_miss_count_total", "counter",
                             "CacheMissCount: requests of a cached route that its integration answered.",
                             layout.R_CACHE_MISSES),
    "DataProcessed": _route("aws_apigateway_data_processed_bytes_total", "counter",
                            "DataProcessed: bytes of requests and answers.", layout.R_BYTES_IN, layout.R_BYTES_OUT),
}
"""By the service's own names; its dimensions ApiName, Stage, Method and Resource are the labels, its periods rates.
A counter's count is a second cell that is added. Only routes have them: the service counts what reached an API."""

TARGET_CONNECTIONS = Metric("fastgw_upstream_target_connections", "gauge", ("target", "state"),
                            "Connections to a target: idle, or busy (connecting or with a request).")
TARGET_PENDING = Metric("fastgw_upstream_target_pending", "gauge", ("target",),
                        "Requests that wait for a connection to a target.")
TARGET_ADMITS = Metric("fastgw_upstream_target_admits", "gauge", ("target",),
                       "Requests that may be with a target, or wait for it, at one time: its limits, or less where "
                       "its latency is above max_latency.")
TARGET_BUDGET = Metric("fastgw_upstream_target_retry_budget", "gauge", ("target",),
                       "Retries that a target could have now.")
TARGET_RETRIES = Metric("fastgw_upstream_target_retries_total", "counter", ("target",),
                        "Requests that were sent to a target again.")
TARGET_REFUSED = Metric("fastgw_upstream_target_refused_total", "counter", ("target",),
                        "Requests that a target had no room for.")
ENDPOINT_STATES = ("healthy", "slow start", "on trial", "ejected", "down", "leaving")
ENDPOINT_WORKERS = Metric("fastgw_upstream_endpoint_workers", "gauge", ("target", "endpoint", "state"),
                          "Workers to which an endpoint of a target is in this state: ejected by what its answers "
                          "were, down by the active checks, on trial after an ejection.")
TARGET_METRICS = (TARGET_CONNECTIONS, TARGET_PENDING, TARGET_ADMITS, TARGET_BUDGET, TARGET_RETRIES, TARGET_REFUSED,
                  ENDPOINT_WORKERS)
"""Not in shared memory: the workers are asked."""

RULE_REQUESTS = Metric("fastgw_firewall_requests_total", "counter", ("firewall", "rule", "action"),
                       "Requests on which a rule of a firewall acted: allow, block or count. (default) is its default "
                       "action. Of the definition in force.")

METRICS = (*WORKER_METRICS, *NODE_METRICS, *ROUTE_METRICS, *SERVICE_METRICS.values(), *TARGET_METRICS,
           RULE_REQUESTS)


def table() -> str:
    """All metrics as a Markdown table."""
    rows = ["| Metric | Kind | Labels | Meaning |", "|---|---|---|---|"]
    rows += [f"| `{m.name}` | {m.kind} | {', '.join(m.labels)} | {m.help} |" for m in METRICS]
    return "\n".join(rows)


def service_table() -> str:
    """The service's metrics and what they are called here, as a Markdown table."""
    rows = ["| Metric of the service | Here |", "|---|---|"]
    rows += [f"| `{name}` | `{m.name}` |" for name, m in SERVICE_METRICS.items()]
    return "\n".join(rows)

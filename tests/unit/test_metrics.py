"""Shared counters, and what /metrics makes of them."""

import mmap
import os
import re
import shutil
import struct
import subprocess
import time

import pytest

from fastgw.errors import FAILURES
from fastgw.observe import counters, layout, metrics
from fastgw.observe.exposition import exposition as write

UPSTREAMS = {
    0: [{"target": "a:80", "connections": 6, "idle": 1, "pending": 2, "admits": 12, "retry_budget": 0.4, "retries": 1,
         "refused": 0, "endpoints": [{"address": "10.0.0.1:80", "state": "healthy"}]}],
    1: [{"target": "a:80", "connections": 5, "idle": 2, "pending": 3, "admits": 8, "retry_budget": 1.0, "retries": 2,
         "refused": 4, "endpoints": [{"address": "10.0.0.1:80", "state": "ejected"}]}],
}


@pytest.fixture
def shared():
    fd = counters.create(2)
    yield fd
    os.close(fd)


def store(fd, worker, offset, cells):
    at = layout.region_offset(worker) + offset
    os.pwrite(fd, struct.pack(f"={len(cells)}Q", *cells), at)


def test_the_layout_is_what_engines_and_readers_agreed_on():
    assert layout.REGION_BYTES == 4096 + 65_536 * 512
    assert layout.R_BUCKETS + layout.BUCKETS == layout.R_CACHE_HITS == 32
    assert layout.R_UPSTREAM_US == layout.SLOT_WORDS - 1
    assert layout.BUCKET_BOUNDS_US[0] == 50 and layout.BUCKET_BOUNDS_US[-1] == 104_857_600
    cells = {value for name, value in vars(layout).items() if name.startswith("H_")} - {layout.H_MAGIC}
    assert {m.cell for m in metrics.WORKER_METRICS} == cells == set(range(1, len(cells) + 1))
    assert max(cells) < layout.FAILURES_AT <= layout.LEVELS_AT - len(FAILURES)
    assert layout.HEADER_BYTES // layout.WORD - len(layout.LEVELS) >= layout.LEVELS_AT


def test_fresh_counters_cost_no_memory(shared):
    assert os.fstat(shared).st_blocks == 0
    reader = counters.Reader(shared, 2)
    assert list(reader.rows(100)) == []
    assert os.fstat(shared).st_blocks == 0, "reading must not fill the holes"


def test_a_successor_keeps_the_counters_and_starts_its_gauges_afresh(shared):
    cells = [0, 5, 3]
    store(shared, 1, 0, cells)
    region = counters.Region(shared, 1)
    region.close()
    header = counters.Reader(shared, 2).header(1)
    assert header[layout.H_MAGIC] == layout.MAGIC
    assert header[layout.H_CONNECTIONS_ACCEPTED] == 5 and header[layout.H_CONNECTIONS_OPEN] == 0


def test_a_region_is_the_workers_own(shared):
    region = counters.Region(shared, 1)
    struct.pack_into("=Q", region.view, layout.slot_offset(2), 7)
    assert len(region.view) == layout.REGION_BYTES
    region.close()
    with mmap.mmap(shared, 0) as whole:
        assert struct.unpack_from("=Q", whole, layout.region_offset(1) + layout.slot_offset(2)) == (7,)


def exposition(shared):
    labels = {2: ("pets", "prod", "GET", '/a"\\\n'), 3: ("pets", "prod", "GET", "/100%/%d")}
    return write(counters.Reader(shared, 2), labels, UPSTREAMS)


def test_rows_are_summed_over_the_workers(shared):
    row = [10, 4, 1, 2, 3, 2_500_000, 1_500_000, 6, 1, *([0] * (layout.SLOT_WORDS - 9))]
    row[layout.R_BUCKETS] = 4
    row[layout.R_BUCKETS + 1] = 3
    row[layout.R_BUCKETS + layout.BUCKETS - 1] = 3
    row[layout.R_INTEGRATION_BUCKETS + 2] = 6
    for cell, value in ((layout.R_BYTES_IN, 70), (layout.R_BYTES_OUT, 30), (layout.R_WRITE_US, 250)):
        row[cell] = value
    for worker in (0, 1):
        store(shared, worker, layout.slot_offset(2), row)
        store(shared, worker, 0, [layout.MAGIC, 11 + worker])
        store(shared, worker, layout.FAILURES_AT * 8, [7])
    lines = exposition(shared).splitlines()
    route = 'api="pets",stage="prod",method="GET",resource="/a\\"\\\\\\n"'
    for line in (
        'fastgw_connections_accepted_total{worker="0"} 11',
        'fastgw_connections_accepted_total{worker="1"} 12',
        f'fastgw_requests_total{{{route},class="2xx"}} 8',
        f'fastgw_requests_total{{{route},class="5xx"}} 6',
        f'fastgw_request_duration_seconds_bucket{{{route},le="0.00005"}} 8',
        f'fastgw_request_duration_seconds_bucket{{{route},le="0.0001"}} 14',
        f'fastgw_request_duration_seconds_bucket{{{route},le="104.8576"}} 14',
        f'fastgw_request_duration_seconds_bucket{{{route},le="+Inf"}} 20',
        f"fastgw_request_duration_seconds_sum{{{route}}} 5",
        f"fastgw_request_duration_seconds_count{{{route}}} 20",
        f"fastgw_integration_duration_seconds_sum{{{route}}} 3",
        f"fastgw_integration_duration_seconds_count{{{route}}} 12",
        f'fastgw_integration_duration_seconds_bucket{{{route},le="0.0001"}} 0',
        f'fastgw_integration_duration_seconds_bucket{{{route},le="0.0002"}} 12',
        f'fastgw_phase_seconds_total{{{route},phase="write"}} 0.0005',
        f"fastgw_request_bytes_total{{{route}}} 140",
        f"fastgw_response_bytes_total{{{route}}} 60",
        f"aws_apigateway_count_total{{{route}}} 20",
        f"aws_apigateway_4xx_error_total{{{route}}} 4",
        f"aws_apigateway_latency_seconds_sum{{{route}}} 5",
        f"aws_apigateway_latency_seconds_count{{{route}}} 20",
        f"aws_apigateway_data_processed_bytes_total{{{route}}} 200",
        'fastgw_failures_total{failure="BAD_MESSAGE"} 14',
        'fastgw_upstream_target_connections{target="a:80",state="busy"} 8',
        'fastgw_upstream_target_connections{target="a:80",state="idle"} 3',
        'fastgw_upstream_target_pending{target="a:80"} 5',
        'fastgw_upstream_target_admits{target="a:80"} 20',
        'fastgw_upstream_target_retry_budget{target="a:80"} 1.4',
        'fastgw_upstream_target_retries_total{target="a:80"} 3',
        'fastgw_upstream_target_refused_total{target="a:80"} 4',
        'fastgw_upstream_endpoint_workers{target="a:80",endpoint="10.0.0.1:80",state="ejected"} 1',
        'fastgw_upstream_endpoint_workers{target="a:80",endpoint="10.0.0.1:80",state="healthy"} 1',
        'fastgw_upstream_endpoint_workers{target="a:80",endpoint="10.0.0.1:80",state="down"} 0',
        f"fastgw_doors_total{{{route}}} 2",
    ):
        assert line in lines


def test_requests_without_a_route_are_told_apart(shared):
    store(shared, 0, layout.slot_offset(layout.SLOT_UNROUTED), [1, 0, 0, 1])
    assert (
        'fastgw_requests_total{api="",stage="",method="",resource="(none)",class="4xx"} 1'
        in exposition(shared).splitlines()
    )


def test_every_metric_is_declared_once_and_written_in_prometheus_grammar(shared):
    store(shared, 0, layout.slot_offset(2), [1] * layout.SLOT_WORDS)
    lines = exposition(shared).splitlines()
    declared = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert declared == [m.name for m in metrics.METRICS]
    sample = re.compile(r'[a-z0-9_]+\{([a-z]+="(\\.|[^"\\])*",?)+\} \d+(\.\d+)?')
    assert all(sample.fullmatch(line) for line in lines if not line.startswith("#"))


def test_a_label_may_hold_what_a_template_would_act_on(shared):
    store(shared, 0, layout.slot_offset(3), [5])
    route = 'api="pets",stage="prod",method="GET",resource="/100%/%d"'
    assert f"aws_apigateway_count_total{{{route}}} 5" in exposition(shared).splitlines()


def test_the_services_metrics_are_those_of_routes(shared):
    store(shared, 0, layout.slot_offset(layout.SLOT_UNROUTED), [1, 0, 0, 1])
    assert not [line for line in exposition(shared).splitlines() if re.match(r"aws\w+\{", line)]


def test_promtool_finds_no_fault(shared):
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("promtool is not installed (Debian package prometheus; make doubles)")
    for slot in (layout.SLOT_UNROUTED, 2, 3):
        store(shared, 0, layout.slot_offset(slot), [3] * layout.SLOT_WORDS)
    told = subprocess.run([promtool, "check", "metrics"], input=exposition(shared), capture_output=True, text=True,
                          check=False)
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


def cost(function, *arguments):
    """Least CPU time of a few calls."""
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        function(*arguments)
        best = min(best, time.process_time() - start)
    return best


def test_a_thousand_routes_cost_no_more_than_the_common_library_takes(shared):
    """For the same samples, its collector included on neither side."""
    core = pytest.importorskip("prometheus_client.core", reason="prometheus_client is not here (pip install .[dev])")
    from prometheus_client import generate_latest
    from prometheus_client.parser import text_string_to_metric_families

    labels = {2 + n: ("pets", "prod", "GET", f"/resource/{n}") for n in range(1000)}
    for slot in labels:
        store(shared, 0, layout.slot_offset(slot), [7] * layout.SLOT_WORDS)
    reader = counters.Reader(shared, 2)
    ours = cost(write, reader, labels, UPSTREAMS)

    class Families:
        found = list(text_string_to_metric_families(write(reader, labels, UPSTREAMS)))

        def collect(self):
            return self.found

    registry = core.CollectorRegistry()
    registry.register(Families())
    assert ours < cost(generate_latest, registry)

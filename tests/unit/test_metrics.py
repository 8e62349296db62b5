"""Shared counters, and what /metrics makes of them."""

import mmap
import os
import re
import struct

import pytest

from fastgw.observe import counters, layout, metrics


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
    assert layout.R_BUCKETS + layout.BUCKETS == layout.R_CACHE_HITS == 32 < layout.R_CACHE_BYPASSES < layout.SLOT_WORDS
    assert layout.BUCKET_BOUNDS_US[0] == 50 and layout.BUCKET_BOUNDS_US[-1] == 104_857_600
    cells = {value for name, value in vars(layout).items() if name.startswith("H_")} - {layout.H_MAGIC}
    assert {m.cell for m in metrics.WORKER_METRICS} == cells == set(range(1, len(cells) + 1))


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
    return metrics.exposition(counters.Reader(shared, 2), {2: ("pets", "prod", "GET", '/a"\\\n')})


def test_rows_are_summed_over_the_workers(shared):
    row = [10, 4, 1, 2, 3, 2_500_000, 1_500_000, 6, 1, *([0] * layout.BUCKETS)]
    row[layout.R_BUCKETS] = 4
    row[layout.R_BUCKETS + 1] = 3
    row[-1] = 3
    for worker in (0, 1):
        store(shared, worker, layout.slot_offset(2), row)
        store(shared, worker, 0, [layout.MAGIC, 11 + worker])
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
    sample = re.compile(r'[a-z_]+\{([a-z]+="(\\.|[^"\\])*",?)+\} \d+(\.\d+)?')
    assert all(sample.fullmatch(line) for line in lines if not line.startswith("#"))

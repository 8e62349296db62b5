"""What a bucket and the look-up of an API key cost; a key among a million beside the only one.

Run with: python -m pytest bench/micro/test_limits.py
"""

import os

import pytest

from bench.micro.parts import built, probe
from fastgw._core import keys
from fastgw._core.cells import FIRST, Cells, create
from fastgw.model.usage import KeyRing

TIMES = 1000
CAPACITY = 1 << 23


@pytest.fixture(scope="module")
def module():
    return probe(built())[0]


@pytest.fixture(scope="module")
def cells():
    fd = create(CAPACITY, 1)
    made = Cells(fd)
    os.close(fd)
    return made


def test_bucket(benchmark, module, cells):
    number = keys.Rows(cells, FIRST).group(1)
    benchmark.extra_info["turns_per_round"] = TIMES
    benchmark(module.take_tokens, cells, number, TIMES)


def value(index: int) -> str:
    return f"key-{index:07d}-abcdefghijklmnopqrst"


@pytest.mark.parametrize("count", (1, 1_000_000))
def test_key(benchmark, module, cells, count: int):
    ring = KeyRing()
    for index in range(count):
        ring.add(f"key-{index}", value(index), True, ("all",))
    fd = keys.build(memoryview(ring.packed), [(0, "all", 0, False)], keys.Rows(cells, FIRST))
    table = keys.KeyTable(fd)
    os.close(fd)
    benchmark.extra_info["turns_per_round"] = TIMES
    benchmark(module.find_key, table, value(count // 2).encode(), TIMES)

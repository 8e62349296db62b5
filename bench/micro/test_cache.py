"""What a hit of the stage cache costs: the key, the look-up and the answer, with few and with many other entries.

Run with: python -m pytest bench/micro/test_cache.py
"""

import pytest

from bench.micro.parts import BARE, built, probe

TIMES = 1000
LINE = b"HTTP/1.1 200 OK\r\n"
FIELDS = BARE.replace(b"/fixed", b"/proxied").removesuffix(b"\r\n") + (
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    b"Accept: text/html,application/json;q=0.9,*/*;q=0.8\r\n"
    b"Accept-Language: en-US,en;q=0.5\r\n\r\n"
)


@pytest.fixture(scope="module")
def engine():
    return probe(built())[1]


@pytest.mark.parametrize("others", (10, 100_000))
@pytest.mark.parametrize("size", (100, 10_000))
def test_hit(benchmark, engine, others: int, size: int):
    engine.keep(FIELDS, LINE + b"x" * size, others)
    benchmark.extra_info["turns_per_round"] = TIMES
    benchmark(engine.hit, TIMES)

"""Shared cells as other processes see them: words, what changed, usage over a restart."""

import os
import subprocess
import sys

import pytest

from fastgw._core import cells as core
from fastgw._core.cells import FIRST, Cells

DAY = core.window(1)


@pytest.fixture
def descriptor():
    fd = core.create(4096, 3)
    yield fd
    os.close(fd)


def test_two_mappings_are_one_memory(descriptor):
    one, other = Cells(descriptor), Cells(descriptor)
    one.store(FIRST, 5)
    assert other.load(FIRST) == 5
    assert (other.capacity, other.workers) == (4096, 3)


@pytest.mark.parametrize("number", [0, FIRST - 1, 4096, -1, 1 << 40])
def test_a_number_that_is_no_cell(descriptor, number):
    with pytest.raises((IndexError, OverflowError)):
        Cells(descriptor).load(number)


def test_a_file_of_something_else():
    fd = os.memfd_create("else")
    os.truncate(fd, 4096)
    with pytest.raises(ValueError, match="not a file of shared cells"):
        Cells(fd)
    os.close(fd)


def test_usage_is_added_and_told(descriptor):
    cells = Cells(descriptor)
    cells.add_usage(FIRST, DAY, 40)
    assert cells.use(FIRST, DAY, 42) and cells.use(FIRST, DAY, 42)
    assert not cells.use(FIRST, DAY, 42)
    assert (cells.usage(FIRST, DAY), cells.usage_word(FIRST)) == (42, (DAY, 42))
    assert cells.usage(FIRST, core.window(2)) == 0


def test_nothing_has_changed_at_first(descriptor):
    assert Cells(descriptor).changed() == []


TAKER = """
import sys
from fastgw._core.cells import Cells
cells, word = Cells(int(sys.argv[1])), int(sys.argv[2])
print(sum(cells.take(word, 0, 5000) for _ in range(4000)), sum(cells.use(word + 1, 1, 3000) for _ in range(4000)))
"""


def test_processes_together_take_exactly_what_is_there(descriptor):
    tasks = [
        subprocess.Popen([sys.executable, "-c", TAKER, str(descriptor), str(FIRST)], pass_fds=(descriptor,),
                         stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    counts = [list(map(int, task.communicate(timeout=60)[0].split())) for task in tasks]
    assert [sum(column) for column in zip(*counts, strict=True)] == [5000, 3000]

"""What a worker does about Python's memory."""

import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from fastgw.runtime import heap


class Node:
    other: "Node"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    interval = sys.getswitchinterval()
    yield
    gc.unfreeze()
    sys.setswitchinterval(interval)


def pair() -> Node:
    one, two = Node(), Node()
    one.other, two.other = two, one
    return one


def test_the_living_are_left_alone_and_the_dead_are_freed() -> None:
    living = pair()
    heap.put_by()
    assert gc.get_freeze_count() > 0
    assert not any(one is living for one in gc.get_objects())
    gone = weakref.ref(living)
    del living
    gc.collect()
    assert gone() is not None       # a plan that was replaced: nobody walks it
    heap.put_by()
    assert gone() is None


def test_a_step_does_not_wait_long_for_the_lock() -> None:
    heap.open_heap()
    assert sys.getswitchinterval() == pytest.approx(heap.SWITCH_SECONDS)

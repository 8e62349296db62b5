"""Calls and tasks of Python work."""
import inspect
from functools import partial

from fastgw._core.call cimport Flight, flight_begin
from fastgw._core.call import CURRENT
from fastgw._core.counters cimport H_DOOR_START_TASK
from fastgw._core.state cimport count
from fastgw._core.step import Sent

cdef object LOOP = None


cdef void work_took(Work work, result):
    try:
        take(work, result)
    except BaseException as error:
        work.fail(error)


cdef int take(Work work, result) except -1:
    cdef Flight flight
    while isinstance(result, Sent):
        flight = flight_begin(result.call, work.billed())
        if flight.outcome is None:
            work.flight, work.then = flight, result.then
            flight.told = partial(heard, work)
            return 0
        result = result.then(work.shown(), flight.outcome)
    if work.over() or work.take(result):
        return 0
    if not inspect.isawaitable(result):
        raise TypeError(f"a step gave {type(result).__name__}, neither a result nor Sent nor an awaitable")
    return work_start(work, result, finished)


def heard(Work work, outcome) -> None:
    """The call that is waited for is over."""
    then = work.then
    work.flight = work.then = None
    if work.over():
        return
    try:
        result = then(work.shown(), outcome)
    except BaseException as error:
        work.fail(error)
        return
    work_took(work, result)


async def awaited(something):
    return await something


cdef int work_start(Work work, awaitable, done) except -1:
    count(H_DOOR_START_TASK)
    token = CURRENT.set(work.billed())
    try:
        work.task = LOOP.create_task(awaitable if inspect.iscoroutine(awaitable) else awaited(awaitable))
    finally:
        CURRENT.reset(token)
    work.task.add_done_callback(partial(done, work))
    return 0


cdef void work_hear(task):
    """asyncio would call it unheard of."""
    if not task.cancelled():
        task.exception()


def finished(Work work, task) -> None:
    if work.over():
        work_hear(task)
        return
    work.task = None
    if task.cancelled():
        work.fail(None)
    elif task.exception() is not None:
        work.fail(task.exception())
    else:
        work_took(work, task.result())


cdef void work_open(object loop):
    global LOOP
    LOOP = loop

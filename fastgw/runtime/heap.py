"""Python's memory in a worker, so that its housekeeping does not stand in the way of requests.

A step in Python leaves objects behind, so the cyclic collector runs now and then on the loop's thread, where nothing
else is served meanwhile. Walking all that a definition is made of would take it some milliseconds for each thousand
routes.
"""

import gc
import sys

SWITCH_SECONDS = 0.0005
"""How long a step may wait for the lock while a thread compiles a plan; Python's own 5 ms would be the latency of every
request of that worker for as long as a reload takes."""


def put_by() -> None:
    """What lives now is a plan's, and is left alone from here on; of what was left alone before, the dead are freed.

    To be called where nobody waits for the thread: it takes as long as there is much.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def open_heap() -> None:
    """Once in a worker, before it serves."""
    sys.setswitchinterval(SWITCH_SECONDS)

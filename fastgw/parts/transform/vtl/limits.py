"""What one rendering may cost. The numbers come from the settings; the rules are here."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter, thread_time
from typing import Protocol

from .errors import RenderError

TEMPLATE_BYTES = 307_200
"""The service's own bound on the text of a template."""

INTEGER_BITS = 8192
"""Integers grow as they must; beyond this a product takes longer than a template may."""

DEEPEST_VALUE = 200
"""Lists and maps within each other, where a value is printed."""


class Knobs(Protocol):
    """A subset of fastgw.settings.Settings."""

    template_loops: int
    template_cpu: float
    template_output: int


@dataclass(frozen=True, slots=True)
class Limits:
    """loops: iterations of one #foreach, after which it ends, as the engine of the service does.
    cpu: seconds of one rendering. output: characters that it may give, and that one string in it may have.
    """

    loops: int = 1000
    cpu: float = 0.05
    output: int = 1_048_576

    @classmethod
    def of(cls, knobs: Knobs) -> "Limits":
        return cls(knobs.template_loops, knobs.template_cpu, knobs.template_output)


class Budget:
    """What is left of one rendering's limits."""

    __slots__ = ("deadline", "ending", "loops", "made", "output", "trace")

    def __init__(self, limits: Limits):
        self.loops = limits.loops
        self.output = limits.output
        self.made = 0
        self.trace: Callable[[int, str, object], None] | None = None
        self.ending = thread_time() + limits.cpu
        self.deadline = perf_counter() + limits.cpu

    def check(self) -> None:
        """Raise RenderError when the time is used up. The wall clock is asked first: it is cheap to read."""
        if perf_counter() > self.deadline:
            left = self.ending - thread_time()
            if left <= 0:
                raise RenderError("the template used up its CPU time")
            self.deadline = perf_counter() + left

    def bound(self, size: int) -> None:
        """A string that is being made has got so long."""
        if size > self.output:
            raise RenderError("the template made more text than it may")
        self.check()

    def grown(self, size: int) -> None:
        """A string of so many characters was made; in all there may be 16 times as much as one may have."""
        self.made += size
        self.bound(max(size, self.made >> 4))


RENDERING: ContextVar[Budget] = ContextVar("RENDERING")
"""The budget of the rendering that is under way, for methods, which are called with their arguments only."""


def current() -> Budget:
    """Outside a rendering, one of its own."""
    return RENDERING.get(None) or Budget(Limits())

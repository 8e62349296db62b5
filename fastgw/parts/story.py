"""The story of one request in the service's own words, with microseconds: for test invocations.

Source of the texts: the log of a recorded test invocation.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from time import perf_counter_ns

from fastgw._core.step import Answer, CallFailed, Failure, Outcome, Reply, Request, Sent, Step
from fastgw.errors import FAILURES

_SECRET = frozenset({b"authorization", b"x-amz-security-token"})

_SHOWN = 4096
"""Characters of a body that are told."""


class Story:
    """lines are (microseconds since the first, text) each; failed: the request ended in a gateway response."""

    def __init__(self) -> None:
        self._began = 0
        self.lines: list[tuple[int, str]] = []
        self.failed = False

    def tell(self, line: str) -> None:
        self._began = self._began or perf_counter_ns()
        self.lines.append(((perf_counter_ns() - self._began) // 1000, line))

    def failure(self, code: int, detail: str | None = None) -> None:
        """A row of the failure table, and why."""
        row = FAILURES[code]
        kind = {"API_CONFIGURATION_ERROR": "configuration error", "INTEGRATION_TIMEOUT": "a timeout error",
                "INTEGRATION_FAILURE": "a network error"}.get(row.type)
        if kind is not None:
            self.tell(f"Execution failed due to {kind}: {detail or row.message}")
        elif detail:
            self.tell(f"Execution failed: {detail}")
        self.tell(f"Gateway response type: {row.type or row.name} with status code: {row.status}")
        self.failed = True

    def endpoint_request(self, uri: str, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        self.tell(f"Endpoint request URI: {uri}")
        self.tell(f"Endpoint request headers: {fields(masked(headers))}")
        self.tell(f"Endpoint request body after transformations: {shown(body)}")
        self.tell(f"Sending request to {uri}")

    def endpoint_response(self, status: int, us: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        self.tell(f"Received response. Status: {status}, Integration latency: {us // 1000} ms")
        self.tell(f"Endpoint response headers: {fields(headers)}")
        self.tell(f"Endpoint response body before transformations: {shown(body)}")


def named(values: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """{name=value, other=value}"""
    pairs = values.items() if isinstance(values, Mapping) else values
    return "{" + ", ".join(f"{name}={value}" for name, value in pairs) + "}"


def fields(headers: Iterable[tuple[bytes, bytes]]) -> str:
    return named((text(name), text(value)) for name, value in headers)


def masked(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[bytes, bytes]]:
    """Without what signs as the gateway; of a signature the end is left, as the service does, to compare."""
    for name, value in headers:
        if name.lower() in _SECRET:
            value = b"*****" + (value[-6:] if name.lower() == b"authorization" and len(value) > 80 else b"")
        yield name, value


def text(value: bytes) -> str:
    return value.decode("latin-1")


def shown(body: bytes) -> str:
    beginning = body[:_SHOWN].decode("utf-8", "replace")
    return beginning if len(body) <= _SHOWN else f"{beginning} [{len(body):,} bytes]"


def told(step: Step, story: Story) -> Step:
    """The step, which also tells the calls that it has made for it, and why it fails."""
    return lambda request: _listened(lambda: step(request), story)


def _listened(act: Callable[[], Outcome], story: Story) -> Outcome:
    try:
        outcome = act()
    except Failure as failure:
        story.failure(failure.code, failure.detail or failure.message)
        raise
    if inspect.isawaitable(outcome):
        return _awaited(outcome, story)
    return _sent(outcome, story) if isinstance(outcome, Sent) else outcome


async def _awaited(outcome: Awaitable[Answer | Sent], story: Story) -> Answer | Sent:
    try:
        found = await outcome
    except Failure as failure:
        story.failure(failure.code, failure.detail or failure.message)
        raise
    return _sent(found, story) if isinstance(found, Sent) else found


def _sent(sent: Sent, story: Story) -> Sent:
    call = sent.call
    story.endpoint_request(f"http://{text(call.target.key)}{text(call.path)}", call.headers, call.body)

    def then(request: Request, reply: Reply | CallFailed) -> Outcome:
        if isinstance(reply, Reply):
            story.endpoint_response(reply.status, reply.us, reply.headers, reply.body)
        return _listened(lambda: sent.then(request, reply), story)

    return replace(sent, then=then)

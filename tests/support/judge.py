"""Sends a client stream and holds what came of it against the gateway's invariants.

One upstream serves many streams at once: each stream comes from a loopback address of its own,
which the definition maps into X-Client, so that every forwarded request names its stream.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.support.client import Closed, Hangs, Wire, all_answers, get
from tests.support.definition import pass_through
from tests.support.message import Request, Response, Unclean
from tests.support.oracle import Reading, read_client
from tests.support.upstream import STUB, Recorded, Upstream

CLIENT = "X-Client"
FOLLOW_UP = "/follow-up"
_serial = itertools.count(1)


def judged_definition(url: str) -> dict:
    """Everything to one upstream, each request marked with its client's address."""
    return pass_through(url, parameters={f"header.{CLIENT}": "context.identity.sourceIp"})


def own_address() -> str:
    """A loopback address that no other stream uses."""
    number = next(_serial)
    return f"127.{2 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


@dataclass
class Outcome:
    """What one stream led to, and what is wrong with it."""

    reading: Reading
    address: str
    answers: list[Response] = field(default_factory=list)
    closed: bool = False
    follow_up: Response | None = None
    problems: list[str] = field(default_factory=list)
    forwarded: list[Request] = field(default_factory=list)
    cut_off: int = 0
    """Requests that were aborted inside their body."""

    @property
    def statuses(self) -> list[int]:
        return [answer.status for answer in self.answers]

    def verdict(self) -> tuple:
        """What must be the same in every delivery."""
        refusal = next((status for status in self.statuses if status >= 400), None)
        return refusal, self.closed, [(r.method, normal(r.target), r.body) for r in self.forwarded]


def converse(port: int, segments: Iterable[bytes], reading: Reading, patience: float = 8.0) -> Outcome:
    """Delivers the segments, reads every answer, and asks once more where the connection stays open."""
    outcome = Outcome(reading, own_address())
    methods = [request.method for request in reading.lawful]
    with Wire(port, source=outcome.address, patience=patience) as wire:
        try:
            wire.deliver(segments)
            if reading.tail != "end":
                outcome.answers = list(all_answers(wire, methods))
                outcome.closed = True
                return outcome
            for method in methods:
                outcome.answers.append(wire.answer(method))
            wire.deliver([get(FOLLOW_UP, "Connection: close")])
            outcome.follow_up = wire.answer()
            outcome.closed = wire.ends()
        except Closed:
            outcome.closed = True
        except (Hangs, Unclean) as problem:
            outcome.problems.append(f"{type(problem).__name__}: {problem}")
    return outcome


def judge(outcome: Outcome, recorded: Sequence[Recorded]) -> None:
    """Adds every broken invariant to outcome.problems; recorded: what was forwarded of this client."""
    ours = [r for r in recorded if not r.request.target.startswith(FOLLOW_UP)]
    outcome.forwarded = [r.request for r in ours if r.complete]
    outcome.cut_off = sum(not r.complete for r in ours)
    problems = outcome.problems
    lawful = iter(outcome.reading.lawful)
    for request in outcome.forwarded:
        if not any(same(request, candidate) for candidate in lawful):
            problems.append(
                f"forwarded what the client did not lawfully send: {request.raw!r} {request.body!r}"
            )
    served = sum(bool(answer.values(STUB)) for answer in outcome.answers)
    if served != len(outcome.forwarded):
        problems.append(f"{len(outcome.forwarded)} forwarded, {served} answered by the upstream")
    if (
        outcome.cut_off
        and outcome.reading.tail in ("end", "closed")
        and max(outcome.statuses, default=0) < 400
    ):
        problems.append("a whole request was cut off")
    # How a refusal of a HEAD ends depends on whether the gateway got as far as its method.
    whole = outcome.answers[:-1] if outcome.reading.tail_method == "HEAD" else outcome.answers
    if any(not answer.complete for answer in whole):
        problems.append("an answer was cut off")
    if outcome.follow_up and outcome.follow_up.body != FOLLOW_UP.encode():
        problems.append(f"the follow-up got {outcome.follow_up.status} {outcome.follow_up.body!r}")


def same(forwarded: Request, sent: Request) -> bool:
    return (forwarded.method, forwarded.body, normal(forwarded.target)) == (
        sent.method,
        sent.body,
        normal(sent.target),
    )


def normal(target: str) -> str:
    """A target in the form that two spellings of one resource share (RFC 3986 section 6.2.2)."""
    target = re.sub(r"^[A-Za-z]+://[^/?]*", "", target) or "/"
    path, mark, query = target.partition("?")
    path = re.sub("%[0-9A-Fa-f]{2}", _unreserved, path or "/")
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            segments = segments[:-1]
        elif segment not in ("", "."):
            segments.append(segment)
    return "/" + "/".join(segments) + mark + query


def _unreserved(match: re.Match) -> str:
    byte = int(match[0][1:], 16)
    return (
        chr(byte)
        if chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) in "-._~")
        else match[0].upper()
    )


def run(
    port: int, upstream: Upstream, streams: Sequence[tuple[Iterable[bytes], bytes]], threads: int = 48
) -> list[Outcome]:
    """Converses all (segments, whole bytes) side by side, then judges each."""
    with ThreadPoolExecutor(threads) as pool:
        outcomes = list(pool.map(lambda stream: converse(port, stream[0], read_client(stream[1])), streams))
    recorded: dict[str | None, list[Recorded]] = {}
    for one in upstream.requests:
        recorded.setdefault(one.request.get(CLIENT), []).append(one)
    for outcome in outcomes:
        judge(outcome, recorded.get(outcome.address, []))
    return outcomes

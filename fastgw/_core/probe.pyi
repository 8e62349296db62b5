from collections.abc import Iterable
from dataclasses import dataclass

from fastgw._core.plan import Plan
from fastgw._core.schema import Schema

@dataclass(slots=True)
class Message:
    result: str | int
    used: int
    method: bytes
    status: int
    minor: int
    path: bytes
    canonical: bytes
    query: bytes
    host: bytes
    fields: list[tuple[bytes, bytes]]
    framing: str
    length: int
    keep: bool
    body: bytes

def request(
    plan: Plan,
    segments: Iterable[bytes],
    *,
    head_bytes: int = 16384,
    head_fields: int = 100,
    merge_slashes: bool = True,
) -> Message: ...
def answer(
    plan: Plan,
    segments: Iterable[bytes],
    *,
    verb: int = 0,
    ended: bool = False,
    head_bytes: int = 32768,
    head_fields: int = 200,
) -> Message: ...

def schema_verdict(schema: Schema, body: bytes, room: int = ...) -> tuple[int, int, int, bytes]: ...

class Wheel:
    def __init__(self, now: int) -> None: ...
    def set(self, number: int, deadline: int) -> None: ...
    def drop(self, number: int) -> None: ...
    def advance(self, ms: int) -> list[int]: ...
    def close(self) -> None: ...
    @property
    def queued(self) -> int: ...
    @property
    def ticking(self) -> bool: ...

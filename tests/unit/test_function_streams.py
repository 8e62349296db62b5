"""Event messages of a function's reply in pieces: what the host writes and the gateway reads, in any split."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgw.functions.streamed import frame
from fastgw.parts.integrate.lambda_stream import Broken, payloads

COMPLETE = frame("InvokeComplete", b"{}", "application/json")


def read(pieces: Iterable[bytes]) -> bytes:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def collect() -> bytes:
        return b"".join([payload async for payload in payloads(body())])

    return asyncio.run(collect())


@given(st.lists(st.binary(max_size=300), max_size=5), st.lists(st.integers(1, 2000), max_size=6))
def test_payloads_come_back_in_any_split(sent: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(frame("PayloadChunk", payload) for payload in sent) + COMPLETE
    ends = sorted({min(cut, len(whole)) for cut in cuts} | {len(whole)})
    pieces = [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    assert read(pieces) == b"".join(sent)


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"no event message at all",
        frame("PayloadChunk", b"x"),
        frame("PayloadChunk", b"x")[:-1],
        frame("PayloadChunk", b"x")[:-1] + b"\0" + COMPLETE,
        b"\0\0\0\1" + COMPLETE[4:],
        frame("InvokeComplete", b"{"),
        frame("InvokeComplete", json.dumps({"ErrorCode": "Unhandled", "ErrorDetails": "x"}).encode()),
    ],
)
def test_what_is_cut_or_broken_is_no_reply(wrong: bytes) -> None:
    with pytest.raises(Broken):
        read([wrong])


@given(st.binary(max_size=200))
def test_bytes_that_are_no_messages_are_refused(garbage: bytes) -> None:
    with pytest.raises(Broken):
        read([garbage])

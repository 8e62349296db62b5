"""Test invocations asked for at the ops listener, each in a process of its own."""

import asyncio
import pickle
import sys
from typing import Annotated

from msgspec import Meta, Struct, field

from fastgw.control.invoke import Invocation
from fastgw.model.gateway import Gateway
from fastgw.settings import Settings

Token = Annotated[str, Meta(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}\Z")]
Value = Annotated[str, Meta(pattern=r"^[\t\x20-\x7e]*\Z", max_length=8192)]
Url = Annotated[str, Meta(pattern=r"^[\x21-\x7e]{1,10240}\Z")]


class InvokeRequest(Struct, forbid_unknown_fields=True):
    """What POST /test-invoke is given."""

    method: Token
    url: Url
    headers: dict[Token, Value] = field(default_factory=dict)
    body: str = ""


async def test_invoke(gateway: Gateway, settings: Settings, asked: InvokeRequest) -> bytes:
    """The story as JSON. Raises ValueError, which says why there is none."""
    invocation = Invocation(asked.method, asked.url, list(asked.headers.items()), asked.body.encode())
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fastgw.control.invoke",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )
    try:
        told, wrong = await child.communicate(pickle.dumps((gateway, settings, invocation)))
    finally:
        if child.returncode is None:        # nobody waits for it any more
            child.kill()
            await child.wait()
    if child.returncode:
        raise ValueError(wrong.decode("utf-8", "replace").strip().splitlines()[-1][:500] if wrong else "it ended")
    return told

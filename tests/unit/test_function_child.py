"""The function host as the supervisor has it: a group of the workers' plan, and its socket."""

import asyncio
import os
import stat
import tempfile
from pathlib import Path

import pytest

from fastgw.model.function import HOST_AUTHORITY, Function
from fastgw.model.gateway import Gateway
from fastgw.runtime.functions import FunctionHost
from fastgw.runtime.peer import Refused


def gateway(*functions: Function) -> Gateway:
    return Gateway((), (), (), functions=functions)


def test_workers_reach_it_over_a_socket_of_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def body() -> None:
        host = FunctionHost(asyncio.Event(), asyncio.Lock())
        none = gateway()
        assert host.reachable(none) is none
        assert os.listdir(tmp_path) == []
        one = Function("f", "/code", "a.b", "python3", concurrency=3, queue=4)
        (group,) = host.reachable(gateway(one)).upstreams
        assert (group.authority, group.max_connections) == (HOST_AUTHORITY, 7)
        path = group.addresses[0].address.removeprefix("unix:")
        assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
        (again,) = host.reachable(gateway(one)).upstreams
        assert again == group
        assert await host.end(0) == 0
        assert os.listdir(tmp_path) == []

    asyncio.run(body())


def test_a_socket_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))

    async def body() -> None:
        host = FunctionHost(asyncio.Event(), asyncio.Lock())
        with pytest.raises(Refused, match="the socket of the function host"):
            host.reachable(gateway(Function("f", "/code", "a.b", "python3")))
        assert await host.end(0) == 0
        assert os.listdir(deep) == []

    asyncio.run(body())

"""Names of upstreams."""

import asyncio
import dataclasses
import logging
import socket

import pytest

from fastgw.plan.targets import Source
from fastgw.runtime import resolver
from fastgw.runtime.names import Names
from fastgw.runtime.resolver import Resolver, is_public
from fastgw.settings import Settings


class Targets:
    """The two calls of an engine that a resolver makes: each host is a group of one source, named by its number."""

    def __init__(self, *hosts, private=None):
        self.groups = [
            {"id": n, "sources": [Source("ip" if host[:1].isdigit() else "name", host, 80)], "allow_private": private}
            for n, host in enumerate(hosts)
        ]
        self.given = []
        self.failed = 0

    def targets(self):
        return self.groups

    def set_endpoints(self, ident, members):
        if members:
            self.given.append((ident, members))
        else:
            self.failed += 1


def members(*addresses):
    return [(address, 80, 1, 0) for address in addresses]


@pytest.fixture
def names(monkeypatch):
    """Name -> addresses, or an error to raise."""
    table = {}

    async def look_up(self, host, port):
        answer = table[host]
        if isinstance(answer, Exception):
            raise answer
        return sorted((address, port) for address in answer)

    monkeypatch.setattr(Names, "addresses", look_up)
    return table


@pytest.fixture
def log(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("fastgw"), "propagate", True)
    return caplog


def adopt(targets, **changed):
    watcher = Resolver(targets, dataclasses.replace(Settings(), **changed))
    asyncio.run(watcher.adopt())
    return watcher


def test_only_names_are_resolved(names):
    names["api.example"] = ["93.184.216.34"]
    targets = Targets("127.0.0.1", "api.example")
    adopt(targets)
    assert targets.given == [(1, members("93.184.216.34"))]


def test_only_changes_reach_the_engine(names):
    names["api.example"] = ["93.184.216.34", "93.184.216.35"]
    targets = Targets("api.example")
    watcher = adopt(targets)
    names["api.example"] = ["93.184.216.35", "93.184.216.34"]
    asyncio.run(watcher.refresh())
    assert len(targets.given) == 1
    names["api.example"] = ["93.184.216.36"]
    asyncio.run(watcher.refresh())
    assert targets.given[1:] == [(0, members("93.184.216.36"))]


def test_a_failure_keeps_the_addresses_and_is_logged_once(names, log):
    names["api.example"] = ["93.184.216.34"]
    targets = Targets("api.example")
    watcher = adopt(targets)
    names["api.example"] = socket.gaierror(-2, "Name or service not known")
    for _ in range(3):
        asyncio.run(watcher.refresh())
    assert len(targets.given) == 1 and targets.failed == 3
    names["api.example"] = ["93.184.216.34"]
    asyncio.run(watcher.refresh())
    assert len(targets.given) == 2, "the engine hears that the name is well again"
    assert log.messages == ["upstream api.example: Name or service not known; its last addresses stay"]


def test_an_answer_that_moves_to_this_machine_is_refused(names, log):
    names["api.example"] = ["93.184.216.34"]
    targets = Targets("api.example")
    watcher = adopt(targets)
    names["api.example"] = ["127.0.0.1"]
    asyncio.run(watcher.refresh())
    assert len(targets.given) == 1
    assert "not public (127.0.0.1)" in log.messages[0]


def test_public_answers_beside_private_ones_are_used(names):
    names["api.example"] = ["10.0.0.1", "93.184.216.34"]
    targets = Targets("api.example")
    adopt(targets)
    assert targets.given == [(0, members("93.184.216.34"))]


@pytest.mark.parametrize(
    ("of_the_upstream", "of_all", "allowed"),
    [(None, False, False), (None, True, True), (True, False, True), (False, True, False)],
)
def test_private_answers_need_permission(names, of_the_upstream, of_all, allowed):
    names["api.example"] = ["10.0.0.1"]
    targets = Targets("api.example", private=of_the_upstream)
    adopt(targets, upstream_allow_private=of_all)
    assert bool(targets.given) is allowed


def test_a_group_of_several_sources(names, log):
    """What is known is used at once; a source that fails keeps what it had; weights are those of the source."""
    targets = Targets("api.example")
    (group,) = targets.groups
    group["sources"] = [Source("ip", "10.1.1.1", 81, 3), Source("name", "api.example", 80, 2, 7)]
    names["api.example"] = socket.gaierror(-2, "Name or service not known")
    watcher = adopt(targets)
    assert targets.given == [(0, [("10.1.1.1", 81, 3, 0)])]
    names["api.example"] = ["93.184.216.34"]
    asyncio.run(watcher.refresh())
    assert targets.given[-1] == (0, [("10.1.1.1", 81, 3, 0), ("93.184.216.34", 80, 2, 7)])
    names["api.example"] = socket.gaierror(-2, "Name or service not known")
    asyncio.run(watcher.refresh())
    asyncio.run(watcher.refresh())
    assert targets.given[-1][1][1:] == [("93.184.216.34", 80, 2, 7)]


def test_an_address_of_two_sources_counts_once(names):
    names["a.example"] = names["b.example"] = ["93.184.216.34"]
    targets = Targets("a.example")
    targets.groups[0]["sources"] = [Source("name", "a.example", 80, 5), Source("name", "b.example", 80)]
    adopt(targets)
    assert targets.given[-1] == (0, [("93.184.216.34", 80, 5, 0)])


def test_localhost_says_what_it_means(names):
    names["localhost"] = ["127.0.0.1", "::1"]
    targets = Targets("localhost")
    adopt(targets)
    assert targets.given == [(0, members("127.0.0.1", "::1"))]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
     "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
     "::ffff:127.0.0.1", "::ffff:10.0.0.1"],
)
def test_addresses_that_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_addresses_that_are_public(address):
    assert is_public(address)


def test_a_dead_name_server_holds_up_nothing(monkeypatch):
    async def never(self, host, port):
        await asyncio.Event().wait()

    monkeypatch.setattr(Names, "addresses", never)
    monkeypatch.setattr(resolver, "_PATIENCE", 0.01)
    targets = Targets("api.example")
    adopt(targets)
    assert targets.given == [] and targets.failed == 0

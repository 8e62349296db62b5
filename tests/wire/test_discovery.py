"""Endpoints that are found: by name, by SRV records, in a file; and that follow within two seconds or so."""

from pathlib import Path

import pytest

from tests.support.client import eventually, get
from tests.support.definition import pass_through, several
from tests.support.nameserver import NameServer
from tests.support.process import Gateway
from tests.support.upstream import Upstream
from tests.wire.test_balance import group, grouped

SEEN = 10.0
"""Ceiling of the wait for a change; TRIALS asks for 2 s on a machine that does nothing else."""


def members(gateway: Gateway) -> set[str]:
    return {e["address"] for e in group(gateway)["endpoints"] if e["state"] != "leaving"}


def test_addresses_of_a_name_follow_it() -> None:
    with NameServer() as names, Upstream() as stub:
        names.records["pool.test", "A"] = ["127.0.0.1", "127.0.0.2"]
        files = grouped([f"pool.test:{stub.port}"])
        with Gateway(files, env={"FASTGW_DNS_SERVER": names.address}) as gateway:
            assert members(gateway) == {f"127.0.0.1:{stub.port}", f"127.0.0.2:{stub.port}"}
            names.records["pool.test", "A"] = ["127.0.0.1", "127.0.0.3"]
            wanted = {f"127.0.0.1:{stub.port}", f"127.0.0.3:{stub.port}"}
            eventually(lambda: members(gateway) == wanted, "the new addresses", SEEN)
            del names.records["pool.test", "A"]
            eventually(lambda: not group(gateway)["resolved"], "the name is gone", SEEN)
            assert members(gateway) == wanted, "its last addresses stay"
            assert gateway.fetch(get("/x")).status == 200


def srv(name: str, **options: object) -> dict[str, object]:
    return {
        "fastgw.yaml": several({"shop": {"definition": "api.json"}}, upstreams={"srv.test": {"srv": name, **options}}),
        "api.json": pass_through("http://srv.test"),
    }


def test_srv_records() -> None:
    """The best priority, with its ports and weights."""
    with NameServer() as names, Upstream() as a, Upstream() as b:
        names.records["a.test", "A"] = names.records["b.test", "A"] = ["127.0.0.1"]
        names.records["_http._tcp.pool.test", "SRV"] = [
            (1, 1, a.port, "a.test"), (1, 3, b.port, "b.test"), (2, 9, 1, "spare.test"),
        ]
        with Gateway(srv("_http._tcp.pool.test"), env={"FASTGW_DNS_SERVER": names.address}) as gateway:
            with gateway.wire() as wire:
                for _ in range(8):
                    assert wire.request(get("/x")).status == 200
            assert (len(a.whole()), len(b.whole())) == (2, 6)
            names.records["_http._tcp.pool.test", "SRV"] = [(1, 1, b.port, "b.test")]
            eventually(lambda: members(gateway) == {f"127.0.0.1:{b.port}"}, "one record left", SEEN)


@pytest.mark.parametrize("allowed", (False, True))
def test_a_service_on_this_machine_needs_permission(allowed: bool) -> None:
    with NameServer() as names, Upstream() as stub:
        names.records["a.test", "A"] = ["127.0.0.1"]
        names.records["pool.test", "SRV"] = [(1, 1, stub.port, "a.test")]
        files = srv("pool.test", **({"allow_private": True} if allowed else {}))
        env = {"FASTGW_DNS_SERVER": names.address, "FASTGW_UPSTREAM_ALLOW_PRIVATE": None}
        with Gateway(files, env=env) as gateway:
            assert gateway.fetch(get("/x")).status == (200 if allowed else 504)
            assert bool(stub.connections) is allowed


def test_a_file_of_addresses(tmp_path: Path) -> None:
    """Followed while it is good; a mistake in it is told and changes nothing."""
    with Upstream() as a, Upstream() as b:
        files = {
            "fastgw.yaml": several({"shop": {"definition": "api.json"}}, upstreams={"f.test": {"file": "pool.txt"}}),
            "api.json": pass_through("http://f.test"),
            "pool.txt": f"# the shop's\n{a.authority}\n\n{b.authority} 3 # heavy\n",
        }
        with Gateway(files) as gateway:
            with gateway.wire() as wire:
                for _ in range(8):
                    assert wire.request(get("/x")).status == 200
            assert (len(a.whole()), len(b.whole())) == (2, 6)
            gateway.write("pool.txt", f"{b.authority}\n")
            eventually(lambda: members(gateway) == {b.authority}, "the file has changed", SEEN)
            gateway.write("pool.txt", f"{a.authority}\n{b.authority} heavy\n")
            eventually(lambda: "pool.txt:2: weight 'heavy'" in gateway.stderr(), "the mistake is told", SEEN)
            assert members(gateway) == {b.authority}

"""Shares of memory and descriptors, and what the log says of overload."""

import logging
import resource

import pytest

from fastgw.runtime.overload import OverloadLog, client_connections, group_limit, memory_share


def test_the_limit_is_shared_with_the_supervisor():
    assert memory_share(300, 2) == 100


def test_without_a_limit_it_is_the_machines():
    assert memory_share(0, 1) >= 1 << 26


def test_the_least_limit_above_the_group_counts(tmp_path):
    own = tmp_path / "cgroup"
    own.write_text("12:cpu:/elsewhere\n0::/a/b\n")
    group = tmp_path / "fs" / "a" / "b"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("max\n")
    (group.parent / "memory.max").write_text("1000\n")
    (tmp_path / "fs" / "memory.max").write_text("5000\n")
    assert group_limit(tmp_path / "fs", own) == 1000


@pytest.mark.parametrize("text", ["", "3:memory:/x\n", "0::/not/there\n"])
def test_a_machine_without_such_groups_has_no_limit(tmp_path, text):
    (tmp_path / "cgroup").write_text(text)
    assert group_limit(tmp_path / "fs", tmp_path / "cgroup") == 0
    assert group_limit(tmp_path / "fs", tmp_path / "missing") == 0


@pytest.mark.parametrize(("soft", "got"), [(300, 236), (100, 50), (5000, 1000)])
def test_some_descriptors_are_kept_from_clients(monkeypatch, soft, got):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert client_connections(1000) == got


def test_a_change_is_one_line(caplog):
    caplog.set_level(logging.INFO, "fastgw")
    log = OverloadLog()
    for step in (0, 2, 2, 2, 3, 0, 0):
        log.look({"step": step, "memory": 3 << 20, "share": 4 << 20, "lag_us": 5999})
    assert [record.getMessage() for record in caplog.records] == [
        "overload step 2, was 0: new requests are refused (memory 3 of 4 MB, loop lag 5 ms)",
        "overload step 3, was 2: new requests and connections are refused (memory 3 of 4 MB, loop lag 5 ms)",
        "overload step 0, was 3: in good health again (memory 3 of 4 MB, loop lag 5 ms)",
    ]

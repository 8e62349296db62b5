"""What the state directory keeps."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fastgw.runtime.store import FILE, Kept, Store, StoredKey, StoreError, Used

KEY = StoredKey("acme", "a-secret-value-of-acme-0123", ("gold", "silver"))


def add(store: Store, key: StoredKey) -> None:
    store.add_key(key.name, key.value, key.plans)


def test_nothing_is_made_before_something_is_kept(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "state"))
    assert store.kept() == Kept()
    assert store.usage() == []
    assert not (tmp_path / "state").exists()


def test_keys_are_kept(tmp_path: Path) -> None:
    add(Store(str(tmp_path)), KEY)
    assert Store(str(tmp_path)).kept() == Kept((KEY,))
    Store(str(tmp_path)).remove_key("acme")
    assert Store(str(tmp_path)).kept() == Kept()


def test_a_name_and_a_value_stand_for_one_key(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    add(store, KEY)
    for other in (StoredKey("acme", "x" * 20, ()), StoredKey("other", KEY.value, ())):
        with pytest.raises(StoreError, match="there already") as told:
            add(store, other)
        assert KEY.value not in str(told.value)
    assert store.kept() == Kept((KEY,))
    assert KEY.value not in repr(KEY)


def test_disabled_keys_are_remembered(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.set_enabled("acme", False)
    store.set_enabled("acme", False)
    store.set_enabled("other", False)
    assert store.kept().disabled == {"acme", "other"}
    store.set_enabled("acme", True)
    assert store.kept().disabled == {"other"}


def test_usage_replaces_what_was_there(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.save_usage([Used("gold", "acme", 5, 10), Used("gold", "other", 5, 1)])
    store.save_usage([Used("gold", "acme", 6, 2)])
    assert sorted(store.usage(), key=lambda row: row.key) == [Used("gold", "acme", 6, 2), Used("gold", "other", 5, 1)]


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = Store(str(tmp_path / "state"))
        store.lock()
        add(store, KEY)
        store.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    for path in (tmp_path / "state").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    first, second = Store(str(tmp_path)), Store(str(tmp_path))
    assert first.lock()
    assert first.lock()
    assert not second.lock()
    first.close()
    assert second.lock()
    second.close()


def test_a_directory_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot keep state in .*/file: file exists; see the setting state_dir"):
        add(Store(str(tmp_path / "file")), KEY)
    (tmp_path / FILE).write_bytes(b"this is not a database, and has no header of one" * 100)
    with pytest.raises(StoreError, match=r"cannot use .*: file is not a database"):
        Store(str(tmp_path)).kept()


def test_a_newer_format_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version"):
        add(Store(str(tmp_path)), KEY)


WRITER = """
import sys
from fastgw.runtime.store import Store
store = Store(sys.argv[1])
for number in range(100_000):
    store.add_key(f"key-{number}", f"value-of-the-key-{number:08d}", ("gold",))
    print(number, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_keys(tmp_path: Path) -> None:
    """TRIALS R3: what was answered is there, what was not is there or not, and the file opens."""
    for round_ in range(10):
        directory = tmp_path / str(round_)
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(directory)], stdout=subprocess.PIPE, text=True
        ) as writer:
            for _ in range(3 + round_):
                last = writer.stdout.readline()
            os.kill(writer.pid, signal.SIGKILL)
            answered = [*writer.stdout.read().split(), last.strip()]
        written = max(map(int, answered)) + 1
        kept = Store(str(directory)).kept().keys
        assert written <= len(kept) <= written + 1
        assert all(key.value == f"value-of-the-key-{int(key.name[4:]):08d}" for key in kept)

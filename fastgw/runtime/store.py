"""The state directory: what a gateway must not forget when it ends, in one SQLite file.

Keys made while it runs, keys that were switched off, and how much of each quota is used. The control process is
the only writer and holds the directory's lock; the supervisor reads. Values of keys are kept as they are, in a
file that only its owner may read: the service shows them to its operators too.
"""

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

FILE, LOCK = "state.sqlite", "lock"
VERSION = 1

_SCHEMA = """
CREATE TABLE keys (name TEXT PRIMARY KEY, value TEXT NOT NULL UNIQUE, plans TEXT NOT NULL, made REAL NOT NULL);
CREATE TABLE disabled (name TEXT PRIMARY KEY);
CREATE TABLE usage (plan TEXT, key TEXT, window INTEGER NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (plan, key))
    WITHOUT ROWID;
"""
_BUSY_SECONDS = 5.0


class StoreError(Exception):
    """One line: the directory, and why nothing can be kept or read there."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """An API key made at run time. value is a secret."""

    name: str
    value: str
    plans: tuple[str, ...]

    def __repr__(self) -> str:
        return f"StoredKey({self.name!r}, plans={self.plans!r})"


@dataclass(frozen=True, slots=True)
class Used:
    """How often a key was used in a window of its plan's quota (fastgw/_core/usage.pxd)."""

    plan: str
    key: str
    window: int
    used: int


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything the file holds of keys."""

    keys: tuple[StoredKey, ...] = ()
    disabled: frozenset[str] = frozenset()


class Store:
    """The file in one state directory; it is made when something is first kept. One user thread at a time.

    Every change is whole and on disk when its method returns. Raises StoreError.
    """

    def __init__(self, directory: str):
        self._directory = Path(directory)
        self._lock: int | None = None

    @property
    def directory(self) -> str:
        return str(self._directory)

    @property
    def file(self) -> Path:
        return self._directory / FILE

    @property
    def exists(self) -> bool:
        return self.file.exists()

    def lock(self) -> bool:
        """Become the directory's only writer, until close(). False while another gateway is."""
        if self._lock is None:
            self._make_directory()
            with self._told():
                found = os.open(self._directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(found)
                return False
            self._lock = found
        return True

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # Keys

    def kept(self) -> Kept:
        if not self.exists:
            return Kept()
        with self._open() as db:
            keys = db.execute("SELECT name, value, plans FROM keys ORDER BY name").fetchall()
            disabled = db.execute("SELECT name FROM disabled").fetchall()
        return Kept(
            tuple(StoredKey(name, value, tuple(json.loads(plans))) for name, value, plans in keys),
            frozenset(name for (name,) in disabled),
        )

    def add_key(self, name: str, value: str, plans: tuple[str, ...]) -> None:
        """Raises StoreError where the name or the value is taken."""
        with self._open() as db:
            try:
                db.execute("INSERT INTO keys VALUES (?, ?, ?, ?)", (name, value, json.dumps(plans), time.time()))
            except sqlite3.IntegrityError:
                raise StoreError(f"a key of the name {name!r}, or of its value, is there already") from None

    def remove_key(self, name: str) -> None:
        with self._open() as db:
            db.execute("DELETE FROM keys WHERE name = ?", (name,))

    def set_enabled(self, name: str, enabled: bool) -> None:
        with self._open() as db:
            if enabled:
                db.execute("DELETE FROM disabled WHERE name = ?", (name,))
            else:
                db.execute("INSERT OR IGNORE INTO disabled VALUES (?)", (name,))

    # Usage

    def usage(self) -> list[Used]:
        if not self.exists:
            return []
        with self._open() as db:
            return [Used(*row) for row in db.execute("SELECT plan, key, window, used FROM usage")]

    def save_usage(self, rows: Iterable[Used]) -> None:
        with self._open() as db:
            db.executemany(
                "INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?)",
                ((row.plan, row.key, row.window, row.used) for row in rows),
            )

    def _make_directory(self) -> None:
        with self._told():
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise StoreError(f"cannot keep state in {self._directory}: {why}; see the setting state_dir") from None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection within one transaction; a fresh one each time, so that no thread keeps it."""
        self._make_directory()
        path = self.file
        with self._told():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        try:
            with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)) as db:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                db.execute("BEGIN IMMEDIATE")
                self._upgrade(db)
                yield db
                db.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreError(f"cannot use {path}: {error}") from None

    def _upgrade(self, db: sqlite3.Connection) -> None:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise StoreError(f"{self.file} was written by a newer version of fastgw (format {version})")
        if version == 0:
            for statement in _SCHEMA.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {VERSION}")

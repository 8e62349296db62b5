"""API keys in the service's CSV form (developer guide, "API Gateway API key file format").

Columns are found by their header, in any order and case: Name and Key must be there; Enabled (true where it is
left out), UsagePlanIds (several with commas within quotes) and Description may be. The last of two rows with one
value counts, as in the service. Values are secrets: no message shows one.
"""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from fastgw.load.problem import Problems, did_you_mean, shown
from fastgw.model.place import Place

COLUMNS = ("Name", "Key", "Description", "Enabled", "UsagePlanIds")
MIN_VALUE, MAX_VALUE, MAX_NAME = 20, 128, 1024
"""Characters; the service's."""

_FLAGS = {"": True, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One row of the file; line counts from 1."""

    name: str
    value: str
    enabled: bool
    plans: tuple[str, ...]
    line: int

    def __repr__(self) -> str:
        return f"KeyRow({self.name!r}, line={self.line})"


def read_keys(file: str, problems: Problems, named_at: Place) -> list[KeyRow]:
    """The rows that are right, in the file's order; named_at is where the file's name stands."""
    found: dict[str, KeyRow] = {}
    with _opened(file, problems, named_at) as text:
        if text is not None:
            for row in _Reader(file, problems).rows(text):
                found.pop(row.value, None)
                found[row.value] = row
    return list(found.values())


@contextmanager
def _opened(file: str, problems: Problems, named_at: Place) -> Iterator[TextIO | None]:
    try:
        with open(file, newline="", encoding="utf-8-sig") as text:
            yield text
    except UnicodeDecodeError:
        problems.error(named_at, "bad-text", f"{file} is not UTF-8 text")
    except OSError as error:
        problems.error(named_at, "unreadable", f"cannot read {file}: {(error.strerror or str(error)).lower()}")
        yield None


class _Reader:
    def __init__(self, file: str, problems: Problems) -> None:
        self._file = file
        self._problems = problems

    def rows(self, text: TextIO) -> Iterator[KeyRow]:
        rows = csv.reader(text, strict=True)
        line = 1
        try:
            columns = self._columns(next(rows, []))
            line = rows.line_num + 1
            for cells in rows if columns is not None else ():
                row = self._row(columns, cells, line) if cells else None
                if row is not None:
                    yield row
                line = rows.line_num + 1
        except csv.Error as error:
            self._error(line, f"this is no CSV: {error}")

    def _error(self, line: int, message: str) -> None:
        self._problems.error(Place(self._file, line, 1), "bad-key-file", message)

    def _columns(self, header: list[str]) -> dict[str, int] | None:
        """Column -> its position."""
        known = {name.lower(): name for name in COLUMNS}
        found: dict[str, int] = {}
        for position, cell in enumerate(header):
            name = known.get(cell.strip().lower())
            if name in found:
                self._error(1, f"column {name} is there twice")
                return None
            if name is not None:
                found[name] = position
            else:
                self._problems.warning(Place(self._file, 1, 1), "no-effect", f"column {shown(cell)} is not read"
                                       f"{did_you_mean(cell, COLUMNS)}")
        missing = [name for name in ("Name", "Key") if name not in found]
        if missing:
            self._error(1, f"there is no column {' and no column '.join(missing)}; the first row names the columns: "
                        f"{', '.join(COLUMNS)}")
            return None
        return found

    def _row(self, columns: dict[str, int], cells: list[str], line: int) -> KeyRow | None:
        texts = {name: cells[at].strip() if at < len(cells) else "" for name, at in columns.items()}
        name, value = texts["Name"], texts["Key"]
        enabled = _FLAGS.get(texts.get("Enabled", "").lower())
        if not 1 <= len(name) <= MAX_NAME:
            self._error(line, f"Name has {len(name)} characters; it must have 1 to {MAX_NAME:,}")
        elif not MIN_VALUE <= len(value) <= MAX_VALUE or not value.isascii() or not value.isprintable():
            self._error(line, f"Key of {shown(name)} must have {MIN_VALUE} to {MAX_VALUE} printable ASCII characters")
        elif enabled is None:
            self._error(line, f"Enabled is {shown(texts['Enabled'])}; expected true or false")
        else:
            plans = texts.get("UsagePlanIds", "").strip("'").split(",")
            return KeyRow(name, value, enabled, tuple(plan.strip() for plan in plans if plan.strip()), line)
        return None

"""API keys in the service's CSV form (developer guide, "API Gateway API key file format").

Columns are found by their header, in any order and case: Name and Key must be there; Enabled (true where it is
left out), UsagePlanIds (several with commas within quotes) and Description may be. Values are secrets: no message
shows one.
"""

import csv
from typing import TextIO

from fastgw.load.problem import Problems, did_you_mean, shown
from fastgw.load.usage import Keys
from fastgw.model.place import Place

COLUMNS = ("Name", "Key", "Description", "Enabled", "UsagePlanIds")
_FLAGS = {"": True, "true": True, "false": False}


def add_key_file(file: str, keys: Keys, problems: Problems, named_at: Place) -> None:
    """named_at is where the file's name stands. A file that cannot be read to its end is told once."""
    try:
        with open(file, newline="", encoding="utf-8-sig") as text:
            _Reader(file, keys, problems).read(text)
    except UnicodeDecodeError:
        problems.error(named_at, "bad-text", f"{file} is not UTF-8 text")
    except OSError as error:
        problems.error(named_at, "unreadable", f"cannot read {file}: {(error.strerror or str(error)).lower()}")


class _Reader:
    def __init__(self, file: str, keys: Keys, problems: Problems) -> None:
        self._file = file
        self._keys = keys
        self._problems = problems

    def read(self, text: TextIO) -> None:
        rows = csv.reader(text, strict=True)
        line = 1
        try:
            columns = self._columns(next(rows, []))
            line = rows.line_num + 1
            for cells in rows if columns is not None else ():
                if cells:
                    self._row(columns, cells, line)
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

    def _row(self, columns: dict[str, int], cells: list[str], line: int) -> None:
        texts = {name: cells[at].strip() if at < len(cells) else "" for name, at in columns.items()}
        enabled = _FLAGS.get(texts.get("Enabled", "").lower())
        if enabled is None:
            self._error(line, f"Enabled is {shown(texts['Enabled'])}; expected true or false")
            return
        plans = texts.get("UsagePlanIds", "").strip("'").split(",")
        named = tuple(plan.strip() for plan in plans if plan.strip())
        self._keys.add(texts["Name"], texts["Key"], enabled, named, lambda: Place(self._file, line, 1))

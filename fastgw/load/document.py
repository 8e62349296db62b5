"""A definition's text as plain values, each with its place.

A Document holds values as the JSON data model has them: dict (keys are str), list, str, int, float,
bool, None. A View is one of them together with the path that leads to it, so that its place is worked
out only when somebody asks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import NamedTuple

from fastgw.load.problem import Problems, shown
from fastgw.model.place import Place

MAX_BYTES = 16 * 1024 * 1024
"""A definition file larger than this is refused: GitHub's, the largest known, has 13 MB."""

MAX_DEPTH = 200
"""Levels of nesting."""

MAX_KEYS = 20_000
"""Keys of one mapping, items of one list. It bounds the paths of an API."""

Path = tuple[str | int, ...]


class Mark(NamedTuple):
    """line and column, counted from 1."""

    line: int
    column: int


class BadText(Exception):
    """The text is not a document; found lists every place and what is wrong there."""

    def __init__(self, found: list[tuple[Mark, str]]) -> None:
        super().__init__(found)
        self.found = found


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """locate(path) gives the places of the key (or list item) and of the value it leads to."""

    file: str
    value: object
    locate: Callable[[Path], tuple[Place, Place]]

    def view(self) -> "View":
        return View(self, self.value, ())

    def part(self, view: "View") -> "Document":
        """A value as a document of its own: references inside it begin there."""
        start = view.path
        return Document(self.file, view.value, lambda path: self.locate(start + path))


class View:
    """A value of a document and where it stands."""

    __slots__ = ("document", "path", "value")

    def __init__(self, document: Document, value: object, path: Path) -> None:
        self.document = document
        self.value = value
        self.path = path

    @property
    def place(self) -> Place:
        """Of a mapping or list the place of its key, of anything else that of the value itself."""
        key, value = self.document.locate(self.path)
        return key if isinstance(self.value, dict | list) else value

    @property
    def key_place(self) -> Place:
        return self.document.locate(self.path)[0]

    @property
    def name(self) -> str:
        """The key this value stands under, for messages; of a list's item "list[0]"."""
        step = self.path[-1] if self.path else "the document"
        if isinstance(step, str):
            return step
        return f"{self.path[-2]}[{step}]" if len(self.path) > 1 else f"item {step}"

    def get(self, key: str) -> "View | None":
        """The value under a key, or None where this is no mapping or has no such key."""
        value = self.value
        if isinstance(value, dict) and key in value:
            return View(self.document, value[key], (*self.path, key))
        return None

    def items(self) -> Iterator[tuple[str, "View"]]:
        """Entries of a mapping; nothing of anything else."""
        if isinstance(self.value, dict):
            for key, value in self.value.items():
                yield key, View(self.document, value, (*self.path, key))

    def elements(self) -> Iterator["View"]:
        """Items of a list; nothing of anything else."""
        if isinstance(self.value, list):
            for index, value in enumerate(self.value):
                yield View(self.document, value, (*self.path, index))


def read(file: str, problems: Problems, named: Place | None = None) -> Document | None:
    """Read and parse a file; what is wrong with it goes to problems. named: where the file is asked for."""
    try:
        with FilePath(file).open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        problems.error(named or Place(file, 1, 1), "unreadable", f"{shown(file)} cannot be read: {reason}")
        return None
    return parse(file, raw, problems)


def parse(file: str, raw: bytes, problems: Problems) -> Document | None:
    """Parse a definition's bytes: JSON where it looks so, else YAML."""
    from fastgw.load import json_text, yaml_text

    if len(raw) > MAX_BYTES:
        problems.error(Place(file, 1, 1), "too-large",
                       f"the file is larger than {MAX_BYTES // (1024 * 1024)} MiB")
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        problems.error(Place(file, line, column), "not-utf-8", "the file is not UTF-8 text")
        return None
    try:
        if text.lstrip()[:1] not in ("{", "["):
            return yaml_text.parse(file, text)
        try:
            return json_text.parse(file, text)
        except BadText:
            if not file.endswith((".yaml", ".yml")):
                raise
            return yaml_text.parse(file, text)
    except BadText as bad:
        for mark, message in bad.found:
            problems.error(Place(file, *mark), "bad-text", message)
    return None

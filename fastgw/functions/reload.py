"""Code that has changed, for development: a look at every file of the functions' directories, twice a second."""

import os
from collections.abc import Iterable, Iterator

_LEFT_OUT = frozenset({"__pycache__", "node_modules"})
"""Written by the runtimes themselves, or too many to look at; hidden files and folders are left out too."""


class CodeWatch:
    def __init__(self) -> None:
        self._seen: dict[str, frozenset[tuple[str, int, int]]] = {}

    def follow(self, directories: Iterable[str]) -> None:
        """These, as they are now where they are new."""
        self._seen = {code: self._seen.get(code) or _files(code) for code in directories}

    def changed(self) -> set[str]:
        """Those that differ from the last look."""
        now = {code: _files(code) for code in self._seen}
        found = {code for code, files in now.items() if files != self._seen[code]}
        self._seen = now
        return found


def _files(code: str) -> frozenset[tuple[str, int, int]]:
    return frozenset(_walk(code))


def _walk(folder: str) -> Iterator[tuple[str, int, int]]:
    """(path, time of the last change in ns, size) of each file."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in _LEFT_OUT:
            continue
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
            else:
                told = entry.stat()
                yield entry.path, told.st_mtime_ns, told.st_size
        except OSError:
            continue

"""A document put together from parts of others: every value keeps the place where it was written."""

from fastgw.load.document import Document, Path, View
from fastgw.model.place import Place


class Origins:
    """Which view each part of a document comes from: a path has the longest known beginning's."""

    def __init__(self, root: View) -> None:
        self._of: dict[Path, View] = {(): root}

    def add(self, path: Path, view: View) -> None:
        self._of[path] = view

    def locate(self, path: Path) -> tuple[Place, Place]:
        known = next(length for length in range(len(path), -1, -1) if path[:length] in self._of)
        origin = self._of[path[:known]]
        value, reached = origin.value, origin.path
        for step in path[known:]:
            # A text that was read as a document has no places inside.
            inside = step in value if isinstance(value, dict) else (
                isinstance(value, list) and isinstance(step, int) and step < len(value))
            if not inside:
                break
            value, reached = value[step], (*reached, step)
        return origin.document.locate(reached)


class Assembly:
    """A mapping under construction. at: where the value is said, for messages about it."""

    def __init__(self, root: View) -> None:
        self.value: dict[str, object] = {}
        self._origins = Origins(root)
        self._own: set[Path] = set()
        self._file = root.place.file

    @classmethod
    def over(cls, view: View) -> "Assembly":
        """Begun with a mapping, which itself stays as it is."""
        made = cls(view)
        made.value = dict(view.value)
        return made

    def set(self, path: Path, value: object, at: View) -> None:
        """The mappings on the way are made where they are missing, and copied where they are another document's."""
        below = self.value
        for length, step in enumerate(path[:-1], 1):
            found = below.get(step)
            if path[:length] not in self._own:
                self._own.add(path[:length])
                found = below[step] = dict(found) if isinstance(found, dict) else {}
            below = found
        below[path[-1]] = value
        self._own.discard(path)
        self._origins.add(path, at)

    def mark(self, path: Path, at: View) -> None:
        """Where a value that is there already is said."""
        self._origins.add(path, at)

    def take(self, path: Path, view: View | None) -> None:
        """A value as it stands; nothing where there is none."""
        if view is not None:
            self.set(path, view.value, view)

    def take_all(self, path: Path, view: View | None, names: dict[str, str]) -> None:
        """The fields of a mapping that have a name here: theirs -> ours."""
        for theirs, ours in names.items():
            if view is not None:
                self.take((*path, ours), view.get(theirs))

    def at(self, path: Path) -> dict:
        """The mapping under a path; an empty one where there is none."""
        below = self.value
        for step in path:
            below = below.get(step)
            if not isinstance(below, dict):
                return {}
        return below

    def document(self) -> Document:
        return Document(self._file, self.value, self._origins.locate)

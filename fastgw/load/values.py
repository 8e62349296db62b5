"""A file of values for ${NAME}: JSON or YAML, nested as Terraform nests its names (${var.region})."""

from collections.abc import Iterator, Sequence

from fastgw.load.document import View, read
from fastgw.load.params import as_text
from fastgw.load.problem import Problems, shown


def read_values(files: Sequence[str], problems: Problems) -> dict[str, str]:
    """Names to texts; a later file goes before an earlier one."""
    found: dict[str, str] = {}
    for file in files:
        document = read(file, problems)
        root = document.view() if document is not None else None
        if root is not None and not isinstance(root.value, dict):
            problems.error(root.place, "wrong-type", f"a file of values must hold a mapping, found {shown(root.value)}")
        elif root is not None:
            found |= dict(_flat(root, "", problems))
    return found


def _flat(view: View, start: str, problems: Problems) -> Iterator[tuple[str, str]]:
    for key, value in view.items():
        name = start + key
        if isinstance(value.value, dict):
            yield from _flat(value, name + ".", problems)
        elif isinstance(value.value, str | int | float):
            yield name, as_text(value.value)
        else:
            problems.error(value.place, "wrong-type", f"{name} must be a text, a number, true or false, found "
                           f"{shown(value.value)}")

"""Where in the operator's text something was said."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a source file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

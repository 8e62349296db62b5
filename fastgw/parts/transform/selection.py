"""Selection patterns of integration responses: regular expressions of Java that must fit a whole text."""

from fastgw._core.pcre import Pattern, TooMuch
from fastgw.parts.transform.vtl import RenderError
from fastgw.parts.transform.vtl.regex import translated


class SelectionPattern:
    """Raises ValueError, when made, for what is no pattern."""

    def __init__(self, pattern: str) -> None:
        try:
            inner = translated(pattern)
        except RenderError as error:
            raise ValueError(str(error)) from None
        Pattern(inner.encode())     # its errors tell offsets without what is put around it
        self._pattern = Pattern(rf"(?:{inner})\z".encode())

    def fits(self, text: str) -> bool | None:
        """None where the match took more steps than it may."""
        try:
            return bool(self._pattern.find(text.encode("utf-8", "replace"), 0, True))
        except TooMuch:
            return None

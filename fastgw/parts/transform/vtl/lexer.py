"""Template text to tokens, as the tokenizer of Velocity 1.7 makes them.

That one is a state machine with a stack: what a character means depends on whether it stands in text, in a
reference, between the parentheses of a directive or of a method, in an index, or in a comment. In each state the
longest match wins, and of equal ones the first. Some matches ("more") are only the beginning of a token, whose rest
is read in the next state. Oddities of the original that show in its output are kept: they are what users see.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from .errors import TemplateError

DEFAULT, PRE_DIRECTIVE, DIRECTIVE, REFERENCE, REFMODIFIER, REFMOD2, REFINDEX = range(7)
LINE_COMMENT, FORMAL_COMMENT, MULTI_COMMENT, TEXTBLOCK = range(7, 11)

_TOKEN, _MORE, _SKIP, _SPECIAL = range(4)

_END_OF_LINE = r"(?:[ \t]*(?:\r\n|\n|\r))?"
_WORD = r"[A-Za-z_@][A-Za-z0-9_@]*"
_BRACKETED_WORD = r"\{[A-Za-z_][A-Za-z0-9_@]*\}"
_EXPONENT = r"[eE][+-]?[0-9]+"

_REFERENCES = (REFERENCE, REFMODIFIER)
_INSIDE = (DIRECTIVE, REFMOD2)
_VALUES = (DIRECTIVE, REFMOD2, REFINDEX)
_COMMENTS = (LINE_COMMENT, FORMAL_COMMENT, MULTI_COMMENT)
_EVERY = tuple(range(11))

_RULES: tuple[tuple[str, str, int, tuple[int, ...]], ...] = (
    ("INDEX_LBRACKET", r"\[", _TOKEN, _REFERENCES),
    ("INDEX_RBRACKET", r"\]", _TOKEN, (REFINDEX,)),
    ("LBRACKET", r"\[", _TOKEN, _INSIDE),
    ("RBRACKET", r"\]", _TOKEN, _INSIDE),
    ("COMMA", r",", _TOKEN, _INSIDE),
    ("DOUBLEDOT", r"\.\.", _TOKEN, _INSIDE),
    ("COLON", r":", _TOKEN, _INSIDE),
    ("LEFT_CURLEY", r"\{", _TOKEN, _INSIDE),
    ("RIGHT_CURLEY", r"\}", _TOKEN, _INSIDE),
    ("LPAREN", r"\(", _TOKEN, (DIRECTIVE, REFMODIFIER)),
    ("RPAREN", r"\)" + _END_OF_LINE, _TOKEN, (DIRECTIVE,)),
    ("REFMOD2_RPAREN", r"\)", _TOKEN, (REFMOD2,)),
    ("ESCAPE_DIRECTIVE", rf"(?:\\\\)*\\\#(?:{_WORD}|{_BRACKETED_WORD})", _TOKEN, (DEFAULT,)),
    ("SET", r"[ \t]*\#(?:set|\{set\})[ ]*\(", _TOKEN, (DEFAULT, REFERENCE, REFMODIFIER, REFMOD2)),
    ("DOLLAR", r"\\*\$", _MORE, _EVERY),
    ("DOLLAR", r"\\*\$\\*!", _MORE, _EVERY),
    ("TEXTBLOCK_START", r"\#\[\[", _MORE, _EVERY),
    ("FORMAL_START", r"\#\*\*[^#]", _MORE, _EVERY),
    ("MULTI_START", r"\#\*", _MORE, _EVERY),
    ("HASH", r"\#", _MORE, _EVERY),
    ("LINE_COMMENT_START", r"\#\#", _TOKEN, (DEFAULT, PRE_DIRECTIVE, DIRECTIVE, REFERENCE)),
    ("DOUBLE_ESCAPE", r"\\\\", _TOKEN, (DEFAULT,)),
    ("ESCAPE", r"\\", _TOKEN, (DEFAULT,)),
    ("TEXT", r"[^$#\\]+", _TOKEN, (DEFAULT,)),
    ("LINE_COMMENT_END", r"\r\n|\n|\r", _TOKEN, (LINE_COMMENT,)),
    ("COMMENT_END", r"\*\#", _TOKEN, (FORMAL_COMMENT, MULTI_COMMENT)),
    ("TEXTBLOCK", r"\]\]\#", _TOKEN, (TEXTBLOCK,)),
    ("SKIPPED", r"[^$#\\*\r\n]+|[\s\S]", _SKIP, _COMMENTS),
    ("INNER", r"[^$#\\\]]+|[\s\S]", _MORE, (TEXTBLOCK,)),
    ("WHITESPACE", r"[ \t\n\r]+", _TOKEN, _VALUES),
    ("STRING", r"\"(?:[^\"]++|\"\")*\"|'(?:[^']++|'')*'", _TOKEN, _VALUES),
    ("TRUE", r"true", _TOKEN, (*_REFERENCES, *_VALUES)),
    ("FALSE", r"false", _TOKEN, (*_REFERENCES, *_VALUES)),
    ("MINUS", r"-", _TOKEN, (DIRECTIVE,)),
    ("PLUS", r"\+", _TOKEN, (DIRECTIVE,)),
    ("MULTIPLY", r"\*", _TOKEN, (DIRECTIVE,)),
    ("DIVIDE", r"/", _TOKEN, (DIRECTIVE,)),
    ("MODULUS", r"%", _TOKEN, (DIRECTIVE,)),
    ("AND", r"&&|and", _TOKEN, (DIRECTIVE,)),
    ("OR", r"\|\||or", _TOKEN, (DIRECTIVE,)),
    ("LT", r"<|lt", _TOKEN, (DIRECTIVE,)),
    ("LE", r"<=|le", _TOKEN, (DIRECTIVE,)),
    ("GT", r">|gt", _TOKEN, (DIRECTIVE,)),
    ("GE", r">=|ge", _TOKEN, (DIRECTIVE,)),
    ("EQ", r"==|eq", _TOKEN, (DIRECTIVE,)),
    ("NE", r"!=|ne", _TOKEN, (DIRECTIVE,)),
    ("NOT", r"!|not", _TOKEN, (DIRECTIVE,)),
    ("EQUALS", r"=", _TOKEN, (DIRECTIVE,)),
    ("END", rf"(?:end|\{{end\}}){_END_OF_LINE}", _TOKEN, (PRE_DIRECTIVE,)),
    ("IF", r"if|\{if\}", _TOKEN, (PRE_DIRECTIVE,)),
    ("ELSEIF", r"elseif|\{elseif\}", _TOKEN, (PRE_DIRECTIVE,)),
    ("ELSE", rf"(?:else|\{{else\}}){_END_OF_LINE}", _TOKEN, (PRE_DIRECTIVE,)),
    ("INTEGER", r"-?[0-9]+(?:\.\.)?", _TOKEN, (PRE_DIRECTIVE, *_VALUES)),
    ("FLOAT", rf"-?[0-9]+\.[0-9]*(?:{_EXPONENT})?|-?\.[0-9]+(?:{_EXPONENT})?|-?[0-9]+{_EXPONENT}",
        _TOKEN, (PRE_DIRECTIVE, *_VALUES)),
    ("WORD", _WORD, _TOKEN, (PRE_DIRECTIVE, DIRECTIVE)),
    ("BRACKETED_WORD", _BRACKETED_WORD, _TOKEN, (PRE_DIRECTIVE, DIRECTIVE)),
    ("IDENTIFIER", r"[A-Za-z_][A-Za-z0-9_-]*", _TOKEN, (*_REFERENCES, REFMOD2)),
    ("DOT", r"\.[A-Za-z]", _TOKEN, (*_REFERENCES, REFMOD2)),
    ("LCURLY", r"\{", _TOKEN, _REFERENCES),
    ("RCURLY", r"\}", _TOKEN, _REFERENCES),
    ("REFERENCE_END", r"[\s\S]", _SPECIAL, _REFERENCES),
    ("DIRECTIVE_END", r"[\s\S]", _SPECIAL, (PRE_DIRECTIVE,)),
    ("EMPTY_INDEX", r"\$\[|\$!\[|\$\\!\[|\$\.", _TOKEN, (DEFAULT, REFERENCE)),
)
"""Name, expression, what a match is, and the states it is tried in; the order decides between equal lengths."""

_Rule = tuple[str, Callable[[str, int], re.Match[str] | None], int]
_TABLE: tuple[tuple[_Rule, ...], ...] = tuple(
    tuple((name, re.compile(text).match, what) for name, text, what, states in _RULES if state in states)
    for state in _EVERY
)
_PLAIN_TABLE = tuple(
    tuple(rule for rule in rules if rule[0] not in ("DOLLAR", "ESCAPE_DIRECTIVE")) for rules in _TABLE
)
"""Without the rules that read a run of backslashes to its end."""

_SLASHES = re.compile(r"\\+")
_ESCAPED = re.compile(rf"\$|\#(?:{_WORD}|{_BRACKETED_WORD})")


@dataclass(slots=True)
class Token:
    """start and end are offsets; image begins with what "more" matches have read before."""

    kind: str
    image: str
    start: int
    end: int
    special: str = ""
    """What stood before as a failed reference or directive ("$ ", "# "): text, where text is printed."""


class Lexer:
    """next() gives the tokens of a text in order, at last one of kind EOF again and again."""

    def __init__(self, text: str, line: int = 1, column: int = 1):
        self.text = text
        self.at = 0
        self.in_set = False
        self._origin = (line, column)
        self._lines: list[int] | None = None
        self._slashes = 0, False
        self._state = DEFAULT
        self._stack: list[tuple[int, int, int]] = []
        self._opened = 0
        self._closed = 0
        self._in_comment = False

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset."""
        if self._lines is None:
            self._lines = [found.end() for found in re.finditer("\n", self.text)]
        line, column = self._origin
        lines = bisect_right(self._lines, offset)
        return (line + lines, offset - self._lines[lines - 1] + 1) if lines else (line, column + offset)

    def error(self, message: str, offset: int) -> TemplateError:
        return TemplateError(message, *self.place(offset))

    def next(self) -> Token:
        begin, special = self.at, ""
        while True:
            name, end, what = self._longest()
            if not name:
                if self.at == begin and begin == len(self.text):
                    return Token("EOF", "", begin, begin, special)
                raise self._unread(begin)
            if what == _TOKEN:
                token = Token(name, self.text[begin:end], begin, end, special)
                self.at = end
                self._act(token)
                self.at = token.end
                return token
            if what == _MORE:
                self.at = end
                self._more(name)
            elif what == _SKIP:
                self.at = begin = end
            else:
                special += _kept(self.text[begin : self.at])
                begin = self.at
                self._pop()

    def switch_to_directive(self) -> None:
        """What follows the name of a directive."""
        self._state = DIRECTIVE

    def leave(self) -> None:
        """The name was that of no directive with parentheses."""
        self._pop()

    def parenthesis_follows(self) -> bool:
        """Whether the next character that is not white space is a parenthesis."""
        text, at = self.text, self.at
        while at < len(text) and text[at] in " \t\n\r":
            at += 1
        return text[at : at + 1] == "("

    def _longest(self) -> tuple[str, int, int]:
        found, longest, kind, at, text = "", self.at, 0, self.at, self.text
        rules = _TABLE[self._state]
        if text.startswith("\\", at) and not self._escapes_something(at):
            rules = _PLAIN_TABLE[self._state]
        for name, match, what in rules:
            if (matched := match(text, at)) and matched.end() > longest:
                found, longest, kind = name, matched.end(), what
        return found, longest, kind

    def _escapes_something(self, at: int) -> bool:
        """Whether the backslashes here stand before a $ or a directive. Each run of them is looked at once."""
        if at >= self._slashes[0]:
            end = _SLASHES.match(self.text, at).end()
            self._slashes = end, _ESCAPED.match(self.text, end) is not None
        return self._slashes[1]

    def _unread(self, begin: int) -> TemplateError:
        if self.at < len(self.text):
            return self.error(f"unexpected {self.text[self.at]!r}", self.at)
        rest = self.text[begin:]
        if rest.startswith("#[["):
            return self.error("this #[[ has no ]]#", begin)
        if self._in_comment or rest.startswith("#*"):
            return self.error("this comment is cut off by the end of the template", begin)
        return self.error(f"{rest[-1:]} is the last character of the template: put a space or a line end after it",
                          len(self.text) - 1)

    def _push(self, state: int) -> None:
        self._stack.append((self._opened, self._closed, self._state))
        self._opened = 0
        self._state = state

    def _pop(self) -> bool:
        if not self._stack:
            self._opened, self._state = 0, DEFAULT
            return False
        self._opened, self._closed, self._state = self._stack.pop()
        return True

    def _more(self, name: str) -> None:
        """The state in which the rest of the token is read."""
        if self._in_comment or name == "INNER":
            return
        match name:
            case "DOLLAR":
                if self._state == REFERENCE:
                    self._pop()
                self._push(REFERENCE)
            case "HASH":
                if self._state in _REFERENCES:
                    self._pop()
                self._push(PRE_DIRECTIVE)
            case "TEXTBLOCK_START":
                self._in_comment = True
                self._push(TEXTBLOCK)
            case "MULTI_START":
                self._in_comment = True
                self._push(MULTI_COMMENT)
            case _:
                self.at -= 1
                self._in_comment = True
                self._push(FORMAL_COMMENT)

    def _act(self, token: Token) -> None:
        """What reading a token changes."""
        match token.kind:
            case "INDEX_LBRACKET":
                self._push(REFINDEX)
            case "INDEX_RBRACKET" | "RCURLY":
                self._pop()
            case "LPAREN":
                self._opened += 1
                if self._state == REFMODIFIER:
                    self._state = REFMOD2
            case "RPAREN":
                self._close()
            case "REFMOD2_RPAREN":
                self._state = REFERENCE
            case "SET":
                self._push(DIRECTIVE)
                self.in_set = True
                self._opened += 1
            case "LINE_COMMENT_START":
                if self._state == REFERENCE:
                    self._pop()
                self._in_comment = True
                self._push(LINE_COMMENT)
            case "LINE_COMMENT_END" | "COMMENT_END" | "TEXTBLOCK":
                self._in_comment = False
                self._pop()
            case "STRING":
                if self._state == DIRECTIVE and not self.in_set and not self._opened:
                    self._pop()
            case "INTEGER" | "FLOAT":
                self._number(token)
            case "IF" | "ELSEIF":
                self._state = DIRECTIVE
            case "END" | "ELSE":
                self._pop()
            case "DOT":
                token.image = "."
                token.end -= 1
                self._state = REFMODIFIER

    def _number(self, token: Token) -> None:
        if token.image.endswith(".."):
            token.image = token.image[:-2]
            token.end -= 2
        inner = (REFMOD2, REFINDEX) if token.kind == "INTEGER" else (REFMOD2,)
        if not self._opened and not self.in_set and self._state not in inner:
            self._pop()

    def _close(self) -> None:
        """A closing parenthesis ends the innermost state that has an open one."""
        while not self._opened:
            if not self._pop():
                return
        if self._opened == self._closed + 1:
            self._pop()
        else:
            self._closed += 1


_KEPT = re.compile(r"\\+\$|[#$]")


def _kept(image: str) -> str:
    """What is printed of a failed reference or directive: its $ and #, and backslashes before a $."""
    return "".join(_KEPT.findall(image))

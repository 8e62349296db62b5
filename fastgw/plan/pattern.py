"""Patterns of ECMA-262 (section 22.2.1) written as PCRE2 reads them.

What the two dialects take alike is copied; what they read differently is spelled out; what only one of them has is
refused. fastgw/_core/pcre.pyx compiles the result.
"""

import re

_SPACE = (
    r"\x{9}-\x{d}\x{20}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}"
)
_NO_SPACE = (
    r"\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}"
    r"\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}"
)
_ANY = r"[^\n\r\x{2028}\x{2029}]"
_QUANTIFIER = re.compile(r"(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\??")
_GROUP = re.compile(r"\(\?(?:[:=!]|<[=!]|<[A-Za-z_$][\w$]*>)", re.ASCII)
_ESCAPE = re.compile(
    r"\\(?:u\{(?P<point>[0-9A-Fa-f]{1,6})\}|u(?P<unit>[0-9A-Fa-f]{4})|x(?P<byte>[0-9A-Fa-f]{2})|c(?P<control>[A-Za-z])"
    r"|(?P<property>[pP])\{(?P<name>[A-Za-z_=]+)\}|k(?P<named><[A-Za-z_$][\w$]*>)|(?P<back>[1-9][0-9]?)"
    r"|(?P<nul>0)(?![0-9])|(?P<letter>[dDwWsSbBtnvfr])|(?P<other>[^A-Za-z0-9]))",
    re.ASCII | re.DOTALL,
)
_CATEGORIES = {
    "Letter": "L", "Cased_Letter": "L&", "Uppercase_Letter": "Lu", "Lowercase_Letter": "Ll", "Titlecase_Letter": "Lt",
    "Modifier_Letter": "Lm", "Other_Letter": "Lo", "Mark": "M", "Nonspacing_Mark": "Mn", "Spacing_Mark": "Mc",
    "Enclosing_Mark": "Me", "Number": "N", "Decimal_Number": "Nd", "digit": "Nd", "Letter_Number": "Nl",
    "Other_Number": "No", "Punctuation": "P", "punct": "P", "Connector_Punctuation": "Pc", "Dash_Punctuation": "Pd",
    "Open_Punctuation": "Ps", "Close_Punctuation": "Pe", "Initial_Punctuation": "Pi", "Final_Punctuation": "Pf",
    "Other_Punctuation": "Po", "Symbol": "S", "Math_Symbol": "Sm", "Currency_Symbol": "Sc", "Modifier_Symbol": "Sk",
    "Other_Symbol": "So", "Separator": "Z", "Space_Separator": "Zs", "Line_Separator": "Zl",
    "Paragraph_Separator": "Zp", "Other": "C", "Control": "Cc", "Format": "Cf", "Surrogate": "Cs",
    "Private_Use": "Co", "Unassigned": "Cn",
}  # fmt: skip
_SHORT = frozenset(_CATEGORIES.values()) - {"L&"} | {"LC"}


def translate(pattern: str) -> bytes:
    """The pattern for PCRE2; ValueError says what is not an ECMA-262 pattern, or not one that can be translated."""
    return _Translator(pattern).read().encode("utf-8")


class _Translator:
    def __init__(self, pattern: str):
        self.text = pattern
        self.at = 0

    def read(self) -> str:
        out, quantifiable = [], False
        while self.at < len(self.text):
            if quantifier := _QUANTIFIER.match(self.text, self.at):
                if not quantifiable:
                    raise ValueError(f"nothing to repeat at offset {self.at}")
                out.append(quantifier[0])
                self.at = quantifier.end()
                quantifiable = False
                continue
            piece, quantifiable = self._atom()
            out.append(piece)
        return "".join(out)

    def _atom(self) -> tuple[str, bool]:
        """The next piece, and whether a quantifier may follow it."""
        ch = self.text[self.at]
        if ch == "\\":
            escape, kind = self._escape(in_class=False)
            return escape, kind not in ("b", "B")
        if ch == "[":
            return self._class(), True
        if ch == "(" and self.text.startswith("(?", self.at):
            group = _GROUP.match(self.text, self.at)
            if not group:
                raise ValueError(f"unknown group at offset {self.at}")
            self.at = group.end()
            return group[0], False
        self.at += 1
        if ch == ".":
            return _ANY, True
        if ch in "{}]":
            return "\\" + ch, True
        if "\ud800" <= ch <= "\udfff":
            raise ValueError("half a character")
        return ch, ch not in "(|^$"

    def _escape(self, *, in_class: bool) -> tuple[str, str]:
        """The escape at hand and what it is: its letter, "point" for one character, "" for a set."""
        match = _ESCAPE.match(self.text, self.at)
        if not match:
            raise ValueError(f"unknown escape at offset {self.at}")
        self.at = match.end()
        if unit := match["unit"] or match["point"] or match["byte"]:
            return self._point(int(unit, 16)), "point"
        if match["control"]:
            return f"\\x{{{ord(match['control']) % 32:x}}}", "point"
        if match["property"]:
            return self._property(match["property"], match["name"]), ""
        if match["nul"]:
            return "\\x{0}", "point"
        if match["named"] or match["back"]:
            if in_class:
                raise ValueError("a reference within a class")
            return (f"\\k{match['named']}" if match["named"] else f"\\g{{{match['back']}}}"), ""
        if match["other"]:
            return f"\\{match['other']}" if match["other"].isascii() else match["other"], "point"
        return self._letter(match["letter"], in_class)

    @staticmethod
    def _letter(letter: str, in_class: bool) -> tuple[str, str]:
        if letter in "sS":
            inside = _SPACE if letter == "s" else _NO_SPACE
            return (inside if in_class else f"[{inside}]"), ""
        if letter == "v":
            return "\\x{b}", "point"
        if letter == "b" and in_class:
            return "\\x{8}", "point"
        if letter == "B" and in_class:
            raise ValueError("\\B within a class")
        return f"\\{letter}", letter if letter in "bB" else "" if letter in "dDwW" else "point"

    def _point(self, unit: int) -> str:
        if 0xD800 <= unit <= 0xDBFF:
            low = re.compile(r"\\u([dD][c-fC-F][0-9A-Fa-f]{2})").match(self.text, self.at)
            if low:
                self.at = low.end()
                unit = 0x10000 + ((unit - 0xD800) << 10) + int(low[1], 16) - 0xDC00
        if 0xD800 <= unit <= 0xDFFF or unit > 0x10FFFF:
            raise ValueError("half a character, or none")
        return f"\\x{{{unit:x}}}"

    @staticmethod
    def _property(letter: str, name: str) -> str:
        key, _, value = name.rpartition("=")
        if key in ("", "gc", "General_Category"):
            short = _CATEGORIES.get(value, value)
            if value in _CATEGORIES or value in _SHORT:
                return f"\\{letter}{{{'L&' if short == 'LC' else short}}}"
        elif key in ("sc", "Script"):
            return f"\\{letter}{{{value}}}"
        raise ValueError(f"unknown property {name}")

    def _class(self) -> str:
        """A character class; its brackets, sets and ranges are ECMA-262's, without POSIX names."""
        out = ["["]
        self.at += 1
        if self.text.startswith("^", self.at):
            out.append("^")
            self.at += 1
        while True:
            if self.at >= len(self.text):
                raise ValueError("a class without its end")
            ch = self.text[self.at]
            if ch == "]":
                self.at += 1
                return "".join([*out, "]"])
            if ch == "\\":
                piece, kind = self._escape(in_class=True)
                out.append(piece)
                following = self.text[self.at : self.at + 2]
                if kind != "point" and following.startswith("-") and following != "-]":  # no range starts with a set
                    out.append("\\-")
                    self.at += 1
                continue
            self.at += 1
            out.append("\\[" if ch == "[" else ch)

"""YAML text -> plain values and their places, straight from the parser's events.

Scalars follow the core schema of YAML 1.2 ("yes" and timestamps are strings) and keys are always
strings. CloudFormation's short tags become their long forms: !Sub x is {"Fn::Sub": x}.
Building from events keeps one object per value where a node tree would keep several, and lets every
limit act while the text is read.
"""

import re

import yaml
from yaml.cyaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from fastgw.load.document import MAX_DEPTH, MAX_KEYS, BadText, Document, Mark, Path
from fastgw.load.problem import shown
from fastgw.model.place import Place

MAX_EXPANDED = 2_000_000
"""Values of a document with every alias written out."""

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})$")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?$")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}$")
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None,
          "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_MAY_BE_OTHER_THAN_TEXT = frozenset("0123456789+-.nNtTfF~")
_CORE = "tag:yaml.org,2002:"
_FUNCTIONS = frozenset((
    "And", "Base64", "Cidr", "Equals", "FindInMap", "ForEach", "GetAZs", "GetAtt", "If", "ImportValue",
    "Join", "Length", "Not", "Or", "Select", "Split", "Sub", "ToJsonString", "Transform",
))
_MERGE = "<<"


class _Box:
    """A value being built: its marks mirror it, its size counts it with aliases written out."""

    __slots__ = ("anchor", "key", "key_mark", "marks", "merges", "size", "tag", "value")

    def __init__(self, value: object, marks: object, anchor: str | None, tag: str | None) -> None:
        self.value = value
        self.marks = marks
        self.anchor = anchor
        self.tag = tag
        self.size = 1
        self.key: str | None = None
        self.key_mark: Mark | None = None
        self.merges: list[_Box] = []


def parse(file: str, text: str) -> Document:
    """Raises BadText with every duplicate key, or with the first place that is not YAML."""
    builder = _Builder()
    parser = CParser(text)
    try:
        root = builder.build(parser)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadText([(_mark(mark), f"not YAML: {error.problem or error.context}")]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        raise BadText([(Mark(line, column), "not YAML: a character that is not allowed")]) from None
    finally:
        parser.dispose()
    if builder.twice:
        raise BadText(builder.twice)
    marks = root.marks

    def locate(path: Path) -> tuple[Place, Place]:
        key = value = Mark(1, 1)
        below = marks
        for step in path:
            if isinstance(below, dict | list):
                key, value, below = below[step]
        return Place(file, *key), Place(file, *value)

    return Document(file, root.value, locate)


class _Builder:
    def __init__(self) -> None:
        self.twice: list[tuple[Mark, str]] = []
        self._anchors: dict[str, _Box | None] = {}
        self._open: list[_Box] = []

    def build(self, parser: CParser) -> _Box:
        """The one document of the stream."""
        root: _Box | None = None
        documents = 0
        stack = self._open
        while True:
            event = parser.get_event()
            kind = type(event)
            if kind is ScalarEvent:
                root = self._scalar(event) or root
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                self._enter(event, {} if kind is MappingStartEvent else [])
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                root = self._leave(event) or root
            elif kind is AliasEvent:
                self._alias(event)
            elif kind is DocumentStartEvent:
                documents += 1
                if documents > 1:
                    raise _bad(event, "a second document begins here; one file holds one")
            elif kind is StreamEndEvent:
                break
            elif kind not in (StreamStartEvent, DocumentEndEvent):
                raise _bad(event, "unexpected text")
        assert not stack
        return root or _Box(None, None, None, None)

    def _enter(self, event: Event, empty: dict | list) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise _bad(event, f"nested deeper than {MAX_DEPTH} levels")
        if self._open and type(self._open[-1].value) is dict and self._open[-1].key is None:
            raise _bad(event, "a key must be a plain word or a string")
        tag = self._tag(event)
        box = _Box(empty, type(empty)(), event.anchor, tag)
        if event.anchor:
            self._anchors[event.anchor] = None
        self._open.append(box)

    def _leave(self, event: Event) -> _Box | None:
        box = self._open.pop()
        for merged in box.merges:
            for key, value in merged.value.items():
                if key not in box.value:
                    box.value[key] = value
                    box.marks[key] = merged.marks[key]
        return self._finish(box, event)

    def _scalar(self, event: ScalarEvent) -> _Box | None:
        stack = self._open
        value = event.value
        if stack and stack[-1].key is None and type(stack[-1].value) is dict:
            self._key(event, stack[-1], value)
            return None
        tag = event.tag
        if tag is None:
            if event.implicit[0] and (not value or value[0] in _MAY_BE_OTHER_THAN_TEXT):
                value = plain(value)
        else:
            if tag.startswith(_CORE) and tag != _CORE + "str":
                value = plain(value)
            tag = self._tag(event)
        return self._finish(_Box(value, None, event.anchor, tag), event)

    def _key(self, event: ScalarEvent, box: _Box, key: str) -> None:
        mark = _mark(event.start_mark)
        if event.anchor:
            self._anchors[event.anchor] = _Box(key, None, None, None)
        if key in box.value and not (key == _MERGE and event.implicit[0]):
            self.twice.append((mark, f"key {shown(key)} is given twice"))
        if len(box.value) >= MAX_KEYS:
            raise _bad(event, f"more than {MAX_KEYS:,} keys in one mapping")
        box.key, box.key_mark = key, mark

    def _alias(self, event: AliasEvent) -> None:
        target = self._anchors.get(event.anchor, self)
        if target is self:
            raise _bad(event, f"alias *{event.anchor} has no anchor before it")
        if target is None:
            raise _bad(event, f"alias *{event.anchor} stands inside what it names")
        if self._open and self._open[-1].key is None and type(self._open[-1].value) is dict:
            if not isinstance(target.value, str):
                raise _bad(event, "a key must be a plain word or a string")
            self._open[-1].key, self._open[-1].key_mark = target.value, _mark(event.start_mark)
            return
        self._add(target, event)

    def _tag(self, event: Event) -> str | None:
        """The CloudFormation function that a tag stands for; other tags say nothing that counts here."""
        tag = event.tag
        if tag is None or tag.startswith(_CORE) or tag == "!":
            if tag in (_CORE + "binary", _CORE + "set", _CORE + "omap", _CORE + "pairs"):
                raise _bad(event, f"tag !!{tag[len(_CORE):]} has no place in a definition")
            return None
        name = tag.removeprefix("!")
        if name in ("Ref", "Condition"):
            return name
        if name in _FUNCTIONS:
            return f"Fn::{name}"
        raise _bad(event, f"tag {tag[:80]} is not known; CloudFormation's are !Sub, !GetAtt, !Ref, !Join ...")

    def _finish(self, box: _Box, event: Event) -> _Box | None:
        """A value is complete: name it, wrap it in its function, put it where it belongs."""
        if box.tag is not None:
            mark = _mark(event.start_mark)
            box.value, box.marks = {box.tag: box.value}, {box.tag: (mark, mark, box.marks)}
        if box.anchor:
            self._anchors[box.anchor] = box
        if not self._open:
            return box
        self._add(box, event)
        return None

    def _add(self, box: _Box, event: Event) -> None:
        parent = self._open[-1]
        parent.size += box.size
        if parent.size > MAX_EXPANDED:
            raise _bad(event, f"more than {MAX_EXPANDED:,} values once aliases are written out")
        mark = _mark(event.start_mark)
        if type(parent.value) is list:
            if len(parent.value) >= MAX_KEYS:
                raise _bad(event, f"more than {MAX_KEYS:,} items in one list")
            parent.value.append(box.value)
            parent.marks.append((mark, mark, box.marks))
            return
        key, parent.key = parent.key, None
        if key == _MERGE:
            parent.merges += self._merged(box, event)
            return
        parent.value[key] = box.value
        parent.marks[key] = (parent.key_mark, mark, box.marks)

    def _merged(self, box: _Box, event: Event) -> list[_Box]:
        """What << brings in: one mapping, or a list of them with the earlier ones first."""
        if type(box.value) is dict:
            return [box]
        if type(box.value) is list and all(type(value) is dict for value in box.value):
            found = []
            for value, (_, _, marks) in zip(box.value, box.marks, strict=True):
                found.append(_Box(value, marks, None, None))
            return found
        raise _bad(event, "<< takes a mapping, or a list of mappings")


def plain(text: str) -> object:
    """A plain scalar by the core schema. A number with leading zeros stays text: it is an account id."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text) and not (text[0] == "0" and text.isdigit()):
        return float(text)
    if _HEX.match(text):
        return int(text, 16)
    return text


def _mark(mark: yaml.Mark | None) -> Mark:
    return Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)


def _bad(event: Event, message: str) -> BadText:
    return BadText([(_mark(event.start_mark), message)])

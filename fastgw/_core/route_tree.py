"""Routes laid out as the tables that router.pyx matches on; router.pxd says what a route is.

Runs once per plan. Every problem is a ValueError that names the route's path.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from os.path import commonprefix

from fastgw._core.path import canonical


class Variable(Enum):
    """A variable that is a whole segment."""

    ONE = "{p}"
    GREEDY = "{p+}"


# Text between variables (it may span segments); the literals around the variables of a mixed segment
# (one more than it has variables, the outer ones may be empty); or a whole-segment variable.
Part = bytes | tuple[bytes, ...] | Variable


@dataclass(frozen=True, slots=True)
class Pending:
    """A route on its way down the tree: what is left of it below the node it has reached."""

    verb: int
    path: bytes
    route: int
    rest: tuple[Part, ...]

    def behind(self, taken: int = 0) -> "Pending":
        """The route after `taken` bytes of its leading text; with 0, after its whole leading part."""
        text = self.rest[0][taken:] if taken else b""
        return Pending(self.verb, self.path, self.route, ((text,) if text else ()) + self.rest[1:])


@dataclass(slots=True)
class Node:
    """RouterNode's fields, and the first byte of the text as key (0 where there is none)."""

    text: int
    text_len: int
    key: int
    child: int = 0
    children: int = 0
    mixed: int = -1
    var: int = -1
    leaf: int = -1
    greedy: int = -1


@dataclass(frozen=True, slots=True)
class Mixed:
    """RouterMixed's fields."""

    literal: int
    literals: int
    node: int
    next: int


def read_segment(segment: bytes, path: bytes) -> Part:
    """One segment of a route: its text, its variable, or the literals around its variables."""
    literals: list[bytes] = []
    names: list[bytes] = []
    rest = segment
    while b"{" in rest:
        literal, _, rest = rest.partition(b"{")
        name, _, rest = rest.partition(b"}")
        literals.append(literal)
        names.append(name)
    literals.append(rest)
    if b"}" in b"".join(literals) or segment.count(b"{") != segment.count(b"}"):
        raise ValueError(f"{path!r}: unbalanced braces in segment {segment!r}")
    if any(name in (b"", b"+") or b"{" in name for name in names):
        raise ValueError(f"{path!r}: a variable without a proper name in segment {segment!r}")
    if not all(literals[1:-1]):
        raise ValueError(f"{path!r}: two variables without text between them in segment {segment!r}")
    greedy = any(name.endswith(b"+") for name in names)
    if greedy and (len(names) > 1 or any(literals)):
        raise ValueError(f"{path!r}: a greedy variable must be a whole segment, not {segment!r}")
    if not names:
        return segment
    if any(literals) or len(names) > 1:
        return tuple(literals)
    return Variable.GREEDY if greedy else Variable.ONE


def read_route(path: bytes, max_params: int, max_segments: int) -> tuple[Part, ...]:
    """The route behind its leading slash; ValueError also for one that no canonical path could match."""
    if not path.startswith(b"/"):
        raise ValueError(f"{path!r}: a route starts with '/'")
    body = path[1:].removesuffix(b"/")
    segments = [read_segment(segment, path) for segment in body.split(b"/")] if body else []
    if len(segments) > max_segments:
        raise ValueError(f"{path!r}: more than {max_segments} segments")
    if Variable.GREEDY in segments[:-1]:
        raise ValueError(f"{path!r}: nothing may follow a greedy variable")
    variables = sum(len(s) - 1 if isinstance(s, tuple) else isinstance(s, Variable) for s in segments)
    if variables > max_params:
        raise ValueError(f"{path!r}: more than {max_params} variables")
    check_canonical(path, segments)
    return join_text(segments)


def check_canonical(path: bytes, segments: list[Part]) -> None:
    """Requests are matched in canonical form only: a route in another spelling would be dead."""
    filled = [b"x" if isinstance(segment, Variable) else segment for segment in segments]
    plain = b"/" + b"/".join(b"x".join(s) if isinstance(s, tuple) else s for s in filled)
    try:
        spelled = canonical(plain, pass_encoded_slash=True)
    except ValueError:
        raise ValueError(f"{path!r}: holds a byte or an escape that no request path may hold") from None
    if spelled != plain or b"//" in path:
        raise ValueError(f"{path!r}: not in canonical form")


def join_text(segments: list[Part]) -> tuple[Part, ...]:
    """Put the slashes back, and neighbouring text and slashes together."""
    parts: list[Part] = []
    text = b""
    for i, segment in enumerate(segments):
        text += b"/" if i else b""
        if isinstance(segment, bytes):
            text += segment
            continue
        parts += [text, segment] if text else [segment]
        text = b""
    return (*parts, text) if text else tuple(parts)


def narrowness(literals: tuple[bytes, ...]) -> tuple[int, tuple[bytes, ...]]:
    """Order in which the mixed segments of one level are tried."""
    return -sum(map(len, literals)), literals


class RouteTree:
    """The tables, filled so that the text children of a node lie side by side and a branch stays together.

    routes   (verb, path, route) with verb 0..verbs-1, or verbs for ANY
    verbs, max_params, max_segments    the limits of the matcher
    """

    def __init__(
        self, routes: Iterable[tuple[int, bytes, int]], verbs: int, max_params: int, max_segments: int
    ) -> None:
        self.verbs = verbs
        self.nodes: list[Node] = []
        self.mixed: list[Mixed] = []
        self.literals: list[tuple[int, int]] = []
        self.leaves: list[list[int]] = []
        self.text = b""
        self._texts: list[bytes] = []
        self._text_len = 0
        pending = []
        for verb, path, route in routes:
            if not 0 <= verb <= verbs:
                raise ValueError(f"{path!r}: verb {verb} is not one of 0..{verbs}")
            if not 0 <= route < 2**31:
                raise ValueError(f"{path!r}: route number {route} is out of range")
            pending.append(Pending(verb, path, route, read_route(path, max_params, max_segments)))
        waiting = [(self._add_node(b""), pending)]
        while waiting:
            node, group = waiting.pop()
            waiting.extend(self._place(self.nodes[node], group))
        self.text = b"".join(self._texts)

    def _add_text(self, text: bytes) -> int:
        self._texts.append(text)
        self._text_len += len(text)
        return self._text_len - len(text)

    def _add_node(self, text: bytes) -> int:
        self.nodes.append(Node(self._add_text(text), len(text), text[0] if text else 0))
        return len(self.nodes) - 1

    def _add_leaf(self, group: list[Pending]) -> int:
        """The row for the routes that end in one place, -1 for no routes."""
        if not group:
            return -1
        by_verb: dict[int, Pending] = {}
        for route in group:
            other = by_verb.setdefault(route.verb, route)
            if other is not route:
                raise ValueError(f"{route.path!r}: answers the same verb on the same paths as {other.path!r}")
        wide = by_verb.get(self.verbs)
        row = [by_verb.get(verb, wide) for verb in range(self.verbs)]
        self.leaves.append([-1 if route is None else route.route for route in row])
        return len(self.leaves) - 1

    def _place(self, node: Node, group: list[Pending]) -> list[tuple[int, list[Pending]]]:
        """Give `node` its edges; answers the new nodes, each with the routes that go on below it."""
        by_part: dict[Part | None, list[Pending]] = {}
        by_byte: dict[int, list[Pending]] = {}
        for route in group:
            part = route.rest[0] if route.rest else None
            if isinstance(part, bytes):
                by_byte.setdefault(part[0], []).append(route)
            else:
                by_part.setdefault(part, []).append(route)
        node.leaf = self._add_leaf(by_part.pop(None, []))
        node.greedy = self._add_leaf(by_part.pop(Variable.GREEDY, []))
        node.child, node.children = len(self.nodes), len(by_byte)
        below = [self._place_text(same) for same in by_byte.values()]
        if one := by_part.pop(Variable.ONE, None):
            node.var = self._add_node(b"")
            below.append((node.var, [route.behind() for route in one]))
        # Widest first: each finds the next wider one already in the chain.
        for literals in sorted(by_part, key=narrowness, reverse=True):
            behind = self._add_node(b"")
            below.append((behind, [route.behind() for route in by_part[literals]]))
            self.mixed.append(Mixed(len(self.literals), len(literals), behind, node.mixed))
            node.mixed = len(self.mixed) - 1
            self.literals += [(self._add_text(literal), len(literal)) for literal in literals]
        return below

    def _place_text(self, same: list[Pending]) -> tuple[int, list[Pending]]:
        """One node for routes whose next bytes begin alike."""
        prefix = commonprefix([route.rest[0] for route in same])  # noqa: RUF071 - bytes, not file names
        return self._add_node(prefix), [route.behind(len(prefix)) for route in same]

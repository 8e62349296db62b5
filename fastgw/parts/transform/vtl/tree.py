"""What a template is made of. Lines count from 1 and are those of the template."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Property:
    name: str


@dataclass(frozen=True, slots=True)
class Method:
    name: str
    arguments: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Index:
    argument: "Expression"


@dataclass(frozen=True, slots=True)
class Reference:
    """$root.part[...] as an expression; text is how it stands in the template."""

    line: int
    root: str
    parts: tuple[Property | Method | Index, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Constant:
    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A string in double quotes that holds VTL."""

    line: int
    body: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class ListOf:
    items: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class MapOf:
    pairs: "tuple[tuple[Expression, Expression], ...]"


@dataclass(frozen=True, slots=True)
class Range:
    first: "Expression"
    last: "Expression"


@dataclass(frozen=True, slots=True)
class Binary:
    """operator is the token's kind (PLUS, LT, AND ...); the texts stand for a side of + that has no value."""

    operator: str
    left: "Expression"
    right: "Expression"
    left_text: str
    right_text: str


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Expression"


Expression = Reference | Constant | Interpolated | ListOf | MapOf | Range | Binary | Not


@dataclass(frozen=True, slots=True)
class Text:
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Print:
    """A reference that is printed, after the text that its first token has read before it."""

    prefix: str
    reference: Reference


@dataclass(frozen=True, slots=True)
class Set:
    """name is the variable that is set where the target has no parts: in Velocity 1.7 the target's text without
    its first character, so that ${x} and $!x set no $x.
    """

    line: int
    name: str
    target: Reference
    value: Expression


@dataclass(frozen=True, slots=True)
class If:
    """(condition, body) in order, then what stands after #else."""

    line: int
    branches: "tuple[tuple[Expression, tuple[Node, ...]], ...]"
    otherwise: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Foreach:
    line: int
    name: str
    source: Expression
    body: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Call:
    """#name(...) or #@name(...) body #end: of a macro, or where no macro has the name, its own text."""

    line: int
    name: str
    arguments: tuple[Expression, ...]
    text: str
    body: "tuple[Node, ...] | None"


@dataclass(frozen=True, slots=True)
class Define:
    line: int
    name: str
    body: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Break:
    line: int


@dataclass(frozen=True, slots=True)
class Stop:
    line: int


Node = Text | Print | Set | If | Foreach | Call | Define | Break | Stop


@dataclass(frozen=True, slots=True)
class Macro:
    line: int
    name: str
    parameters: tuple[str, ...]
    body: tuple[Node, ...]


@dataclass(slots=True)
class Tree:
    """A template: what it prints, and the macros that stand anywhere in it; of two of a name the first counts."""

    body: tuple[Node, ...] = ()
    macros: dict[str, Macro] = field(default_factory=dict)

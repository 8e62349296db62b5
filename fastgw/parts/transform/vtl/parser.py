"""Tokens to a tree, by the grammar of Velocity 1.7.

Where the grammar looks ahead, so does this: how far the tokenizer has read decides in which state it is when a
directive ends.
"""

from .errors import TemplateError
from .lexer import Lexer, Token
from .tree import (
    Binary,
    Break,
    Call,
    Constant,
    Define,
    Expression,
    Foreach,
    If,
    Index,
    Interpolated,
    ListOf,
    Macro,
    MapOf,
    Method,
    Node,
    Not,
    Print,
    Property,
    Range,
    Reference,
    Set,
    Stop,
    Text,
    Tree,
)

REFUSED = {"include": "#include", "parse": "#parse", "evaluate": "#evaluate"}
"""Directives of Velocity that read other templates or build new ones: a mapping template stands for itself."""

BLOCKS = ("foreach", "literal", "macro", "define")
DIRECTIVES = (*BLOCKS, *REFUSED, "break", "stop")
CONTROLS = ("if", "end", "set", "else", "elseif")

DEEPEST = 60
"""Directives, parentheses, lists, arguments and strings within each other."""

LONGEST_NUMBER = 400
"""Characters."""

_PRINTED = frozenset(("TEXT", "DOT", "RPAREN", "LPAREN", "INTEGER", "FLOAT", "STRING", "ESCAPE", "LCURLY", "RCURLY",
                      "EMPTY_INDEX"))
_LEVELS = (("OR",), ("AND",), ("EQ", "NE"), ("LT", "GT", "LE", "GE"), ("PLUS", "MINUS"),
           ("MULTIPLY", "DIVIDE", "MODULUS"))
"""Operators, the weakest first."""


def parse(text: str) -> Tree:
    """Raises TemplateError."""
    tree = Tree()
    tree.body = _Parser(Lexer(text), tree, 0).template()
    return tree


class _Parser:
    def __init__(self, lexer: Lexer, tree: Tree, depth: int):
        self._lexer = lexer
        self._tree = tree
        self._depth = depth
        self._tokens: list[Token] = []
        self._at = 0
        self._ranges: dict[int, bool] = {}

    def template(self) -> tuple[Node, ...]:
        return self._statements(("EOF",))

    # -- tokens

    def _peek(self, ahead: int = 0) -> Token:
        while len(self._tokens) <= self._at + ahead:
            self._tokens.append(self._lexer.next())
        return self._tokens[self._at + ahead]

    def _kind(self, ahead: int = 0) -> str:
        return self._peek(ahead).kind

    def _take(self) -> Token:
        token = self._peek()
        self._at += 1
        return token

    def _accept(self, kind: str) -> bool:
        if self._kind() != kind:
            return False
        self._at += 1
        return True

    def _expect(self, kind: str, what: str) -> Token:
        if self._kind() != kind:
            raise self._unexpected(what)
        return self._take()

    def _unexpected(self, what: str) -> TemplateError:
        token = self._peek()
        found = "the end of the template" if token.kind == "EOF" else repr(token.image)
        return self._lexer.error(f"found {found}, expected {what}", token.start)

    def _line(self, token: Token) -> int:
        return self._lexer.place(token.start)[0]

    def _text(self, first: Token) -> str:
        """From a token to the last one that was taken."""
        return self._lexer.text[first.start : self._tokens[self._at - 1].end]

    def _deeper(self, token: Token) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._lexer.error(f"nested deeper than {DEEPEST} levels", token.start)

    # -- statements

    def _statements(self, ends: tuple[str, ...]) -> tuple[Node, ...]:
        nodes: list[Node] = []
        while self._kind() not in ends:
            node = self._statement()
            if isinstance(node, Text) and nodes and isinstance(nodes[-1], Text):
                nodes[-1] = Text(nodes[-1].line, nodes[-1].text + node.text)
            elif node is not None:
                nodes.append(node)
        return tuple(nodes)

    def _block(self, opened: Token, ends: tuple[str, ...] = ("END",)) -> tuple[Node, ...]:
        """Up to one of the ends, which is not taken; the end of the template is none."""
        self._deeper(opened)
        body = self._statements((*ends, "EOF"))
        if self._kind() == "EOF":
            raise self._lexer.error(f"{opened.image.strip()} has no #end", opened.start)
        self._depth -= 1
        return body

    def _statement(self) -> Node | None:
        token = self._peek()
        match token.kind:
            case "IF":
                return self._if()
            case "IDENTIFIER":
                return self._printed_reference()
            case "LCURLY" if self._kind(1) == "IDENTIFIER":
                return self._printed_reference()
            case "LINE_COMMENT_START" | "COMMENT_END":
                return self._comment()
            case "TEXTBLOCK":
                self._take()
                return Text(self._line(token), token.image[3:-3])
            case "SET":
                return self._set()
            case "ESCAPE_DIRECTIVE":
                self._take()
                return Text(self._line(token), self._escaped_directive(token.image))
            case "DOUBLE_ESCAPE":
                return self._escapes()
            case "WORD" | "BRACKETED_WORD":
                return self._directive()
        if token.kind not in _PRINTED:
            raise self._unexpected("text or a directive")
        self._take()
        return Text(self._line(token), token.special + token.image)

    def _comment(self) -> Node | None:
        token = self._take()
        if token.kind == "LINE_COMMENT_START":
            self._accept("LINE_COMMENT_END")
        begins = [at for at in (token.image.find("##"), token.image.find("#*")) if at >= 0]
        return Text(self._line(token), token.image[: begins[0]]) if begins and begins[0] else None

    def _escaped_directive(self, image: str) -> str:
        """Of what would be a directive every second backslash is printed; of other words, all."""
        last = image.rindex("\\")
        word = image[last + 1 :]
        name = word[1:].strip("{}")
        if name in DIRECTIVES or name in CONTROLS or name in self._tree.macros:
            return image[: last // 2] + word
        return image

    def _escapes(self) -> Node:
        first, count = self._peek(), 0
        while self._accept("DOUBLE_ESCAPE"):
            count += 1
        token = self._peek()
        name = token.image[1:]
        control = token.kind in ("IF", "ELSE", "ELSEIF", "END") or name in DIRECTIVES or name in self._tree.macros
        return Text(self._line(first), ("\\" if control else "\\\\") * count)

    def _printed_reference(self) -> Node:
        """Backslashes before it escape it: each pair prints one, and an odd one makes the reference text."""
        first = self._peek()
        line, image = self._line(first), first.image
        reference = self._reference()
        mark = image.rfind("$")
        if mark < 0:
            return Text(line, image)
        if "\\!" in image:
            return Text(line, "")
        slashes = len(image) - len(image.lstrip("\\"))
        kept = image[: slashes // 2]
        if slashes % 2:
            return Text(line, kept + reference.text)
        return Print(kept + image[slashes:mark], reference)

    def _if(self) -> Node:
        first = self._peek()
        branches = []
        opened = first
        while self._kind() in ("IF", "ELSEIF"):
            opened = self._take()
            self._accept("WHITESPACE")
            self._expect("LPAREN", "( and a condition")
            condition = self._expression()
            self._expect("RPAREN", ")")
            branches.append((condition, self._block(opened, ("ELSEIF", "ELSE", "END"))))
        otherwise: tuple[Node, ...] = ()
        if self._kind() == "ELSE":
            otherwise = self._block(self._take())
        self._expect("END", "#end")
        return If(self._line(first), tuple(branches), otherwise)

    def _set(self) -> Node:
        token = self._take()
        self._accept("WHITESPACE")
        if self._kind() not in ("IDENTIFIER", "LCURLY"):
            raise self._unexpected("a reference: #set($name = value)")
        name = self._peek().image[1:]
        target = self._reference()
        self._accept("WHITESPACE")
        self._expect("EQUALS", "=")
        value = self._expression()
        self._expect("RPAREN", ")")
        self._lexer.in_set = False
        return Set(self._line(token), name, target, value)

    def _directive(self) -> Node | None:
        token = self._take()
        name = token.image[2:-1] if token.kind == "BRACKETED_WORD" else token.image[1:]
        if name in REFUSED:
            raise self._lexer.error(f"#{name} is not part of mapping templates", token.start)
        self._lexer.switch_to_directive()
        if not self._lexer.parenthesis_follows():
            if name in BLOCKS:
                raise self._lexer.error(f"#{name} needs ( )", token.start)
            self._lexer.leave()
            return self._named(token, name, (), None)
        arguments = self._arguments(token, name)
        if name not in BLOCKS and not name.startswith("@"):
            return self._named(token, name, arguments, None)
        inner = self._peek().start
        body = self._block(token)
        end = self._take()
        if name == "literal":
            return Text(self._line(token), self._lexer.text[inner : end.start])
        return self._named(token, name, arguments, body)

    def _named(
        self, token: Token, name: str, arguments: "tuple[Expression | str, ...]", body: tuple[Node, ...] | None
    ) -> Node | None:
        line = self._line(token)
        match name:
            case "break":
                return Break(line)
            case "stop":
                return Stop(line)
            case "foreach":
                return self._foreach(token, arguments, body or ())
            case "macro":
                return self._macro(token, arguments, body or ())
            case "define":
                if len(arguments) != 1 or not isinstance(arguments[0], Reference):
                    raise self._lexer.error("#define takes one reference: #define($name)", token.start)
                return Define(line, arguments[0].root, body or ())
        values = tuple(Constant(one) if isinstance(one, str) else one for one in arguments)
        return Call(line, name.removeprefix("@"), values, self._text(token), body)

    def _foreach(self, token: Token, arguments: "tuple[Expression | str, ...]", body: tuple[Node, ...]) -> Node:
        if len(arguments) != 3 or not isinstance(arguments[0], Reference) or isinstance(arguments[2], str):
            raise self._lexer.error("#foreach takes an item and a list: #foreach($item in $list)", token.start)
        return Foreach(self._line(token), arguments[0].root, arguments[2], body)

    def _macro(self, token: Token, arguments: "tuple[Expression | str, ...]", body: tuple[Node, ...]) -> None:
        if not arguments or not isinstance(arguments[0], str):
            raise self._lexer.error("#macro takes a name and parameters: #macro(name $first $second)", token.start)
        if not all(isinstance(one, Reference) for one in arguments[1:]):
            raise self._lexer.error("the parameters of a #macro are references", token.start)
        parameters = tuple(_bare(one) for one in arguments[1:] if isinstance(one, Reference))
        name = arguments[0]
        self._tree.macros.setdefault(name, Macro(self._line(token), name, parameters, body))

    def _arguments(self, token: Token, name: str) -> "tuple[Expression | str, ...]":
        """What stands between the parentheses of a directive; a bare word is given as str."""
        self._accept("WHITESPACE")
        self._expect("LPAREN", "(")
        self._deeper(token)
        found: list[Expression | str] = []
        while True:
            self._accept("WHITESPACE")
            if self._kind() == "RPAREN":
                break
            if found and self._accept("COMMA"):
                self._accept("WHITESPACE")
            if self._kind() == "WORD":
                word = self._take()
                allowed = (name == "macro" and not found) or (name == "foreach" and len(found) == 1)
                if not allowed and (name in DIRECTIVES or name in self._tree.macros):
                    raise self._lexer.error(f"{word.image!r} is no argument of #{name}", word.start)
                found.append(word.image)
            else:
                found.append(self._value("an argument or )"))
        self._take()
        self._depth -= 1
        return tuple(found)

    # -- expressions

    def _expression(self) -> Expression:
        self._deeper(self._peek())
        value, _ = self._binary(0)
        self._depth -= 1
        return value

    def _binary(self, level: int) -> tuple[Expression, str]:
        """A value, and the text that stands for it in a sum where it is null: of a term its right side."""
        if level == len(_LEVELS):
            return self._unary()
        left, left_text = self._binary(level + 1)
        terms = 0
        while self._kind() in _LEVELS[level]:
            operator = self._take()
            first = self._peek()
            right, right_text = self._binary(level + 1)
            left = Binary(operator.kind, left, right, left_text, right_text)
            left_text = self._text(first)
            terms += 1
            if terms > DEEPEST:
                raise self._lexer.error(f"more than {DEEPEST} terms in one expression", operator.start)
        return left, left_text

    def _unary(self) -> tuple[Expression, str]:
        first = self._peek()
        if self._kind() == "NOT" or (self._kind() == "WHITESPACE" and self._kind(1) == "NOT"):
            self._accept("WHITESPACE")
            self._take()
            self._deeper(first)
            operand, text = self._unary()
            self._depth -= 1
            return Not(operand), text
        self._accept("WHITESPACE")
        start = self._peek()
        if self._accept("LPAREN"):
            start = self._peek()
            value = self._expression()
            text = self._text(start)
            self._expect("RPAREN", ")")
        else:
            value = self._value("a value")
            text = self._text(start)
        self._accept("WHITESPACE")
        return value, text

    def _parameter(self) -> Expression:
        """An element of a list, map or argument list."""
        self._accept("WHITESPACE")
        value = self._value("a value")
        self._accept("WHITESPACE")
        return value

    def _value(self, what: str) -> Expression:
        token = self._peek()
        match token.kind:
            case "IDENTIFIER" | "LCURLY":
                return self._reference()
            case "STRING":
                return self._string(self._take())
            case "INTEGER":
                return self._number(int)
            case "FLOAT":
                return self._number(float)
            case "TRUE" | "FALSE":
                return Constant(self._take().kind == "TRUE")
            case "LBRACKET":
                return self._range() if self._is_range() else self._list()
            case "LEFT_CURLEY":
                return self._map()
        raise self._unexpected(what)

    def _number(self, kind: type[int] | type[float]) -> Expression:
        """An index may begin with what was text before it ("#1"), which is no number."""
        token = self._take()
        if token.image.startswith("#") or len(token.image) > LONGEST_NUMBER:
            raise self._lexer.error(f"{token.image[:40]!r} is no number", token.start)
        return Constant(kind(token.image))

    def _string(self, token: Token) -> Expression:
        """In double quotes \\uXXXX is a character, and references and directives are rendered."""
        quote = token.image[0]
        image = token.image[1:-1].replace(quote * 2, quote)
        if quote == "'":
            return Constant(image)
        image = _unescaped(image)
        if "$" not in image and "#" not in image:
            return Constant(image)
        self._deeper(token)
        line, column = self._lexer.place(token.start + 1)
        comment = "##" in image
        inner = _Parser(Lexer(image if comment else f"{image} ", line, column), self._tree, self._depth)
        body = inner.template()
        self._depth -= 1
        if not comment:
            body = _without_last_space(body)
        return Interpolated(line, body)

    def _is_range(self) -> bool:
        """[ reference-or-integer .. : read on to know."""
        start = self._at
        if start not in self._ranges:
            self._ranges[start] = False
            self._take()
            self._accept("WHITESPACE")
            if self._kind() in ("INTEGER", "IDENTIFIER", "LCURLY"):
                self._value("a value")
                self._accept("WHITESPACE")
                self._ranges[start] = self._kind() == "DOUBLEDOT"
            self._at = start
        return self._ranges[start]

    def _range(self) -> Expression:
        self._take()
        first = self._bound()
        self._expect("DOUBLEDOT", "..")
        last = self._bound()
        self._expect("RBRACKET", "]")
        return Range(first, last)

    def _bound(self) -> Expression:
        self._accept("WHITESPACE")
        if self._kind() not in ("INTEGER", "IDENTIFIER", "LCURLY"):
            raise self._unexpected("an integer or a reference")
        value = self._value("a value")
        self._accept("WHITESPACE")
        return value

    def _list(self) -> Expression:
        self._deeper(self._take())
        items: list[Expression] = []
        if self._kind() != "RBRACKET":
            items.append(self._parameter())
            while self._accept("COMMA"):
                items.append(self._parameter())
        self._expect("RBRACKET", "] or ,")
        self._depth -= 1
        return ListOf(tuple(items))

    def _map(self) -> Expression:
        self._deeper(self._take())
        pairs: list[tuple[Expression, Expression]] = []
        blank = self._kind() == "WHITESPACE" and self._kind(1) in ("RIGHT_CURLEY", "RCURLY")
        if blank:
            self._take()
        elif self._kind() not in ("RIGHT_CURLEY", "RCURLY"):
            pairs.append(self._pair())
            while self._accept("COMMA"):
                pairs.append(self._pair())
        if self._kind() not in ("RIGHT_CURLEY", "RCURLY"):
            raise self._unexpected("} or ,")
        self._take()
        self._depth -= 1
        return MapOf(tuple(pairs))

    def _pair(self) -> tuple[Expression, Expression]:
        key = self._parameter()
        self._expect("COLON", ":")
        return key, self._parameter()

    # -- references

    def _reference(self) -> Reference:
        first = self._take()
        root = first
        self._deeper(first)
        if first.kind == "LCURLY":
            root = self._expect("IDENTIFIER", "a name")
        mark = max(first.image.rfind("$"), 0)
        parts: list[Property | Method | Index] = []
        self._indexes(parts)
        while self._kind() == "DOT" and self._kind(1) == "IDENTIFIER":
            self._take()
            parts.append(self._part())
            self._indexes(parts)
            if len(parts) > DEEPEST:
                raise self._lexer.error(f"more than {DEEPEST} parts in one reference", first.start)
        if first.kind == "LCURLY":
            self._expect("RCURLY", "}")
        self._depth -= 1
        name = root.image[mark:].lstrip("$!") if root is first else root.image
        return Reference(self._line(first), name, tuple(parts), self._text(first)[mark:])

    def _indexes(self, parts: list[Property | Method | Index]) -> None:
        while self._accept("INDEX_LBRACKET"):
            self._accept("WHITESPACE")
            if self._kind() not in ("STRING", "INTEGER", "TRUE", "FALSE", "IDENTIFIER", "LCURLY"):
                raise self._unexpected("an index")
            parts.append(Index(self._value("an index")))
            self._accept("WHITESPACE")
            self._expect("INDEX_RBRACKET", "]")

    def _part(self) -> Property | Method:
        name = self._take().image
        if self._kind() != "LPAREN" or not self._starts_argument(1):
            return Property(name)
        self._take()
        arguments: list[Expression] = []
        if self._kind() != "REFMOD2_RPAREN":
            arguments.append(self._parameter())
            while self._accept("COMMA"):
                arguments.append(self._parameter())
        self._expect("REFMOD2_RPAREN", ") or ,")
        return Method(name, tuple(arguments))

    def _starts_argument(self, ahead: int) -> bool:
        return self._kind(ahead) in ("REFMOD2_RPAREN", "WHITESPACE", "STRING", "INTEGER", "FLOAT", "TRUE", "FALSE",
                                     "LBRACKET", "LEFT_CURLEY", "IDENTIFIER", "LCURLY")


def _unescaped(image: str) -> str:
    """\\uXXXX to its character; other backslashes stay."""
    at = image.find("\\u")
    while at >= 0:
        digits = image[at + 2 : at + 6]
        try:
            image = image[:at] + chr(int(digits, 16)) + image[at + 6 :] if len(digits) == 4 else image
        except ValueError:
            at += 1
        at = image.find("\\u", at + 1)
    return image


def _without_last_space(body: tuple[Node, ...]) -> tuple[Node, ...]:
    """The space that was added so that a last $ or # can be read."""
    last = body[-1] if body else None
    if isinstance(last, Text) and last.text.endswith(" "):
        return (*body[:-1], Text(last.line, last.text[:-1]))
    return body


def _bare(parameter: Reference) -> str:
    """The name of a macro's parameter as Velocity 1.7 takes it: ${x} and $!x are not $x."""
    return "{" if parameter.text.startswith("${") else parameter.text[1:]

"""A tree to a Python code object.

The functions are built as syntax trees: text, names and numbers of a template only ever become constants in them,
and every variable is one that this file names. What a template can reach at run time are the functions of
runtime.py, and through them the methods of methods.py.

A reference never has the value null: where nothing is found its value is the empty string. This is how the service
runs its engine, and it shows: an unknown $name prints nothing, is true in a condition and equals "".
"""

import ast
import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType
from typing import Any

from . import runtime
from .errors import RenderError, TemplateError
from .limits import RENDERING, TEMPLATE_BYTES, Budget, Limits
from .parser import parse
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
    MapOf,
    Method,
    Node,
    Not,
    Print,
    Property,
    Range,
    Reference,
    Set,
    Text,
    Tree,
)
from .values import QuietMap

_OPERATORS = {
    "PLUS": "add", "MINUS": "subtract", "MULTIPLY": "multiply", "DIVIDE": "divide", "MODULUS": "modulus",
    "EQ": "equal", "NE": "unequal", "LT": "less", "GT": "greater", "LE": "at_most", "GE": "at_least",
}
_LOGIC = {"AND": ast.And, "OR": ast.Or}
_FUNCTIONS = {name: getattr(runtime, name) for name in runtime.__all__} | {
    "str": str, "maps": frozenset((dict, QuietMap)),
}


class Template:
    """A compiled template. told is its user's: when a failure was last logged, of time.monotonic()."""

    def __init__(self, name: str, code: CodeType, limits: Limits):
        self.name = name
        self.limits = limits
        self.told = float("-inf")
        names: dict[str, Any] = {"__builtins__": {}, **_FUNCTIONS}
        exec(code, names)
        self._main = names["main"]

    def render(self, variables: Mapping[str, object], trace: Callable[[int, str, object], None] | None = None) -> str:
        """The text. A variable's value is a str, int, float, bool, None, list, dict or Exposed object; maps and
        lists in it are changed where the template changes them. Raises RenderError.

        trace is called with line, text and value of each reference and #set, if the template was compiled for it.
        """
        budget = Budget(self.limits)
        budget.trace = trace
        out: list[str] = []
        context = dict(variables)
        before = RENDERING.set(budget)
        try:
            self._run(context, out, budget)
            if len(out) > 200:
                budget.check()
            if sum(map(len, out)) > self.limits.output:
                raise RenderError("the template gave more text than it may")
            return "".join(out)
        except RenderError as error:
            if not error.line:
                error.name, error.line = self.name, _line_of(error, self.name)
            raise
        except (RecursionError, MemoryError) as error:
            raise RenderError("the values are nested too deeply", self.name, _line_of(error, self.name)) from None
        finally:
            RENDERING.reset(before)

    def _run(self, context: dict[str, object], out: list[str], budget: Budget) -> None:
        try:
            self._main(context, out.append, budget)
        except (runtime.Stopped, runtime.Broken):
            return      # a #break outside every loop ends the template too


def compile_template(text: str, name: str = "template", limits: Limits | None = None, trace: bool = False) -> Template:
    """Raises TemplateError, with the place in the text."""
    if len(text.encode("utf-8", "surrogatepass")) > TEMPLATE_BYTES:
        raise TemplateError(f"the template is longer than {TEMPLATE_BYTES} bytes")
    with _without_collection():
        tree = parse(text)
        try:
            code = compile(_Module(tree, trace).syntax(), name, "exec", dont_inherit=True)
        except (RecursionError, SyntaxError, MemoryError):
            raise TemplateError("the template is nested too deeply") from None
    return Template(name, code, limits or Limits())


@contextmanager
def _without_collection() -> Iterator[None]:
    """A compilation makes many small objects and no cycles: the collector would look at them again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _line_of(error: BaseException, name: str) -> int:
    """The template's line: its functions carry the lines of the template."""
    at, line = error.__traceback__, 0
    while at is not None:
        if at.tb_frame.f_code.co_filename == name:
            line = at.tb_lineno
        at = at.tb_next
    return line


class _Module:
    """The functions of one template: main, and one for each macro, #define, block and string with directives.

    All take the variables (c), what writes text (w) and the budget (b).
    """

    def __init__(self, tree: Tree, trace: bool):
        self.tree = tree
        self.trace = trace
        self.macros = {name: f"macro_{number}" for number, name in enumerate(tree.macros)}
        self._functions: list[ast.stmt] = []
        self._count = 0

    def syntax(self) -> ast.Module:
        for name, found in self.tree.macros.items():
            self._functions.append(_Function(self, False).definition(self.macros[name], found.body))
        self._functions.append(_Function(self, False).definition("main", self.tree.body))
        return ast.fix_missing_locations(ast.Module(body=self._functions, type_ignores=[]))

    def function(self, body: tuple[Node, ...], in_string: bool) -> ast.Name:
        """Add one, to be called with another context later."""
        self._count += 1
        name = f"body_{self._count}"
        self._functions.append(_Function(self, in_string).definition(name, body))
        return _name(name)


class _Function:
    """One function: statements for nodes, expressions for values."""

    def __init__(self, module: _Module, in_string: bool):
        self._module = module
        self._in_string = in_string
        self._loops = 0
        self._values = 0

    def definition(self, name: str, body: tuple[Node, ...]) -> ast.stmt:
        arguments = ast.arguments(
            posonlyargs=[], args=[ast.arg(one) for one in "cwb"], kwonlyargs=[], kw_defaults=[], defaults=[]
        )
        get = ast.Assign([_store("g")], ast.Attribute(_name("c"), "get", ast.Load()))
        return ast.FunctionDef(name, arguments, [get, *self._block(body)], [])

    def _block(self, nodes: tuple[Node, ...]) -> list[ast.stmt]:
        found: list[ast.stmt] = []
        for node in nodes:
            line = node.reference.line if isinstance(node, Print) else node.line
            for statement in self._statements(node):
                # What is below it takes them over: fix_missing_locations.
                statement.lineno = statement.end_lineno = line
                statement.col_offset = statement.end_col_offset = 0
                found.append(statement)
        return found or [ast.Pass()]

    def _statements(self, node: Node) -> list[ast.stmt]:
        match node:
            case Text(_, text):
                return [_do(_call("w", ast.Constant(text)))] if text else []
            case Print(prefix, reference):
                before = [_do(_call("w", ast.Constant(prefix)))] if prefix else []
                return before + self._print(reference)
            case Set():
                return self._set(node)
            case If(_, branches, otherwise):
                rest = self._block(otherwise) if otherwise else []
                for condition, body in reversed(branches):
                    rest = [ast.If(self._truth(condition), self._block(body), rest)]
                return rest
            case Foreach(_, name, source, body):
                self._loops += 1
                inner = self._block(body)
                self._loops -= 1
                each = _call("each", _name("c"), _name("b"), ast.Constant(name), self._value(source))
                return [ast.For(_store("_"), each, inner, [])]
            case Call():
                return self._call(node)
            case Define(_, name, body):
                block = _call("defined", self._module.function(body, False), _name("c"), _name("b"))
                return [ast.Assign([_item(name)], block)]
            case Break(line):
                if self._in_string and not self._loops:
                    raise TemplateError("#break in a string ends nothing", line)
                return [ast.Break() if self._loops else _do(_call("broken"))]
            case _:
                return [_do(_call("stop"))]

    def _print(self, reference: Reference) -> list[ast.stmt]:
        """v = ...; write it as it is when it is a string, show it else."""
        value = _name("v")
        found = [ast.Assign([_store("v")], _call("g", ast.Constant(reference.root)))]
        found += [ast.Assign([_store("v")], self._part(value, part)) for part in reference.parts]
        if self._module.trace:
            found.append(_do(self._traced(reference.line, reference.text, value)))
        put = _do(_call("put", value, _name("c"), _name("w"), _name("b"), _literal(reference)))
        printed = ast.If(_is_not(value, ast.Constant(None)), [put], [])
        found.append(ast.If(_has_class(value, "str"), [_do(_call("w", value))], [printed]))
        return found

    def _set(self, node: Set) -> list[ast.stmt]:
        """A value that is null sets nothing."""
        value = _name("v")
        found: list[ast.stmt] = [ast.Assign([_store("v")], self._value(node.value))]
        if self._module.trace:
            found.append(_do(self._traced(node.line, f"#set {node.target.text}", value)))
        if not node.target.parts:
            done: ast.stmt = ast.Assign([_item(node.name)], value)
        else:
            *path, last = node.target.parts
            holder: ast.expr = _call("g", ast.Constant(node.target.root))
            for part in path:
                holder = self._part(holder, part)
            indexed = isinstance(last, Index)
            if isinstance(last, Method):
                raise TemplateError("#set cannot set what a method gives", node.line)
            key = self._value(last.argument) if isinstance(last, Index) else ast.Constant(last.name)
            done = _do(_call("assign", holder, key, value, ast.Constant(indexed)))
        if isinstance(node.value, (Reference, Constant, Interpolated, ListOf, MapOf)):
            return [*found, done]
        return [*found, ast.If(_is_not(value, ast.Constant(None)), [done], [])]

    def _call(self, node: Call) -> list[ast.stmt]:
        name = self._module.macros.get(node.name)
        if name is None:
            return [_do(_call("w", ast.Constant(node.text)))]
        parameters = self._module.tree.macros[node.name].parameters
        given = dict(zip(parameters, map(self._later, node.arguments), strict=False))
        if node.body is not None:
            content = self._module.function(node.body, False)
            block = _call("defined", content, _name("c"), _name("b"))
            given["bodyContent"] = _lambda(block)
        arguments = ast.Dict([ast.Constant(one) for one in given], list(given.values()))
        return [_do(_call("macro", _name(name), _name("c"), _name("w"), _name("b"), arguments))]

    def _later(self, argument: Expression) -> ast.expr:
        return _lambda(self._value(argument))

    def _traced(self, line: int, text: str, value: ast.expr) -> ast.expr:
        return _call("traced", _name("b"), ast.Constant(line), ast.Constant(text), value)

    # -- values

    def _value(self, node: Expression) -> ast.expr:
        match node:
            case Constant(value):
                return ast.Constant(value)
            case Reference():
                return self._reference(node)
            case Interpolated():
                return self._interpolated(node)
            case ListOf(items):
                return _call("java_list", *map(self._value, items))
            case MapOf(pairs):
                keys = [_call("map_key", self._value(key)) for key, _ in pairs]
                return ast.Dict(keys, [self._value(item) for _, item in pairs])
            case Range(first, last):
                return _call("int_range", _name("b"), self._value(first), self._value(last))
            case Binary(operator) if operator not in _LOGIC:
                return self._operation(node)
            case _:
                return self._truth(node)

    def _operation(self, node: Binary) -> ast.expr:
        left, right = self._value(node.left), self._value(node.right)
        function = _OPERATORS[node.operator]
        if node.operator == "PLUS":
            return _call(function, _name("b"), left, right, ast.Constant(node.left_text), ast.Constant(node.right_text))
        if node.operator in ("EQ", "NE"):
            return _call(function, _name("b"), left, right)
        return _call(function, left, right)

    def _truth(self, node: Expression) -> ast.expr:
        """As a condition: a reference is true unless it is false, a literal or a sum never is."""
        match node:
            case Constant(value):
                return ast.Constant(value is True)
            case Reference():
                return _is_not(self._reference(node), ast.Constant(False))
            case Not(operand):
                return ast.UnaryOp(ast.Not(), self._truth(operand))
            case Binary(operator, left, right) if operator in _LOGIC:
                return ast.BoolOp(_LOGIC[operator](), [self._truth(left), self._truth(right)])
            case Binary(operator) if operator in ("EQ", "NE", "LT", "GT", "LE", "GE"):
                return self._operation(node)
            case _:
                return ast.Constant(False)

    def _reference(self, node: Reference) -> ast.expr:
        """The value, or the empty string for null."""
        value: ast.expr = _call("g", ast.Constant(node.root))
        for part in node.parts:
            value = self._part(value, part)
        name = self._fresh()
        found = ast.NamedExpr(_store(name), value)
        return ast.IfExp(_is_not(found, ast.Constant(None)), _name(name), ast.Constant(""))

    def _part(self, value: ast.expr, part: Property | Method | Index) -> ast.expr:
        match part:
            case Property(name):
                if not isinstance(value, ast.Name):
                    fresh = self._fresh()
                    value, test = _name(fresh), ast.NamedExpr(_store(fresh), value)
                else:
                    test = value
                plain = ast.Call(ast.Attribute(value, "get", ast.Load()), [ast.Constant(name)], [])
                other = _call("get_property", value, ast.Constant(name))
                return ast.IfExp(_has_class(test, "maps", ast.In()), plain, other)
            case Method(name, arguments):
                key = ast.Constant(f"{name}/{len(arguments)}")
                return _call("get_call", _name("b"), value, key, *map(self._value, arguments))
            case Index(argument):
                return _call("get_index", value, self._value(argument))

    def _interpolated(self, node: Interpolated) -> ast.expr:
        if not all(isinstance(one, (Text, Print)) for one in node.body) or self._module.trace:
            body = self._module.function(node.body, True)
            return _call("rendered", body, _name("c"), _name("b"))
        parts: list[ast.expr] = []
        for one in node.body:
            if isinstance(one, Text):
                parts.append(ast.Constant(one.text))
            elif isinstance(one, Print):
                if one.prefix:
                    parts.append(ast.Constant(one.prefix))
                shown = self._reference(one.reference)
                parts.append(_call("shown", shown, _name("c"), _name("b"), _literal(one.reference)))
        return _call("cat", _name("b"), *parts)

    def _fresh(self) -> str:
        self._values += 1
        return f"v{self._values}"


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _store(name: str) -> ast.Name:
    return ast.Name(name, ast.Store())


def _call(function: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(_name(function), list(arguments), [])


def _do(value: ast.expr) -> ast.stmt:
    return ast.Expr(value)


def _item(name: str) -> ast.Subscript:
    return ast.Subscript(_name("c"), ast.Constant(name), ast.Store())


def _is_not(left: ast.expr, right: ast.expr) -> ast.expr:
    return ast.Compare(left, [ast.IsNot()], [right])


def _has_class(value: ast.expr, name: str, how: ast.cmpop | None = None) -> ast.expr:
    return ast.Compare(ast.Attribute(value, "__class__", ast.Load()), [how or ast.Is()], [_name(name)])


def _literal(reference: Reference) -> ast.expr:
    return ast.Constant("" if reference.text.startswith("$!") else reference.text)


def _lambda(body: ast.expr) -> ast.expr:
    nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.Lambda(nothing, body)

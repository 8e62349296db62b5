"""AWS::Serverless::Function and AWS::Lambda::Function of a template -> the functions of a fastgw.yaml.

What the host cannot run is told and left out: it is invoked at the Lambda API, where the gateway has one.
"""

from collections.abc import Iterator
from os.path import abspath, dirname, isdir, join

from fastgw.load.assembly import Assembly
from fastgw.load.problem import shown
from fastgw.load.templates import sam
from fastgw.load.templates.stack import Resource, Stack
from fastgw.model.function import MAX_MEMORY_MB, MAX_TIMEOUT_SECONDS, MIN_MEMORY_MB, RUNTIME

_LAMBDA = "AWS::Lambda::Function"
_CODE = {sam.FUNCTION: "CodeUri", _LAMBDA: "Code"}


def read(stack: Stack, made: Assembly) -> None:
    for function in _functions(stack):
        why = _fault(stack, function)
        if why:
            stack.problems.warning(function.view.key_place, "unserved", f"function {function.id} is not run here: "
                                   f"{why}")
        else:
            _function(stack, made, function)


def _functions(stack: Stack) -> Iterator[Resource]:
    yield from sam.functions(stack)
    yield from stack.of(_LAMBDA)


def _fault(stack: Stack, function: Resource) -> str:
    """Why the host cannot run it, or nothing."""
    code = function.get(_CODE[function.type])
    if code is None:
        return f"it has no {_CODE[function.type]}"
    if not isinstance(code.value, str):
        return f"its {code.name} is no local folder"
    runtime = stack.reader.params.fill(function.get("Runtime")).text if function.get("Runtime") is not None else None
    if runtime is None or RUNTIME.fullmatch(runtime) is None:
        return f"runtime {shown(runtime)}; python3, nodejs and provided are"
    if function.get("Handler") is None and not runtime.startswith("provided"):
        return "it has no Handler"
    folder = _folder(stack, function)
    return "" if isdir(folder) else f"there is no folder {shown(code.value)}"


def _folder(stack: Stack, function: Resource) -> str:
    code = function.get(_CODE[function.type])
    return abspath(join(dirname(code.place.file), stack.reader.params.fill(code).text or ""))


def _function(stack: Stack, made: Assembly, function: Resource) -> None:
    reader = stack.reader
    path = ("functions", stack.name(function))
    made.set(path, {}, function.view)
    made.set((*path, "code"), _folder(stack, function), function.get(_CODE[function.type]))
    made.set((*path, "handler"), reader.text(function.get("Handler")) or "bootstrap", function.get("Handler")
             or function.view)
    made.set((*path, "runtime"), reader.text(function.get("Runtime")), function.get("Runtime"))
    numbers = {"Timeout": ("timeout", 1, MAX_TIMEOUT_SECONDS), "MemorySize": ("memory", MIN_MEMORY_MB, MAX_MEMORY_MB),
               "ReservedConcurrentExecutions": ("concurrency", 0, 10_000)}
    for name, (ours, low, high) in numbers.items():
        value = reader.integer(function.get(name), low, high)
        if value is not None:
            made.set((*path, ours), value, function.get(name))
    environment = function.get("Environment")
    variables = reader.mapping(environment.get("Variables")) if environment is not None else None
    for name, value in variables.items() if variables is not None else ():
        filled = reader.params.fill(value)
        if filled.text is None or filled.missing:
            missing = ", ".join(filled.missing) or shown(value.value)
            stack.problems.warning(value.place, "missing-parameter", f"function {function.id}: {name} needs a value "
                                   f"for {missing}; it is not set")
            continue
        made.set((*path, "environment", name), filled.text, value)

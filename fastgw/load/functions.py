"""The section functions of a fastgw.yaml -> model.function."""

from collections.abc import Mapping
from os.path import abspath, dirname, isdir, join

from msgspec import UNSET

from fastgw.load import schema
from fastgw.load.document import View
from fastgw.load.params import as_text
from fastgw.load.problem import Problems, shown
from fastgw.model.function import Function, name_of

RESERVED = ("_HANDLER", "AWS_LAMBDA_")
"""Names, or their beginnings, that the host itself sets. Source: AWS Lambda developer guide, environment variables."""


def read_functions(
    given: Mapping[str, schema.FunctionFile], section: View | None, problems: Problems
) -> tuple[Function, ...]:
    """section is where given stands; problems are told at their places in it."""
    return tuple(_function(name, one, section.get(name), problems) for name, one in given.items())


def _function(name: str, given: schema.FunctionFile, view: View, problems: Problems) -> Function:
    code = abspath(join(dirname(view.place.file), given.code))
    if not isdir(code):
        problems.error(view.get("code").place, "no-file", f"there is no directory {shown(code)}")
    if given.arn is not UNSET and name_of(given.arn) != name:
        problems.error(view.get("arn").place, "conflict", f"the ARN is of function {shown(name_of(given.arn))}, not of "
                       f"{shown(name)}")
    for variable in given.environment:
        if variable.startswith(RESERVED):
            problems.error(view.get("environment").get(variable).key_place, "bad-name", f"{variable} is set by the "
                           "function host itself")
    return Function(
        name,
        code,
        given.handler,
        given.runtime,
        None if given.arn is UNSET else given.arn,
        tuple((key, None if value is None else as_text(value)) for key, value in given.environment.items()),
        _milliseconds(given.timeout),
        given.memory,
        given.concurrency,
        given.queue,
        _milliseconds(given.idle),
        view.key_place,
    )


def _milliseconds(seconds: float) -> int:
    return max(round(seconds * 1000), 1)

"""The section functions of a fastgw.yaml -> model.function; whether every function that is invoked is somewhere."""

from collections.abc import Mapping
from os.path import abspath, dirname, isdir, join

from msgspec import UNSET

from fastgw.load import schema
from fastgw.load.document import View
from fastgw.load.params import as_text
from fastgw.load.problem import Problems, did_you_mean, nearest, one_of, shown
from fastgw.load.uri import STAGE_VARIABLE
from fastgw.model.authorizer import RequestAuthorizer
from fastgw.model.compose import Composed
from fastgw.model.function import Function, function_of, name_of
from fastgw.model.gateway import Gateway, Stage
from fastgw.model.integration import Integrated, Integration
from fastgw.model.service import DEFAULT

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


def check_functions(gateway: Gateway, problems: Problems) -> None:
    """Every stage must say which functions it invokes. One that is not the gateway's is invoked by the Lambda API; but
    where nobody named an endpoint of one, a name that was probably meant to be the gateway's is refused.
    """
    hosted = {function.name: function for function in gateway.functions}
    if any(service.endpoint for service in gateway.services if service.name in ("lambda", DEFAULT)):
        hosted = {}
    for api in gateway.apis:
        stages = [stage for stage in gateway.stages if stage.api == api.name]
        invoked = [(f"{route.method} {route.path}", call) for route in api.routes for call in _calls(route.integration)]
        asked = [one for one in api.authorizers if isinstance(one, RequestAuthorizer)]
        invoked += [(f"authorizer {shown(one.name)}", one) for one in asked]
        for what, called in invoked:
            for stage in stages if function_of(called.uri) is not None else ():
                _check(what, called, stage, hosted, problems)


def _calls(integration: Integration) -> list[Integrated]:
    composed = isinstance(integration, Composed)
    calls = [branch.integrated for branch in integration.branches] if composed else [integration]
    return [call for call in calls if isinstance(call, Integrated)]


def _check(what: str, called: Integrated | RequestAuthorizer, stage: Stage, hosted: Mapping[str, Function],
           problems: Problems) -> None:
    uri = _filled(what, called, stage, problems)
    name = name_of(function_of(uri)) if uri is not None else None
    if name is not None and name not in hosted and nearest(name, hosted) is not None:
        problems.error(called.place, "unknown-function", f"{what} in stage {shown(stage.name)}: no function is named "
                       f"{shown(name)}; functions: has {one_of(hosted)}{did_you_mean(name, hosted)}")


def _filled(what: str, called: Integrated | RequestAuthorizer, stage: Stage, problems: Problems) -> str | None:
    """The uri; None, with an error, where the stage does not say which function is meant."""
    variables = dict(stage.variables)
    missing = sorted(set(STAGE_VARIABLE.findall(called.uri)) - variables.keys())
    told = f"{what} in stage {shown(stage.name)}"
    if missing:
        problems.error(called.place, "missing-variable", f"{told}: the uri needs stage variable "
                       f"{', '.join(missing)}; set it in a fastgw.yaml, under stages: variables:")
        return None
    uri = STAGE_VARIABLE.sub(lambda found: variables[found[1]], called.uri)
    reference = function_of(uri)
    if name_of(reference or "") is None:
        problems.error(called.place, "bad-uri", f"{told}: {shown(reference)} is neither the name of a function "
                       "nor its ARN")
        return None
    return uri

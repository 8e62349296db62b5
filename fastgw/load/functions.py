"""The section functions of a fastgw.yaml -> model.function; whether every function that is invoked is somewhere."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from os.path import abspath, dirname, isdir, join

from msgspec import UNSET

from fastgw.load import schema
from fastgw.load.document import View
from fastgw.load.params import as_text
from fastgw.load.problem import Problems, did_you_mean, nearest, one_of, shown
from fastgw.load.services import Reach
from fastgw.load.uri import STAGE_VARIABLE
from fastgw.model.api import Route
from fastgw.model.authorizer import Authorizer, RequestAuthorizer
from fastgw.model.compose import Composed
from fastgw.model.function import Function, function_of, name_of
from fastgw.model.gateway import Gateway, Stage
from fastgw.model.integration import Integrated, Unserved
from fastgw.model.service import ServiceUri

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


def settle_functions(gateway: Gateway, problems: Problems) -> Gateway:
    """Every function that a stage invokes must be one of the gateway's, or there must be a Lambda API to ask.

    Else its routes answer 500, as the warnings say; a name that was probably meant to be one of them is refused.
    """
    hosted = {function.name: function for function in gateway.functions}
    reach = Reach(gateway.services, frozenset(one.authority for one in gateway.upstreams if one.addresses or one.srv))
    settled = []
    for api in gateway.apis:
        stages = [stage for stage in gateway.stages if stage.api == api.name]
        routes = tuple(_settled(route, stages, hosted, reach, problems) for route in api.routes)
        authorizers = tuple(_settled_authorizer(one, stages, hosted, reach, problems) for one in api.authorizers)
        changed = routes != api.routes or authorizers != api.authorizers
        settled.append(replace(api, routes=routes, authorizers=authorizers) if changed else api)
    return replace(gateway, apis=tuple(settled))


def _settled(route: Route, stages: Iterable[Stage], hosted: Mapping[str, Function], reach: Reach,
             problems: Problems) -> Route:
    integration = route.integration
    if isinstance(integration, Composed):
        calls = [replace(route, integration=branch.integrated) for branch in integration.branches]
        settled = [_settled(call, stages, hosted, reach, problems).integration for call in calls]
        lost = next((one for one in settled if isinstance(one, Unserved)), None)
        return replace(route, integration=lost) if lost is not None else route
    if not isinstance(integration, Integrated) or function_of(integration.uri) is None:
        return route
    lost = _is_lost(f"{route.method} {route.path}", integration, stages, hosted, reach, problems)
    return replace(route, integration=Unserved("a Lambda function", integration.place)) if lost else route


def _settled_authorizer(authorizer: Authorizer, stages: Iterable[Stage], hosted: Mapping[str, Function], reach: Reach,
                        problems: Problems) -> Authorizer:
    """One whose function is nowhere lets nobody in."""
    if not isinstance(authorizer, RequestAuthorizer) or function_of(authorizer.uri) is None:
        return authorizer
    lost = _is_lost(f"authorizer {shown(authorizer.name)}", authorizer, stages, hosted, reach, problems)
    return replace(authorizer, lost=True) if lost else authorizer


def _is_lost(what: str, called: Integrated | RequestAuthorizer, stages: Iterable[Stage],
             hosted: Mapping[str, Function], reach: Reach, problems: Problems) -> bool:
    """Whether a stage's function is nowhere, which is told."""
    for stage in stages:
        uri = _filled(what, called, stage, problems)
        name = name_of(function_of(uri)) if uri is not None else None
        if name is None or name in hosted or not reach.why_not(ServiceUri.parse(uri)):
            continue
        told = f"{what} in stage {shown(stage.name)}: no function is named {shown(name)}"
        if nearest(name, hosted) is not None:
            problems.error(called.place, "unknown-function", f"{told}; functions: has {one_of(hosted)}"
                           f"{did_you_mean(name, hosted)}")
            continue
        problems.warning(called.place, "unserved", f"{told}: a fastgw.yaml names functions under functions:, and "
                         "a Lambda API under services: lambda: endpoint:; it answers 500 Internal server error")
        return True
    return False


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

"""What shows only in the whole gateway: what stages' variables make, upstreams nobody uses."""

from collections.abc import Iterator, Mapping

from fastgw.load.iam import check_signers
from fastgw.load.policy import check_policies
from fastgw.load.problem import Problems, did_you_mean, shown
from fastgw.load.uri import STAGE_VARIABLE, target
from fastgw.model.api import Api, Route
from fastgw.model.authorizer import RequestAuthorizer
from fastgw.model.compose import Composed
from fastgw.model.gateway import Gateway, Stage
from fastgw.model.integration import HttpProxy, Integrated, Mock
from fastgw.model.place import Place
from fastgw.model.service import Service, ServiceUri
from fastgw.model.value import Source, StageVariable
from fastgw.parts.aws.services import locate

_HOW_TO_SET = "set it in a fastgw.yaml, under stages: variables:"


def check_whole(gateway: Gateway, problems: Problems) -> None:
    """Each stage must give what its API's URIs and answers need; an unused upstream is told."""
    reached: set[str] = set()
    services = {service.name: service for service in gateway.services}
    for api in gateway.apis:
        stages = [(stage, dict(stage.variables)) for stage in gateway.stages if stage.api == api.name]
        for route, called in _with_uri(api):
            if isinstance(called, HttpProxy) and called.private is not None:
                reached.add(called.private)
                continue
            for stage, variables in stages:
                uri = _uri(route, called, stage, variables, problems)
                if uri is not None and (authority := _authority(route, called, stage, uri, services, problems)):
                    reached.add(authority)
        reached |= {target(one.uri).authority for one in api.authorizers
                    if isinstance(one, RequestAuthorizer) and not one.uri.startswith("arn:")}
        for stage, variables in stages:
            _check_headers(api, stage, variables, problems)
            _check_cache(api, stage, problems)
    _check_keys(gateway, problems)
    check_signers(gateway, problems)
    check_policies(gateway, problems)
    for upstream in gateway.upstreams:
        if upstream.authority not in reached:
            problems.warning(upstream.place, "no-effect", f"no route that is served goes to "
                             f"{shown(upstream.authority)}{did_you_mean(upstream.authority, reached)}")


def _check_cache(api: Api, stage: Stage, problems: Problems) -> None:
    """What a stage's cache does not hold is told."""
    for route in api.routes if stage.cache is not None else ():
        caching, called = stage.cache.of(route.name), route.integration
        what = "a composition" if isinstance(called, Composed) else "a streamed answer"
        streamed = isinstance(called, Integrated) and called.streamed
        if caching.enabled and caching.ttl and (streamed or isinstance(called, Composed)):
            problems.warning(called.place, "no-effect",
                             f"{route.name} in stage {shown(stage.name)} is not cached: it is {what}")


def _check_keys(gateway: Gateway, problems: Problems) -> None:
    """A stage whose keys nobody can have refuses everybody; a plan that no request meets limits nothing."""
    required = {api.name: next((route for route in api.routes if route.key), None) for api in gateway.apis}
    opened = {(stage.api, stage.stage) for plan in gateway.plans for stage in plan.stages}
    for stage in gateway.stages:
        route = required.get(stage.api)
        if route is not None and (stage.api, stage.name) not in opened:
            problems.warning(route.place, "no-plan", f"{route.name} requires an API key, and no plan opens stage "
                             f"{shown(stage.name)}: every request is answered 403")
    for plan in gateway.plans:
        for stage in plan.stages:
            if stage.api in required and required[stage.api] is None:
                problems.warning(stage.place, "no-effect", f"no route of {stage.api} requires an API key: plan "
                                 f"{plan.name} limits nothing there")


def _with_uri(api: Api) -> Iterator[tuple[Route, HttpProxy | Integrated]]:
    for route in api.routes:
        called = route.integration
        if isinstance(called, Composed):
            yield from ((route, branch.integrated) for branch in called.branches)
        elif isinstance(called, HttpProxy | Integrated) and called.uri:
            yield route, called


def _uri(route: Route, called: HttpProxy | Integrated, stage: Stage, variables: Mapping[str, str],
         problems: Problems) -> str | None:
    """The uri with a stage's variables put in; None where it has not all of them. That is an error, but not where a
    stage has none at all, as that of a definition without a fastgw.yaml: there the route answers 500, as in the
    service."""
    missing = sorted(name for name in set(STAGE_VARIABLE.findall(called.uri)) if name not in variables)
    if missing:
        told = f"{_told(route, stage)}: the uri needs stage variable {', '.join(missing)}; {_HOW_TO_SET}"
        if variables:
            problems.error(called.place, "missing-variable", told)
        else:
            problems.warning(called.place, "unserved", f"{told}; it answers 500 Internal server error")
        return None
    return STAGE_VARIABLE.sub(lambda found: variables[found[1]], called.uri)


def _authority(route: Route, called: HttpProxy | Integrated, stage: Stage, uri: str, services: Mapping[str, Service],
               problems: Problems) -> str | None:
    """The upstream that a stage's requests of a route go to; None where it is wrong."""
    try:
        if uri.startswith("arn:"):
            return locate(ServiceUri.parse(uri), services).uri.authority
        return target(uri).authority
    except ValueError as error:
        problems.error(called.place, "bad-uri", f"{_told(route, stage)}: {error}")
        return None


def _told(route: Route, stage: Stage) -> str:
    return f"{route.method} {route.path} in stage {shown(stage.name)}"


def _check_headers(api: Api, stage: Stage, variables: Mapping[str, str], problems: Problems) -> None:
    """A header of the gateway's own answers must have a value: an empty field would say something else."""
    for what, place, name, source in _answer_headers(api):
        if isinstance(source, StageVariable) and source.name not in variables:
            problems.error(place, "missing-variable", f"{what} in stage {shown(stage.name)}: header {name} needs "
                           f"stage variable {source.name}; {_HOW_TO_SET}")


def _answer_headers(api: Api) -> Iterator[tuple[str, Place, str, Source]]:
    for route in api.routes:
        if isinstance(route.integration, Mock):
            for name, source in route.integration.headers:
                yield f"{route.method} {route.path}", route.integration.place, name, source
    for response in api.gateway_responses:
        for name, source in response.headers:
            yield response.type, response.place, name, source

"""What shows only in the whole gateway: what stages' variables make, upstreams nobody uses."""

from collections.abc import Iterator, Mapping

from fastgw.load.problem import Problems, did_you_mean, shown
from fastgw.load.uri import STAGE_VARIABLE, BadUri, target
from fastgw.model.api import Api, Route
from fastgw.model.gateway import Gateway, Stage
from fastgw.model.integration import HttpProxy, Mock
from fastgw.model.place import Place
from fastgw.model.value import Source, StageVariable

_HOW_TO_SET = "set it in a fastgw.yaml, under stages: variables:"


def check_whole(gateway: Gateway, problems: Problems) -> None:
    """Each stage must give what its API's URIs and answers need; an unused upstream is told."""
    reached: set[str] = set()
    for api in gateway.apis:
        stages = [(stage, dict(stage.variables)) for stage in gateway.stages if stage.api == api.name]
        for route, proxy in _proxies(api):
            if proxy.private is not None:
                reached.add(proxy.private)
                continue
            if "${" not in proxy.uri:
                reached.add(target(proxy.uri).authority)
                continue
            for stage, variables in stages:
                if authority := _authority(route, proxy, stage, variables, problems):
                    reached.add(authority)
        for stage, variables in stages:
            _check_headers(api, stage, variables, problems)
    _check_keys(gateway, problems)
    for upstream in gateway.upstreams:
        if upstream.authority not in reached:
            problems.warning(upstream.place, "no-effect", f"no route that is served goes to "
                             f"{shown(upstream.authority)}{did_you_mean(upstream.authority, reached)}")


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


def _proxies(api: Api) -> Iterator[tuple[Route, HttpProxy]]:
    for route in api.routes:
        if isinstance(route.integration, HttpProxy):
            yield route, route.integration


def _authority(route: Route, proxy: HttpProxy, stage: Stage, variables: Mapping[str, str],
               problems: Problems) -> str | None:
    """Where a stage's requests of a route go; None, with an error, where its variables do not say."""
    used = STAGE_VARIABLE.findall(proxy.uri)
    missing = sorted(name for name in set(used) if name not in variables)
    told = f"{route.method} {route.path} in stage {shown(stage.name)}"
    if missing:
        problems.error(proxy.place, "missing-variable", f"{told}: the uri needs stage variable "
                       f"{', '.join(missing)}; {_HOW_TO_SET}")
        return None
    try:
        return target(STAGE_VARIABLE.sub(lambda found: variables[found[1]], proxy.uri)).authority
    except BadUri as error:
        problems.error(proxy.place, "bad-uri", f"{told}: {error}")
        return None


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

"""What shows only in the whole gateway: stage variables that are missing, upstreams that nobody uses."""

from collections.abc import Iterator

from fastgw.load.problem import Problems, did_you_mean, shown
from fastgw.load.uri import STAGE_VARIABLE, target
from fastgw.model.api import Api, Route
from fastgw.model.gateway import Gateway, Stage
from fastgw.model.integration import HttpProxy


def check_whole(gateway: Gateway, problems: Problems) -> None:
    """Warn of what can only be a slip; nothing here stops a gateway."""
    reached: set[str] = set()
    for api in gateway.apis:
        stages = [stage for stage in gateway.stages if stage.api == api.name]
        for route, proxy in _proxies(api):
            if "${" not in proxy.uri:
                reached.add(target(proxy.uri).authority)
                continue
            for stage in stages:
                reached.add(_authority(proxy.uri, dict(stage.variables)))
                _check_variables(route, proxy, stage, problems)
    for upstream in gateway.upstreams:
        if upstream.authority not in reached:
            problems.warning(upstream.place, "no-effect", f"no route that is served goes to "
                             f"{shown(upstream.authority)}{did_you_mean(upstream.authority, reached)}")


def _proxies(api: Api) -> Iterator[tuple[Route, HttpProxy]]:
    for route in api.routes:
        if isinstance(route.integration, HttpProxy):
            yield route, route.integration


def _authority(uri: str, variables: dict[str, str]) -> str:
    """Where a URI leads with a stage's variables; one may hold a path as well."""
    filled = STAGE_VARIABLE.sub(lambda found: variables.get(found[1], ""), target(uri).authority)
    return filled.partition("/")[0].lower()


def _check_variables(route: Route, proxy: HttpProxy, stage: Stage, problems: Problems) -> None:
    known = {name for name, _ in stage.variables}
    missing = sorted(set(STAGE_VARIABLE.findall(proxy.uri)) - known)
    if missing:
        problems.warning(proxy.place, "missing-variable", f"{route.method} {route.path}: stage "
                         f"{shown(stage.name)} does not set {', '.join(missing)}; there it answers 500 "
                         "Internal server error")

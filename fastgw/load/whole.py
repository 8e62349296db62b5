"""What shows only in the whole gateway: URIs with their stages' variables put in, upstreams nobody uses."""

from collections.abc import Iterator, Mapping

from fastgw.load.problem import Problems, did_you_mean, shown
from fastgw.load.uri import STAGE_VARIABLE, BadUri, target
from fastgw.model.api import Api, Route
from fastgw.model.gateway import Gateway, Stage
from fastgw.model.integration import HttpProxy


def check_whole(gateway: Gateway, problems: Problems) -> None:
    """Each stage must give what its API's upstream URIs need; an unused upstream is told."""
    reached: set[str] = set()
    for api in gateway.apis:
        stages = [(stage, dict(stage.variables)) for stage in gateway.stages if stage.api == api.name]
        for route, proxy in _proxies(api):
            if "${" not in proxy.uri:
                reached.add(target(proxy.uri).authority)
                continue
            for stage, variables in stages:
                if authority := _authority(route, proxy, stage, variables, problems):
                    reached.add(authority)
    for upstream in gateway.upstreams:
        if upstream.authority not in reached:
            problems.warning(upstream.place, "no-effect", f"no route that is served goes to "
                             f"{shown(upstream.authority)}{did_you_mean(upstream.authority, reached)}")


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
                       f"{', '.join(missing)}; set it in a fastgw.yaml, under stages: variables:")
        return None
    try:
        return target(STAGE_VARIABLE.sub(lambda found: variables[found[1]], proxy.uri)).authority
    except BadUri as error:
        problems.error(proxy.place, "bad-uri", f"{told}: {error}")
        return None

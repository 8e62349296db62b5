"""What `fastgw explain` says of keys and limits: what holds for a request; what is left of it a gateway says."""

from collections.abc import Iterator

from fastgw._core.explain import Trace
from fastgw.model.api import DEFAULT_ROUTE, Route
from fastgw.model.gateway import Gateway, Stage
from fastgw.model.usage import Throttle, UsagePlan, by_method
from fastgw.plan.limits import opened_by

_AWAY = {
    "local": "while they cannot reach each other, each node has its share",
    "open": "while they cannot reach each other, every request is let through",
    "closed": "while they cannot reach each other, every request is refused",
}

Rows = Iterator[tuple[str, str]]


def limit_rows(gateway: Gateway, found: Trace) -> Rows:
    """In the order in which the engine asks."""
    if not found.operation:
        return
    api = next(api for api in gateway.apis if api.id == found.api_id)
    stage = next(stage for stage in gateway.stages if (stage.api, stage.name) == (api.name, found.stage))
    route = next(route for route in api.routes if _is(route, found))
    if route.key:
        yield "key", found.key or "required: none was given, or none that a plan lets into this stage"
    for plan in [gateway.plans[found.plan]] if found.plan >= 0 else gateway.plans if route.key else ():
        yield from _plan_rows(plan, stage, route)
    settings = by_method(stage.methods, [route.name]).get(route.name)
    if settings is not None and settings.throttle is not None:
        yield "limit STAGE_METHOD", _throttle(settings.throttle)
    if stage.throttle is not None:
        yield "limit STAGE", _throttle(stage.throttle)
    if gateway.account is not None:
        yield "limit ACCOUNT", _throttle(gateway.account)
    if settings is not None and settings.concurrency is not None:
        yield "limit CONCURRENCY", f"{settings.concurrency} at one time"


def _is(route: Route, found: Trace) -> bool:
    if found.operation == DEFAULT_ROUTE:
        return route.path == DEFAULT_ROUTE
    return (route.method, route.path) == (found.operation, found.resource)


def _plan_rows(plan: UsagePlan, stage: Stage, route: Route) -> Rows:
    opened = opened_by(plan, stage)
    if opened is None:
        return
    whose = f"each key of plan {plan.name}"
    if plan.nodes is not None:
        yield "shared", f"plan {plan.name}, between the nodes; {_AWAY[plan.nodes.away]}"
    own = dict(opened.methods).get(route.name)
    if own is not None:
        yield "limit PLAN_METHOD", f"{_throttle(own)}, {whose}"
    if plan.throttle is not None:
        yield "limit PLAN", f"{_throttle(plan.throttle)}, {whose}"
    if plan.quota is not None:
        yield "limit QUOTA", f"{plan.quota.limit} each {plan.quota.period}, offset {plan.quota.offset}, {whose}"


def _throttle(throttle: Throttle) -> str:
    return f"{throttle.rate:g}/s, burst {throttle.burst}"

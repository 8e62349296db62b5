"""Throttles, quotas and keys of the model -> what the engine's phases KEY and THROTTLE look at."""

from collections.abc import Mapping
from typing import Any

from fastgw.model import usage
from fastgw.model.api import Api, Route
from fastgw.model.gateway import Gateway, Stage
from fastgw.model.usage import AWAY, PERIODS, MethodSettings, PlanStage, Throttle, UsagePlan

BucketSpec = tuple[int, float, int] | None
"""(cell, rate, burst); None where there is no limit."""


class LimitCells:
    """The shared cells by their ids. without cells: a plan that no request will meet, every cell is 0."""

    def __init__(self, cells: Mapping[str, int] | None) -> None:
        self._cells = cells

    def number(self, name: str) -> int:
        return 0 if self._cells is None else self._cells[name]

    def bucket(self, name: str, throttle: Throttle | None) -> BucketSpec:
        return None if throttle is None else (self.number(name), throttle.rate, throttle.burst)

    def account(self, gateway: Gateway) -> BucketSpec:
        return self.bucket(usage.ACCOUNT, gateway.account)

    def stage(self, gateway: Gateway, api: Api, stage: Stage) -> dict[str, Any]:
        return {
            "throttle": self.bucket(usage.stage_id(api.name, stage.name), stage.throttle),
            "key_stages": [self._opened(plan, api, stage) for plan in gateway.plans],
        }

    def _opened(self, plan: UsagePlan, api: Api, stage: Stage) -> dict[int, BucketSpec] | None:
        """Row of routes -> the bucket of each key of the plan; None where the plan does not open the stage."""
        opened = opened_by(plan, stage)
        if opened is None:
            return None
        rows = {route.name: row for row, route in enumerate(api.routes)}
        return {
            rows[method]: self.bucket(usage.plan_method_id(plan.name, api.name, stage.name, method), throttle)
            for method, throttle in opened.methods
        }

    def route(self, api: Api, stage: Stage, route: Route, settings: MethodSettings | None) -> dict[str, Any]:
        """settings: of usage.by_method()."""
        bucket = concurrency = None
        if settings is not None:
            bucket = self.bucket(usage.method_id(api.name, stage.name, route.name), settings.throttle)
        if settings is not None and settings.concurrency is not None:
            places = self.number(usage.concurrency_id(api.name, stage.name, route.name))
            concurrency = (places, settings.concurrency)
        return {"key_required": route.key, "throttle": bucket, "concurrency": concurrency}


def opened_by(plan: UsagePlan, stage: Stage) -> PlanStage | None:
    """What a plan says of a stage that it opens to its keys."""
    return next((one for one in plan.stages if (one.api, one.stage) == (stage.api, stage.name)), None)


def plans(gateway: Gateway) -> list[dict[str, Any]]:
    """By the number of the plan, which is its position. A plan without a quota counts by the day."""
    return [
        {
            "throttle": None if plan.throttle is None else (0, plan.throttle.rate, plan.throttle.burst),
            "quota": plan.quota.limit if plan.quota else 0,
            "period": PERIODS.index(plan.quota.period) + 1 if plan.quota else 1,
            "offset": plan.quota.offset if plan.quota else 0,
            "name": plan.name.encode(),
            "away": AWAY.index(plan.nodes.away) if plan.nodes else None,
        }
        for plan in gateway.plans
    ]

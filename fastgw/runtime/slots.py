"""Which row of the shared counters belongs to which route, for the life of the gateway."""

from collections.abc import Iterable

from fastgw.model.gateway import Gateway
from fastgw.observe import layout

RouteKey = tuple[str, str, str, str]
"""(API name, stage name, method, resource path): what a route is called in metrics."""


def route_keys(gateway: Gateway) -> Iterable[RouteKey]:
    """Every route of every stage, in the order of the definition."""
    routes = {api.name: api.routes for api in gateway.apis}
    for stage in gateway.stages:
        for route in routes[stage.api]:
            yield (stage.api, stage.name, route.method, route.path)


class Slots:
    """Hands out rows. A route keeps its row over reloads, also while it is away."""

    def __init__(self) -> None:
        self._rows: dict[RouteKey, int] = {}

    def assign(self, gateway: Gateway) -> dict[RouteKey, int]:
        """The row of every route of this gateway.

        When the rows are used up, further routes share layout.SLOT_OTHER.
        """
        return {key: self._row(key) for key in route_keys(gateway)}

    def labels(self) -> dict[int, RouteKey]:
        """Row -> route, for every row handed out so far."""
        return {row: key for key, row in self._rows.items()}

    def _row(self, key: RouteKey) -> int:
        row = self._rows.get(key)
        if row is None:
            row = layout.FIRST_ROUTE_SLOT + len(self._rows)
            if row >= layout.SLOTS:
                return layout.SLOT_OTHER
            self._rows[key] = row
        return row

"""The routes of a gateway as rows, for `fastgw routes` and the ops listener."""

from collections.abc import Iterator
from dataclasses import dataclass

from fastgw.model.compose import Composed
from fastgw.model.gateway import Gateway
from fastgw.model.integration import HttpProxy, Integrated, Integration, Mock, Unserved
from fastgw.model.subtype import ServiceAction


@dataclass(frozen=True, slots=True)
class RouteRow:
    """upstream is the URI as the definition writes it, "" where nothing is called."""

    api: str
    stage: str
    method: str
    path: str
    integration: str
    upstream: str
    place: str


HEADINGS = ("METHOD", "PATH", "INTEGRATION", "UPSTREAM", "API", "STAGE")


def rows(gateway: Gateway) -> Iterator[RouteRow]:
    """Every route of every stage, in the order of the definition."""
    apis = {api.name: api for api in gateway.apis}
    for stage in gateway.stages:
        for route in apis[stage.api].routes:
            kind, upstream = _shown(route.integration)
            yield RouteRow(
                stage.api, stage.name, route.method, route.path, kind, upstream, str(route.place)
            )


def as_text(gateway: Gateway) -> str:
    """A table with aligned columns."""
    cells = [HEADINGS]
    cells += [(r.method, r.path, r.integration, r.upstream or "-", r.api, r.stage) for r in rows(gateway)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = (
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )
    return "\n".join(lines)


def _shown(integration: Integration) -> tuple[str, str]:
    match integration:
        case HttpProxy(uri=uri, private=private):
            return "HTTP_PROXY", private or uri
        case Integrated(type=type, uri=uri):
            return type, uri
        case Composed(branches=branches):
            return "COMPOSE", " ".join(branch.integrated.uri for branch in branches)
        case ServiceAction(subtype=subtype):
            return f"AWS_PROXY {subtype}", ""
        case Mock(status=status):
            return f"MOCK {status}", ""
        case Unserved(what=what):
            return f"{what} (not served)", ""

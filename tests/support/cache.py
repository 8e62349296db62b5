"""A gateway with a stage cache before a stub whose answers tell how often it was asked."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.client import Wire, get
from tests.support.definition import INTEGRATION, openapi, proxy, several
from tests.support.message import Response
from tests.support.process import Gateway
from tests.support.upstream import Behaviour, Exchange, Upstream


def counting(*headers: str, status: int = 200, body: bytes = b"") -> Behaviour:
    """Answers "NUMBER TARGET", and then body; the number counts this behaviour's answers."""
    numbers = itertools.count(1)

    async def answer(exchange: Exchange) -> None:
        await exchange.body()
        text = f"{next(numbers)} {exchange.request.target}".encode() + body
        await exchange.reply(status, text, *headers)

    return answer


class Counting:
    """The default behaviour: counts by target."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    async def __call__(self, exchange: Exchange) -> None:
        await exchange.body()
        target = exchange.request.target
        self.counts[target] = self.counts.get(target, 0) + 1
        await exchange.reply(200, f"{self.counts[target]} {target}".encode(), "Content-Type: text/plain")


def cached(operation: dict, *, keys: list[str] | None = None, namespace: str | None = None) -> dict:
    """An operation with cacheKeyParameters and cacheNamespace."""
    integration = operation[INTEGRATION]
    if keys is not None:
        integration["cacheKeyParameters"] = keys
    if namespace is not None:
        integration["cacheNamespace"] = namespace
    return operation


@dataclass
class Shop:
    """A gateway and its upstream."""

    gateway: Gateway
    upstream: Upstream
    asked: list[Response] = field(default_factory=list)

    def ask(self, path: str, *headers: str, **options: object) -> Response:
        return self.gateway.fetch(get(path, *headers, **options))  # type: ignore[arg-type]

    def states(self, path: str, *headers: str, times: int = 2, **options: object) -> list[str | None]:
        """X-Cache of that many equal requests, one after the other."""
        return [self.ask(path, *headers, **options).get("X-Cache") for _ in range(times)]

    def wire(self, **options: object) -> Wire:
        return self.gateway.wire(**options)

    def hits(self, path: str) -> float:
        """The counter of a GET route of this path."""
        return self.gateway.metric(f'^fastgw_cache_hits_total.*method="GET",resource="{path}"')

    def cached(self) -> int:
        """Entries of all workers together."""
        return self.gateway.live()["cached"]


def paths(url: str) -> dict[str, dict]:
    """Everything to the upstream, path and all; and a few routes with keys of their own."""
    return {
        "/": {"any": proxy(f"{url}/")},
        "/{proxy+}": {"any": proxy(f"{url}/{{proxy}}")},
    }


@contextmanager
def shop(
    cache: Mapping[str, object] | None = None,
    *,
    routes: Mapping[str, dict] | None = None,
    methods: Mapping[str, object] | None = None,
    log: Mapping[str, str] | None = None,
    env: Mapping[str, str | None] | None = None,
    **sections: object,
) -> Iterator[Shop]:
    """cache: the stage's section over {x_cache: true}; routes: as openapi() takes them, made with "{url}" for the
    upstream's, in place of a pass-through."""
    with Upstream(Counting()) as upstream:
        given = filled(routes, upstream.url) if routes is not None else paths(upstream.url)
        stage: dict[str, object] = {"cache": {"x_cache": True, **(cache or {})}}
        if log:
            stage["log"] = dict(log)
        if methods:
            stage["methods"] = dict(methods)
        files = {
            "fastgw.yaml": several({"shop": {"definition": "api.json", "stages": {"$default": stage}}}, **sections),
            "api.json": openapi(given),
        }
        with Gateway(files, env=env) as gateway:
            yield Shop(gateway, upstream)


def filled(routes: Mapping[str, dict], url: str) -> dict:
    """routes with {url} put in."""
    for operations in routes.values():
        for operation in operations.values():
            integration = operation.get(INTEGRATION, {})
            if "uri" in integration:
                integration["uri"] = integration["uri"].replace("{url}", url)
    return dict(routes)

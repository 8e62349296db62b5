"""A route's cache, for the engine: what is cached, and by what key."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastgw.model.api import ANY, Route
from fastgw.model.cache import ALLOW, STRATEGIES, StageCache
from fastgw.model.integration import HttpProxy, Integrated
from fastgw.model.value import RequestParameter
from fastgw.plan.ops import RAW, of_source

WARNING = b"Warning: 199 Cache-control headers were ignored because the caller was unauthorized.\r\n"
"""The service's words."""

KEY_QUERY, KEY_HEADER, KEY_PROGRAM = range(3)
INVALIDATION_ALLOWED = 0
_UNAUTHORIZED = dict(zip(STRATEGIES, (1, 3, 2), strict=True))
"""Strategy -> the engine's number; see state.Invalidation."""


def cache_spec(
    stage: StageCache | None, route: Route, integration: HttpProxy | Integrated, variables: Mapping[str, str],
    parameters: Sequence[str],
) -> dict[str, Any] | None:
    """None: off. parameters are the path's, which are in every key."""
    caching = stage.of(route.name) if stage is not None else None
    if caching is None or not caching.enabled or not caching.ttl:
        return None
    parts = []
    for source in integration.cache_keys or ():
        if not isinstance(source, RequestParameter):
            parts.append((KEY_PROGRAM, b"", [of_source(source, variables, parameters, RAW)]))
        elif source.location == "querystring":
            parts.append((KEY_QUERY, source.name.encode(), []))
        elif source.location == "header":
            parts.append((KEY_HEADER, source.name.lower().encode(), []))
    namespace = integration.cache_namespace
    return {
        "verb": b"GET" if route.method == ANY else route.method.encode(),
        "ttl_ms": caching.ttl * 1000,
        "invalidation": INVALIDATION_ALLOWED if caching.invalidation == ALLOW else _UNAUTHORIZED[caching.unauthorized],
        "shown": caching.x_cache,
        "obeys": caching.obey,
        "warning": WARNING,
        "whole_query": integration.cache_keys is None,
        "place": None if namespace is None else namespace.encode(),
        "parts": parts,
    }

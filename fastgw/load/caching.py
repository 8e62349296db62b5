"""Cache settings of stages and methods, and the cache keys of integrations."""

import re
from collections.abc import Collection, Sequence

from fastgw.load.document import View
from fastgw.load.mapping import REQUEST_TARGET, Unmapped, source
from fastgw.load.problem import Problems, did_you_mean, shown
from fastgw.load.reader import Reader
from fastgw.load.schema import CacheFile
from fastgw.model.cache import Caching, StageCache
from fastgw.model.integration import ParameterMapping
from fastgw.model.usage import EVERY_METHOD, MethodSettings
from fastgw.model.value import Context, RequestParameter, Source

_NAMESPACE = re.compile(r"[\x21-\x7e]{1,128}")


def stage_cache(
    cache: CacheFile | None, methods: Sequence[MethodSettings], problems: Problems
) -> StageCache | None:
    """methods are the stage's."""
    common = Caching(enabled=False)
    if cache is not None:
        common = Caching(cache.enabled, cache.ttl, cache.invalidation, cache.unauthorized, cache.x_cache,
                         cache.cache_control == "obey")
    found = [settings.cache for settings in methods if settings.cache is not None]
    caching = StageCache(common, tuple(found))
    for entry in found:
        if entry.method != EVERY_METHOD and entry.enabled is None and not caching.of(entry.method).enabled:
            problems.warning(entry.place, "no-effect", f"the cache of {entry.method} is off: say enabled: true here "
                             "or in the stage's cache")
    return caching if cache is not None or found else None


def namespace(reader: Reader, view: View | None) -> str | None:
    """cacheNamespace."""
    text = reader.text(view) if view is not None else None
    if text is not None and _NAMESPACE.fullmatch(text) is None:
        reader.problems.error(view.place, "bad-value", f"cacheNamespace must be 1 to 128 visible characters, "
                              f"found {shown(text)}")
        return None
    return text


def keys(
    reader: Reader, view: View | None, parameters: Collection[str], mappings: Sequence[ParameterMapping]
) -> tuple[Source, ...] | None:
    """cacheKeyParameters; None where the integration does not say. parameters are the path's."""
    given = reader.list(view)
    if given is None:
        return None
    found: list[Source] = []
    for item in given.elements():
        text = reader.text(item)
        if text is None:
            continue
        try:
            value = _key(text, parameters, mappings)
        except Unmapped as error:
            reader.problems.error(item.place, "bad-value", f"cacheKeyParameters: {error}")
            continue
        # Stage variables and texts are the same for every request.
        if isinstance(value, RequestParameter | Context):
            found.append(value)
    return tuple(found)


def _key(text: str, parameters: Collection[str], mappings: Sequence[ParameterMapping]) -> Source:
    target = REQUEST_TARGET.fullmatch(text)
    if target is not None:
        for mapping in mappings:
            if (mapping.location, mapping.name) == target.groups():
                return mapping.source
        raise Unmapped(f"{shown(text)} is not among the integration's requestParameters")
    value = source(text) if text.startswith("method.") else None
    if not isinstance(value, RequestParameter):
        raise Unmapped(f"{shown(text)} is no request parameter; write method.request.{{path|querystring|header}}.NAME "
                       "or integration.request.{path|querystring|header}.NAME")
    if value.location == "path" and value.name not in parameters:
        raise Unmapped(f"the path has no parameter {shown(value.name)}{did_you_mean(value.name, parameters)}")
    return value

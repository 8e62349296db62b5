"""Stage caches: whose answers are kept, for how long, and who may ask for a fresh one."""

from dataclasses import dataclass, fields

from fastgw.model.usage import EVERY_METHOD, MethodCache

DEFAULT_TTL, MAX_TTL = 300, 3600
"""Seconds. Source: Amazon API Gateway developer guide, "Cache settings for REST APIs"."""

ALLOW, REQUIRE = "allow", "require"
STRATEGIES = ("FAIL_WITH_403", "SUCCEED_WITH_RESPONSE_HEADER", "SUCCEED_WITHOUT_RESPONSE_HEADER")
"""What a client without the permission gets that asks for a fresh answer."""


@dataclass(frozen=True, slots=True)
class Caching:
    """How the requests of a route are cached.

    ttl           seconds; 0 is off
    invalidation  ALLOW: any client may ask for a fresh answer; REQUIRE: only with the permission
    unauthorized  one of STRATEGIES
    x_cache       answers say HIT, MISS or BYPASS
    obey          Cache-Control and Expires of an answer count; the service does not look at them
    """

    enabled: bool = True
    ttl: int = DEFAULT_TTL
    invalidation: str = REQUIRE
    unauthorized: str = "SUCCEED_WITH_RESPONSE_HEADER"
    x_cache: bool = False
    obey: bool = True


@dataclass(frozen=True, slots=True)
class StageCache:
    """A stage's cache, and what differs for single methods."""

    common: Caching
    methods: tuple[MethodCache, ...] = ()

    def of(self, method: str) -> Caching:
        """What holds for the method called method: its own word, then EVERY_METHOD's, then the stage's.

        Only GET is cached by default: another method is where its own entry says so.
        """
        given = {entry.method: entry for entry in self.methods}
        own, common = given.get(method), given.get(EVERY_METHOD)
        values = {}
        for field in fields(Caching):
            said = [getattr(entry, field.name, None) for entry in (own, common) if entry is not None]
            values[field.name] = next((value for value in said if value is not None), getattr(self.common, field.name))
        verb = method.partition(" ")[0]
        if verb not in ("GET", "ANY", "$default") and (own is None or not own.enabled):
            values["enabled"] = False
        return Caching(**values)

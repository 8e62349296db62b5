"""Stages, usage plans, keys and domains of a template -> the sections of a fastgw.yaml."""

import re
from collections.abc import Iterator, Mapping

from fastgw.load.assembly import Assembly
from fastgw.load.document import Document, View
from fastgw.load.names import ANY_METHOD, VERBS
from fastgw.load.problem import shown
from fastgw.load.templates import sam
from fastgw.load.templates.stack import Resource, Stack
from fastgw.model.api import ANY, DEFAULT_ROUTE, ApiKind
from fastgw.model.cache import STRATEGIES
from fastgw.model.usage import EVERY_METHOD

STAGE, DEPLOYMENT = "AWS::ApiGateway::Stage", "AWS::ApiGateway::Deployment"
STAGE_V2, DEPLOYMENT_V2 = "AWS::ApiGatewayV2::Stage", "AWS::ApiGatewayV2::Deployment"
PLAN, KEY, PLAN_KEY = "AWS::ApiGateway::UsagePlan", "AWS::ApiGateway::ApiKey", "AWS::ApiGateway::UsagePlanKey"
DOMAIN, MAPPING = "AWS::ApiGateway::DomainName", "AWS::ApiGateway::BasePathMapping"
DOMAIN_V2, MAPPING_V2 = "AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::ApiMapping"

ACCOUNT_RATE, ACCOUNT_BURST = 10_000, 5_000
"""What holds where a throttle gives only one of the two. Source: developer guide, "Throttle requests"."""

_SHARED_PLAN = "ServerlessUsagePlan"


class Deployed:
    """made is the fastgw.yaml under construction; definitions those of each API, by its name there."""

    def __init__(self, stack: Stack, made: Assembly, apis: Mapping[str, tuple[Resource, ApiKind]],
                 definitions: Mapping[str, list[Document]], default_stage: str) -> None:
        self._stack = stack
        self._reader = stack.reader
        self._problems = stack.problems
        self._made = made
        self._apis = apis
        self._definitions = definitions
        self._default = default_stage
        self._stages: dict[str, list[str]] = {name: [] for name in apis}

    def read(self) -> None:
        for name, (api, kind) in self._apis.items():
            if api.type in (sam.API, sam.HTTP_API):
                self._sam_stage(name, api, kind)
        for resource in self._stack.of(STAGE, STAGE_V2, DEPLOYMENT, DEPLOYMENT_V2):
            self._stage(resource)
        for name, (api, _) in self._apis.items():
            if not self._stages[name]:
                self._begin_stage(name, self._default, api.view)
        for plan in self._stack.of(PLAN):
            self._plan(plan)
        self._sam_plans()
        for key in self._stack.of(KEY):
            self._key(key)
        self._domains()

    # --- stages

    def _api_named(self, view: View | None) -> str | None:
        """The API that a value refers to; None where it is none of this template, which is told."""
        if view is None:
            return None
        for name, (api, _) in self._apis.items():
            if self._stack.is_of(view, api) or self._reader.params.fill(view).text == name:
                return name
        self._problems.error(view.place, "unknown-value", f"{view.name} {shown(view.value)} is no API of this template")
        return None

    def _begin_stage(self, api: str, stage: str, at: View) -> tuple[str, ...]:
        path = ("apis", api, "stages", stage)
        if stage in self._stages[api]:
            self._problems.error(at.place, "conflict", f"stage {shown(stage)} of {api} is given twice")
        else:
            self._stages[api].append(stage)
            self._made.set(path, {}, at)
        return path

    def _stage(self, resource: Resource) -> None:
        """A stage, or a deployment that makes one."""
        named = resource.get("StageName")
        api = self._api_named(resource.get("ApiId" if resource.type in (STAGE_V2, DEPLOYMENT_V2) else "RestApiId"))
        if api is None or named is None:
            return
        name = self._reader.text(named)
        if name is None or (resource.type in (DEPLOYMENT, DEPLOYMENT_V2) and name in self._stages[api]):
            return
        described = resource.get("StageDescription") if resource.type == DEPLOYMENT else resource.properties
        path = self._begin_stage(api, name, resource.view)
        if described is not None:
            self._settings(path, api, described, resource.type in (STAGE_V2, DEPLOYMENT_V2))
        if described is not None and resource.type == DEPLOYMENT:
            # A StageDescription says beside its MethodSettings what holds for all methods.
            self._method((*path, "methods", EVERY_METHOD), described)

    def _sam_stage(self, api: str, resource: Resource, kind: ApiKind) -> None:
        named = resource.get("StageName")
        if named is not None:
            name = self._reader.text(named)
        elif resource.id == sam.IMPLICIT[ApiKind.REST]:
            name = "Prod"
        elif kind is ApiKind.HTTP:
            name = DEFAULT_ROUTE
        else:
            self._problems.error(resource.view.key_place, "missing-field", f"{resource.type} {resource.id} has no "
                                 "StageName")
            return
        if name is not None:
            path = self._begin_stage(api, name, resource.view)
            self._settings(path, api, resource.properties, kind is ApiKind.HTTP)
            if kind is ApiKind.HTTP:
                self._event_settings(path, resource)

    def _event_settings(self, path: tuple[str, ...], api: Resource) -> None:
        """RouteSettings of a function's event."""
        for event in sam.events_of(self._stack, api, ApiKind.HTTP):
            settings = event.get("RouteSettings")
            if settings is not None:
                verb, where = self._reader.text(event.get("Method")), self._reader.text(event.get("Path"))
                name = DEFAULT_ROUTE if where is None else f"{(verb or ANY).upper()} {where}"
                self._throttle((*path, "methods", name), settings)

    def _settings(self, path: tuple[str, ...], api: str, given: View, v2: bool) -> None:
        variables = self._reader.mapping(given.get("StageVariables") or given.get("Variables"))
        for name, value in variables.items() if variables is not None else ():
            text = self._reader.text(value)
            if text is not None:
                self._made.set((*path, "variables", name), text, value)
        self._log(path, given.get("AccessLogSettings") or given.get("AccessLogSetting"))
        if v2:
            self._throttle((*path, "methods", EVERY_METHOD), given.get("DefaultRouteSettings"))
            routes = self._reader.mapping(given.get("RouteSettings"))
            for name, settings in routes.items() if routes is not None else ():
                self._throttle((*path, "methods", " ".join(name.split())), settings)
            return
        if self._reader.flag(given.get("CacheClusterEnabled")):
            self._cache(path, given)
        listed = self._reader.list(given.get("MethodSettings"))
        for settings in listed.elements() if listed is not None else ():
            for name in self._methods(api, settings):
                if name not in self._made.at((*path, "methods")):
                    self._made.set((*path, "methods", name), {}, settings)
                self._method((*path, "methods", name), settings)

    def _cache(self, path: tuple[str, ...], given: View) -> None:
        """A cluster caches nothing by itself: only methods that say so are cached."""
        whole = {"enabled": False, "cache_control": "ignore"}
        self._made.set((*path, "cache"), whole, given.get("CacheClusterEnabled"))

    def _method(self, path: tuple[str, ...], settings: View) -> None:
        self._throttle(path, settings)
        made, reader = self._made, self._reader
        enabled = settings.get("CachingEnabled")
        if enabled is not None and made.at((*path[:4], "cache")):
            made.set((*path, "cache", "enabled"), bool(reader.flag(enabled)), enabled)
            ttl = reader.integer(settings.get("CacheTtlInSeconds"), 0, 3600)
            if ttl is not None:
                made.set((*path, "cache", "ttl"), ttl, settings.get("CacheTtlInSeconds"))
            authorized = settings.get("RequireAuthorizationForCacheControl")
            if authorized is not None:
                who = "require" if reader.flag(authorized) else "allow"
                made.set((*path, "cache", "invalidation"), who, authorized)
            strategy = settings.get("UnauthorizedCacheControlHeaderStrategy")
            if strategy is not None and (name := reader.name(strategy, STRATEGIES)) is not None:
                made.set((*path, "cache", "unauthorized"), name, strategy)

    def _throttle(self, path: tuple[str, ...], given: View | None, names: tuple[str, str] = (
            "ThrottlingRateLimit", "ThrottlingBurstLimit")) -> bool:
        """Whether there is one; path is that of what it limits."""
        rate, burst = (given.get(name) if given is not None else None for name in names)
        if rate is None and burst is None:
            return False
        whole = {"rate": self._number(rate, ACCOUNT_RATE), "burst": self._number(burst, ACCOUNT_BURST)}
        if None in whole.values():
            return False
        self._made.set((*path, "throttle"), whole, given)
        for name, view in zip(whole, (rate, burst), strict=True):
            if view is not None:
                self._made.set((*path, "throttle", name), whole[name], view)
        return True

    def _number(self, view: View | None, default: float) -> float | int | None:
        if view is None:
            return default
        if isinstance(view.value, int | float) and not isinstance(view.value, bool):
            return view.value
        text = self._reader.text(view)
        if text is None:
            return None
        if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", text):
            return float(text) if "." in text else int(text)
        self._problems.error(view.place, "wrong-type", f"{view.name} must be a number, found {shown(view.value)}")
        return None

    def _methods(self, api: str, settings: View) -> Iterator[str]:
        """The methods that an entry of MethodSettings is for, as stages call them."""
        path = self._reader.text(settings.get("ResourcePath"))
        verb = self._reader.name(settings.get("HttpMethod"), ("*", *VERBS.values(), ANY))
        for name in ("ResourcePath", "HttpMethod"):
            if settings.get(name) is None:
                self._problems.error(settings.place, "missing-field", f"an entry of MethodSettings has no {name}")
        if path is None or verb is None:
            return
        if path == "/*" and verb == "*":
            yield EVERY_METHOD
            return
        # "/~1pets~1{id}" in the service's spelling; "/pets/{id}" is taken too.
        path = path.removeprefix("/").replace("~1", "/") if path.startswith("/~1") else path.replace("~1", "/")
        known = self._stack.once(("routes", api), lambda: list(self._routes(api)))
        found = [f"{its} {where}" for its, where in known if path in ("/*", where) and verb in ("*", its)]
        if not found:
            self._problems.warning(settings.place, "no-effect", f"{api} has no method {verb} {path}: this entry of "
                                   "MethodSettings is for none")
        yield from found

    def _routes(self, api: str) -> Iterator[tuple[str, str]]:
        for document in self._definitions[api]:
            paths = document.view().get("paths")
            for path, item in paths.items() if paths is not None else ():
                for key, _ in item.items():
                    if key in VERBS or key == ANY_METHOD:
                        yield VERBS.get(key, ANY), path

    def _log(self, path: tuple[str, ...], given: View | None) -> None:
        """To standard output: the destination is the service's."""
        wanted = given.get("Format") if given is not None else None
        text = self._reader.text(wanted)
        if text is not None:
            line = re.sub(r"[\r\n]+\s*", "", text.strip())
            self._made.set((*path, "log"), {"file": "-", "format": line}, wanted)

    # --- plans and keys

    def _plan(self, plan: Resource) -> None:
        listed = self._reader.list(plan.get("ApiStages"))
        stages = []
        for entry in listed.elements() if listed is not None else ():
            api, stage = self._api_named(entry.get("ApiId")), self._reader.text(entry.get("Stage"))
            if api is not None and stage is not None:
                stages.append((api, stage, entry))
        if not stages:
            self._problems.warning(plan.view.key_place, "no-effect", f"usage plan {plan.id} opens no stage of this "
                                   "template; it is left out")
            return
        self._write_plan(plan.id, plan.properties, plan.view, stages)

    def _write_plan(self, name: str, given: View | None, at: View, stages: list[tuple[str, str, View]]) -> None:
        path = ("plans", name)
        opened = [{"api": api, "stage": stage} for api, stage, _ in stages]
        self._made.set(path, {}, at)
        self._made.set((*path, "stages"), opened, stages[0][2])
        for index, (_, _, entry) in enumerate(stages):
            self._made.mark((*path, "stages", index), entry)
            # An entry of ApiStages limits single methods; a plan of SAM has none.
            throttles = self._reader.mapping(entry.get("Throttle")) if entry is not given else None
            for where, throttle in throttles.items() if throttles is not None else ():
                resource, _, verb = where.rpartition("/")
                limit = self._limit(throttle)
                if limit is not None:
                    opened[index].setdefault("methods", {})[f"{verb} {resource or '/'}"] = limit
                    self._made.mark((*path, "stages", index, "methods", f"{verb} {resource or '/'}"), throttle)
        if given is None:
            return
        if given.get("Throttle") is not None:
            self._throttle(path, given.get("Throttle"), ("RateLimit", "BurstLimit"))
        quota = self._reader.mapping(given.get("Quota"))
        if quota is not None:
            self._made.set((*path, "quota"), {}, quota)
            for theirs, ours in (("Limit", "limit"), ("Offset", "offset")):
                value = self._reader.integer(quota.get(theirs), 0, 10**11)
                if value is not None:
                    self._made.set((*path, "quota", ours), value, quota.get(theirs))
            period = self._reader.text(quota.get("Period"))
            if period is not None:
                self._made.set((*path, "quota", "period"), period, quota.get("Period"))

    def _limit(self, given: View) -> dict[str, float | int] | None:
        rate = self._number(given.get("RateLimit"), ACCOUNT_RATE)
        burst = self._number(given.get("BurstLimit"), ACCOUNT_BURST)
        return None if rate is None or burst is None else {"rate": rate, "burst": burst}

    def _sam_plans(self) -> None:
        """Auth.UsagePlan of AWS::Serverless::Api: one for each API, or one that they share."""
        shared: list[tuple[str, str, View]] = []
        described: View | None = None
        for name, (api, _) in self._apis.items():
            auth = api.get("Auth") if api.type == sam.API else None
            plan = self._reader.mapping(auth.get("UsagePlan")) if auth is not None else None
            kind = self._reader.name(plan.get("CreateUsagePlan"), ("PER_API", "SHARED", "NONE")) if plan else None
            stages = [(name, stage, plan) for stage in self._stages[name]] if plan else []
            if kind == "PER_API":
                self._write_plan(f"{name}UsagePlan", plan, plan, stages)
                self._problems.warning(plan.place, "no-key", f"SAM would make a key for the plan {name}UsagePlan; make "
                                       f"one with fastgw keys new NAME --plan {name}UsagePlan")
            elif kind == "SHARED":
                shared += stages
                described = described or plan
        if shared:
            self._write_plan(_SHARED_PLAN, described, described, shared)
            self._problems.warning(described.place, "no-key", f"SAM would make a key for the plan {_SHARED_PLAN}; make "
                                   f"one with fastgw keys new NAME --plan {_SHARED_PLAN}")

    def _key(self, key: Resource) -> None:
        name = self._stack.name(key)
        value = key.get("Value")
        if value is None:
            self._problems.warning(key.view.key_place, "no-key", f"key {key.id} has no Value, which the service would "
                                   f"make up: nobody has this key; make one with fastgw keys new")
            return
        text = self._reader.text(value)
        if text is None:
            return
        if text.startswith("{{resolve:"):
            self._problems.error(value.place, "missing-parameter", f"the value of key {key.id} is kept elsewhere; put "
                                 "a parameter there and give it with --param NAME=VALUE")
            return
        self._made.set(("keys", name), {"value": text}, key.view)
        self._made.mark(("keys", name, "value"), value)
        enabled = key.get("Enabled")
        # A key is off until it is said to be on: AWS::ApiGateway::ApiKey, Enabled.
        self._made.set(("keys", name, "enabled"), enabled is not None and bool(self._reader.flag(enabled)),
                       enabled or key.view)
        plans = [plan.id for plan in self._plans_of(key)]
        if plans:
            self._made.set(("keys", name, "plans"), plans, key.view)

    def _plans_of(self, key: Resource) -> Iterator[Resource]:
        for link in self._stack.parts(key, PLAN_KEY, "KeyId"):
            plan = self._stack.named(link.get("UsagePlanId"), PLAN)
            if plan is not None and self._made.at(("plans", plan.id)):
                yield plan

    # --- domains

    def _domains(self) -> None:
        for mapping in self._stack.of(MAPPING, MAPPING_V2):
            api = self._api_named(mapping.get("ApiId" if mapping.type == MAPPING_V2 else "RestApiId"))
            host = self._reader.text(mapping.get("DomainName"))
            if api is not None and host is not None:
                base = mapping.get("ApiMappingKey" if mapping.type == MAPPING_V2 else "BasePath")
                self._map(host, api, base, mapping.get("Stage"), mapping.view)
        for name, (api, _) in self._apis.items():
            given = self._reader.mapping(api.get("Domain")) if api.type in (sam.API, sam.HTTP_API) else None
            host = self._reader.text(given.get("DomainName")) if given is not None else None
            if host is None:
                continue
            bases = given.get("BasePath")
            listed = list(bases.elements()) if bases is not None and isinstance(bases.value, list) else [bases]
            for base in listed:
                self._map(host, name, base, None, given, self._stages[name][0])
        for domain in self._stack.of(DOMAIN, DOMAIN_V2):
            if not self._made.at(("domains",)).get(self._stack.name(domain).lower()):
                self._problems.warning(domain.view.key_place, "no-effect", f"domain {domain.id} has no mapping; it is "
                                       "left out")

    def _map(self, host: str, api: str, base: View | None, stage: View | None, at: View,
             only: str | None = None) -> None:
        host = host.lower()
        listed = self._made.at(("domains",)).get(host)
        if listed is None:
            listed = []
            self._made.set(("domains", host), listed, at)
        text = self._reader.text(base) if base is not None else ""
        entry: dict[str, object] = {"api": api, "base_path": "" if text in (None, "(none)", "/") else text}
        name = self._reader.text(stage) if stage is not None else only
        if name is not None:
            entry["stage"] = name
        path = ("domains", host, len(listed))
        listed.append(entry)
        self._made.mark(path, at)
        for field, view in (("base_path", base), ("stage", stage)):
            if view is not None:
                self._made.mark((*path, field), view)

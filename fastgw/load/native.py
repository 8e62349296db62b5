"""A fastgw.yaml: several definitions, their stages, domains and upstreams -> model.Gateway."""

from collections.abc import Mapping as MappingType
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from os.path import dirname, join
from types import MappingProxyType

import msgspec

from fastgw.load import caching, schema, typed, usage
from fastgw.load.accesslog import read_log
from fastgw.load.definition import execute_api_id, read_definitions
from fastgw.load.document import Document, View, read
from fastgw.load.firewall import check_firewall, read_firewalls
from fastgw.load.functions import read_functions
from fastgw.load.iam import read_iam
from fastgw.load.issuers import read_issuers
from fastgw.load.key_csv import add_key_file
from fastgw.load.openapi import Choices
from fastgw.load.own_authorizers import check_used, read_own_authorizers
from fastgw.load.params import Params, as_text
from fastgw.load.plain import check_upstream_url
from fastgw.load.problem import Problems, did_you_mean, one_of, shown
from fastgw.load.reader import Reader
from fastgw.load.services import read_identity, read_services
from fastgw.load.tls import read_tls
from fastgw.load.upstream_tls import read_client_certificates
from fastgw.load.upstreams import read_upstreams
from fastgw.model.accesslog import AccessLog
from fastgw.model.api import Api, ApiKind
from fastgw.model.cache import StageCache
from fastgw.model.gateway import ANY_HOST, DEFAULT_REGION, DEFAULT_STAGE, Domain, Gateway, Listener, Mapping, Stage
from fastgw.model.place import Place
from fastgw.model.service import Service
from fastgw.model.upstream_tls import ClientCertificate
from fastgw.model.usage import KeyRing, MethodSettings, Throttle, UsagePlan
from fastgw.model.validation import Mode

Settings = dict[str, tuple[object, Place]]


def is_native(root: View) -> bool:
    return root.get("fastgw") is not None


class NativeFile:
    """values are those of --param, which go before each API's own parameters; choices those of options.

    definitions  documents in hand, by the names that the file has for them; others are files beside it
    """

    def __init__(self, document: Document, problems: Problems, values: MappingType[str, str],
                 choices: Choices, definitions: MappingType[str, Document] = MappingProxyType({})) -> None:
        self._document = document
        self._definitions = definitions
        self._problems = problems
        self._values = values
        self._choices = choices
        self._root = document.view()

    def read(self) -> tuple[Gateway | None, Settings]:
        """The gateway, or None where the file itself is wrong; problems are told either way."""
        before = Problems()
        typed.Check(before, schema.NOT_SERVED).check(self._root, msgspec.inspect.type_info(schema.File))
        for problem in before.by_place():
            self._problems.error(problem.place, problem.code, problem.message)
        # The definitions are read even then: all problems are told in one go.
        apis = self._apis()
        if before.has_errors():
            return None, {}
        methods = usage.Methods(apis, self._problems)
        self._certificates = read_client_certificates(self._file.client_certificates,
                                                      self._root.get("client_certificates"), self._problems)
        stages = self._stages(apis, methods)
        domains = self._domains(stages)
        upstreams = read_upstreams(self._file.upstreams, self._root.get("upstreams"), self._problems)
        plans = self._plans(stages, methods)
        gateway = Gateway(apis, stages, domains, self._listeners(), upstreams, account=self._account(), plans=plans,
                          keys=self._keys(plans), log=self._common_log,
                          functions=read_functions(self._file.functions, self._root.get("functions"), self._problems),
                          services=self._services,
                          tls=read_tls(self._file.tls, self._root.get("tls"), domains, apis, self._problems),
                          iam=read_iam(self._file.iam, self._root.get("iam"), self._problems),
                          identity=read_identity(self._file.credentials), account_id=self._file.account_id,
                          region=self._file.region,
                          issuers=read_issuers(self._file.issuers, self._root.get("issuers"), self._problems),
                          firewalls=read_firewalls(self._file, self._root, self._problems))
        return gateway, self._settings()

    @cached_property
    def _file(self) -> schema.File:
        return msgspec.convert(self._root.value, schema.File)

    @cached_property
    def _given(self) -> dict[str, schema.ApiFile]:
        """The APIs that are well formed, whatever the rest of the file is."""
        found = {}
        apis = self._root.get("apis")
        for name, view in apis.items() if apis is not None else ():
            with suppress(msgspec.ValidationError):
                found[name] = msgspec.convert(view.value, schema.ApiFile)
        return found

    @cached_property
    def _services(self) -> tuple[Service, ...]:
        """Those that are well formed, whatever the rest of the file is."""
        section = self._root.get("services")
        found = {}
        for name, view in section.items() if section is not None else ():
            with suppress(msgspec.ValidationError):
                found[name] = msgspec.convert(view.value, schema.ServiceFile)
        return read_services(found)

    @cached_property
    def _placed(self) -> frozenset[str]:
        """Authorities that are given addresses: private integrations may name them."""
        upstreams = self._root.get("upstreams")
        entries = upstreams.items() if upstreams is not None else ()
        return frozenset(name.lower() for name, view in entries
                         if any(view.get(key) is not None for key in ("address", "addresses", "srv", "file")))

    @cached_property
    def _common_log(self) -> AccessLog | None:
        return self._log(self._root)

    def _log(self, view: View) -> AccessLog | None:
        """The log of a stage or of the file; a stage without one has the file's."""
        given = view.get("log")
        if given is not None:
            return read_log(given, dirname(self._document.file), self._problems)
        return None if view is self._root else self._common_log

    def _view(self, *path: str | int) -> View:
        view: View | None = self._root
        for step in path:
            view = view.get(step) if isinstance(step, str) else list(view.elements())[step]
        return view

    def _apis(self) -> tuple[Api, ...]:
        found = []
        for name, given in self._given.items():
            own = Problems()
            documents = self._documents(name, given, own)
            if documents and self._upstream_url_is_good(name, given):
                api = read_definitions(documents, own, self._params(given), self._choice(name, given), name, given.mode)
                if api is not None:
                    self._check_composed(name, given, api, own)
                    if given.authorizers:
                        check_used(api, self._view("apis", name, "authorizers"), own)
                    found.append(api)
            self._problems.absorb(own, given.fail_on_warnings)
        return self._with_ids(found)

    def _check_composed(self, name: str, given: schema.ApiFile, api: Api, problems: Problems) -> None:
        known = [f"{route.method} {route.path}" for route in api.routes]
        for route in given.compose:
            if route not in known:
                problems.error(self._view("apis", name, "compose", route).key_place, "unknown-route",
                               f"{shown(route)} is no route of {name}{did_you_mean(route, known)}")

    def _documents(self, name: str, given: schema.ApiFile, problems: Problems) -> list[Document]:
        """The definitions of an API, in their order; none where one of them is wrong, which is told."""
        view = self._view("apis", name, "definition")
        views = list(view.elements()) or [view]
        found = []
        for text, its in zip(_listed(given.definition), views, strict=True):
            document = self._definitions.get(text)
            if document is None:
                document = read(join(dirname(self._document.file), text), problems, its.place)
            if document is not None and is_native(document.view()):
                problems.error(its.place, "not-a-definition", f"{text} is a fastgw.yaml, not a definition")
            elif document is not None:
                found.append(document)
        return found if len(found) == len(views) else []

    def _params(self, given: schema.ApiFile) -> Params:
        own = {name: as_text(value) for name, value in given.parameters.items()}
        return Params({**own, **self._values})

    def _choice(self, name: str, given: schema.ApiFile) -> Choices:
        common = self._choices
        return Choices(
            kind=ApiKind[given.kind] if given.kind is not msgspec.UNSET else common.kind,
            basepath=given.basepath if given.basepath is not msgspec.UNSET else common.basepath,
            upstream=given.upstream if given.upstream is not msgspec.UNSET else common.upstream,
            allow_unenforced=common.allow_unenforced | frozenset(given.allow_unenforced),
            placed=self._placed,
            modes=self._modes(given),
            services=self._services,
            compose=tuple(self._view("apis", name, "compose").items()) if given.compose else (),
            policy=self._view("apis", name).get("policy"),
            authorizers=read_own_authorizers(given.authorizers, self._view("apis", name).get("authorizers"),
                                             self._region, Reader(self._problems, self._params(given))),
        )

    @property
    def _region(self) -> str:
        """Whatever the rest of the file is."""
        view = self._root.get("region")
        return view.value if view is not None and isinstance(view.value, str) else DEFAULT_REGION

    def _modes(self, given: schema.ApiFile) -> frozenset[Mode]:
        stages = given.stages if given.stages is not msgspec.UNSET else {}
        return frozenset(self._mode(stage) for stage in stages.values()) or self._choices.modes

    def _mode(self, stage: schema.StageFile | None) -> Mode:
        """A stage that says nothing is checked as the command line says."""
        own = stage.validation if stage is not None else msgspec.UNSET
        return Mode(own) if own is not msgspec.UNSET else next(iter(self._choices.modes))

    def _upstream_url_is_good(self, name: str, given: schema.ApiFile) -> bool:
        view = self._view("apis", name, "upstream") if given.upstream is not msgspec.UNSET else None
        return view is None or check_upstream_url(given.upstream, view.place, self._problems)

    def _with_ids(self, apis: list[Api]) -> tuple[Api, ...]:
        taken: dict[str, str] = {}
        for name, given in self._given.items():
            if given.id is not msgspec.UNSET:
                if given.id in taken:
                    self._problems.error(self._view("apis", name, "id").place, "conflict",
                                         f"id {shown(given.id)} is that of {taken[given.id]} already")
                taken[given.id] = name
        found = []
        for api in apis:
            given = self._given[api.name].id
            own = given if given is not msgspec.UNSET else execute_api_id(api.name, set(taken))
            taken[own] = api.name
            found.append(replace(api, id=own))
        return tuple(found)

    def _stages(self, apis: tuple[Api, ...], methods: usage.Methods) -> tuple[Stage, ...]:
        found = []
        for name, api in self._file.apis.items():
            if api.stages is msgspec.UNSET or not api.stages:
                place = self._view("apis", name).place
                own = {"validation": self._mode(None), "log": self._common_log}
                found.append(Stage(name, DEFAULT_STAGE, (), place, **own))
                continue
            for stage, given in api.stages.items():
                view = self._view("apis", name, "stages", stage)
                log = self._log(view) if given is not None else self._common_log
                given = schema.StageFile() if given is None else given
                settings = usage.stage_methods(name, given.methods, view.get("methods"), methods)
                own = {"cache": self._cache(given, settings), "validation": self._mode(given), "log": log,
                       "firewall": self._firewall(given, view),
                       "certificate": self._certificate(given, view)}
                found.append(Stage(name, stage, tuple(given.variables.items()), view.key_place,
                                   throttle=usage.throttle(given.throttle), methods=settings, **own))
        return tuple(found)

    def _firewall(self, given: schema.StageFile, view: View) -> str | None:
        if given.firewall is msgspec.UNSET:
            return None
        return check_firewall(given.firewall, view.get("firewall"), self._file.firewalls, self._problems)

    def _certificate(self, given: schema.StageFile, view: View) -> ClientCertificate | None:
        name = given.client_certificate
        if name is msgspec.UNSET:
            return None
        if name not in self._certificates:
            known = f"; it has {one_of(self._certificates)}" if self._certificates else ""
            self._problems.error(view.get("client_certificate").place, "unknown-value", "client_certificates has no "
                                 f"{shown(name)}{known}{did_you_mean(name, self._certificates)}")
        return self._certificates.get(name)

    def _cache(self, given: schema.StageFile, methods: tuple[MethodSettings, ...]) -> StageCache | None:
        own = given.cache if given.cache is not msgspec.UNSET else None
        return caching.stage_cache(own, methods, self._problems)

    def _account(self) -> Throttle | None:
        given = self._file.account
        return None if given is msgspec.UNSET else usage.throttle(given.throttle)

    def _plans(self, stages: tuple[Stage, ...], methods: usage.Methods) -> tuple[UsagePlan, ...]:
        names = {api: [stage.name for stage in stages if stage.api == api] for api in self._file.apis}
        return usage.plans(self._file.plans, self._root.get("plans"), names, methods, self._problems)

    def _keys(self, plans: tuple[UsagePlan, ...]) -> KeyRing:
        keys = usage.Keys(plans, self._problems)
        usage.read_keys(self._file.keys, self._root.get("keys"), self._document.file, keys, self._problems)
        for index, name in enumerate(self._file.key_files):
            file = join(dirname(self._document.file), name)
            add_key_file(file, keys, self._problems, self._view("key_files", index).place)
        return keys.ring

    def _domains(self, stages: tuple[Stage, ...]) -> tuple[Domain, ...]:
        given = self._file.domains
        if given is msgspec.UNSET:
            names = list(self._file.apis)
            if len(names) == 1:
                return (Domain(ANY_HOST, (Mapping("", names[0], None),)),)
            self._problems.warning(self._view("apis").place, "no-domains", f"{len(names)} APIs and no "
                                   "domains: they answer only under their execute-api hosts and under "
                                   "/_aws/execute-api/{id}/{stage}/")
            return ()
        found: dict[str, Domain] = {}
        for host, mappings in given.items():
            view = self._view("domains", host)
            if host.lower() in found:
                self._problems.error(view.key_place, "conflict", f"domain {shown(host)} is given twice")
            read_mappings = self._mappings(host, mappings, stages)
            found[host.lower()] = Domain(host.lower(), read_mappings, view.key_place)
        return tuple(found.values())

    def _mappings(self, host: str, mappings: list[schema.MappingFile],
                  stages: tuple[Stage, ...]) -> tuple[Mapping, ...]:
        found: dict[str, Mapping] = {}
        for index, given in enumerate(mappings):
            view = self._view("domains", host, index)
            if given.api not in self._file.apis:
                self._problems.error(view.get("api").place, "unknown-value", f"no API is named "
                                     f"{shown(given.api)}{did_you_mean(given.api, self._file.apis)}")
                continue
            stage = None if given.stage is msgspec.UNSET else given.stage
            known = [found.name for found in stages if found.api == given.api]
            if stage is not None and stage not in known:
                self._problems.error(view.get("stage").place, "unknown-value", f"{given.api} has no stage "
                                     f"{shown(stage)}; it has {one_of(known)}{did_you_mean(stage, known)}")
            base = given.base_path.strip("/")
            if base in found:
                self._problems.error(view.place, "conflict",
                                     f"base path {shown(base)} of {host} is mapped twice")
            found[base] = Mapping(base, given.api, stage, view.place)
        return tuple(found.values())

    def _listeners(self) -> tuple[Listener, ...]:
        found = tuple(Listener(given.address, self._view("listeners", index).place, given.proxy_protocol,
                               given.http2, given.tls)
                      for index, given in enumerate(self._file.listeners))
        for listener in found:
            if listener.tls and self._file.tls is msgspec.UNSET:
                self._problems.error(listener.place, "missing-field", f"listener {listener.address} speaks TLS, and "
                                     "the file has no section tls with certificates")
        return found

    def _settings(self) -> Settings:
        section = self._root.get("settings")
        return {name: (view.value, view.place) for name, view in section.items()} if section else {}


def _listed(given: str | list[str]) -> list[str]:
    return [given] if isinstance(given, str) else given

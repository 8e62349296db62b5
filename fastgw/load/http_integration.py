"""HTTP_PROXY integrations of HTTP APIs: parameter mapping, private integrations."""

import re
from collections.abc import Collection, Sequence

from fastgw.load.document import View
from fastgw.load.http_mapping import Changes
from fastgw.load.problem import shown
from fastgw.load.reader import Reader
from fastgw.load.upstream_tls import tls_config
from fastgw.load.uri import BadUri, check_fed, target
from fastgw.model.api import ANY, METHODS
from fastgw.model.http_mapping import HEADER, QUERY, Body, Change, body_steps
from fastgw.model.integration import HttpProxy
from fastgw.model.upstream_tls import TlsConfig

MIN_TIMEOUT_MS, MAX_TIMEOUT_MS, SERVICE_TIMEOUT_MS = 50, 900_000, 30_000
"""The last is the service's ceiling for an HTTP API."""

MAX_MAPPED = 64
"""Mapped headers, and mapped query parameters, of one route; of answers of one status, mapped headers."""

_PRIVATE = re.compile(r"arn:aws[a-z-]*:(?:elasticloadbalancing|servicediscovery):[A-Za-z0-9:/_-]+")

Why = tuple[str, str]
"""What is not served, and why."""


class HttpApiProxy:
    """One integration. placed: the names that fastgw.yaml's upstreams give an address."""

    def __init__(self, reader: Reader, view: View, route: str, placed: Collection[str]) -> None:
        self._reader = reader
        self._problems = reader.problems
        self._view = view
        self._route = route
        self._placed = placed

    def read(self, parameters: Sequence[str]) -> HttpProxy | Why:
        """parameters are the route's path parameters."""
        view, reader = self._view, self._reader
        private = reader.name(view.get("connectionType"), ("INTERNET", "VPC_LINK")) == "VPC_LINK"
        method = reader.name(view.get("httpMethod"), (ANY, *METHODS))
        timeout = self._timeout()
        tls = self._tls(private)
        self._mention_what_is_ignored()
        changes = Changes(reader)
        asked = changes.request(view.get("requestParameters"))
        answered = changes.responses(view.get("responseParameters"))
        self._count("requestParameters", asked, HEADER, QUERY)
        for one in answered:
            self._count("responseParameters", one.changes, HEADER)
        for change in (*asked, *(change for one in answered for change in one.changes)):
            self._check_body(change)
        found = self._private() if private else self._public(parameters)
        if not isinstance(found, str):
            return found
        return HttpProxy(
            None if method in (ANY, None) else method,
            "" if private else found,
            view.place,
            timeout_ms=timeout,
            changes=asked,
            answers=answered,
            private=found if private else None,
            tls=tls,
        )

    def _tls(self, private: bool) -> TlsConfig | None:
        """Of a private integration, which it makes one over TLS; a public one's URI says it all."""
        given = self._view.get("tlsConfig")
        if private:
            return tls_config(self._reader, given, self._route, "serverNameToVerify")
        if given is not None and given.value:
            self._problems.warning(given.key_place, "no-effect", f"{self._route}: tlsConfig is of private integrations "
                                   "of an HTTP API; the certificate must have the name of the uri's host")
        return None

    def _check_body(self, change: Change) -> None:
        for part in change.value.parts if change.value is not None else ():
            if isinstance(part, Body) and body_steps(part.path) is None:
                read = shown(f"${part.side}.body{part.path[1:]}")
                self._problems.error(change.place, "bad-mapping", f"{read}: a value of a body is read by names and "
                                     "positions, as in .a.b[0]['c d']")

    def _timeout(self) -> int | None:
        """A longer one than the service's is served; moved back, the definition would be refused."""
        given = self._view.get("timeoutInMillis")
        timeout = self._reader.integer(given, MIN_TIMEOUT_MS, MAX_TIMEOUT_MS)
        if timeout is not None and timeout > SERVICE_TIMEOUT_MS:
            self._problems.warning(given.place, "beyond-service", f"{self._route}: {timeout:,} ms are served; the "
                                   f"service takes at most {SERVICE_TIMEOUT_MS:,} in an HTTP API")
        return timeout

    def _mention_what_is_ignored(self) -> None:
        """Fields of REST APIs, which the service does not take here."""
        for field in ("requestTemplates", "responses", "contentHandling", "cacheKeyParameters", "cacheNamespace",
                      "responseTransferMode", "passthroughBehavior"):
            given = self._view.get(field)
            if given is not None and given.value and not _only_defaults(field, given.value):
                self._problems.warning(given.key_place, "no-effect", f"{self._route}: {field} has no effect in an HTTP "
                                       "API, as in the service")

    def _count(self, field: str, changes: Sequence[Change], *locations: str) -> None:
        for location in locations:
            count = sum(change.location == location for change in changes)
            if count > MAX_MAPPED:
                self._problems.error(self._view.get(field).key_place, "too-many", f"{self._route}: {count} mappings of "
                                     f"{location}s; at most {MAX_MAPPED} are served")

    def _public(self, parameters: Sequence[str]) -> str | Why:
        """The URI."""
        given = self._view.get("uri")
        uri = self._uri(given)
        if uri is None:
            return "HTTP_PROXY", "needs a uri"
        try:
            found = target(uri)
            check_fed(found.rest, parameters)
        except BadUri as error:
            self._problems.error(given.place, "bad-uri", str(error))
            return "HTTP_PROXY", "needs another uri"
        return str(found)

    def _private(self) -> str | Why:
        """The listener or service, as fastgw.yaml's upstreams name it."""
        given = self._view.get("uri")
        uri = self._uri(given)
        if uri is None:
            return "VPC_LINK", "needs a uri"
        if not _PRIVATE.fullmatch(uri):
            self._problems.error(given.place, "bad-uri", f"{self._route}: {shown(uri)} is no ARN of a listener or of a "
                                 "Cloud Map service, which is what a private integration of an HTTP API names")
            return "VPC_LINK", "needs another uri"
        if uri.lower() not in self._placed:
            return "VPC_LINK", f"has no address: give it one under upstreams: {uri}: in a fastgw.yaml"
        return uri.lower()

    def _uri(self, given: View | None) -> str | None:
        if given is None:
            self._problems.error(self._view.place, "missing-field", f"the integration of {self._route} has no uri")
            return None
        return self._reader.text(given)


def _only_defaults(field: str, value: object) -> bool:
    """What exports write although it says nothing."""
    if field == "responses" and isinstance(value, dict):
        return not any(isinstance(one, dict) and (one.get("responseParameters") or one.get("responseTemplates"))
                       for one in value.values())
    return str(value).upper() in ("WHEN_NO_MATCH", "BUFFERED")

"""Operations without an integration: passed on to the upstream the operator or the document names."""

from dataclasses import dataclass

from fastgw.load.document import View
from fastgw.load.integration import Integrations
from fastgw.load.paths import ResourcePath
from fastgw.load.problem import Problems, shown
from fastgw.load.servers import server_url, swagger_url
from fastgw.load.uri import BadUri, target
from fastgw.model.api import DEFAULT_ROUTE
from fastgw.model.integration import HttpProxy, Integration, Unserved
from fastgw.model.place import Place


def check_upstream_url(url: str, place: Place, problems: Problems) -> bool:
    """Whether operations without an integration can go to url; reported where they cannot."""
    try:
        found = target(url)
    except BadUri as error:
        problems.error(place, "bad-uri", str(error))
        return False
    if "{" in found.rest or "?" in found.rest:
        problems.error(place, "bad-uri", f"{shown(url)} must be a plain URL, without placeholders or a query")
        return False
    return True


@dataclass(slots=True)
class _Base:
    """Where a group of operations goes: uri without a slash at its end, or why nowhere."""

    place: Place
    uri: str | None = None
    unserved: str = "no integration"
    why: str | None = None
    operations: int = 0


class PlainUpstreams:
    """Each upstream is checked once and reported once, with the number of operations behind it."""

    def __init__(self, integrations: Integrations, root: View, upstream: str | None) -> None:
        self._integrations = integrations
        self._reader = integrations.reader
        self._root = root
        self._bases: dict[tuple, _Base] = {}
        self._given = upstream

    def proxy(self, path: ResourcePath, item: View, operation: View, place: Place) -> Integration:
        """path is the document's own, without a base path put before it."""
        base = self._base(item, operation)
        base.operations += 1
        if base.uri is None:
            return Unserved(base.unserved, place)
        if path.text == DEFAULT_ROUTE:
            self._reader.problems.warning(place, "unserved", "$default without an integration is not served: "
                                          "it answers 500 Internal server error")
            return Unserved("$default without an integration", place)
        return HttpProxy(None, base.uri + path.template, place)

    def report(self) -> None:
        for base in self._bases.values():
            if base.why is not None:
                count = base.operations
                answer = "operations answer" if count > 1 else "operation answers"
                self._reader.problems.warning(base.place, "unserved",
                                              f"{base.why}: {count} {answer} 500 Internal server error")

    def _base(self, item: View, operation: View) -> _Base:
        root = self._root
        servers = next((view for view in (operation.get("servers"), item.get("servers"), root.get("servers"))
                        if view is not None and view.value), None)
        if self._given is not None:
            servers = None
        key = servers.path if servers is not None else ()
        base = self._bases.get(key)
        if base is None:
            base = self._bases[key] = self._new_base(servers)
        return base

    def _new_base(self, servers: View | None) -> _Base:
        root = self._root
        if self._given is not None:
            return self._checked(self._given, root.place)
        reader = self._reader
        found = server_url(reader, servers) if servers is not None else swagger_url(reader, root)
        if found is None or "://" not in found[0]:
            place = found[1].place if found is not None else root.place
            return _Base(place, why="no integration and no upstream URL; give one with --upstream URL")
        return self._checked(found[0], found[1].place)

    def _checked(self, url: str, place: Place) -> _Base:
        if not check_upstream_url(url, place, self._reader.problems):
            return _Base(place)
        return _Base(place, str(target(url)).rstrip("/"))

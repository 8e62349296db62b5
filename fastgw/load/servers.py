"""servers, and Swagger's schemes, host and basePath: where an API lives and what its base path is."""

import re

from fastgw.load.document import View
from fastgw.load.reader import Reader

_VARIABLE = re.compile(r"(?<!\$)\{([^{}]*)\}")
_BASE_PATH = "basePath"


def server_url(reader: Reader, servers: View | None) -> tuple[str, View] | None:
    """The first server's URL with its variables' defaults put in, and where it is given."""
    first = next(servers.elements(), None) if servers is not None else None
    given = first.get("url") if first is not None else None
    if given is None:
        return None
    url = reader.text(given)
    if url is None:
        return None
    variables = first.get("variables")

    def default(found: re.Match[str]) -> str:
        variable = variables.get(found[1]) if variables is not None else None
        value = reader.text(variable.get("default")) if variable is not None else None
        return found[0] if value is None else value

    url = _VARIABLE.sub(default, url)
    # A base path variable brings its own slash: "https://host/{basePath}" with "/v1".
    scheme, separator, rest = url.partition("://")
    return scheme + separator + rest.replace("//", "/"), given


def swagger_url(reader: Reader, root: View) -> tuple[str, View] | None:
    """schemes, host and basePath as one URL."""
    host = root.get("host")
    if host is None:
        return None
    name = reader.text(host)
    schemes = [scheme.lower() for scheme in reader.texts(root.get("schemes"))]
    base = root.get(_BASE_PATH)
    path = reader.text(base) if base is not None else ""
    if name is None or path is None:
        return None
    scheme = "http" if "http" in schemes or not schemes else schemes[0]
    return f"{scheme}://{name}/{path.strip('/')}".rstrip("/"), host


def base_path(reader: Reader, root: View) -> tuple[str, View] | None:
    """The base path as an import sees it, without its outer slashes, and where it is given.

    Source: developer guide, "Set the OpenAPI basePath property": a server variable named basePath
    counts even where the URL does not use it; else the path of the first server's URL.
    """
    given = root.get(_BASE_PATH)
    if given is not None:
        path = reader.text(given)
        return (path.strip("/"), given) if path else None
    servers = root.get("servers")
    for server in servers.elements() if servers is not None else ():
        variable = (server.get("variables") or server).get(_BASE_PATH)
        default = variable.get("default") if variable is not None else None
        path = reader.text(default)
        if path is not None:
            return path.strip("/"), default
    found = server_url(reader, servers)
    if found is None:
        return None
    url, view = found
    path = url.partition("://")[2].partition("/")[2] if "://" in url else url
    return path.strip("/"), view

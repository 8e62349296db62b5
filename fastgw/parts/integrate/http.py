"""The HTTP and HTTP_PROXY backends: one request to an upstream group."""

from fastgw._core.step import Call, Failure, Reply, Request
from fastgw.errors import CODE
from fastgw.model.integration import Integrated
from fastgw.parts.env import Env
from fastgw.parts.integrate.backend import Outgoing
from fastgw.parts.uri import PATH_SAFE, QUERY_SAFE, Holes, split_uri

_DOTS = ({b".", b".."})


class HttpBackend:
    """Raises ValueError, when made, for a URI that cannot be served."""

    def __init__(self, integrated: Integrated, env: Env) -> None:
        uri = split_uri(integrated.uri, env.variables, integrated.place)
        self._target = env.groups.handle(uri, integrated.place, integrated.tls, env.stage.certificate)
        self._path = Holes(uri.path, PATH_SAFE)
        self._query = Holes(uri.query, QUERY_SAFE)
        self._timeout_ms = integrated.timeout_ms or round(env.settings.total_timeout * 1000)

    def request(self, outgoing: Outgoing, request: Request) -> Call:
        path = self._path.fill(outgoing.path)
        if not _DOTS.isdisjoint(path.split(b"/")):
            raise Failure(CODE["BAD_MESSAGE"], detail="a dot segment would lead elsewhere")
        query = self._query.fill(outgoing.path)
        added = b"&".join(b"%b=%b" % item for item in outgoing.query)
        whole = b"&".join(filter(None, (query, added)))
        return Call(
            self._target,
            outgoing.method,
            path + b"?" + whole if whole else path,
            outgoing.headers,
            outgoing.body,
            timeout_ms=self._timeout_ms,
        )

    def outcome(self, reply: Reply) -> str:
        return str(reply.status)

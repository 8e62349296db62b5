"""Services whose actions API Gateway asks in their older protocol: parameters in the query, answers in its shape.

Recorded of SSM: action/GetParameter with Name in the query answers {"GetParameterResponse": {"GetParameterResult":
{...}, "ResponseMetadata": {"RequestId": ...}}}. Here the service is asked in JSON, which every endpoint knows, and both
are translated.
"""

import json
import re
from collections.abc import Awaitable
from dataclasses import replace

from fastgw._core.step import Call, CallFailed, Reply, Request
from fastgw.model.function import function_of
from fastgw.model.integration import Integrated
from fastgw.parts.aws.backend import ServiceBackend, service_uri
from fastgw.parts.env import Env
from fastgw.parts.integrate.backend import Outgoing
from fastgw.parts.integrate.incoming import Incoming, pairs
from fastgw.parts.integrate.walk import Then, Walk

OLDER = frozenset({"ssm"})
_MEMBER = re.compile(r"(.+?)(?:\.member)?\.(\d{1,4})")
_WORDS = {"true": True, "false": False}


def is_older(integrated: Integrated, env: Env) -> bool:
    """Whether an integration gives its parameters in the query, and leaves the protocol to the gateway."""
    if integrated.type != "AWS" or function_of(integrated.uri) is not None:
        return False
    mapped = {(mapping.location, mapping.name.lower()) for mapping in integrated.mappings}
    uri = service_uri(integrated, env)
    return uri.service in OLDER and uri.kind == "action" and ("header", "x-amz-target") not in mapped \
        and any(location == "querystring" for location, _ in mapped)


class OlderBackend(ServiceBackend):
    """The parameters of the query in place of a body."""

    def request(self, outgoing: Outgoing, request: Request) -> Call | Awaitable[Call]:
        query = b"&".join(b"%b=%b" % pair for pair in outgoing.query)
        body = json.dumps(_members(pairs(query))).encode()
        return super().request(replace(outgoing, method=b"POST", query=[], body=body), request)


def _members(given: list[tuple[str, bytes]]) -> dict[str, object]:
    """Name.member.1, Name.2 ... become a list; true and false are what they say."""
    found: dict[str, object] = {}
    for name, value in given:
        text = value.decode("utf-8", "replace")
        member = _MEMBER.fullmatch(name)
        if member is None:
            found[name] = _WORDS.get(text, text)
        else:
            items = found.setdefault(member[1], [])
            if isinstance(items, list):
                items.append(text)
    return found


class OlderWalk(Walk):
    """The walk of such an integration."""

    def __init__(self, integrated: Integrated, env: Env) -> None:
        super().__init__(integrated, env, OlderBackend(integrated, env))
        self._action = service_uri(integrated, env).rest.partition("&")[0]

    def _then(self, incoming: Incoming, context: dict[str, object]) -> Then:
        then = super()._then(incoming, context)
        return lambda request, reply: then(request, self._shaped(reply))

    def _shaped(self, reply: Reply | CallFailed) -> Reply | CallFailed:
        if isinstance(reply, CallFailed) or reply.status != 200:
            return reply
        try:
            result = json.loads(reply.body)
        except (ValueError, RecursionError):
            return reply
        ids = [value.decode("latin-1") for name, value in reply.headers if name.lower() == b"x-amzn-requestid"]
        whole = {f"{self._action}Response": {
            f"{self._action}Result": result, "ResponseMetadata": {"RequestId": ids[0] if ids else ""}}}
        return replace(reply, body=json.dumps(whole, separators=(",", ":")).encode())

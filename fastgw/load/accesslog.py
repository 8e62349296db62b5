"""A log section of a fastgw.yaml -> model.AccessLog."""

import json
import os
import re

import msgspec

from fastgw.load import schema
from fastgw.load.document import View
from fastgw.load.names import CONTEXT, LOG_ONLY, is_context
from fastgw.load.problem import Problems, did_you_mean
from fastgw.model.accesslog import STDOUT, AccessLog, LogStyle
from fastgw.model.value import Context, Static

PRESETS = {
    "json": "{" + ",".join(
        f'"{name}":$context.{variable}'
        for name, variable in {
            "requestId": "requestId", "requestTime": "requestTime", "ip": "identity.sourceIp",
            "domainName": "domainName", "httpMethod": "httpMethod", "path": "path", "protocol": "protocol",
            "routeKey": "routeKey", "stage": "stage", "apiId": "apiId", "apiKeyId": "identity.apiKeyId",
            "userAgent": "identity.userAgent", "status": "status", "responseLength": "responseLength",
            "responseLatency": "responseLatency", "integrationStatus": "integrationStatus",
            "integrationLatency": "integrationLatency", "errorType": "error.responseType",
            "errorMessage": "error.message",
        }.items()
    ) + "}",
    "clf": '$context.identity.sourceIp - $context.identity.user [$context.requestTime] '
           '"$context.httpMethod $context.path $context.protocol" $context.status $context.responseLength',
    "aws": "{" + ",".join(
        f'"{name}":"$context.{variable}"'
        for name, variable in {
            "requestId": "requestId", "ip": "identity.sourceIp", "caller": "identity.caller", "user": "identity.user",
            "requestTime": "requestTime", "httpMethod": "httpMethod", "resourcePath": "resourcePath",
            "status": "status", "protocol": "protocol", "responseLength": "responseLength",
        }.items()
    ) + "}",
}
PRESETS["combined"] = PRESETS["clf"] + ' "$context.fastgw.referer" "$context.identity.userAgent"'
"""Templates by name. clf and combined are, byte for byte, what web servers write; aws is the service's console's."""

_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_IDS = {"requestId", "extendedRequestId"}


def read_log(view: View, folder: str, problems: Problems) -> AccessLog | None:
    """None where something is wrong, and told. folder is what a file's name is relative to."""
    given = msgspec.convert(view.value, schema.LogFile)
    if (given.preset is msgspec.UNSET) == (given.format is msgspec.UNSET):
        problems.error(view.place, "bad-value", "log needs a preset or a format, one of the two")
        return None
    file = given.file if given.file == STDOUT else os.path.abspath(os.path.join(folder, given.file))
    if given.preset is not msgspec.UNSET:
        return AccessLog(file, _style(PRESETS[given.preset]), _parts(PRESETS[given.preset]), view.place)
    fault = _fault(given.format)
    if fault:
        problems.error(view.get("format").place, "bad-value", fault)
        return None
    return AccessLog(file, _style(given.format), _parts(given.format), view.place)


def _fault(template: str) -> str:
    """What is wrong with a format, or nothing."""
    names = _VARIABLE.findall(template)
    for name in names:
        if not (is_context(name) or name in LOG_ONLY):
            return f"$context.{name} is not known{did_you_mean(name, CONTEXT | LOG_ONLY)}"
    if not _IDS & set(names):
        return "format must hold $context.requestId or $context.extendedRequestId"
    if _CONTROL.search(template):
        return "format must be one line without control characters"
    rest = _VARIABLE.sub("", template)
    if "$" in rest:
        return f"format holds {rest[rest.index('$'):][:20]!r}, which is no variable; allowed is $context.NAME"
    if template.lstrip().startswith("{"):
        try:
            json.loads(_VARIABLE.sub("null", template))
        except ValueError as error:
            return f"format begins like JSON and is none: {error}"
    return ""


def _style(template: str) -> LogStyle:
    first = template.lstrip()[:1]
    return {"{": LogStyle.JSON, "<": LogStyle.XML}.get(first, LogStyle.TEXT)


def _parts(template: str) -> tuple[Static | Context, ...]:
    parts: list[Static | Context] = []
    end = 0
    for found in _VARIABLE.finditer(template):
        if found.start() > end:
            parts.append(Static(template[end : found.start()]))
        parts.append(Context(found[1]))
        end = found.end()
    if end < len(template):
        parts.append(Static(template[end:]))
    return tuple(parts)

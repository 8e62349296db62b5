"""What would happen to a request, worked out by the engine's own parts, without sending anything."""

import os
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from fastgw._core import cells, keys
from fastgw._core.explain import Trace, trace
from fastgw.errors import FAILURES
from fastgw.model.gateway import Gateway
from fastgw.plan.compiler import compile_plan
from fastgw.plan.explain_limits import limit_rows
from fastgw.plan.explain_policy import policy_rows
from fastgw.plan.knobs import Knobs


def explain(
    gateway: Gateway,
    settings: Knobs,
    numbers: dict[str, int],
    method: str,
    url: str,
    headers: Sequence[tuple[str, str]],
    address: str = "",
) -> list[tuple[str, str]]:
    """Rows of (name, value): canonical path, stage, route, parameters, phases, upstream request.

    numbers are the settings of the engine. url is "/path?query" or "http://host/path?query"; a Host among
    headers wins over the URL's. address: the client's, "" for one of a unix socket. Raises ValueError for what is none.
    """
    rows = {
        (stage.api, stage.name, route.method, route.path): 0
        for api in gateway.apis
        for stage in gateway.stages
        if stage.api == api.name
        for route in api.routes
    }
    # Nothing is verified here: no secret of a signer is needed.
    plan = compile_plan(replace(gateway, iam=None), settings, rows, keys=_key_table(gateway))
    head = head_of(method, url, headers)
    found = trace(plan, numbers, head, address.encode(), url.startswith("https:"))
    return _rows(found, [*policy_rows(gateway, found), *limit_rows(gateway, found)])


def _key_table(gateway: Gateway) -> keys.KeyTable:
    """Of the definition's keys; its rows of cells are never drawn from."""
    descriptor = cells.create(cells.FIRST + 8 * len(gateway.keys.packed) + 1024, 1)
    rows = keys.Rows(cells.Cells(descriptor), cells.FIRST)
    os.close(descriptor)
    position = {plan.name: number for number, plan in enumerate(gateway.plans)}
    plans = [(position[name], name, 0, False) for name in gateway.keys.plans]
    descriptor = keys.build(memoryview(gateway.keys.packed), plans, rows)
    try:
        return keys.KeyTable(descriptor)
    finally:
        os.close(descriptor)


def head_of(method: str, url: str, headers: Sequence[tuple[str, str]]) -> bytes:
    parts = urlsplit(url)
    target = url[url.index("/", url.index("//") + 2) :] if parts.netloc and parts.path else url
    if parts.netloc and not parts.path:
        target = "/" + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method.upper()} {target} HTTP/1.1"]
    if not any(name.lower() == "host" for name, _ in headers):
        lines.append(f"Host: {parts.netloc or 'localhost'}")
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _rows(found: Trace, rules: list[tuple[str, str]]) -> list[tuple[str, str]]:
    rows = [("request", f"{found.method} {found.path}" if found.path else "not HTTP by the gateway's rules")]
    if found.host:
        rows.append(("host", found.host))
    if found.canonical:
        rows.append(("canonical path", found.canonical))
    if found.stage:
        rows.append(("api", found.api_id))
        rows.append(("stage", found.stage))
    if found.rule:
        action = "blocks" if found.blocked else "allows"
        rows.append(("firewall", f"{found.firewall}: rule {found.rule} {action}; bodies and rates are not looked at"))
    if found.operation:
        rows.append(("route", f"{found.operation} {found.resource}".strip()))
    rows += [(f"parameter {number}", value) for number, value in enumerate(found.parameters, 1)]
    rows += rules
    if found.model:
        rows.append(("body", f"held against the model of {found.model}"))
    if found.cached_for:
        rows.append(("cached for", f"at most {found.cached_for} s"))
    rows.append(("phases", " ".join(found.phases)))
    if found.failure >= 0:
        failure = FAILURES[found.failure]
        rows.append(("answer", f"{found.status} {failure.type or failure.name}"))
    elif found.step:
        rows.append(("answer", "by the integration's step, outside the compiled path; fastgw test-invoke runs it"))
    elif found.upstream_head:
        lines = found.upstream_head.split("\r\n")
        rows.append(("upstream", found.target))
        rows.append(("upstream request", lines[0]))
        rows += [("", line) for line in lines[1:] if line]
    else:
        rows.append(("answer", f"{found.status} by the gateway"))
    return rows

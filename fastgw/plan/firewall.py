"""A firewall of the model -> what fastgw/_core/firewall_build.pyx makes of it.

Equal views, statements and sets are compiled once, so what several rules look at is worked out once a request.
"""

import uuid
from collections.abc import Hashable, Mapping
from typing import Any

from fastgw._core.pcre import bytes_pattern_check
from fastgw.model import firewall as model
from fastgw.model.api import ApiKind
from fastgw.model.firewall import Firewall, Looked, OwnResponse, Rate, Statement
from fastgw.model.gateway import Gateway
from fastgw.parts.arn import partition
from fastgw.plan.ops import merged, text
from fastgw.plan.replies import always, status_line

_UNITS = 60
"""fastgw/_core/firewall_rate.pxd: parts of a window."""

LeafKey = tuple[Hashable, ...]


def firewall_arn(gateway: Gateway, name: str) -> str:
    """As the service would call it; the id is made of the name."""
    region, account = gateway.region, gateway.account_id
    number = uuid.uuid5(uuid.NAMESPACE_URL, f"{region}/{account}/{name}")
    return f"arn:{partition(region)}:wafv2:{region}:{account}:regional/webacl/{name}/{number}"


def firewall_spec(gateway: Gateway, firewall: Firewall, cells: Mapping[str, int] | None) -> dict[str, Any]:
    """cells: by the ids of fastgw.model.firewall; None for a plan that no request will meet."""
    return _Compiler(gateway, firewall, cells).spec()


class _Compiler:
    def __init__(self, gateway: Gateway, firewall: Firewall, cells: Mapping[str, int] | None) -> None:
        self._gateway, self._firewall, self._cells = gateway, firewall, cells
        self._views: dict[Looked, int] = {}
        self._literals: dict[LeafKey, dict[str, Any]] = {}
        self._leaves: dict[LeafKey, dict[str, Any]] = {}
        self._nodes: list[tuple[str, list[Any]]] = []
        self._replies: list[dict[str, Any]] = []
        given = dict.fromkeys(label for rule in firewall.rules for label in rule.labels)
        self._labels = {label: 1 << number for number, label in enumerate(given)}

    def spec(self) -> dict[str, Any]:
        own = self._firewall
        rules = []
        for rule in own.rules:
            self._rule, self._rates = rule, 0
            node = self._node(rule.statement)
            labels = sum({self._labels[label] for label in rule.labels})
            rules.append(self._row(rule.name, rule.action, node, labels, rule.response))
        rules.append(self._row(model.DEFAULT_ACTION_NAME, own.default, 0, 0, own.response))
        literals = sorted(self._literals.items(), key=lambda item: item[1]["view"])
        leaves = [*literals, *self._leaves.items()]
        number = {key: place for place, (key, _) in enumerate(leaves)}
        return {
            "name": own.name.encode(),
            "id": firewall_arn(self._gateway, own.name).encode(),
            "body_bytes": own.body_bytes,
            "samples": own.samples,
            "views": [_view(looked) for looked in self._views],
            "leaves": [leaf for _, leaf in leaves],
            "nodes": [(kind, [number[parts[0]]] if kind == "leaf" else parts) for kind, parts in self._nodes],
            "rules": rules,
            "replies": self._replies,
        }

    def _row(self, name: str, action: str, node: int, labels: int, response: OwnResponse | None) -> dict[str, Any]:
        reply = -1
        if response is not None:
            reply = len(self._replies)
            self._replies.append(_reply(response))
        return {
            "name": name.encode(),
            "action": model.ACTIONS.index(action),
            "node": node,
            "labels": labels,
            "reply": reply,
            "cells": self._cell(model.rule_count_id(self._firewall.name, name, action)),
        }

    def _cell(self, name: str) -> int:
        return 0 if self._cells is None else self._cells[name]

    def _node(self, statement: Statement) -> int:
        match statement:
            case model.Every(statements):
                return self._add("and", [self._node(one) for one in statements])
            case model.Some(statements):
                return self._add("or", [self._node(one) for one in statements])
            case model.Not(one):
                return self._add("not", [self._node(one)])
            case model.RegexMatch(looked, patterns, place):
                leaves = [self._pattern(looked, pattern, place) for pattern in patterns]
                return leaves[0] if len(leaves) == 1 else self._add("or", leaves)
            case model.ByteMatch(looked, value, position):
                where = {"view": self._view(looked), "text": value, "position": model.POSITIONS.index(position)}
                return self._leaf(self._literals, ("literal", looked, value, position), {"kind": "literal", **where})
        return self._other(statement)

    def _other(self, statement: Statement) -> int:
        match statement:
            case model.Size(looked, comparison, size):
                leaf = {"kind": "size", "view": self._view(looked), "bound": size,
                        "comparison": model.COMPARISONS.index(comparison)}
                return self._leaf(self._leaves, ("size", looked, comparison, size), leaf)
            case model.Injection(looked, kind):
                leaf = {"kind": kind, "view": self._view(looked)}
                return self._leaf(self._leaves, (kind, looked), leaf)
            case model.IpSet(networks, forwarded):
                packed = [(4 if one.version == 4 else 6, one.network_address.packed, one.prefixlen) for one in networks]
                leaf = {"kind": "address", "networks": packed, "forwarded": _forwarded(forwarded)}
                return self._leaf(self._leaves, ("address", networks, forwarded), leaf)
            case model.Label(label):
                mask = sum(bit for own, bit in self._labels.items()
                           if own == label or (label.endswith(":") and own.startswith(label)))
                return self._leaf(self._leaves, ("labels", mask), {"kind": "labels", "labels": mask})
        return self._rate(statement)

    def _rate(self, rate: Rate) -> int:
        """One of each statement: two rules that count alike count apart."""
        scope = self._node(rate.scope) if rate.scope is not None else -1
        leaf = {
            "kind": "rate",
            "limit": rate.limit,
            "unit_ms": rate.window * 1000 // _UNITS,
            "table": self._cell(model.rate_id(self._firewall.name, self._rule.name, self._rates, rate)),
            "sets": model.rate_sets(rate),
            "keys": [(model.RATE_PARTS.index(key.part), key.name.encode(), _forwarded(key.forwarded))
                     for key in rate.keys],
            "scope": scope,
        }
        self._rates += 1
        return self._leaf(self._leaves, ("rate", self._rule.name, self._rates), leaf)

    def _pattern(self, looked: Looked, pattern: str, place: object) -> int:
        try:
            bytes_pattern_check(pattern.encode())
        except ValueError as error:
            raise ValueError(f"{place}: error: pattern {pattern}: {error}") from None
        leaf = {"kind": "pattern", "view": self._view(looked), "pattern": pattern.encode()}
        return self._leaf(self._leaves, ("pattern", looked, pattern), leaf)

    def _leaf(self, leaves: dict[LeafKey, dict[str, Any]], key: LeafKey, leaf: dict[str, Any]) -> int:
        leaves.setdefault(key, leaf)
        return self._add("leaf", [key])

    def _add(self, kind: str, parts: list[Any]) -> int:
        self._nodes.append((kind, parts))
        return len(self._nodes) - 1

    def _view(self, looked: Looked) -> int:
        return self._views.setdefault(looked, len(self._views))


def _view(looked: Looked) -> dict[str, Any]:
    return {
        "what": model.FIELDS.index(looked.field),
        "scope": model.SCOPES.index(looked.scope),
        "oversize": model.HANDLINGS.index(looked.oversize),
        "invalid": model.HANDLINGS.index(looked.invalid),
        "transforms": [model.TRANSFORMATIONS.index(name) for name in looked.transformations],
        "names": [name.encode() for name in looked.names],
    }


def _forwarded(forwarded: model.Forwarded | None) -> tuple[bytes, int, int] | None:
    if forwarded is None:
        return None
    return (forwarded.header.encode(), model.WHICH.index(forwarded.which), model.HANDLINGS.index(forwarded.fallback))


def _reply(response: OwnResponse) -> dict[str, Any]:
    fields = "".join(f"{name}: {value}\r\n" for name, value in response.headers)
    named = any(name.lower() == "content-type" for name, _ in response.headers)
    head = fields if named else f"Content-Type: {response.content_type}\r\n{fields}"
    return {
        "status_line": status_line(response.status),
        "status": response.status,
        "head": merged([text(head), *always(ApiKind.REST)]),
        "headers": [],
        "body": [text(response.body.decode())],
        "message": None,
        "type": b"WAF_FILTERED",
    }

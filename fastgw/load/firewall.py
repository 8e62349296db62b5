"""The sections firewalls, rule_groups, ip_sets and regex_sets of a fastgw.yaml -> model.firewall."""

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from msgspec import UNSET

from fastgw.load.document import View
from fastgw.load.firewall_core import CORE, core_rules
from fastgw.load.firewall_schema import ComponentFile, FirewallFile, ResponseFile, RuleFile, StatementFile
from fastgw.load.geo import Countries, Networks
from fastgw.load.guards import KEY_HEADER
from fastgw.load.problem import Problems, did_you_mean, one_of, shown
from fastgw.model import firewall as model

_KINDS = ("byte_match", "regex_match", "size", "sqli", "xss", "ip_set", "geo", "label", "rate", "and", "or", "not")
_WHOLE = ("json_body", "body_arguments")
"""Fields whose names are looked at too, where nothing else is said."""


@dataclass(slots=True)
class _Sets:
    """What statements name."""

    ips: Mapping[str, Networks]
    patterns: Mapping[str, tuple[str, ...]]
    countries: Countries


def read_firewalls(file: object, root: View, problems: Problems) -> tuple[model.Firewall, ...]:
    """file: the schema's File, well formed. Groups are put in their place, rules in their order."""
    sets = _Sets(
        {name: _networks(given, root.get("ip_sets").get(name), problems) for name, given in file.ip_sets.items()},
        {name: tuple(given) for name, given in file.regex_sets.items()},
        Countries(root, problems),
    )
    groups = {name: _Rules(sets, {}, problems).read(given.rules, root.get("rule_groups").get(name))
              for name, given in file.rule_groups.items()}
    if CORE in groups:
        problems.error(root.get("rule_groups").get(CORE).key_place, "conflict", f"{CORE} is the name of the rules that "
                       "come with the gateway")
    groups[CORE] = [_Placed(number, rule) for number, rule in enumerate(core_rules())]
    return tuple(_firewall(name, given, root.get("firewalls").get(name), sets, groups, problems)
                 for name, given in file.firewalls.items())


def check_firewall(name: str, view: View, firewalls: Iterable[str], problems: Problems) -> str:
    """A stage's; it must be there."""
    known = list(firewalls)
    if name not in known:
        there = f"; there is {one_of(known)}{did_you_mean(name, known)}" if known else "; firewalls: has none"
        problems.error(view.place, "unknown-value", f"no firewall is named {shown(name)}{there}")
    return name


def _firewall(name: str, given: FirewallFile, view: View, sets: _Sets, groups: "Mapping[str, list[_Placed]]",
              problems: Problems) -> model.Firewall:
    rules = [placed.rule for placed in _Rules(sets, groups, problems).read(given.rules, view)]
    labels = {label for rule in rules for label in rule.labels}
    if len(labels) > model.MAX_LABELS:
        problems.error(view.key_place, "out-of-range", f"{name} has {len(labels)} labels, at most {model.MAX_LABELS}")
    for rule in rules:
        for label in _asked(rule.statement):
            if not any(found == label or (label.endswith(":") and found.startswith(label)) for found in labels):
                problems.error(rule.place, "unknown-value", f"rule {rule.name}: no rule of {name} gives the label "
                               f"{shown(label)}{did_you_mean(label, labels)}")
    response = None
    if given.response is not UNSET:
        response = _response(given.response)
        if given.default != "block":
            problems.error(view.get("response").key_place, "no-effect", f"{name} has a response and does not block by "
                           "default")
    return model.Firewall(name, given.default, tuple(rules), response, given.body_bytes, given.samples, view.key_place)


def _asked(statement: model.Statement) -> list[str]:
    """Labels that a statement asks for."""
    match statement:
        case model.Label(label):
            return [label]
        case model.Every(statements) | model.Some(statements):
            return [label for one in statements for label in _asked(one)]
        case model.Not(one):
            return _asked(one)
        case model.Rate(scope=one) if one is not None:
            return _asked(one)
    return []


@dataclass(frozen=True, slots=True)
class _Placed:
    priority: int
    rule: model.Rule


class _Rules:
    """Reads one list of rules."""

    def __init__(self, sets: _Sets, groups: Mapping[str, list[_Placed]], problems: Problems) -> None:
        self._sets, self._groups, self._problems = sets, groups, problems

    def read(self, given: list[RuleFile], owner: View) -> list[_Placed]:
        found: list[_Placed] = []
        priorities: dict[int, str] = {}
        names: set[str] = set()
        for rule, view in zip(given, owner.get("rules").elements(), strict=True):
            if rule.name in names:
                self._problems.error(view.get("name").place, "conflict", f"two rules are named {shown(rule.name)}")
            if rule.priority in priorities:
                self._problems.error(view.get("priority").place, "conflict", f"rules {rule.name} and "
                                     f"{priorities[rule.priority]} have the same priority")
            names.add(rule.name)
            priorities[rule.priority] = rule.name
            found += self._group(rule, view) if rule.rule_group is not UNSET else self._rule(rule, view)
        return sorted(found, key=lambda placed: placed.priority)

    def _rule(self, given: RuleFile, view: View) -> list[_Placed]:
        for name in ("statement", "action"):
            if getattr(given, name) is UNSET:
                self._problems.error(view.place, "missing-field", f"rule {given.name} has no {name}")
        if given.overrides:
            self._problems.error(view.get("overrides").key_place, "no-effect", "overrides are for a rule_group")
        if given.response is not UNSET and given.action != "block":
            self._problems.error(view.get("response").key_place, "no-effect", f"rule {given.name} has a response and "
                                 "does not block")
        if given.statement is UNSET or given.action is UNSET:
            return []
        statement = _Statements(self._sets, self._problems).read(given.statement, view.get("statement"))
        if statement is None:
            return []
        response = _response(given.response) if given.response is not UNSET else None
        rule = model.Rule(given.name, given.action, statement, tuple(given.labels), response, view.place)
        return [_Placed(given.priority, rule)]

    def _group(self, given: RuleFile, view: View) -> list[_Placed]:
        for name in ("statement", "action", "response"):
            if getattr(given, name) is not UNSET:
                self._problems.error(view.get(name).key_place, "no-effect", f"rule {given.name} is a rule_group: its "
                                     f"rules have their own {name}")
        group = self._groups.get(given.rule_group)
        if group is None:
            self._problems.error(view.get("rule_group").place, "unknown-value", f"no rule group is named "
                                 f"{shown(given.rule_group)} here{did_you_mean(given.rule_group, self._groups)}")
            return []
        names = [placed.rule.name for placed in group]
        for name in given.overrides:
            if name != "*" and name not in names:
                self._problems.error(view.get("overrides").get(name).key_place, "unknown-value", f"{given.rule_group} "
                                     f"has no rule {shown(name)}{did_you_mean(name, names)}")
        return [_Placed(given.priority, self._overridden(given, placed.rule)) for placed in group]

    def _overridden(self, given: RuleFile, rule: model.Rule) -> model.Rule:
        action = given.overrides.get(rule.name, given.overrides.get("*", rule.action))
        response = rule.response if action == "block" else None
        return replace(rule, name=f"{given.name}/{rule.name}", action=action, response=response,
                       labels=tuple(dict.fromkeys([*rule.labels, *given.labels])))


class _Statements:
    """Reads one rule's statement."""

    def __init__(self, sets: _Sets, problems: Problems) -> None:
        self._sets, self._problems = sets, problems
        self._within_rate = False

    def read(self, given: StatementFile, view: View, depth: int = 1) -> model.Statement | None:
        """None, with an error, where it is not one."""
        present = [kind for kind in _KINDS if view.get(kind) is not None]
        if len(present) != 1:
            self._problems.error(view.place, "bad-value", f"a statement is one of {one_of(_KINDS)}; found "
                                 f"{one_of(present) if present else 'none of them'}")
            return None
        if depth > model.MAX_DEPTH:
            self._problems.error(view.place, "out-of-range", f"statements nest deeper than {model.MAX_DEPTH}")
            return None
        readers: dict[str, Callable[..., model.Statement | None]] = {
            "byte_match": self._byte_match, "regex_match": self._regex_match, "size": self._size,
            "ip_set": self._ip_set, "geo": self._geo, "rate": self._rate,
        }
        kind = present[0]
        own = view.get(kind)
        if kind in ("sqli", "xss"):
            looked = self._looked(getattr(given, kind), own)
            return looked and model.Injection(looked, kind)
        if kind in readers:
            return readers[kind](getattr(given, kind), own, depth)
        if kind == "label":
            return model.Label(given.label)
        if kind == "not":
            inner = self.read(given.none, own, depth + 1)
            return None if inner is None else model.Not(inner)
        parts = given.every if kind == "and" else given.some
        read = [self.read(one, its, depth + 1) for one, its in zip(parts, own.elements(), strict=True)]
        whole = model.Every if kind == "and" else model.Some
        return None if None in read else whole(tuple(read))

    def _byte_match(self, given: object, view: View, _: int) -> model.Statement | None:
        looked = self._looked(given, view)
        return looked and model.ByteMatch(looked, given.value.encode(), given.position)

    def _regex_match(self, given: object, view: View, _: int) -> model.Statement | None:
        patterns = self._listed(given.patterns, given.set, self._sets.patterns, view, "patterns")
        looked = self._looked(given, view)
        if looked is None or patterns is None:
            return None
        return model.RegexMatch(looked, tuple(patterns), view.place)

    def _size(self, given: object, view: View, _: int) -> model.Statement | None:
        looked = self._looked(given, view)
        return looked and model.Size(looked, given.comparison, given.bytes)

    def _ip_set(self, given: object, view: View, _: int) -> model.Statement | None:
        listed = self._listed(given.addresses, given.set, self._sets.ips, view, "addresses")
        if listed is None:
            return None
        networks = _networks(listed, view.get("addresses"), self._problems) if given.set is UNSET else listed
        return model.IpSet(tuple(networks), _forwarded(given.forwarded))

    def _geo(self, given: object, view: View, _: int) -> model.Statement | None:
        networks = self._sets.countries.networks(given.countries, view.get("countries"))
        return None if networks is None else model.IpSet(networks, _forwarded(given.forwarded))

    def _rate(self, given: object, view: View, depth: int) -> model.Statement | None:
        if self._within_rate:
            self._problems.error(view.place, "bad-value", "a rate within the scope of a rate is not counted")
            return None
        scope = None
        if given.scope is not UNSET:
            self._within_rate = True
            scope = self.read(given.scope, view.get("scope"), depth + 1)
            self._within_rate = False
            if scope is None:
                return None
        parts = list(view.get("keys").elements()) if view.get("keys") is not None else [view]
        keys = tuple(self._rate_key(key, its) for key, its in zip(given.keys, parts, strict=False))
        return None if None in keys else model.Rate(given.limit, given.window, keys, scope, given.table)

    def _rate_key(self, given: object, view: View) -> model.RateKey | None:
        if given == "api_key":
            return model.RateKey("header", KEY_HEADER)
        if given == "forwarded_ip":
            return model.RateKey(given, forwarded=model.Forwarded("x-forwarded-for", "first", "match"))
        if isinstance(given, str):
            return model.RateKey(given)
        parts = ("header", "cookie", "query_argument", "forwarded_ip")
        present = [kind for kind in parts if view.get(kind) is not None]
        if len(present) != 1:
            self._problems.error(view.place, "bad-value", "one part of a key is a header, a cookie, a query_argument "
                                 "or a forwarded_ip")
            return None
        if present[0] == "forwarded_ip":
            forwarded = _forwarded(given.forwarded_ip)
            if forwarded.which == "any":
                self._problems.error(view.place, "bad-value", "a request is counted by one address: which must be "
                                     '"first" or "last"')
            return model.RateKey("forwarded_ip", forwarded=forwarded)
        name = getattr(given, present[0])
        return model.RateKey(present[0], name if present[0] == "query_argument" else name.lower())

    def _listed(self, own: object, name: object, sets: Mapping[str, Iterable], view: View,
                what: str) -> Iterable | None:
        """Given here or by the name of a set."""
        if (own is UNSET) == (name is UNSET):
            self._problems.error(view.place, "bad-value", f"expected {what} or a set, and not both")
            return None
        if name is UNSET:
            return own
        if name not in sets:
            self._problems.error(view.get("set").place, "unknown-value", f"no set is named {shown(name)}"
                                 f"{did_you_mean(name, sets)}")
        return sets.get(name)

    def _looked(self, given: object, view: View) -> model.Looked | None:
        transformations = tuple(name for name in given.transformations if name != "none")
        if isinstance(given.field, str):
            scope = "all" if given.field in _WHOLE else "values"
            return model.Looked(given.field, scope=scope, transformations=transformations)
        own = view.get("field")
        present = [name for name in ComponentFile.__struct_fields__ if own.get(name) is not None]
        if len(present) != 1:
            self._problems.error(own.place, "bad-value", "field must name one component of the request, found "
                                 f"{one_of(present) if present else 'none'}")
            return None
        component = getattr(given.field, present[0])
        if isinstance(component, str):
            return model.Looked(present[0], (component.lower(),), transformations=transformations)
        return model.Looked(
            present[0],
            tuple(name.lower() for name in getattr(component, "names", ())),
            getattr(component, "scope", "all" if present[0] in _WHOLE else "values"),
            getattr(component, "oversize", "continue"),
            getattr(component, "invalid", "continue"),
            transformations,
        )


def _forwarded(given: object) -> model.Forwarded | None:
    return None if given is UNSET else model.Forwarded(given.header.lower(), given.which, given.fallback)


def _response(given: ResponseFile) -> model.OwnResponse:
    return model.OwnResponse(given.status, given.body.encode(), given.content_type, tuple(given.headers.items()))


def _networks(given: Iterable[str], view: View, problems: Problems) -> Networks:
    """Addresses and CIDR blocks. One of IPv4 within IPv6 stands for the IPv4 one, as addresses of clients do."""
    found = []
    for text, its in zip(given, view.elements(), strict=True):
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            problems.error(its.place, "bad-value", f"{shown(text)} is no address and no network; write 192.0.2.0/24 or "
                           "2001:db8::/32, with no bit set behind the prefix")
            continue
        mapped = network.version == 6 and network.network_address.ipv4_mapped
        if mapped and network.prefixlen >= 96:
            network = ipaddress.ip_network((mapped, network.prefixlen - 96))
        found.append(network)
    return tuple(found)

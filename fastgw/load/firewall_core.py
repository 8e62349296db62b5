"""The rule group that comes with the gateway: SQL and scripts where requests carry them."""

from fastgw.model.firewall import Injection, Looked, Rule

CORE = "core"
"""Its name, as a rule_group."""

_PLACES = {
    "path": Looked("uri_path"),
    "query": Looked("query_arguments", scope="all"),
    "cookies": Looked("cookies", scope="all"),
    "body": Looked("body_arguments", scope="all"),
}
_AGENTS = Looked("headers", ("user-agent", "referer"))
"""Fields that end up in pages of logs."""
_DECODED = {"sqli": ("url_decode_uni",), "xss": ("url_decode_uni", "html_entity_decode", "remove_nulls")}


def core_rules() -> list[Rule]:
    """What looks at the body comes last: who is blocked before is not waited for."""
    places = [(kind, name, looked) for name, looked in _PLACES.items() for kind in _DECODED]
    places.insert(-2, ("xss", "agents", _AGENTS))
    return [_rule(kind, name, looked) for kind, name, looked in places]


def _rule(kind: str, place: str, looked: Looked) -> Rule:
    seen = Looked(looked.field, looked.names, looked.scope, transformations=_DECODED[kind])
    return Rule(f"{kind}_{place}", "block", Injection(seen, kind), (f"core:{kind}",))

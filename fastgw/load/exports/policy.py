"""A policy as a document again."""

from collections.abc import Callable

from fastgw.load.exports.spelt import filled
from fastgw.model.policy import ALLOW, DENY, Condition, Policy, Principals, Statement
from fastgw.model.policy_document import OLD_VERSION, VERSION


def policy_document(policy: Policy) -> dict[str, object]:
    """Variables of policies stay as they are; where there are none, what looks like one is meant as it stands."""
    def text(value: str) -> str:
        return value if policy.variables else filled(value)

    return {"Version": VERSION if policy.variables else OLD_VERSION,
            "Statement": [_statement(statement, text) for statement in policy.statements]}


def _statement(statement: Statement, text: Callable[[str], str]) -> dict[str, object]:
    whole: dict[str, object] = {"Sid": statement.sid} if statement.sid else {}
    whole["Effect"] = ALLOW if statement.allow else DENY
    if statement.principals is not None:
        whole["NotPrincipal" if statement.principals.inverted else "Principal"] = _principals(statement.principals)
    whole["NotAction" if statement.not_actions else "Action"] = _listed(statement.actions, text)
    whole["NotResource" if statement.not_resources else "Resource"] = _listed(statement.resources, text)
    conditions: dict[str, dict[str, object]] = {}
    for condition in statement.conditions:
        conditions.setdefault(_operator(condition), {})[condition.key] = _listed(condition.values, text)
    return whole | ({"Condition": conditions} if conditions else {})


def _listed(values: tuple[str, ...], text: Callable[[str], str]) -> str | list[str]:
    texts = [text(value) for value in values]
    return texts[0] if len(texts) == 1 else texts


def _operator(condition: Condition) -> str:
    start = f"{condition.quantifier}:" if condition.quantifier else ""
    return start + condition.operator + ("IfExists" if condition.if_exists else "")


def _principals(given: Principals) -> object:
    named = [*(["*"] if given.everybody else []), *given.accounts, *given.arns]
    if named == ["*"] and not given.strangers:
        return "*"
    kinds: dict[str, list[str]] = {"AWS": named} if named else {}
    for kind, name in given.strangers:
        kinds.setdefault(kind, []).append(name)
    return kinds

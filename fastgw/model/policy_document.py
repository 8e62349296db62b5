"""A policy document as plain values -> Policy. One reading for those of definitions and for those that an authorizer
answers.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fastgw.model.policy import (
    ACTIONS,
    ALLOW,
    DENY,
    KEYS,
    OPERATORS,
    SHORT_RESOURCE,
    Condition,
    Family,
    Policy,
    PolicyKind,
    Principals,
    Statement,
    key_of,
)
from fastgw.model.policy_values import (
    Variable,
    action_fits,
    arn_parts,
    bytes_of,
    date_of,
    flag_of,
    network_of,
    number_of,
    pieces,
)

VERSION, OLD_VERSION = "2012-10-17", "2008-10-17"
MAX_CHARACTERS = 8_192
"""Of a resource policy, as the service takes it; space between its tokens does not count."""
MAX_STATEMENTS, MAX_VALUES = 1_000, 10_000
MAX_TEXT = 2_048
"""Characters of one resource or one value of a condition."""

Step = str | int
Path = tuple[Step, ...]

_ELEMENTS = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource",
             "Condition")
_ACTION = re.compile(r"\*|([A-Za-z0-9-]+):([A-Za-z0-9*?]+)")
_ACCOUNT = re.compile(r"[0-9]{12}")
_ARN = re.compile(r"arn:[a-z-]+:(iam|sts):[a-z0-9-]*:([0-9]{12}):(root|.+)", re.DOTALL)
_PARTS = {"partition": re.compile(r"[a-z*?-]+"), "service": re.compile("execute-api"),
          "region": re.compile(r"[a-z0-9*?-]+"), "account": re.compile(r"[0-9*?]+")}
"""Of an ARN, from its second part on."""
_SERVICE = re.compile(r"[a-z0-9-]+")
_QUANTIFIERS = ("ForAnyValue", "ForAllValues")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a document, or with warning what has another effect than its text suggests.

    path    to the value, or with key to the key of the last step
    code    a stable short name
    wanted  what would have been right, where the nearest of it may be named; found: what was there instead
    """

    path: Path
    code: str
    message: str
    key: bool = False
    warning: bool = False
    found: str = ""
    wanted: tuple[str, ...] = ()


def read_policy(document: object, kind: PolicyKind) -> tuple[Policy | None, list[Fault]]:
    """document: as the json module gives it. None where there is a fault that is no warning; never raises."""
    reading = _Reading(kind)
    policy = reading.policy(document)
    wrong = any(not fault.warning for fault in reading.faults)
    return (None if wrong else policy), reading.faults


_VALUES = {
    Family.NUMERIC: (number_of, "a number"),
    Family.DATE: (date_of, "a date such as 2026-01-31T12:00:00Z, or seconds since the epoch"),
    Family.BOOL: (flag_of, "true or false"),
    Family.NULL: (flag_of, "true or false"),
    Family.IP: (network_of, "an address or a range such as 192.0.2.0/24"),
    Family.BINARY: (bytes_of, "base64"),
}

_MOST = 80
_LARGE = 10**15
"""Numbers from here on are no values of conditions."""


def _shown(value: object) -> str:
    """A value in a message: short, whatever it is."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.15g}" if abs(value) < _LARGE else "a large number"
    text = str(value).lower() if isinstance(value, bool) else f'"{value}"'
    return text if len(text) <= _MOST else text[:_MOST - 4] + '..."'


# --- the reading

class _Reading:
    def __init__(self, kind: PolicyKind) -> None:
        self.kind = kind
        self.faults: list[Fault] = []
        self.variables = False

    def _wrong(self, path: Path, code: str, message: str, found: str = "", wanted: tuple[str, ...] = (),
               key: bool = False) -> None:
        self.faults.append(Fault(path, code, message, key, False, found, wanted))

    def _warn(self, path: Path, message: str) -> None:
        self.faults.append(Fault(path, "no-effect", message, warning=True))

    def policy(self, document: object) -> Policy | None:
        if not isinstance(document, Mapping):
            self._wrong((), "wrong-type", f"a policy must be a mapping, found {_shown(document)}")
            return None
        allowed = ("Version", "Id", "Statement")
        for name in document:
            if name not in allowed:
                self._wrong((name,), "unknown-field", f"{_shown(name)} is no element of a policy", str(name),
                            allowed, True)
        version = document.get("Version", OLD_VERSION)
        if version not in (VERSION, OLD_VERSION) or not isinstance(version, str):
            self._wrong(("Version",), "unknown-value", f'Version must be "{VERSION}" or "{OLD_VERSION}", '
                        f"found {_shown(version)}")
        self.variables = version == VERSION
        given = document.get("Statement")
        if given is None:
            self._wrong((), "missing-field", "a policy must have a Statement")
            return None
        if isinstance(given, list):
            rows = [(("Statement", number), item) for number, item in enumerate(given)]
        else:
            rows = [(("Statement",), given)]
        if not 0 < len(rows) <= MAX_STATEMENTS:
            self._wrong(("Statement",), "out-of-range", f"a policy must have 1 to {MAX_STATEMENTS:,} statements, "
                        f"found {len(rows):,}")
            return None
        statements = [self._statement(number, path, item) for number, (path, item) in enumerate(rows)]
        sids: dict[str, int] = {}
        for number, statement in enumerate(statements):
            if statement is not None and statement.sid and sids.setdefault(statement.sid, number) != number:
                self._wrong((*rows[number][0], "Sid"), "conflict", f"Sid {_shown(statement.sid)} is given twice")
        return Policy(self.kind, tuple(found for found in statements if found is not None), self.variables)

    def _statement(self, number: int, path: Path, given: object) -> Statement | None:
        if not isinstance(given, Mapping):
            self._wrong(path, "wrong-type", f"a statement must be a mapping, found {_shown(given)}")
            return None
        for name in given:
            if name not in _ELEMENTS:
                self._wrong((*path, name), "unknown-field", f"{_shown(name)} is no element of a statement", str(name),
                            _ELEMENTS, True)
        effect = given.get("Effect")
        if effect not in (ALLOW, DENY) or not isinstance(effect, str):
            self._wrong((*path, "Effect") if "Effect" in given else path, "unknown-value",
                        f'Effect must be "Allow" or "Deny", found {_shown(effect)}', str(effect), (ALLOW, DENY))
        sid = given.get("Sid", "")
        if not isinstance(sid, str) or len(sid) > MAX_TEXT:
            self._wrong((*path, "Sid"), "wrong-type", f"Sid must be a text, found {_shown(sid)}")
            sid = ""
        allow = effect == ALLOW
        actions, not_actions = self._either(path, given, "Action", "NotAction")
        resources, not_resources = self._either(path, given, "Resource", "NotResource")
        return Statement(
            number, allow, tuple(self._actions(actions, not_actions)), tuple(self._resources(resources)),
            self._principals(path, given, allow), tuple(self._conditions(path, given)),
            not_actions, not_resources, sid,
        )

    def _either(self, path: Path, given: Mapping, name: str, inverse: str) -> tuple[list[tuple[Path, str]], bool]:
        """The texts of one of two elements, with their paths, and whether it is the second."""
        if (name in given) == (inverse in given):
            which = "both" if name in given else "neither"
            self._wrong(path, "missing-field", f"a statement must have {name} or {inverse}, it has {which}")
            return [], False
        named = inverse if inverse in given else name
        return list(self._texts((*path, named), given[named])), named == inverse

    def _texts(self, path: Path, given: object) -> Iterator[tuple[Path, str]]:
        """A text or a list of texts."""
        items = [((*path, number), item) for number, item in enumerate(given)] if isinstance(given, list) \
            else [(path, given)]
        if not 0 < len(items) <= MAX_VALUES:
            self._wrong(path, "out-of-range", f"{path[-1]} must have 1 to {MAX_VALUES:,} values, found {len(items):,}")
            return
        for where, item in items:
            if isinstance(item, bool | int | float) and "Condition" in path and abs(item) < _LARGE:
                item = str(item).lower()
            if not isinstance(item, str):
                self._wrong(where, "wrong-type", f"{path[-1]} must be a text or a list of texts, found {_shown(item)}")
            elif len(item) > MAX_TEXT:
                self._wrong(where, "too-large", f"a value has {len(item):,} characters, at most {MAX_TEXT:,} are read")
            else:
                yield where, item

    def _actions(self, given: list[tuple[Path, str]], inverted: bool) -> Iterator[str]:
        for path, text in given:
            match = _ACTION.fullmatch(text)
            if match is None:
                self._wrong(path, "unknown-value", f"{_shown(text)} is no action; write execute-api:Invoke", text,
                            ACTIONS)
                continue
            foreign = match[1] is not None and match[1].lower() != "execute-api"
            if not foreign and not any(action_fits(text, action) for action in ACTIONS):
                self._wrong(path, "unknown-value", f"{_shown(text)} is no action of execute-api", text, ACTIONS)
            elif foreign and self.kind is PolicyKind.RESOURCE:
                self._wrong(path, "unknown-value", f"{_shown(text)} is an action of another service; the policy of "
                            "an API speaks of execute-api alone", text, ACTIONS)
            else:
                yield text

    def _resources(self, given: list[tuple[Path, str]]) -> Iterator[str]:
        for path, text in given:
            why = self._bad_resource(text)
            if why:
                self._wrong(path, "bad-value", f"resource {_shown(text)}: {why}")
            else:
                yield text

    def _bad_resource(self, text: str) -> str:
        """What is wrong with a resource, or nothing."""
        why = self._bad_variable(text)
        if why:
            return why
        if text == "*":
            return ""
        if text.startswith(SHORT_RESOURCE):
            return "" if self.kind is PolicyKind.RESOURCE else "only the policy of an API may leave out which API it is"
        if not text.startswith("arn:"):
            return 'write "*", an ARN or, in the policy of an API, execute-api:/stage/METHOD/path'
        try:
            parts = arn_parts(text)
        except ValueError as error:
            return str(error)
        if parts[2] != "execute-api" and self.kind is PolicyKind.IDENTITY and _SERVICE.fullmatch(parts[2]) is not None:
            return ""
        for part, (what, form) in zip(parts[1:5], _PARTS.items(), strict=False):
            if "${" not in part and form.fullmatch(part) is None:
                return f"{_shown(part)} is no {what}"
        return ""

    def _bad_variable(self, text: str) -> str:
        """What is wrong with the variables of a text, or nothing."""
        try:
            found = pieces(text, self.variables)
        except ValueError as error:
            return f"{error} is no policy variable"
        for piece in found:
            if isinstance(piece, Variable) and Family.STRING not in KEYS[piece.key.partition("/")[0]].families:
                return f"{piece.key} is no text that could be put in"
        return ""

    # --- principals

    def _principals(self, path: Path, given: Mapping, allow: bool) -> Principals | None:
        has = [name for name in ("Principal", "NotPrincipal") if name in given]
        if self.kind is PolicyKind.IDENTITY:
            for name in has:
                self._wrong((*path, name), "unknown-field", f"{name} has no place here: the policy is its caller's own",
                            key=True)
            return None
        if len(has) != 1:
            self._wrong(path, "missing-field", "a statement of an API's policy must have Principal or NotPrincipal, "
                        f"it has {'both' if has else 'neither'}")
            return None
        inverted = has[0] == "NotPrincipal"
        if inverted and allow:
            self._wrong((*path, has[0]), "bad-value", "NotPrincipal with Allow lets in everybody else, whoever has no "
                        "name as well; write Principal", key=True)
        accounts: list[str] = []
        arns: list[str] = []
        strangers: list[tuple[str, str]] = []
        everybody = False
        for where, kind, text in self._principal_texts((*path, has[0]), given[has[0]]):
            if text == "*" and kind == "AWS":
                everybody = True
            elif kind != "AWS":
                strangers.append((kind, text))
                self._warn(where, f"no caller is ever the {kind} principal {_shown(text)} here")
            elif _ACCOUNT.fullmatch(text) is not None:
                accounts.append(text)
            elif (match := _ARN.fullmatch(text)) is not None and not set(match[3]) & {"*", "?"}:
                (accounts if match[3] == "root" else arns).append(match[2] if match[3] == "root" else text)
            else:
                self._wrong(where, "bad-value", f'principal {_shown(text)} is neither "*" nor an account of 12 digits '
                            "nor the ARN of an account's root, a user, a role or a session, without wildcards")
        return Principals(everybody, tuple(accounts), tuple(arns), tuple(strangers), inverted)

    def _principal_texts(self, path: Path, given: object) -> Iterator[tuple[Path, str, str]]:
        """(path, kind, text) each; "*" alone is of kind AWS."""
        if isinstance(given, str):
            if given != "*":
                self._wrong(path, "bad-value", f'{path[-1]} must be "*" or a mapping, found {_shown(given)}')
                return
            yield path, "AWS", given
            return
        if not isinstance(given, Mapping) or not given:
            self._wrong(path, "wrong-type", f'{path[-1]} must be "*" or a mapping, found {_shown(given)}')
            return
        for kind, value in given.items():
            if kind not in ("AWS", "Service", "Federated"):
                self._wrong((*path, kind), "unknown-field", f"{_shown(kind)} is no kind of principal", str(kind),
                            ("AWS", "Service", "Federated"), True)
                continue
            for where, text in self._texts((*path, kind), value):
                yield where, kind, text

    # --- conditions

    def _conditions(self, path: Path, given: Mapping) -> Iterator[Condition]:
        block = given.get("Condition")
        if block is None:
            if "Condition" in given:
                self._wrong((*path, "Condition"), "wrong-type", "Condition must be a mapping, found nothing")
            return
        if not isinstance(block, Mapping):
            self._wrong((*path, "Condition"), "wrong-type", f"Condition must be a mapping, found {_shown(block)}")
            return
        for name, keys in block.items():
            where = (*path, "Condition", name)
            found = operator_of(name) if isinstance(name, str) else None
            if found is None:
                self._wrong(where, "unknown-value", f"{_shown(name)} is no condition operator", str(name),
                            tuple(OPERATORS), True)
            elif not isinstance(keys, Mapping) or not keys:
                self._wrong(where, "wrong-type", f"{name} must be a mapping of keys, found {_shown(keys)}")
            else:
                yield from self._of_operator(where, found, keys)

    def _of_operator(self, path: Path, operator: tuple[str, str, bool], keys: Mapping) -> Iterator[Condition]:
        seen = set()
        for key, values in keys.items():
            condition = self._condition((*path, key), operator, key, values)
            if condition is None:
                continue
            if condition.key in seen:
                self._wrong((*path, key), "conflict", f"{condition.key} is given twice under {path[-1]}", key=True)
            seen.add(condition.key)
            yield condition

    def _condition(self, path: Path, operator: tuple[str, str, bool], name: object, given: object) -> Condition | None:
        quantifier, base, if_exists = operator
        key = key_of(name) if isinstance(name, str) else None
        if key is None:
            tag = isinstance(name, str) and name.lower() == "aws:principaltag"
            hint = ("; write aws:PrincipalTag/NAME",) if tag else ("",)
            self._wrong(path, "unknown-value", f"{_shown(name)} is no condition key of execute-api{hint[0]}", str(name),
                        () if tag else tuple(KEYS), True)
            return None
        known = KEYS[key.partition("/")[0]]
        family = OPERATORS[base].family
        if family not in known.families:
            allowed = ", ".join(sorted(other.value for other in known.families))
            self._wrong(path, "bad-value", f"{base} cannot compare {key}; operators for it are those of {allowed}",
                        key=True)
            return None
        if known.never:
            self._warn(path, f"{key} never has a value here ({known.never}): the condition is judged as for a request "
                       "without it")
        values = tuple(text for where, text in self._texts(path, given) if self._good_value(where, family, text))
        return Condition(base, key, values, if_exists, quantifier)

    def _good_value(self, path: Path, family: Family, text: str) -> bool:
        try:
            if family in _VALUES:
                _VALUES[family][0](text)
                return True
        except ValueError:
            self._wrong(path, "bad-value", f"{_VALUES[family][1]} is expected, found {_shown(text)}")
            return False
        why = self._bad_variable(text)
        if why:
            self._wrong(path, "bad-value", why)
            return False
        try:
            if family is Family.ARN:
                arn_parts(text)
        except ValueError as error:
            self._wrong(path, "bad-value", f"{error}: {_shown(text)}")
            return False
        return True


def operator_of(name: str) -> tuple[str, str, bool] | None:
    """(quantifier, name in OPERATORS, whether IfExists) of an operator as a policy writes it."""
    quantifier, colon, rest = name.rpartition(":")
    if (colon and quantifier not in _QUANTIFIERS) or (colon and rest.startswith("Null")):
        return None
    base = rest.removesuffix("IfExists")
    if base not in OPERATORS or (base == "Null" and base != rest):
        return None
    return quantifier, base, base != rest

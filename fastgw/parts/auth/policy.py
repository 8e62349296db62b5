"""Policies of the model -> those that the engine evaluates, whoever they come from: a definition, an authorizer's
answer, a user or a role.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

from fastgw._core.policy import CompiledPolicy
from fastgw.model.policy import (
    ACTIONS,
    KEYS,
    OPERATORS,
    SHORT_RESOURCE,
    TAG,
    Condition,
    Family,
    Policy,
    PolicyKind,
    Statement,
)
from fastgw.model.policy_document import read_policy
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

ACCOUNT, SESSION, ARN = "identity.accountId", "identity.userArn", "principal.arn"
"""Values of a caller by which policies know it: its account, its own ARN, and the ARN of the user or role it is."""

CALLER_KEYS = {
    "aws:TokenIssueTime": "principal.tokenIssueTime",
    "aws:MultiFactorAuthPresent": "principal.mfaPresent",
    "aws:MultiFactorAuthAge": "principal.mfaAge",
    "aws:PrincipalAccount": ACCOUNT,
    "aws:PrincipalArn": ARN,
    "aws:PrincipalType": "principal.type",
    "aws:userid": "principal.userid",
    "aws:username": "principal.username",
}
"""Condition key -> value of a caller. Times are seconds since the epoch, flags true or false; a tag is
"principal.tag/" and its name in lower case.
"""

_REQUEST_KEYS = {
    "aws:CurrentTime": "time", "aws:EpochTime": "time", "aws:SecureTransport": "secure", "aws:SourceIp": "address",
    "aws:Referer": "referer", "aws:UserAgent": "agent",
}
_QUANTIFIERS = {"": "", "ForAnyValue": "any", "ForAllValues": "all"}
_COMPARED = {Family.STRING: "glob", Family.BINARY: "glob", Family.NUMERIC: "number", Family.DATE: "number",
             Family.BOOL: "flag", Family.NULL: "absent", Family.IP: "network", Family.ARN: "path"}
_NUMBERS = {Family.NUMERIC: number_of, Family.DATE: date_of, Family.BOOL: flag_of, Family.NULL: flag_of}
_MAPPED_BITS = 96
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_TOKEN = re.compile(r"\\(.)|([*?])|([^\\*?]+)", re.DOTALL)

_ANYTHING = ["*"]
_ANY_ARN = [_ANYTHING] * 6

Piece = bytes | str | tuple[str, bytes, bytes | None]


class PolicyError(Exception):
    """A document is no policy; every fault of it in one line."""


def compile_document(document: object) -> CompiledPolicy:
    """A policy that comes at run time, for the caller it is about. Raises PolicyError."""
    policy, faults = read_policy(document, PolicyKind.IDENTITY)
    if policy is None:
        raise PolicyError("; ".join(fault.message for fault in faults if not fault.warning))
    return compile_policy(policy)


def compile_policy(policy: Policy, api: str = "") -> CompiledPolicy:
    """api: "arn:aws:execute-api:us-east-1:000000000000:abc", what the ARNs of the policy's own API begin with."""
    try:
        return CompiledPolicy([_rule(statement, policy.variables, api) for statement in policy.statements])
    except ValueError as error:
        raise PolicyError(str(error)) from None


def compile_policies(policies: list[Policy]) -> CompiledPolicy:
    """Several of one caller as one."""
    return CompiledPolicy([_rule(statement, policy.variables, "")
                           for policy in policies for statement in policy.statements])


def _rule(statement: Statement, variables: bool, api: str) -> dict[str, object]:
    return {
        "allow": statement.allow,
        "actions": _actions(statement),
        "principals": _principals(statement),
        "resources": [resource_globs(text, variables, api) for text in statement.resources],
        "resources_else": statement.not_resources,
        "tests": [_test(condition, variables) for condition in statement.conditions],
    }


def _actions(statement: Statement) -> int:
    bits = 0
    for number, action in enumerate(ACTIONS):
        if any(action_fits(glob, action) for glob in statement.actions) != statement.not_actions:
            bits |= 1 << number
    return bits


def _principals(statement: Statement) -> tuple[bool, list[bytes], list[bytes], bool]:
    given = statement.principals
    if given is None:
        return True, [], [], False
    return (given.everybody, [account.encode() for account in given.accounts], [arn.encode() for arn in given.arns],
            given.inverted)


def resource_globs(text: str, variables: bool, api: str) -> list[list[Piece]]:
    """The six parts of a resource, its path spelt as the gateway spells paths."""
    if text == "*":
        return _ANY_ARN
    if text.startswith(SHORT_RESOURCE):
        text = f"{api}/{text.removeprefix(SHORT_RESOURCE)}"
    *parts, what = arn_parts(text)
    return [*(_glob(part, variables) for part in parts), _glob(_canonical(what), variables)]


def _canonical(path: str) -> str:
    """Escapes as in the canonical form of paths (fastgw/_core/path.pxd), so that a pattern cannot miss by spelling."""
    def one(match: re.Match[str]) -> str:
        char = chr(int(match[1], 16))
        return char if _UNRESERVED.fullmatch(char) else match[0].upper()

    visible = "".join(char if "!" <= char <= "~" else quote(char) for char in path)
    return _ESCAPE.sub(one, visible)


def _glob(text: str, variables: bool, wild: bool = True) -> list[Piece]:
    """Texts, wildcards and facts. Without `wild` a "*" is a "*"."""
    found: list[Piece] = []

    def add(text: str) -> None:
        if found and isinstance(found[-1], bytes):
            found[-1] += text.encode(errors="surrogatepass")
        else:
            found.append(text.encode(errors="surrogatepass"))

    for piece in pieces(text, variables):
        if isinstance(piece, Variable):
            found.append(_variable(piece))
            continue
        for escaped, wildcard, plain in _TOKEN.findall(piece):
            if not wildcard or not wild:
                add(escaped or wildcard or plain)
            elif wildcard == "?" or not found or found[-1] != "*":
                found.append(wildcard)
    return found


def _variable(variable: Variable) -> tuple[str, bytes, bytes | None]:
    kind, name = _fact(variable.key)
    return kind, name, None if variable.default is None else variable.default.encode(errors="surrogatepass")


def _fact(key: str) -> tuple[str, bytes]:
    """Of a condition key: kind and name of what the engine looks at."""
    base, _, tag = key.partition("/")
    if base == TAG:
        return "told", f"principal.tag/{tag.lower()}".encode()
    if KEYS[base].never:
        return "never", b""
    if base in CALLER_KEYS:
        return "told", CALLER_KEYS[base].encode()
    return _REQUEST_KEYS[base], b""


def _test(condition: Condition, variables: bool) -> Mapping[str, object]:
    operator = OPERATORS[condition.operator]
    compared = "text" if operator.test == "same" else _COMPARED[operator.family]
    number = operator.family in _NUMBERS
    return {
        "fact": _fact(condition.key),
        "compared": compared,
        "order": operator.test if number and operator.test != "absent" else "equals",
        "negated": operator.negated,
        "if_exists": condition.if_exists,
        "quantifier": _QUANTIFIERS[condition.quantifier],
        "values": [_value(text, operator.family, operator.test, variables) for text in condition.values],
    }


def _value(text: str, family: Family, test: str, variables: bool) -> object:
    if family in _NUMBERS:
        return int(_NUMBERS[family](text))
    if family is Family.IP:
        return _network(text)
    if family is Family.BINARY:
        return [bytes_of(text)]
    if family is Family.ARN:
        return [_glob(part, variables) for part in arn_parts(text)]
    return _glob(text, variables, wild=test == "like")


def _network(text: str) -> tuple[bytes, int]:
    """Its bytes and how many bits count; one of addresses that are mapped into IPv6 as what they stand for."""
    network = network_of(text)
    packed, bits = network.network_address.packed, network.prefixlen
    if network.version == 6 and bits >= _MAPPED_BITS and network.network_address.ipv4_mapped is not None:
        return packed[12:], bits - _MAPPED_BITS
    return packed, bits

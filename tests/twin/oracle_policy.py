"""What a policy document says of a request, worked out as slowly and as plainly as the documentation tells it."""

import base64
import ipaddress
import re
from datetime import UTC, datetime

VALUES = {
    "aws:useragent": "agent", "aws:referer": "referer", "aws:sourceip": "address", "aws:securetransport": "secure",
    "aws:currenttime": "time", "aws:epochtime": "time", "aws:username": "username", "aws:principalaccount": "account",
    "aws:principalarn": "arn", "aws:sourcevpc": None,
}


def like(pattern: str, text: str) -> bool:
    parts = []
    for token in re.findall(r"\$\{[*?$]\}|.", pattern, re.DOTALL):
        parts.append(re.escape(token[2]) if len(token) > 1 else {"*": ".*", "?": "."}.get(token, re.escape(token)))
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def arn_like(pattern: str, arn: str) -> bool:
    if pattern == "*":
        return True
    theirs, ours = pattern.split(":", 5), arn.split(":", 5)
    theirs += ["*"] * (6 - len(theirs))
    return len(ours) == 6 and all(like(part, own) for part, own in zip(theirs, ours, strict=True))


def filled(text: str, request: dict[str, object]) -> str | None:
    """With variables put in, their own wildcards as literals; None where one has no value."""
    out, at = "", 0
    for match in re.finditer(r"\$\{([^{}]*)\}", text):
        out += text[at:match.start()]
        at = match.end()
        if match[1] in ("*", "?", "$"):
            out += match[0]
            continue
        name, _, default = (part.strip() for part in match[1].partition(","))
        value = request.get(VALUES[name.lower()] or "") or (default.strip("'") if default else None)
        if value is None:
            return None
        out += re.sub(r"[*?$]", lambda one: "${" + one[0] + "}", str(value))
    return out + text[at:]


def literal(text: str | None) -> str | None:
    return None if text is None else re.sub(r"\$\{([*?$])\}", r"\1", text)


def when(text: str) -> float:
    if re.fullmatch(r"[0-9.]+", text):
        return float(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def compare(operator: str, value: object, wanted: str, request: dict[str, object]) -> bool:
    """One value of the request with one of the policy, by an operator that is not negated."""
    if operator.startswith(("Numeric", "Date")):
        number = float(wanted) if operator.startswith("Numeric") else when(wanted)
        relation = operator.removeprefix("Numeric").removeprefix("Date")
        return {"Equals": value == number, "LessThan": value < number, "LessThanEquals": value <= number,
                "GreaterThan": value > number, "GreaterThanEquals": value >= number}[relation]
    if operator == "Bool":
        return value == (wanted.lower() == "true")
    if operator == "IpAddress":
        address, network = ipaddress.ip_address(value), ipaddress.ip_network(wanted, strict=False)
        return address.version == network.version and address in network
    if operator == "BinaryEquals":
        return base64.b64decode(wanted) == str(value).encode()
    text = filled(wanted, request)
    if text is None:
        return False
    if operator == "StringEquals":
        return literal(text) == value
    if operator == "StringEqualsIgnoreCase":
        return literal(text).lower() == str(value).lower()
    return (arn_like if operator.startswith("Arn") else like)(text, str(value))


def condition_holds(name: str, key: str, wanted: object, request: dict[str, object]) -> bool:
    quantifier, _, operator = name.rpartition(":")
    bare = operator.removesuffix("IfExists")
    values = [str(one).lower() if isinstance(one, bool) else str(one)
              for one in (wanted if isinstance(wanted, list) else [wanted])]
    field = VALUES[key.lower()]
    value = request.get(field) if field is not None else None
    absent = value is None or value == ""
    if bare == "Null":
        return any((one.lower() == "true") == absent for one in values)
    if absent:
        if bare != operator or quantifier == "ForAllValues":
            return True
        return quantifier != "ForAnyValue" and "Not" in bare
    fits = any(compare(bare.replace("Not", ""), value, one, request) for one in values)
    return fits != ("Not" in bare)


def listed(value: object) -> list[str]:
    return value if isinstance(value, list) else [value]


def principal_fits(given: object, request: dict[str, object]) -> bool:
    names = listed(given["AWS"]) if isinstance(given, dict) else [given]
    for name in names:
        account = re.fullmatch(r"(?:arn:aws:iam::)?([0-9]{12})(?::root)?", name)
        if name == "*" or (account and account[1] == request.get("account")) or name == request.get("arn"):
            return True
    return False


def applies(statement: dict[str, object], request: dict[str, object], api: str) -> bool:
    actions = [one.lower() for one in listed(statement.get("Action") or statement.get("NotAction"))]
    if any(like(one, "execute-api:invoke") for one in actions) != ("Action" in statement):
        return False
    principal = statement.get("Principal") or statement.get("NotPrincipal")
    if principal_fits(principal, request) != ("Principal" in statement):
        return False
    spelt = [request["resource"]]
    if request["slashed"]:
        spelt = [request["resource"][:-1], request["resource"]]
    if statement["Effect"] == "Allow":
        spelt = spelt[:1]
    resources = [filled(one.replace("execute-api:/", api + "/") if one.startswith("execute-api:/") else one, request)
                 for one in listed(statement.get("Resource") or statement.get("NotResource"))]
    if not any(any(one is not None and arn_like(one, own) for one in resources) == ("Resource" in statement)
               for own in spelt):
        return False
    return all(condition_holds(name, key, wanted, request)
               for name, keys in statement.get("Condition", {}).items() for key, wanted in keys.items())


def decide(document: dict[str, object], request: dict[str, object], api: str) -> str:
    effects = {one["Effect"] for one in document["Statement"] if applies(one, request, api)}
    return "deny" if "Deny" in effects else "allow" if effects else "silent"

"""ResourcePolicy of a SAM template's Auth -> statements of the API's policy.

Source: SAM specification, "ResourcePolicyStatement"; SAM's transform: a list of whom to let in becomes a statement
that allows everybody and one that denies the others.
"""

from collections.abc import Iterator

from fastgw.load.document import View
from fastgw.load.problem import shown
from fastgw.load.reader import Reader
from fastgw.model.policy import ALLOW, DENY, INVOKE

_ACCOUNTS = {"AwsAccountWhitelist": ALLOW, "AwsAccountBlacklist": DENY}
_RANGES = {"IpRangeWhitelist": "NotIpAddress", "IpRangeBlacklist": "IpAddress"}
_NETWORKS = {
    "SourceVpcWhitelist": "StringNotEquals", "SourceVpcBlacklist": "StringEquals",
    "IntrinsicVpcWhitelist": "StringNotEquals", "IntrinsicVpcBlacklist": "StringEquals",
    "IntrinsicVpceWhitelist": "StringNotEquals", "IntrinsicVpceBlacklist": "StringEquals",
}
_FIELDS = ("CustomStatements", *_ACCOUNTS, *_RANGES, *_NETWORKS)


def statements(reader: Reader, given: View, resource: str) -> list[object]:
    """resource: what its lists are about, "execute-api:/*" for all methods."""
    if reader.mapping(given) is None:
        return []
    reader.known_keys(given, _FIELDS, "ResourcePolicy", strict=True)
    found: list[object] = []
    for name, effect in _ACCOUNTS.items():
        accounts = _listed(given.get(name))
        if accounts:
            found.append(_statement(effect, resource, {"AWS": accounts}))
    conditions = [{operator: {"aws:SourceIp": ranges}} for name, operator in _RANGES.items()
                  if (ranges := _listed(given.get(name)))]
    for name, operator in _NETWORKS.items():
        conditions += _networks(reader, name, operator, given.get(name))
    for condition in conditions:
        allow = _statement(ALLOW, resource, "*")
        if allow not in found:
            found.append(allow)
        found.append({**_statement(DENY, resource, "*"), "Condition": condition})
    return found + _listed(given.get("CustomStatements"))


def _listed(view: View | None) -> list[object]:
    """A value alone or a list of them."""
    if view is None or view.value is None:
        return []
    return list(view.value) if isinstance(view.value, list) else [view.value]


def _statement(effect: str, resource: str, principal: object) -> dict[str, object]:
    return {"Effect": effect, "Principal": principal, "Action": INVOKE, "Resource": resource}


def _networks(reader: Reader, name: str, operator: str, given: View | None) -> Iterator[dict[str, object]]:
    """Networks and their endpoints are told by their ids, or by the name of the list where they are references."""
    values = _listed(given)
    kinds: dict[str, list[object]] = {}
    for value in values:
        if not name.startswith("Intrinsic"):
            start = str(value).partition("-")[0]
            if start not in ("vpc", "vpce"):
                reader.problems.error(given.place, "bad-value", f"{name}: {shown(value)} is no id of a network "
                                      "(vpc-...) or of an endpoint (vpce-...)")
                continue
        else:
            start = "vpce" if "Vpce" in name else "vpc"
        kinds.setdefault("aws:SourceVpce" if start == "vpce" else "aws:SourceVpc", []).append(value)
    for key, ids in kinds.items():
        yield {operator: {key: ids}}

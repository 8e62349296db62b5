"""Policies and the facts of requests for tests of the evaluator."""

from fastgw._core.policy import CompiledPolicy
from fastgw._core.probe_policy import judge
from fastgw.model.policy import Policy, PolicyKind
from fastgw.model.policy_document import read_policy
from fastgw.parts.auth.policy import compile_policy

API = "arn:aws:execute-api:eu-west-1:123456789012:abc"
NOON = 1_767_268_800_000_000
"""2026-01-01T12:00:00Z, microseconds since the epoch."""

USER = {"identity.accountId": "123456789012", "identity.userArn": "arn:aws:iam::123456789012:user/ann",
        "principal.arn": "arn:aws:iam::123456789012:user/ann", "principal.type": "User",
        "principal.userid": "AIDAANN", "principal.username": "ann", "principal.tag/team": "red"}
SESSION = {"identity.accountId": "999999999999", "identity.userArn": "arn:aws:sts::999999999999:assumed-role/ci/run7",
           "principal.arn": "arn:aws:iam::999999999999:role/ci", "principal.type": "AssumedRole",
           "principal.userid": "AROACI:run7", "principal.tokenIssueTime": "1767265200", "principal.mfaPresent": "true",
           "principal.mfaAge": "3600"}


def statement(effect: str = "Allow", kind: PolicyKind = PolicyKind.RESOURCE, **elements: object) -> dict[str, object]:
    """One that is about everybody and everything, but for the elements given; None leaves one out."""
    whole = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": "*"}
    if kind is PolicyKind.RESOURCE:
        whole["Principal"] = "*"
    for name in ("Action", "Resource", "Principal"):
        if "Not" + name in elements:
            del whole[name]
    return {name: value for name, value in (whole | elements).items() if value is not None}


def document(*statements: dict[str, object], version: str = "2012-10-17") -> dict[str, object]:
    return {"Version": version, "Statement": list(statements)}


def read(given: object, kind: PolicyKind = PolicyKind.RESOURCE) -> Policy:
    policy, faults = read_policy(given, kind)
    assert policy is not None, faults
    return policy


def compiled(given: object, kind: PolicyKind = PolicyKind.RESOURCE) -> CompiledPolicy:
    return compile_policy(read(given, kind), API)


def facts(path: str = "/prod/GET/pets", **others: object) -> dict[str, object]:
    """Of a request as the probe wants them; texts may be str. told: the caller's values."""
    told = {name.encode(): value.encode() for name, value in dict(others.pop("told", {})).items()}
    given = {name: value.encode() if isinstance(value, str) else value for name, value in others.items()}
    slashed = path.endswith("/") and path.count("/") > 3
    return {"resource": (API + path).encode(), "slashed": slashed, "time": NOON, "told": told, **given}


def said(policy: CompiledPolicy, request: dict[str, object]) -> str:
    return judge(policy, request)[0]

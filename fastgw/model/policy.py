"""Policies: who may do what with which method of an API, and under which conditions.

Source: IAM user guide, "IAM JSON policy element reference"; developer guide, "Controlling access to an API with
API Gateway resource policies".
"""

from dataclasses import dataclass
from enum import Enum

from fastgw.model.place import Place

ALLOW, DENY = "Allow", "Deny"
INVOKE, INVALIDATE, MANAGE = "execute-api:Invoke", "execute-api:InvalidateCache", "execute-api:ManageConnections"
ACTIONS = (INVOKE, INVALIDATE, MANAGE)
"""What a policy of this gateway may allow; position: the engine's number of it."""

SHORT_RESOURCE = "execute-api:/"
"""How a resource policy writes its own API: "execute-api:/stage/GET/pets"."""


class PolicyKind(Enum):
    """RESOURCE: of an API, names its principals. IDENTITY: of a caller, who is the principal: by an authorizer's
    answer, or of a user or a role.
    """

    RESOURCE = "resource"
    IDENTITY = "identity"


class Family(Enum):
    """What the two sides of a condition are compared as."""

    STRING = "String"
    NUMERIC = "Numeric"
    DATE = "Date"
    BOOL = "Bool"
    BINARY = "Binary"
    IP = "IpAddress"
    ARN = "Arn"
    NULL = "Null"


@dataclass(frozen=True, slots=True)
class Operator:
    """test  how two values are compared; negated: the condition holds where none of the values fits."""

    family: Family
    test: str
    negated: bool = False


OPERATORS = {
    "StringEquals": Operator(Family.STRING, "equals"),
    "StringNotEquals": Operator(Family.STRING, "equals", True),
    "StringEqualsIgnoreCase": Operator(Family.STRING, "same"),
    "StringNotEqualsIgnoreCase": Operator(Family.STRING, "same", True),
    "StringLike": Operator(Family.STRING, "like"),
    "StringNotLike": Operator(Family.STRING, "like", True),
    "NumericEquals": Operator(Family.NUMERIC, "equals"),
    "NumericNotEquals": Operator(Family.NUMERIC, "equals", True),
    "NumericLessThan": Operator(Family.NUMERIC, "less"),
    "NumericLessThanEquals": Operator(Family.NUMERIC, "at_most"),
    "NumericGreaterThan": Operator(Family.NUMERIC, "greater"),
    "NumericGreaterThanEquals": Operator(Family.NUMERIC, "at_least"),
    "DateEquals": Operator(Family.DATE, "equals"),
    "DateNotEquals": Operator(Family.DATE, "equals", True),
    "DateLessThan": Operator(Family.DATE, "less"),
    "DateLessThanEquals": Operator(Family.DATE, "at_most"),
    "DateGreaterThan": Operator(Family.DATE, "greater"),
    "DateGreaterThanEquals": Operator(Family.DATE, "at_least"),
    "Bool": Operator(Family.BOOL, "equals"),
    "BinaryEquals": Operator(Family.BINARY, "equals"),
    "IpAddress": Operator(Family.IP, "within"),
    "NotIpAddress": Operator(Family.IP, "within", True),
    "ArnEquals": Operator(Family.ARN, "like"),
    "ArnLike": Operator(Family.ARN, "like"),
    "ArnNotEquals": Operator(Family.ARN, "like", True),
    "ArnNotLike": Operator(Family.ARN, "like", True),
    "Null": Operator(Family.NULL, "absent"),
}

_TEXT = frozenset({Family.STRING, Family.BINARY, Family.NULL})

TAG = "aws:PrincipalTag"
"""The one key that goes on: aws:PrincipalTag/team."""


@dataclass(frozen=True, slots=True)
class Key:
    """A condition key of the service.

    families  of operators that can compare it
    signed    it has a value only where the request is signed by IAM
    never     why it has no value here, ever; "" where it may have one
    """

    families: frozenset[Family]
    signed: bool = False
    never: str = ""


_PRIVATE = "it belongs to private APIs, whose callers come through a VPC endpoint"

KEYS = {
    "aws:CurrentTime": Key(frozenset({Family.DATE, Family.NULL})),
    "aws:EpochTime": Key(frozenset({Family.DATE, Family.NUMERIC, Family.NULL})),
    "aws:TokenIssueTime": Key(frozenset({Family.DATE, Family.NULL}), signed=True),
    "aws:MultiFactorAuthPresent": Key(frozenset({Family.BOOL, Family.NULL}), signed=True),
    "aws:MultiFactorAuthAge": Key(frozenset({Family.NUMERIC, Family.NULL}), signed=True),
    "aws:PrincipalAccount": Key(_TEXT, signed=True),
    "aws:PrincipalArn": Key(_TEXT | {Family.ARN}, signed=True),
    "aws:PrincipalOrgID": Key(_TEXT, signed=True, never="this gateway knows no organizations"),
    "aws:PrincipalOrgPaths": Key(_TEXT, signed=True, never="this gateway knows no organizations"),
    TAG: Key(_TEXT | {Family.ARN}, signed=True),
    "aws:PrincipalType": Key(_TEXT, signed=True),
    "aws:Referer": Key(_TEXT),
    "aws:SecureTransport": Key(frozenset({Family.BOOL, Family.NULL})),
    "aws:SourceArn": Key(_TEXT | {Family.ARN}, never="no service calls for a resource here"),
    "aws:SourceIp": Key(frozenset({Family.IP, Family.NULL})),
    "aws:SourceVpc": Key(_TEXT, never=_PRIVATE),
    "aws:SourceVpce": Key(_TEXT, never=_PRIVATE),
    "aws:VpcSourceIp": Key(frozenset({Family.IP, Family.NULL}), never=_PRIVATE),
    "aws:UserAgent": Key(_TEXT),
    "aws:userid": Key(_TEXT, signed=True),
    "aws:username": Key(_TEXT, signed=True),
}
"""Condition keys of resource policies, as the service spells them; case does not matter in a policy.

Source: developer guide, "AWS condition keys that can be used in API Gateway resource policies".
"""


def key_of(name: str) -> str | None:
    """The spelling of KEYS of a key in any case, a tag's name with it; None for what is no key."""
    base, slash, tag = name.partition("/")
    known = _LOWERED.get(base.lower())
    if known is None or (known == TAG) != (slash != "" and tag != ""):
        return None
    return f"{known}/{tag}" if slash else known


_LOWERED = {name.lower(): name for name in KEYS}


@dataclass(frozen=True, slots=True)
class Condition:
    """One key held against values under one operator.

    operator   a name of OPERATORS
    key        as key_of spells it
    values     texts of the policy; one of them is to fit, of a negated operator none
    if_exists  holds where the key has no value
    quantifier "ForAnyValue", "ForAllValues" or ""
    """

    operator: str
    key: str
    values: tuple[str, ...]
    if_exists: bool = False
    quantifier: str = ""


@dataclass(frozen=True, slots=True)
class Principals:
    """Whom a statement of a resource policy is about.

    everybody  "*", whoever calls without a name as well
    accounts   12 digits each: all callers of the account
    arns       of users, roles and sessions of roles
    strangers  (kind, name) of principals that no caller is here: services, federations
    inverted   NotPrincipal: everybody else
    """

    everybody: bool = False
    accounts: tuple[str, ...] = ()
    arns: tuple[str, ...] = ()
    strangers: tuple[tuple[str, str], ...] = ()
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """number      from 0 on; names the statement together with sid
    actions     globs, in any case; not_actions: everything but them
    resources   globs of ARNs, or SHORT_RESOURCE forms; not_resources: everything but them
    principals  None in a policy of a caller
    """

    number: int
    allow: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: Principals | None = None
    conditions: tuple[Condition, ...] = ()
    not_actions: bool = False
    not_resources: bool = False
    sid: str = ""
    place: Place | None = None

    @property
    def name(self) -> str:
        """For people: "statement 2 (DenyPartners)"."""
        return f"statement {self.number + 1}" + (f" ({self.sid})" if self.sid else "")


@dataclass(frozen=True, slots=True)
class Policy:
    """variables: ${aws:username} and its like are put in, as version 2012-10-17 says."""

    kind: PolicyKind
    statements: tuple[Statement, ...]
    variables: bool = True
    place: Place | None = None

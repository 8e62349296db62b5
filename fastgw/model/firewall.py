"""Firewalls: rules that look at requests before anything else does, shaped like the web ACLs of AWS WAF."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from fastgw.model.place import Place

FIELDS = (
    "uri_path", "raw_path", "query_string", "query_argument", "query_arguments", "header", "headers", "cookie",
    "cookies", "method", "body", "json_body", "body_arguments",
)
"""Components of a request that a statement may look at."""
SCOPES = ("all", "keys", "values")
HANDLINGS = ("continue", "match", "no_match")
POSITIONS = ("exactly", "starts_with", "ends_with", "contains", "contains_word")
COMPARISONS = ("EQ", "NE", "LE", "LT", "GE", "GT")
TRANSFORMATIONS = (
    "none", "lowercase", "url_decode", "url_decode_uni", "html_entity_decode", "compress_white_space", "remove_nulls",
    "replace_nulls", "normalize_path", "normalize_path_win", "cmd_line", "base64_decode", "hex_decode",
    "replace_comments", "js_decode",
)
WHICH = ("first", "last", "any")
ACTIONS = ("allow", "block", "count")
RATE_PARTS = ("ip", "forwarded_ip", "header", "cookie", "query_argument", "method", "uri_path")
RATE_WINDOWS = (60, 120, 300, 600)

MAX_TRANSFORMATIONS = 10
MAX_DEPTH = 12
"""Of statements within statements."""
MAX_LABELS = 64
"""Different labels that the rules of one firewall give."""
MAX_BODY_BYTES = 65_536
RATE_PLACE_WORDS, RATE_WAYS = 2, 8
"""Shared cells of one key of a rate, and keys of a set, as fastgw/_core/firewall_rate.pxd has them."""
DEFAULT_ACTION_NAME = "(default)"
"""What the default action is called where rules are named."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A component of a request, transformed.

    field     one of FIELDS
    names     of "header", "cookie", "query_argument" the one; of "headers", "cookies" those alone, or all where none
    scope     one of SCOPES: of what has names and values
    oversize  one of HANDLINGS: of a body longer than what is looked at
    invalid   one of HANDLINGS: of a body that is no JSON text
    """

    field: str
    names: tuple[str, ...] = ()
    scope: str = "values"
    oversize: str = "continue"
    invalid: str = "continue"
    transformations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Addresses that a header lists; fallback is for an entry that is no address: "match" or "no_match"."""

    header: str
    which: str
    fallback: str


@dataclass(frozen=True, slots=True)
class ByteMatch:
    looked: Looked
    value: bytes
    position: str


@dataclass(frozen=True, slots=True)
class RegexMatch:
    """One of patterns is found."""

    looked: Looked
    patterns: tuple[str, ...]
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Size:
    looked: Looked
    comparison: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Injection:
    """kind: "sqli" or "xss"."""

    looked: Looked
    kind: str


@dataclass(frozen=True, slots=True)
class IpSet:
    """forwarded None: the client's own address."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    forwarded: Forwarded | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """A label that a rule before gave, or any of a namespace, which ends in ":"."""

    label: str


@dataclass(frozen=True, slots=True)
class RateKey:
    """part: one of RATE_PARTS."""

    part: str
    name: str = ""
    forwarded: Forwarded | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """More requests of one key than limit within window seconds; scope: only those that it matches count.

    table  keys that are held at a time, at least
    """

    limit: int
    window: int
    keys: tuple[RateKey, ...]
    scope: "Statement | None"
    table: int


@dataclass(frozen=True, slots=True)
class Every:
    """All of them match."""

    statements: "tuple[Statement, ...]"


@dataclass(frozen=True, slots=True)
class Some:
    """One of them matches."""

    statements: "tuple[Statement, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    statement: "Statement"


Statement = ByteMatch | RegexMatch | Size | Injection | IpSet | Label | Rate | Every | Some | Not


@dataclass(frozen=True, slots=True)
class OwnResponse:
    """What a block answers in place of the gateway response WAF_FILTERED."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """name: of a rule that came with a group "group/rule". action: one of ACTIONS."""

    name: str
    action: str
    statement: Statement
    labels: tuple[str, ...] = ()
    response: OwnResponse | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Firewall:
    """Rules in the order in which they are asked; groups have been put in their place.

    default     "allow" or "block": what becomes of a request that no rule decides
    body_bytes  of a body that are looked at
    samples     requests kept of each rule in each worker, for operators
    """

    name: str
    default: str
    rules: tuple[Rule, ...]
    response: OwnResponse | None = None
    body_bytes: int = 8192
    samples: int = 10
    place: Place | None = None


# Ids of shared cells; see fastgw.model.usage.

def rule_count_id(firewall: str, rule: str, action: str) -> str:
    """The first of a group: how often a rule took its action, one cell for each worker."""
    return f"firewall/{firewall}/{rule}/{action}"


def rate_id(firewall: str, rule: str, number: int, rate: Rate) -> str:
    """The table of a rule's rate; one that counts otherwise begins anew."""
    return f"rate/{firewall}/{rule}/{number}/{rate.window}/{rate_sets(rate)}/{rate.keys!r}"


def rate_sets(rate: Rate) -> int:
    return -(-rate.table // RATE_WAYS)


def rate_words(rate: Rate) -> int:
    """Shared cells of its table."""
    return 1 + rate_sets(rate) * RATE_WAYS * RATE_PLACE_WORDS


def rates(statement: Statement) -> list[Rate]:
    """Those within a statement, in their order."""
    if isinstance(statement, Rate):
        return [statement]      # one within its scope is refused
    if isinstance(statement, Every | Some):
        return [found for part in statement.statements for found in rates(part)]
    return rates(statement.statement) if isinstance(statement, Not) else []

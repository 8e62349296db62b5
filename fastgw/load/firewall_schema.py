"""What the sections firewalls, rule_groups, ip_sets and regex_sets of a fastgw.yaml may hold."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from fastgw.model.firewall import (
    ACTIONS,
    COMPARISONS,
    HANDLINGS,
    MAX_BODY_BYTES,
    MAX_TRANSFORMATIONS,
    POSITIONS,
    RATE_WINDOWS,
    SCOPES,
    TRANSFORMATIONS,
    WHICH,
)

Words = Annotated[str, Meta(min_length=1, max_length=4096)]
SetName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,128}$", description="1 to 128 letters, digits, - and _")]
FieldName = Annotated[str, Meta(
    pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$", description="the name of a header")]
LabelName = Annotated[str, Meta(
    pattern=r"^[A-Za-z0-9_-]{1,128}(:[A-Za-z0-9_-]{1,128}){0,4}$",
    description="names of letters, digits, - and _, with : between them")]
LabelOrNamespace = Annotated[str, Meta(
    pattern=r"^[A-Za-z0-9_-]{1,128}(:[A-Za-z0-9_-]{1,128}){0,4}:?$",
    description="a label that a rule gives, or the beginning of one up to a :")]
Pattern = Annotated[str, Meta(min_length=1, max_length=512)]


class PartsFile(Struct, forbid_unknown_fields=True):
    """Of headers or cookies."""

    names: Annotated[list[Words], Meta(description="those alone; absent: all", max_length=100)] = []
    scope: Literal[SCOPES] = "values"


class ArgumentsFile(Struct, forbid_unknown_fields=True):
    """Of query arguments."""

    scope: Literal[SCOPES] = "values"


class BodyFile(Struct, forbid_unknown_fields=True):
    """Of a body."""

    oversize: Annotated[Literal[HANDLINGS], Meta(
        description="where the body is longer than body_bytes; continue: go by what is looked at")] = "continue"


class JsonBodyFile(Struct, forbid_unknown_fields=True):
    """Of a JSON body."""

    scope: Literal[SCOPES] = "all"
    oversize: Literal[HANDLINGS] = "continue"
    invalid: Annotated[Literal[HANDLINGS], Meta(
        description="where it is no JSON text; continue: look at the whole as one text")] = "continue"


class ComponentFile(Struct, forbid_unknown_fields=True):
    """One component of a request."""

    header: FieldName | UnsetType = UNSET
    query_argument: Words | UnsetType = UNSET
    cookie: Words | UnsetType = UNSET
    headers: PartsFile | UnsetType = UNSET
    cookies: PartsFile | UnsetType = UNSET
    query_arguments: ArgumentsFile | UnsetType = UNSET
    body: BodyFile | UnsetType = UNSET
    json_body: JsonBodyFile | UnsetType = UNSET
    body_arguments: BodyFile | UnsetType = UNSET


Component = Literal[
    "uri_path", "raw_path", "query_string", "query_arguments", "headers", "cookies", "method", "body", "json_body",
    "body_arguments",
] | ComponentFile
Transformations = Annotated[list[Literal[TRANSFORMATIONS]], Meta(max_length=MAX_TRANSFORMATIONS)]


class ByteMatchFile(Struct, forbid_unknown_fields=True):
    field: Component
    value: Annotated[str, Meta(min_length=1, max_length=1024)]
    position: Literal[POSITIONS] = "contains"
    transformations: Transformations = []


class RegexMatchFile(Struct, forbid_unknown_fields=True):
    field: Component
    patterns: Annotated[list[Pattern], Meta(min_length=1, max_length=1000)] | UnsetType = UNSET
    set: Annotated[SetName, Meta(description="a name under regex_sets")] | UnsetType = UNSET
    transformations: Transformations = []


class SizeFile(Struct, forbid_unknown_fields=True):
    field: Component
    comparison: Literal[COMPARISONS]
    bytes: Annotated[int, Meta(ge=0, le=1 << 40)]
    transformations: Transformations = []


class InjectionFile(Struct, forbid_unknown_fields=True):
    field: Component
    transformations: Transformations = []


class ForwardedFile(Struct, forbid_unknown_fields=True):
    header: FieldName = "X-Forwarded-For"
    which: Annotated[Literal[WHICH], Meta(description="of the addresses in the header")] = "first"
    fallback: Annotated[Literal["match", "no_match"], Meta(description="for what is no address")] = "match"


class IpSetFile(Struct, forbid_unknown_fields=True):
    addresses: Annotated[list[Words], Meta(min_length=1, max_length=100_000)] | UnsetType = UNSET
    set: Annotated[SetName, Meta(description="a name under ip_sets")] | UnsetType = UNSET
    forwarded: ForwardedFile | UnsetType = UNSET


class GeoFile(Struct, forbid_unknown_fields=True):
    countries: Annotated[list[Annotated[str, Meta(
        pattern="^[A-Z]{2}$", description="ISO 3166-1, two capital letters")]], Meta(min_length=1, max_length=50)]
    forwarded: ForwardedFile | UnsetType = UNSET


class RateKeyFile(Struct, forbid_unknown_fields=True):
    """One part of a key that has a name."""

    header: FieldName | UnsetType = UNSET
    cookie: Words | UnsetType = UNSET
    query_argument: Words | UnsetType = UNSET
    forwarded_ip: ForwardedFile | UnsetType = UNSET


RateKeyPart = Literal["ip", "forwarded_ip", "api_key", "method", "uri_path"] | RateKeyFile


class RateFile(Struct, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=1_000_000, description="requests of one key within the window")]
    window: Annotated[Literal[RATE_WINDOWS], Meta(description="seconds")] = 300
    keys: Annotated[list[RateKeyPart], Meta(
        max_length=5, description="what requests are counted by; an empty list: all together")] = field(
            default_factory=lambda: ["ip"])
    table: Annotated[int, Meta(ge=8, le=1_000_000, description="keys that are held at a time")] = 16_384
    scope: "StatementFile | UnsetType" = UNSET


class StatementFile(Struct, forbid_unknown_fields=True):
    """One statement."""

    byte_match: ByteMatchFile | UnsetType = UNSET
    regex_match: RegexMatchFile | UnsetType = UNSET
    size: SizeFile | UnsetType = UNSET
    sqli: InjectionFile | UnsetType = UNSET
    xss: InjectionFile | UnsetType = UNSET
    ip_set: IpSetFile | UnsetType = UNSET
    geo: GeoFile | UnsetType = UNSET
    label: LabelOrNamespace | UnsetType = UNSET
    rate: RateFile | UnsetType = UNSET
    every: "Annotated[list[StatementFile], Meta(min_length=1, max_length=100)] | UnsetType" = field(
        name="and", default=UNSET)
    some: "Annotated[list[StatementFile], Meta(min_length=1, max_length=100)] | UnsetType" = field(
        name="or", default=UNSET)
    none: "StatementFile | UnsetType" = field(name="not", default=UNSET)


class ResponseFile(Struct, forbid_unknown_fields=True):
    """What a blocked request is answered."""

    status: Annotated[int, Meta(ge=200, le=599)] = 403
    body: Annotated[str, Meta(max_length=4096)] = ""
    content_type: Literal["text/plain", "text/html", "application/json"] = "text/plain"
    headers: dict[FieldName, Annotated[str, Meta(
        pattern=r"^[\x20-\x7e]{0,1024}$", description="visible ASCII")]] = {}


class RuleFile(Struct, forbid_unknown_fields=True):
    """A rule, or a group of rules in its place."""

    name: SetName
    priority: Annotated[int, Meta(ge=0, le=1_000_000_000, description="rules are asked from the lowest on")]
    statement: StatementFile | UnsetType = UNSET
    action: Literal[ACTIONS] | UnsetType = UNSET
    response: Annotated[ResponseFile, Meta(description="of a block")] | UnsetType = UNSET
    labels: Annotated[list[LabelName], Meta(description="that a match gives the request")] = []
    rule_group: Annotated[SetName, Meta(description="a name under rule_groups")] | UnsetType = UNSET
    overrides: Annotated[dict[Words, Literal[ACTIONS]], Meta(
        description='rule of the group -> its action here; "*": of all others')] = {}


Rules = Annotated[list[RuleFile], Meta(max_length=1000)]


class RuleGroupFile(Struct, forbid_unknown_fields=True):
    """Rules for several firewalls."""

    rules: Rules


class FirewallFile(Struct, forbid_unknown_fields=True):
    """Rules that requests of a stage meet first."""

    rules: Rules
    default: Annotated[Literal["allow", "block"], Meta(description="where no rule decides")] = "allow"
    response: Annotated[ResponseFile, Meta(description="of the default block")] | UnsetType = UNSET
    body_bytes: Annotated[int, Meta(ge=1024, le=MAX_BODY_BYTES, description="of a body that are looked at")] = 8192
    samples: Annotated[int, Meta(
        ge=0, le=1000, description="requests kept of each rule, in each worker, for operators")] = 10

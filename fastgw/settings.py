"""Every setting of the gateway, and the only reader of the environment.

A setting is a field of Settings. Its value is taken from, in this order: a flag, the
environment (FASTGW_NAME, and FASTGW_NAME_FILE for a secret), a configuration file, the
default. The fields carry their own manual: the tables of README and docs/configuration.md
are written from it (make docs).
"""

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from fastgw.addresses import Address, Listen, RedisUrl, networks

PREFIX = "FASTGW_"
BUILD_PREFIX = "FASTGW_BUILD_"
"""Switches of setup.py; not settings of the gateway."""

TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def _setting(
    default: Any,
    doc: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    secret: bool = False,
) -> Any:
    """One field and its manual. unit "s" marks a duration."""
    manual = {"doc": doc, "unit": unit, "low": low, "high": high, "choices": choices, "secret": secret}
    return field(default=default, metadata=manual)


def _seconds(default: float, doc: str, *, low: float = 0.001, high: float = 86_400) -> Any:
    return _setting(float(default), doc, unit="s", low=low, high=high)


def _size(default: int, doc: str, *, low: int = 1, high: int = 2**31 - 1) -> Any:
    return _setting(default, doc, unit="bytes", low=low, high=high)


def _count(default: int, doc: str, *, low: int = 0, high: int = 2**31 - 1) -> Any:
    return _setting(default, doc, low=low, high=high)


@dataclass(frozen=True, slots=True)
class Settings:
    listen: tuple[str, ...] = _setting(
        ("127.0.0.1:8080",),
        "Where clients are served: a comma list of host:port, [v6]:port or unix:/path, each followed by proxy_protocol "
        "where connections begin with a header of that protocol, by http2 where clients may begin with HTTP/2, and by "
        "tls where they speak TLS.",
    )
    http2: bool = _setting(
        True, "Offer HTTP/2 to clients of TLS listeners (ALPN), where libnghttp2 is installed."
    )
    ops: str = _setting(
        "127.0.0.1:9901", "Where the ops listener answers: host:port, [v6]:port, unix:/path, or off."
    )
    ops_public: bool = _setting(
        False, "Allow the ops listener on an address that is not loopback; needs ops_token."
    )
    ops_token: str = _setting(
        "",
        "When set, the ops listener answers only requests with Authorization: Bearer TOKEN "
        "(/healthz and /readyz excepted).",
        secret=True,
    )
    workers: int = _count(0, "Worker processes; 0 means one for each core.", high=1024)
    drain_timeout: float = _setting(
        30.0, "Time to finish the requests in flight when stopping.", unit="s", low=0, high=86_400
    )
    watchdog_timeout: float = _setting(
        2.0, "A worker whose loop makes no progress for so long is replaced; 0 switches that off. A Python step that "
        "blocks the loop counts as no progress.", unit="s", low=0, high=86_400
    )
    memory_limit: int = _size(
        0, "Memory of the gateway; each worker, and the other processes together, have an equal share. At 85, 92 and "
        "95 % of it a worker sheds load. 0: what the control group allows, else the machine's.", low=0, high=2**53
    )
    overload_lag: float = _setting(
        0.25, "Bytes of clients that wait so long for the worker mean overload: new requests get 503; at four times "
        "as long connections are refused. 0 switches that off.", unit="s", low=0, high=3600
    )
    limit_cells: int = _count(
        4_194_304, "Words of shared memory for buckets and counts, 8 bytes each, taken as they are used: two for each "
        "key of a plan, one for each other bucket.", low=1024, high=2**31 - 1,
    )
    state_dir: str = _setting(
        "",
        "Where what must outlive the gateway is kept: keys made while it runs, and quota use. Without one, "
        "systemd's STATE_DIRECTORY, else .fastgw beside the first definition file.",
        unit="path",
    )
    log_level: str = _setting(
        "info", "Least severe message on stderr.", choices=("debug", "info", "warning", "error")
    )

    log_buffer_bytes: int = _size(
        4_194_304, "Lines of access logs that may wait to be written, for each worker; more are dropped and counted. "
        "Rounded up to a power of two.", low=262_144, high=2**30
    )
    log_rotate_bytes: int = _size(
        0, "Size at which a file of an access log is renamed to FILE.1 and a new one begun; 0 never does.", low=0,
        high=2**40
    )
    log_rotate_keep: int = _count(5, "Renamed files of an access log that are kept.", low=1, high=1000)

    head_bytes: int = _size(16_384, "Request line and header fields together; more is 414 or 431.", low=1024,
                            high=65_536)
    head_fields: int = _count(100, "Header fields of a request; more is 431.", low=1, high=1000)
    head_timeout: float = _seconds(10, "Time for a request head to arrive; slower is 408 and close.")
    body_bytes: int = _size(10_485_760, "Request body; more is 413.", low=0, high=2**53)
    body_idle_timeout: float = _seconds(30, "Longest pause within a request body; longer is 408 and close.")
    body_min_rate: int = _setting(
        500, "Slowest average rate of a request body; slower is 408 and close. 0 sets no limit.",
        unit="bytes/s", low=0, high=2**31 - 1,
    )
    send_timeout: float = _seconds(30, "Longest time a client may take no byte of its answer; then close.")
    keepalive_timeout: float = _seconds(75, "How long an idle client connection is kept.")
    keepalive_requests: int = _count(10_000, "Requests on one client connection before it is closed.", low=1)
    max_connections: int = _count(65_536, "Open client connections, for each worker.", low=1)
    max_connections_per_address: int = _count(
        0, "Open connections of one client address, for each worker; 0 sets no limit."
    )
    merge_slashes: bool = _setting(True, "Read // in a request path as /.")
    encoded_slashes: str = _setting(
        "refuse", "What an encoded slash (%2F) in a request path gets: 400, or passed on as it is.",
        choices=("refuse", "pass"),
    )
    execute_api: bool = _setting(
        True, "Serve every API by its id too: on hosts {id}.execute-api.* and below /_aws/execute-api/{id}/. Where "
        "domains are to keep APIs apart, switch it off."
    )
    trusted_proxies: tuple[str, ...] = _setting(
        (), "Networks of hops that are believed: a comma list of addresses, networks as 10.0.0.0/8, and unix for the "
        "peers of unix sockets. A request of theirs comes from the client that X-Forwarded-For names.",
    )
    x_forwarded: bool = _setting(
        False, "Send X-Forwarded-For, -Port and -Proto to HTTP integrations."
    )
    functions_reload: bool = _setting(
        False, "For development: function processes whose code changes are replaced by new ones."
    )
    validation_pointers: bool = _setting(
        False, "Name values by JSON pointer in $context.error.validationErrorString."
    )

    connect_timeout: float = _seconds(2, "Time to connect to an upstream; longer is 504.")
    first_byte_timeout: float = _seconds(
        29, "Time from the last byte of a request to the first of its answer; longer is 504."
    )
    upstream_idle_timeout: float = _seconds(29, "Longest pause within an upstream's answer.")
    total_timeout: float = _seconds(
        29, "Time for a whole answer, the client's own slowness not counted; a route may set its own."
    )
    upstream_connections: int = _count(256, "Connections to one upstream target, for each worker.", low=1)
    upstream_pending: int = _count(
        1024, "Requests waiting for a connection to one target, for each worker; more are answered 503."
    )
    upstream_head_bytes: int = _size(
        32_768, "Status line and header fields of an upstream's answer; more is 502.", low=1024, high=65_536
    )
    upstream_head_fields: int = _count(
        200, "Header fields of an upstream's answer; more is 502.", low=1, high=1000
    )
    upstream_pool_idle: float = _seconds(30, "How long an idle upstream connection is kept.")
    upstream_allow_private: bool = _setting(
        False, "Let upstream names resolve to loopback, link-local and private addresses."
    )
    upstream_ca_file: str = _setting(
        "", "PEM of the certificate authorities that upstreams are verified with, in place of the system's; read at "
        "start and at every reload.", unit="path"
    )
    template_cpu: float = _seconds(
        0.05, "CPU time of one mapping template, after which the request is answered 500.", low=0.001, high=60
    )
    template_output: int = _size(
        1_048_576, "Characters that one mapping template may give; more is 500.", low=1024, high=2**30
    )
    template_loops: int = _count(
        1000, "Iterations after which one #foreach of a mapping template ends.", low=1, high=10_000_000
    )
    cache_bytes: int = _size(
        67_108_864, "Memory of the stage caches, for each worker; 0 keeps no answer.", low=0, high=2**40
    )
    authorizer_cache: int = _count(
        100_000, "Decisions of authorizers kept by each worker; 0 keeps none.", low=0, high=100_000_000
    )
    authorizer_cache_bytes: int = _size(
        33_554_432, "Memory of those decisions, for each worker.", low=0, high=2**40
    )
    dns_ttl: float = _setting(
        1.5, "How often upstream names are resolved again, and files of addresses looked at.", unit="s", low=0.1,
        high=86_400,
    )
    dns_server: str = _setting(
        "", "Name server asked for upstream names, address:port; nothing means what the system uses."
    )

    redis_url: str = _setting(
        "",
        "The Redis that this node shares usage plans with: redis://, rediss:// (TLS) or unix://, as "
        "scheme://user:password@host:port/database or unix://user:password@/path?database=0.",
        secret=True,
    )
    iam_key: str = _setting(
        "",
        "The key of the section iam: it opens encrypted secrets, and makes and checks the tokens of sessions. fastgw "
        "iam key makes one.",
        secret=True,
    )
    signature_skew: float = _seconds(
        300, "How far the clock of who signed a request may be off, and so how long a signature is good.", low=1,
        high=86_400
    )
    redis_timeout: float = _seconds(
        0.025, "Longest wait for Redis; then a plan's away mode decides and the connection is made again.", high=1
    )
    redis_prefix: str = _setting("fastgw:", "What every key in Redis begins with.", unit="text")
    redis_nodes: int = _count(
        1, "Nodes that share usage plans: while Redis is away, away: local gives each its part of a limit.", low=1,
        high=10_000,
    )


@dataclass(frozen=True, slots=True)
class Given:
    """A value as somebody wrote it. origin is for messages: "flag --listen", "gateway.yaml:3:5"."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings in force, and for each field where its value came from."""

    settings: Settings
    origins: Mapping[str, str]


class SettingsError(Exception):
    """problems: one line for each thing that is wrong."""

    def __init__(self, problems: Iterable[str]):
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


MANAGER_WORDS = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
"""What systemd tells a service in its environment."""
HANDOVER = "_FASTGW_HANDOVER"
"""What a gateway tells its successor: the number of a socket, and how many descriptors come over it."""


def manager_words() -> dict[str, str]:
    """These words, and out of the environment with them: they are for this process alone, not for its children."""
    return {name: os.environ.pop(name) for name in (*MANAGER_WORDS, HANDOVER) if name in os.environ}


def successor_environ(words: Mapping[str, str]) -> dict[str, str]:
    """Our environment with other words."""
    return {**os.environ, **words}


def lend_words(words: Mapping[str, str]) -> None:
    """Puts words into the environment, for this process and its children, where they are not there."""
    for name, value in words.items():
        os.environ.setdefault(name, value)


def service_words() -> dict[str, str]:
    """What the SDKs of AWS read in the environment, and where the user's files are."""
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_") or name == "HOME"}


@cache
def names() -> tuple[str, ...]:
    return tuple(f.name for f in fields(Settings))


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def inherited(names: Iterable[str]) -> dict[str, str]:
    """Those of these variables that the gateway's own environment has, for a process that is given no others."""
    return {name: os.environ[name] for name in names if name in os.environ}


def resolve(
    flags: Mapping[str, Given] | None = None,
    file: Mapping[str, Given] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Resolved:
    """Flag, environment, file, default: the first that speaks wins.

    Every layer is checked, also where a stronger one overrides it. Raises SettingsError with
    all problems.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    origins = dict.fromkeys(names(), "default")
    layers = (file or {}, _from_environ(os.environ if environ is None else environ, problems), flags or {})
    for layer in layers:
        for name, given in layer.items():
            if name not in origins:
                problems.append(f"{given.origin}: no setting is called {name}{_nearest(name, names())}")
                continue
            try:
                values[name] = _read(name, given.value)
            except ValueError as error:
                problems.append(f"{given.origin}: {error}")
            origins[name] = given.origin
    settings = Settings(**values)
    problems += _together(settings)
    if problems:
        raise SettingsError(problems)
    return Resolved(settings, origins)


def state_directory(settings: Settings, first_file: str) -> str:
    """The folder that state_dir stands for. It need not be there."""
    given = settings.state_dir or os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return given or os.path.join(os.path.dirname(os.path.abspath(first_file)), ".fastgw")


def engine_settings(settings: Settings) -> dict[str, int]:
    """What the data plane reads, as whole numbers.

    Durations become milliseconds and are called NAME_ms; a boolean is 0 or 1, a choice its
    position among the choices. Texts and addresses are left out.
    """
    numbers: dict[str, int] = {}
    for f in fields(Settings):
        value = getattr(settings, f.name)
        if f.metadata["unit"] == "s":
            numbers[f"{f.name}_ms"] = round(value * 1000)
        elif f.metadata["choices"]:
            numbers[f.name] = f.metadata["choices"].index(value)
        elif isinstance(value, int):
            numbers[f.name] = int(value)
    return numbers


def shown(name: str, value: Any) -> str:
    """A value as text for people; a secret is masked."""
    if _fields()[name].metadata["secret"]:
        return "***" if value else ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


@cache
def _fields() -> dict[str, Any]:
    return {f.name: f for f in fields(Settings)}


def _nearest(found: str, allowed: Iterable[str], prefix: str = "") -> str:
    close = difflib.get_close_matches(found, list(allowed), n=1, cutoff=0.6)
    return f"; did you mean {prefix}{close[0]}?" if close else ""


def _from_environ(environ: Mapping[str, str], problems: list[str]) -> dict[str, Given]:
    given: dict[str, Given] = {}
    known = {variable(name): name for name in names()}
    secrets = {f"{variable(n)}_FILE": n for n in names() if _fields()[n].metadata["secret"]}
    for key in sorted(environ):
        if not key.startswith(PREFIX) or key.startswith(BUILD_PREFIX):
            continue
        if key in known:
            given[known[key]] = Given(environ[key], f"environment {key}")
        elif key in secrets:
            if key.removesuffix("_FILE") in environ:
                problems.append(f"environment {key}: {key.removesuffix('_FILE')} is set too; set one of them")
                continue
            try:
                given[secrets[key]] = Given(_secret(environ[key]), f"environment {key}")
            except ValueError as error:
                problems.append(f"environment {key}: cannot use {environ[key]}: {error}")
        else:
            suffixes = [name.removeprefix(PREFIX) for name in (*known, *secrets)]
            nearest = _nearest(key.removeprefix(PREFIX), suffixes, PREFIX)
            problems.append(f"environment {key}: no such setting{nearest}")
    return given


def _secret(path: str) -> str:
    """A file's text without the white space around it. Raises ValueError, an empty file included."""
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError((error.strerror or str(error)).lower()) from None
    if not text:
        raise ValueError("the file is empty")
    return text


def _read(name: str, found: Any) -> Any:
    """The typed value. Raises ValueError: name, what was found, what is allowed."""
    meta, kind = _fields()[name].metadata, type(_fields()[name].default)
    shown_found = "a secret value" if meta["secret"] else repr(found)
    try:
        if kind is bool:
            return _boolean(found)
        if name == "trusted_proxies":
            return _networks(found)
        if kind is tuple:
            return _addresses(found)
        if kind in (int, float):
            return _number(found, kind, meta)
        if name == "ops" and found != "off":
            return str(Address.parse(str(found)))
        if name == "dns_server" and found:
            return _name_server(str(found))
        if name == "redis_url" and found:
            RedisUrl.parse(str(found))
        if meta["choices"] and found not in meta["choices"]:
            *others, last = meta["choices"]
            raise ValueError(f"expected {', '.join(others)} or {last}")
        return str(found)
    except ValueError as error:
        raise ValueError(f"{name} is {shown_found}: {error}") from None


def _name_server(text: str) -> str:
    address = Address.parse(text)
    if address.path or address.host == "localhost" or not address.port:
        raise ValueError("expected address:port of a name server")
    return str(address)


def _boolean(found: Any) -> bool:
    text = str(found).lower()
    if text not in TRUE + FALSE:
        raise ValueError("expected true or false")
    return text in TRUE


def _number(found: Any, kind: type, meta: Mapping[str, Any]) -> int | float:
    low, high = meta["low"], meta["high"]
    unit = f" ({meta['unit']})" if meta["unit"] else ""
    wanted = f"expected a {'whole ' if kind is int else ''}number from {low:g} to {high:.17g}{unit}"
    try:
        number = kind(found) if isinstance(found, str) else found
    except ValueError:
        raise ValueError(wanted) from None
    fits = isinstance(number, int if kind is int else (int, float)) and not isinstance(number, bool)
    if not (fits and low <= number <= high):
        raise ValueError(wanted)
    return kind(number)


def _addresses(found: Any) -> tuple[str, ...]:
    parts = found.split(",") if isinstance(found, str) else list(found)
    listeners = [Listen.parse(str(part)) for part in parts]
    if not listeners:
        raise ValueError("expected at least one address")
    fixed = [one.address for one in listeners if one.address.path or one.address.port]
    if len(set(fixed)) != len(fixed):
        raise ValueError("an address is named twice")
    return tuple(map(str, listeners))


def _networks(found: Any) -> tuple[str, ...]:
    parts = found.split(",") if isinstance(found, str) else list(found)
    texts = tuple(str(part).strip() for part in parts if str(part).strip())
    networks(texts)
    return texts


def _together(settings: Settings) -> list[str]:
    """Rules between settings."""
    if settings.ops == "off" or Address.parse(settings.ops).is_local:
        return []
    if not settings.ops_public:
        return [f"ops is {settings.ops!r}: expected a loopback address or unix:/path, or ops_public=true"]
    if not settings.ops_token:
        return ["ops_public is true: expected ops_token (FASTGW_OPS_TOKEN or FASTGW_OPS_TOKEN_FILE)"]
    return []


def table() -> str:
    """Every setting as a Markdown table: variable, default, allowed, meaning."""
    rows = ["| Variable | Default | Allowed | Meaning |", "|---|---|---|---|"]
    for name, f in _fields().items():
        default = f"`{shown(name, f.default)}`" if f.default != "" else ""
        rows.append(f"| `{variable(name)}` | {default} | {_allowed(f)} | {f.metadata['doc']} |")
    return "\n".join(rows)


def _allowed(f: Any) -> str:
    meta = f.metadata
    if meta["choices"]:
        return ", ".join(f"`{choice}`" for choice in meta["choices"])
    if isinstance(f.default, bool):
        return "`true`, `false`"
    if meta["secret"]:
        return "text, or a file's name in `" + variable(f.name) + "_FILE`"
    if meta["low"] is None:
        return meta["unit"] or ("addresses" if isinstance(f.default, tuple) else "address")
    return f"{meta['low']:g} to {meta['high']:.17g} {meta['unit']}".rstrip()

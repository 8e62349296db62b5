"""TRIALS A1: 184 hostile requests, by the classes of the CVE history in TRIALS section 1.

Written from RFC 9112 (framing, request line), RFC 9110 (fields, Host) and RFC 3986 (paths).
expect  refuse  one 4xx or 5xx, the connection closed, nothing whole forwarded
        wait    incomplete: 408 and closed at the deadline, nothing whole forwarded
        pass    lawful, if odd: answered by the upstream, forwarded cleanly
        either  lawful for some recipients: refused, or answered and forwarded cleanly
"""

from dataclasses import dataclass

HOST = b"Host: gw.test\r\n"


@dataclass(frozen=True)
class Case:
    id: str
    data: bytes
    expect: str
    statuses: frozenset[int] = frozenset()
    """Narrows the answers where the status itself is part of the rule."""

    @property
    def group(self) -> str:
        return self.id.partition("/")[0]


def case(id: str, data: bytes, expect: str = "refuse", *statuses: int) -> Case:
    return Case(id, data, expect, frozenset(statuses))


def post(fields: bytes, body: bytes = b"hello", version: bytes = b"1.1") -> bytes:
    return b"POST /up HTTP/" + version + b"\r\n" + HOST + fields + b"\r\n\r\n" + body


def length(value: bytes, body: bytes = b"hello") -> bytes:
    return post(b"Content-Length: " + value, body)


CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def coded(value: bytes, body: bytes = CHUNKS) -> bytes:
    return post(b"Transfer-Encoding: " + value, body)


def chunks(body: bytes) -> bytes:
    return coded(b"chunked", body)


def field(line: bytes) -> bytes:
    return b"GET /up HTTP/1.1\r\n" + HOST + line + b"\r\n\r\n"


def host(value: bytes) -> bytes:
    return b"GET /up HTTP/1.1\r\nHost: " + value + b"\r\n\r\n"


def line(start: bytes) -> bytes:
    return start + b"\r\n" + HOST + b"\r\n"


FRAMING = (
    case("framing/length-plus", length(b"+5")),
    case("framing/length-minus", length(b"-5")),
    case("framing/length-hex", length(b"0x5")),
    case("framing/length-octal-prefix", length(b"0o5")),
    case("framing/length-underscore", length(b"1_0", b"helloworld")),
    case("framing/length-inner-space", length(b"1 0", b"helloworld")),
    case("framing/length-trailing-letter", length(b"5x")),
    case("framing/length-decimal-point", length(b"5.0")),
    case("framing/length-exponent", length(b"1e1", b"helloworld")),
    case("framing/length-empty", length(b"")),
    case("framing/length-list-differs", length(b"5, 6")),
    case("framing/length-list-same", length(b"5, 5"), "either"),
    case("framing/length-twice-differs", post(b"Content-Length: 5\r\nContent-Length: 6")),
    case("framing/length-twice-same", post(b"Content-Length: 5\r\nContent-Length: 5")),
    case("framing/length-wraps-64-bit", length(b"18446744073709551621")),
    case("framing/length-wraps-63-bit", length(b"9223372036854775808")),
    case("framing/length-leading-zeros", length(b"005"), "either"),
    case("framing/length-fullwidth-digit", length("\uff15".encode())),
    case("framing/length-vertical-tab", length(b"\x0b5")),
    case("framing/length-name-space", post(b"Content-Length : 5")),
    case("framing/length-name-tab", post(b"Content-Length\t: 5")),
    case("framing/length-folded", post(b"Content-Length:\r\n 5")),
    case("framing/length-quoted", length(b'"5"')),
    case("framing/length-then-chunked", post(b"Content-Length: 15\r\nTransfer-Encoding: chunked", CHUNKS)),
    case("framing/chunked-then-length", post(b"Transfer-Encoding: chunked\r\nContent-Length: 15", CHUNKS)),
    case("framing/coding-unknown", coded(b"xchunked")),
    case("framing/coding-identity", coded(b"identity")),
    case("framing/coding-gzip", coded(b"gzip")),
    case("framing/coding-gzip-chunked", coded(b"gzip, chunked")),
    case("framing/coding-chunked-gzip", coded(b"chunked, gzip")),
    case("framing/coding-chunked-list-twice", coded(b"chunked, chunked")),
    case(
        "framing/coding-chunked-field-twice",
        post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", CHUNKS),
    ),
    case(
        "framing/coding-chunked-field-identity",
        post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", CHUNKS),
    ),
    case("framing/coding-identity-chunked", coded(b"identity, chunked")),
    case("framing/coding-leading-comma", coded(b", chunked")),
    case("framing/coding-trailing-comma", coded(b"chunked,")),
    case("framing/coding-empty", coded(b"")),
    case("framing/coding-quoted", coded(b'"chunked"')),
    case("framing/coding-parameter", coded(b"chunked;q=1")),
    case("framing/coding-vertical-tab", coded(b"\x0bchunked")),
    case("framing/coding-form-feed", coded(b"chunked\x0c")),
    case("framing/coding-nul", coded(b"chunked\0")),
    case("framing/coding-name-space", post(b"Transfer-Encoding : chunked", CHUNKS)),
    case("framing/coding-folded", post(b"Transfer-Encoding:\r\n chunked", CHUNKS)),
    case("framing/coding-in-1.0", post(b"Transfer-Encoding: chunked", CHUNKS, b"1.0")),
    case("framing/coding-second-word", coded(b"chunked x")),
    case(
        "framing/coding-underscore-name", post(b"Content-Length: 5\r\nTransfer_Encoding: chunked"), "either"
    ),
    case("framing/coding-upper-case", coded(b"CHUNKED"), "pass"),
)

CHUNK = (
    case("chunk/size-hex-prefix", chunks(b"0x5\r\nhello\r\n0\r\n\r\n")),
    case("chunk/size-plus", chunks(b"+5\r\nhello\r\n0\r\n\r\n")),
    case("chunk/size-minus", chunks(b"-1\r\nhello\r\n0\r\n\r\n")),
    case("chunk/size-underscore", chunks(b"1_0\r\nhello world!!!!!\r\n0\r\n\r\n")),
    case("chunk/size-empty", chunks(b"\r\nhello\r\n0\r\n\r\n")),
    case("chunk/size-wraps-64-bit", chunks(b"10000000000000005\r\nhello\r\n0\r\n\r\n")),
    case("chunk/size-largest", chunks(b"FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n")),
    case("chunk/size-leading-space", chunks(b" 5\r\nhello\r\n0\r\n\r\n")),
    case("chunk/size-trailing-space", chunks(b"5 \r\nhello\r\n0\r\n\r\n")),
    case("chunk/size-trailing-tab", chunks(b"5\t\r\nhello\r\n0\r\n\r\n")),
    case("chunk/size-ends-lf", chunks(b"5\nhello\r\n0\r\n\r\n")),
    case("chunk/size-ends-cr", chunks(b"5\rhello\r\n0\r\n\r\n")),
    case("chunk/data-spills", chunks(b"5\r\nhello!!\r\n0\r\n\r\n")),
    case("chunk/data-without-crlf", chunks(b"5\r\nhello0\r\n\r\n")),
    case("chunk/data-ends-lf", chunks(b"5\r\nhello\n0\r\n\r\n")),
    case("chunk/data-ends-cr", chunks(b"5\r\nhello\r0\r\n\r\n")),
    case("chunk/extension-empty", chunks(b"5;\r\nhello\r\n0\r\n\r\n")),
    case("chunk/extension-nul", chunks(b"5;a\0b\r\nhello\r\n0\r\n\r\n")),
    case("chunk/extension-lf", chunks(b"5;a\nhello\r\n0\r\n\r\n")),
    case("chunk/extension-cr", chunks(b"5;a\rX\r\nhello\r\n0\r\n\r\n")),
    case("chunk/extension-64k", chunks(b"5;a=" + b"x" * 65536 + b"\r\nhello\r\n0\r\n\r\n")),
    case("chunk/trailer-ends-lf", chunks(b"5\r\nhello\r\n0\r\nX: y\n\n")),
    case("chunk/last-chunk-missing", chunks(b"5\r\nhello\r\n"), "wait"),
)

HEADER = (
    case("header/name-empty", field(b": x")),
    case("header/no-colon", field(b"NoColonHere")),
    case("header/name-trailing-space", field(b"X-Test : y")),
    case("header/name-inner-tab", field(b"X\tTest: y")),
    case("header/name-bracket", field(b"Bad[Name: y")),
    case("header/name-nul", field(b"X\0Test: y")),
    case("header/name-latin1", field(b"X-T\xebst: y")),
    case("header/first-line-indented", b"GET /up HTTP/1.1\r\n Host: gw.test\r\n\r\n"),
    case("header/folded-space", field(b"X-Test: y\r\n z")),
    case("header/folded-tab", field(b"X-Test: y\r\n\tz")),
    case("header/value-nul", field(b"X-Test: a\0b")),
    case("header/value-bell", field(b"X-Test: a\x07b")),
    case("header/value-vertical-tab", field(b"X-Test: a\x0bb")),
    case("header/value-delete", field(b"X-Test: a\x7fb")),
    case("header/value-bare-cr", field(b"X-Test: a\rb")),
    case("header/value-bare-lf", field(b"X-Test: a\nb")),
    case("header/line-ends-lf", field(b"X-Test: y\nX-More: z")),
    case("header/head-ends-lf", b"GET /up HTTP/1.1\r\n" + HOST + b"X-Test: y\r\n\n"),
    case("header/head-ends-cr", b"GET /up HTTP/1.1\r\n" + HOST + b"X-Test: y\r\n\rGET /two HTTP/1.1\r\n\r\n"),
    case("header/fields-101", field(b"\r\n".join(b"X-%d: y" % n for n in range(100))), "refuse", 431),
    case("header/value-64k", field(b"X-Test: " + b"y" * 65536), "refuse", 431),
    case("header/name-64k", field(b"X" * 65536 + b": y"), "refuse", 431),
    case("header/unfinished-head", b"GET /up HTTP/1.1\r\n" + HOST, "wait"),
    case("header/unfinished-line", b"GET /up HTTP/1.1\r\n" + HOST + b"X-Test: y", "wait"),
)

HOSTS = (
    case("host/missing", b"GET /up HTTP/1.1\r\nX-Test: y\r\n\r\n"),
    case("host/twice-same", host(b"gw.test\r\nHost: gw.test")),
    case("host/twice-differs", host(b"gw.test\r\nHost: other.test")),
    case("host/empty", host(b"")),
    case("host/userinfo", host(b"user@gw.test")),
    case("host/path", host(b"gw.test/x")),
    case("host/list", host(b"gw.test, other.test")),
    case("host/inner-space", host(b"gw test")),
    case("host/port-letters", host(b"gw.test:8x")),
    case("host/port-too-big", host(b"gw.test:99999"), "either"),
    case("host/port-negative", host(b"gw.test:-1")),
    case("host/two-ports", host(b"gw.test:80:90")),
    case("host/bracket-open", host(b"[::1")),
    case("host/bracket-tail", host(b"[::1]x")),
    case("host/ipv6-without-brackets", host(b"::1")),
    case("host/scheme", host(b"http://gw.test")),
    case("host/fragment", host(b"gw.test#x")),
    case("host/backslash", host(b"gw.test\\other.test")),
    case("host/control", host(b"gw\x01.test")),
    case("host/absolute-form-differs", b"GET http://other.test/up HTTP/1.1\r\n" + HOST + b"\r\n"),
)

LINE = (
    case("line/ends-lf", b"GET /up HTTP/1.1\n" + HOST + b"\r\n"),
    case("line/ends-cr", b"GET /up HTTP/1.1\r" + HOST + b"\r\n"),
    case("line/two-spaces-before-target", line(b"GET  /up HTTP/1.1")),
    case("line/two-spaces-before-version", line(b"GET /up  HTTP/1.1")),
    case("line/tab-separated", line(b"GET\t/up\tHTTP/1.1")),
    case("line/leading-space", line(b" GET /up HTTP/1.1")),
    case("line/trailing-space", line(b"GET /up HTTP/1.1 ")),
    case("line/version-absent", line(b"GET /up")),
    case("line/version-0.9", line(b"GET /up HTTP/0.9")),
    case("line/version-2.0", line(b"GET /up HTTP/2.0")),
    case("line/version-1.2", line(b"GET /up HTTP/1.2"), "either"),
    case("line/version-lower-case", line(b"GET /up http/1.1")),
    case("line/version-leading-zeros", line(b"GET /up HTTP/01.01")),
    case("line/version-no-minor", line(b"GET /up HTTP/1")),
    case("line/version-inner-space", line(b"GET /up HTTP/ 1.1")),
    case("line/version-suffix", line(b"GET /up HTTP/1.1x")),
    case("line/protocol-misspelt", line(b"GET /up HTPT/1.1")),
    case(
        "line/connect", b"CONNECT gw.test:443 HTTP/1.1\r\nHost: gw.test:443\r\n\r\n", "refuse", 405, 400, 501
    ),
    case("line/trace", line(b"TRACE /up HTTP/1.1"), "refuse", 405),
    case("line/method-lower-case", line(b"get /up HTTP/1.1")),
    case("line/method-unknown", line(b"FOOBAR /up HTTP/1.1"), "refuse", 501, 405, 400),
    case("line/method-nul", line(b"GE\0T /up HTTP/1.1")),
    case("line/method-10k", line(b"A" * 10000 + b" /up HTTP/1.1")),
    case("line/target-absent", line(b"GET HTTP/1.1")),
    case("line/target-empty", line(b"GET  HTTP/1.1")),
    case("line/target-relative", line(b"GET up HTTP/1.1")),
    case("line/target-star", line(b"GET * HTTP/1.1")),
    case("line/target-space", line(b"GET /up two HTTP/1.1")),
    case("line/target-nul", line(b"GET /up\0x HTTP/1.1")),
    case("line/target-latin1", line(b"GET /caf\xe9 HTTP/1.1")),
    case("line/target-delete", line(b"GET /up\x7f HTTP/1.1")),
    case("line/target-fragment", line(b"GET /up#part HTTP/1.1")),
    case("line/target-64k", line(b"GET /" + b"a" * 65536 + b" HTTP/1.1"), "refuse", 414),
    case("line/crlf-flood", b"\r\n" * 1000 + line(b"GET /up HTTP/1.1"), "either"),
)

DENIED = (
    # Spellings of /admin that resolve to it, or are other paths, or are refused.
    ("plain", b"/admin", "pass"),
    ("trailing-slash", b"/admin/", "pass"),
    ("two-slashes", b"//admin", "pass"),
    ("dot", b"/./admin", "pass"),
    ("dot-dot", b"/x/../admin", "pass"),
    ("dot-dot-dot", b"/x/./y/../../admin", "pass"),
    ("above-root", b"/../admin", "either"),
    ("encoded-letter", b"/%61dmin", "pass"),
    ("encoded-word", b"/%61%64%6D%69%6e", "pass"),
    ("encoded-dot", b"/%2e/admin", "pass"),
    ("encoded-dot-dot", b"/x/%2e%2E/admin", "pass"),
    ("half-encoded-dot-dot", b"/x/.%2e/admin", "pass"),
    ("encoded-slash-before", b"/%2fadmin", "refuse"),
    ("encoded-slash-after", b"/admin%2f", "refuse"),
    ("encoded-slash-dot-dot", b"/x%2F..%2Fadmin", "refuse"),
    ("encoded-slash-mixed", b"/x/..%2fadmin", "refuse"),
    ("encoded-nul", b"/admin%00", "refuse"),
    ("encoded-nul-suffix", b"/admin%00.html", "refuse"),
    ("backslash", b"/\\admin", "refuse"),
    ("backslash-dot-dot", b"/x\\..\\admin", "refuse"),
    ("encoded-backslash", b"/%5cadmin", "refuse"),
    ("path-parameter", b"/admin;x", "pass"),
    ("dot-dot-parameter", b"/x/..;/admin", "pass"),
    ("double-encoded-letter", b"/%2561dmin", "pass"),
    ("double-encoded-dot-dot", b"/x/%252e%252e/admin", "pass"),
    ("fullwidth-slash", b"/%ef%bc%8fadmin", "pass"),
)

PATH = tuple(
    case(f"path/{name}", line(b"GET " + path + b" HTTP/1.1"), expect) for name, path, expect in DENIED
)

HOP = (
    case("hop/connection-host", field(b"Connection: Host"), "pass"),
    case("hop/connection-content-length", post(b"Connection: Content-Length\r\nContent-Length: 5"), "pass"),
    case(
        "hop/connection-authorization", field(b"Authorization: Bearer x\r\nConnection: Authorization"), "pass"
    ),
    case("hop/connection-x-forwarded-for", field(b"Connection: X-Forwarded-For"), "pass"),
    case("hop/connection-close-and-name", field(b"X-Secret: 1\r\nConnection: close, X-Secret"), "pass"),
    case(
        "hop/upgrade-h2c",
        field(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__"),
        "pass",
    ),
    case(
        "hop/upgrade-with-body",
        post(b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5"),
        "pass",
    ),
    case("hop/te", field(b"TE: trailers, deflate\r\nConnection: TE"), "pass"),
    case(
        "hop/proxy-fields",
        field(b"Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\nKeep-Alive: timeout=5"),
        "pass",
    ),
)

CORPUS = FRAMING + CHUNK + HEADER + HOSTS + LINE + PATH + HOP
COUNTS = {"framing": 48, "chunk": 23, "header": 24, "host": 20, "line": 34, "path": 26, "hop": 9}

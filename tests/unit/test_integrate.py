"""The rules of an integration that need no gateway: binary bodies, selection patterns, header tables, MOCK statuses."""

import base64

import pytest

from fastgw._core.step import Failure
from fastgw.model.integration import CONVERT_TO_BINARY, CONVERT_TO_TEXT, reserved_header
from fastgw.model.mock import mock_status
from fastgw.parts.integrate.binary import BinaryTypes, request_body, response_body
from fastgw.parts.integrate.headers import answered, left_out
from fastgw.parts.integrate.incoming import Message, first_accepted, media_type, pairs
from fastgw.parts.transform.selection import SelectionPattern

RAW = b"\x1f\x8b\x00caf\xc3\xa9\xff"
AS_TEXT = RAW.decode("utf-8", "replace").encode()
IN_BASE64 = base64.b64encode(RAW)


@pytest.mark.parametrize(
    ("types", "media", "binary"),
    [
        ((), "image/png", False),
        (("image/png",), "image/png", True),
        (("image/png",), "image/jpg", False),
        (("image/png",), "image/*", False),
        (("image/png",), "", False),
        (("image/*",), "image/png", True),
        (("image/*",), "image/*", True),
        (("image/*",), "image", False),
        (("image/*",), "images/png", False),
        (("*/*",), "text/plain", True),
        (("*/*",), "", True),
        (("*/test",), "a/test", False),
        (("*/test",), "*/test", False),
    ],
)
def test_binary_types(types: tuple[str, ...], media: str, binary: bool) -> None:
    assert BinaryTypes(types).holds(media) == binary


@pytest.mark.parametrize(
    ("body", "binary", "handling", "sent"),
    [
        (RAW, False, None, AS_TEXT),
        (RAW, False, CONVERT_TO_TEXT, AS_TEXT),
        (IN_BASE64, False, CONVERT_TO_BINARY, RAW),
        (b"no base64", False, CONVERT_TO_BINARY, None),
        (RAW, True, None, RAW),
        (RAW, True, CONVERT_TO_BINARY, RAW),
        (RAW, True, CONVERT_TO_TEXT, IN_BASE64),
    ],
)
def test_a_request_s_body(body: bytes, binary: bool, handling: str | None, sent: bytes | None) -> None:
    if sent is None:
        with pytest.raises(Failure):
            request_body(body, binary, handling)
    else:
        assert request_body(body, binary, handling) == sent


@pytest.mark.parametrize(
    ("body", "binary", "accepts", "handling", "sent"),
    [
        (RAW, False, False, None, AS_TEXT),
        (RAW, False, False, CONVERT_TO_TEXT, AS_TEXT),
        (IN_BASE64, False, False, CONVERT_TO_BINARY, RAW),
        (IN_BASE64, False, True, None, RAW),
        (IN_BASE64, False, True, CONVERT_TO_BINARY, RAW),
        (RAW, False, True, CONVERT_TO_TEXT, AS_TEXT),
        (b"no base64", False, True, None, None),
        (RAW, True, False, None, IN_BASE64),
        (RAW, True, False, CONVERT_TO_TEXT, IN_BASE64),
        (RAW, True, False, CONVERT_TO_BINARY, RAW),
        (RAW, True, True, None, RAW),
        (RAW, True, True, CONVERT_TO_BINARY, RAW),
        (RAW, True, True, CONVERT_TO_TEXT, IN_BASE64),
    ],
)
def test_an_answer_s_body(
    body: bytes, binary: bool, accepts: bool, handling: str | None, sent: bytes | None
) -> None:
    if sent is None:
        with pytest.raises(Failure):
            response_body(body, binary, accepts, handling)
    else:
        assert response_body(body, binary, accepts, handling) == sent


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("4\\d{2}", "404", True),
        ("4\\d{2}", "4040", False),
        ("40", "404", False),
        ("4.*|5.*", "504", True),
        ("a|ab", "ab", True),
        (".+", "", False),
        (".*", "", True),
        (".*\\[BadRequest\\].*", "x [BadRequest] y", True),
        ("(\\n|.)+", "line\nline", True),
        (".+", "line\nline", False),
        ("(?s).+", "line\nline", True),
        ("(?i)not found", "Not Found", True),
        ("\\Q[a]\\E+", "[a]]]", True),
        ("\\p{Upper}\\p{Alpha}+", "Error", True),
        ("\\u0041+", "AAA", True),
        ("^4..$", "404", True),
        ("404$", "404\n", False),
    ],
)
def test_selection_patterns(pattern: str, text: str, fits: bool) -> None:
    assert SelectionPattern(pattern).fits(text) is fits


@pytest.mark.parametrize("pattern", ["(", "[", "*", "a{2,1}", "[a-z&&[^b]]", "[a[b]]", "(?<a>b", "x" * 1001])
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError):
        SelectionPattern(pattern)


def test_a_runaway_pattern_is_cut() -> None:
    assert SelectionPattern("(a|a|aa)+").fits("a" * 60 + "!") is None


@pytest.mark.parametrize(
    ("kind", "name", "refused"),
    [
        ("HTTP", "Content-Length", True),
        ("HTTP_PROXY", "x-amzn-trace-id", True),
        ("HTTP", "Authorization", False),
        ("HTTP", "TE", False),
        ("AWS", "authorization", True),
        ("AWS_PROXY", "TE", True),
        ("AWS", "Via", False),
    ],
)
def test_reserved_headers(kind: str, name: str, refused: bool) -> None:
    assert reserved_header(kind, name) == refused


def test_headers_that_are_left_out() -> None:
    assert left_out("HTTP", b"Via") and not left_out("AWS", b"Via")
    assert left_out("AWS", b"Referer") and not left_out("HTTP", b"Referer")
    assert left_out("HTTP_PROXY", b"Expect") and not left_out("HTTP_PROXY", b"Accept")


def test_headers_that_get_another_name() -> None:
    given = [(b"Server", b"s"), (b"User-Agent", b"u"), (b"TE", b"t"), (b"Transfer-Encoding", b"c"), (b"Via", b"v")]
    assert answered("HTTP_PROXY", given) == [
        (b"x-amzn-Remapped-Server", b"s"), (b"User-Agent", b"u"), (b"Via", b"v"),
    ]
    assert answered("HTTP", given) == [
        (b"x-amzn-Remapped-Server", b"s"), (b"x-amzn-Remapped-User-Agent", b"u"), (b"Via", b"v"),
    ]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ('{"statusCode": 200}', 200),
        ("{statusCode: 404}", 404),
        ("{'statusCode': '204', \"other\": 1}", 204),
        ('{"statusCode": "503"}', 503),
        ('\n {\n"statusCode":200,\n}\n', 200),
        ('{"statusCode": 99}', None),
        ('{"statusCode": 600}', None),
        ('{"statusCode": true}', None),
        ('{"statusCode": 2e2}', None),
        ('{"status": 200}', None),
        ("[200]", None),
        ("", None),
        ("[" * 5000, None),
    ],
)
def test_mock_status(text: str, status: int | None) -> None:
    assert mock_status(text) == status


def test_media_types() -> None:
    assert media_type(None) == media_type(b"") == media_type(b" ; x=y") == "application/json"
    assert media_type(b" Text/HTML ; charset=utf-8") == "text/html"
    assert first_accepted(b"Image/PNG;q=0.1, text/html") == "image/png"
    assert first_accepted(None) == ""


def test_a_query_is_read_as_a_form() -> None:
    assert pairs(b"a=1&b&a=%C3%A9+x&=&%ff=%ff") == [
        ("a", b"1"), ("b", b""), ("a", "\u00e9 x".encode()), ("", b""), ("\udcff", b"\xff"),
    ]


@pytest.mark.parametrize("content", [b"", b"no", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json(content: bytes) -> None:
    assert Message([], content).json() is None

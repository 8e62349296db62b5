"""What the engine's C libraries are held to at import, and what a stranger gets: an ImportError with versions."""

import ssl
import subprocess
import sys
from pathlib import Path

import httptools
import pytest
import uvloop

from fastgw._core import nghttp2
from fastgw._core.libssl import libssl_version
from fastgw._core.libuv import libuv_version
from fastgw._core.llhttp import EXPECTED, self_test
from fastgw.addresses import Listen
from fastgw.cli import main
from fastgw.runtime.listen import ListenError, check_http2


def test_the_installed_ones_pass() -> None:
    self_test()
    assert libuv_version().startswith("1.")
    assert libssl_version() == ssl.OPENSSL_VERSION


@pytest.mark.parametrize("number", range(len(EXPECTED)))
def test_callbacks_in_another_order_are_refused(number: int) -> None:
    kind, message, letters = EXPECTED[number]
    swapped = letters[1:2] + letters[:1] + letters[2:]
    with pytest.raises(ImportError) as caught:
        self_test([(kind, message, swapped)])
    text = str(caught.value)
    assert f"httptools {httptools.__version__}" in text
    assert "needs httptools >=" in text
    assert f"gave {letters.decode()}" in text
    assert f"expected {swapped.decode()}" in text


def test_a_message_that_does_not_parse_is_refused() -> None:
    kind, message, letters = EXPECTED[0]
    with pytest.raises(ImportError, match="untested llhttp"):
        self_test([(kind, message.replace(b"\r\n\r\n", b"\0", 1), letters)])


@pytest.mark.parametrize(
    ("patched", "module", "message"),
    [
        (
            "import uvloop.loop, httptools.parser.parser as o; uvloop.loop.__file__ = o.__file__",
            "libuv",
            f"uvloop {uvloop.__version__} does not export uv_tcp_init: fastgw needs uvloop >=",
        ),
        (
            "import httptools.parser.parser as p, uvloop.loop; p.__file__ = uvloop.loop.__file__",
            "llhttp",
            f"httptools {httptools.__version__} does not export llhttp_init: fastgw needs httptools >=",
        ),
        ("import uvloop.loop; uvloop.loop.__file__ = '/nowhere'", "libuv", "cannot open /nowhere"),
        ("import httptools.parser.parser as p; p.__file__ = '/nowhere'", "llhttp", "cannot open /nowhere"),
        (
            "import _ssl, uvloop.loop; _ssl.__file__ = uvloop.loop.__file__",
            "libssl",
            f"Python's ssl module ({ssl.OPENSSL_VERSION}) does not export OpenSSL_version_num: fastgw needs OpenSSL",
        ),
        ("import _ssl; _ssl.__file__ = '/nowhere'", "libssl", "cannot open /nowhere"),
    ],
)
def test_a_library_without_the_symbols_is_refused(patched: str, module: str, message: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", f"{patched}\nimport fastgw._core.{module}"],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 1
    assert f"ImportError: {message}" in ran.stderr


def test_what_is_wrong_with_a_libnghttp2() -> None:
    assert nghttp2.nghttp2_missing(b"libnowhere.so.14") == "libnowhere.so.14 is not here"
    assert nghttp2.nghttp2_missing(b"libc.so.6") == "libc.so.6 is of version unknown, older than 1.52.0"
    if nghttp2.nghttp2_version():
        old = nghttp2.nghttp2_missing(oldest=0x630000)
        assert old == f"libnghttp2.so.14 is of version {nghttp2.nghttp2_version()}, older than 99.0.0"
        assert nghttp2.nghttp2_missing() == ""


def test_without_libnghttp2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    here = capsys.readouterr().out
    assert f"libnghttp2  {nghttp2.nghttp2_version()}" in here and "OpenSSL     OpenSSL 3" in here
    monkeypatch.setattr(nghttp2, "nghttp2_missing", lambda: "libnghttp2.so.14 is not here")
    monkeypatch.setattr(nghttp2, "nghttp2_version", lambda: "")
    assert main(["doctor"]) == 0
    assert "libnghttp2  missing, HTTP/2 is off: libnghttp2.so.14 is not here\n" in capsys.readouterr().out
    check_http2(Listen.parse("127.0.0.1:80 proxy_protocol"))
    why = r"^127\.0\.0\.1:80 http2: there is no HTTP/2, because libnghttp2 is missing: libnghttp2\.so\.14 is not here$"
    with pytest.raises(ListenError, match=why):
        check_http2(Listen.parse("127.0.0.1:80 http2"))

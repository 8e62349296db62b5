"""Says which libraries the engine found, and what is off without them."""

import argparse

from fastgw.cli import OK


def run(_: argparse.Namespace) -> int:
    from fastgw._core.libssl import libssl_version
    from fastgw._core.libuv import libuv_version
    from fastgw._core.libz import libz_version
    from fastgw._core.nghttp2 import nghttp2_missing, nghttp2_version
    from fastgw._core.pcre import pcre_version

    missing = nghttp2_missing()
    rows = [
        ("libuv", libuv_version()),
        ("OpenSSL", libssl_version()),
        ("zlib", libz_version() or "missing: nothing is compressed or unpacked"),
        ("PCRE2", pcre_version() or "missing: definitions with patterns are refused"),
        ("libnghttp2", nghttp2_version() or f"missing, HTTP/2 is off: {missing}"),
    ]
    for name, what in rows:
        print(f"{name:<12}{what}")
    return OK

"""fastgw test-invoke: one request through the definition, and its story."""

import argparse
import sys

import orjson

from fastgw.cli import OK, PROBLEMS, CommandError
from fastgw.cli.definition import header, usable
from fastgw.cli.options import setting_flags, settings


def run(options: argparse.Namespace) -> int:
    """0 where the answer is no server error, 1 where it is one."""
    headers = [header(text) for text in options.headers]
    given = settings(setting_flags(options)).settings
    gateway = usable(options).gateway

    from fastgw.control.invoke import Invocation, invoke

    try:
        told = invoke(gateway, given, Invocation(options.method, options.url, headers, _body(options.data)))
    except (ValueError, OSError) as error:
        raise CommandError(f"fastgw: {error}") from None
    if options.json:
        sys.stdout.buffer.write(orjson.dumps(told.as_json(), option=orjson.OPT_INDENT_2) + b"\n")
    else:
        print(*told.lines(), sep="\n")
    return OK if told.status < 500 else PROBLEMS


def _body(given: str) -> bytes:
    """As it stands, or @FILE's content."""
    if not given.startswith("@"):
        return given.encode()
    try:
        with open(given[1:], "rb") as file:
            return file.read()
    except OSError as error:
        raise CommandError(f"fastgw: {given[1:]}: {error.strerror}") from None

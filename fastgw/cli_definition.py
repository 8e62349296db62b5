"""Commands that read a definition and answer: validate, routes, explain, schema."""

import argparse
import json
import sys
from typing import Any

from fastgw.cli import OK, PROBLEMS, CommandError
from fastgw.cli_options import gateway_of, loaded, setting_flags, settings
from fastgw.load import Problem


def validate(options: argparse.Namespace) -> int:
    found = loaded(options)
    clean = found.gateway is not None
    if options.json:
        json.dump({"valid": clean, "problems": [_as_json(p) for p in found.problems]}, sys.stdout, indent=2)
        print()
    else:
        for problem in found.problems:
            print(problem, file=sys.stderr)
        print(f"{', '.join(options.files)}: {_verdict(found.problems)}")
    return OK if clean else PROBLEMS


def routes(options: argparse.Namespace) -> int:
    from fastgw.control.routes import as_text

    print(as_text(gateway_of(options)))
    return OK


def explain(options: argparse.Namespace) -> int:
    from fastgw.plan.explain import explain as explained

    gateway = gateway_of(options)
    headers = [_header(text) for text in options.headers]
    rows = explained(gateway, settings(setting_flags(options)).settings, options.method, options.url, headers)
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name.ljust(width)}  {value}")
    return OK


def schema(options: argparse.Namespace) -> int:
    from fastgw.load import schema as native_schema

    json.dump(native_schema(), sys.stdout, indent=2)
    print()
    return OK


def _as_json(problem: Problem) -> dict[str, Any]:
    return {
        "severity": problem.severity,
        "file": problem.place.file,
        "line": problem.place.line,
        "column": problem.place.column,
        "code": problem.code,
        "message": problem.message,
    }


def _verdict(problems: tuple[Problem, ...]) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    if not problems:
        return "no problem found"
    return f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name.strip() and colon):
        raise CommandError(f"fastgw: -H {text!r}: expected 'NAME: VALUE'")
    return name.strip(), value.strip()

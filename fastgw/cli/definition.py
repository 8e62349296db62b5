"""Commands that read a definition and answer: validate, routes, explain, schema."""

import argparse
import ipaddress
import json
import sys
from dataclasses import replace
from typing import Any

from fastgw.cli import OK, CommandError
from fastgw.cli.options import loaded, setting_flags, settings, status, usable
from fastgw.load import Loaded, Problem


def validate(options: argparse.Namespace) -> int:
    found = _with_models(loaded(options))
    if options.json:
        problems = [_as_json(problem) for problem in found.problems]
        _print_json({"valid": found.gateway is not None, "problems": problems})
    else:
        for problem in found.problems:
            print(problem, file=sys.stderr)
        print(f"{', '.join(options.files)}: {_verdict(found.problems)}")
    return status(found)


def _with_models(found: Loaded) -> Loaded:
    """With what only shows when models are compiled."""
    if found.gateway is None:
        return found
    from fastgw.plan.checks import examine

    findings = examine(found.gateway)
    problems = [Problem("error" if one.wrong else "warning", one.place, one.message, "model") for one in findings]
    gateway = None if any(one.wrong for one in findings) else found.gateway
    return replace(found, gateway=gateway, problems=(*found.problems, *problems))


def routes(options: argparse.Namespace) -> int:
    from fastgw.control.routes import as_text

    print(as_text(usable(options).gateway))
    return OK


def explain(options: argparse.Namespace) -> int:
    headers = [header(text) for text in options.headers]
    given = settings(setting_flags(options)).settings
    gateway = usable(options).gateway

    from fastgw.plan.explain import explain as explained
    from fastgw.settings import engine_settings

    rows = explained(gateway, given, engine_settings(given), options.method, options.url, headers,
                     _address(options.address))
    from fastgw.cli.keys import what_is_left

    rows += what_is_left(given, dict(rows).get("key", ""))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name.ljust(width)}  {value}")
    return OK


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text)) if text else ""
    except ValueError:
        raise CommandError(f"fastgw: --from {text!r}: expected an address") from None


def schema(options: argparse.Namespace) -> int:
    from fastgw.load.schema import json_schema

    _print_json(json_schema())
    return OK


def _print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=2)
    print()


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


def header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name.strip() and colon):
        raise CommandError(f"fastgw: -H {text!r}: expected 'NAME: VALUE'")
    return name.strip(), value.strip()

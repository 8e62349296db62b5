"""fastgw vtl: render a mapping template with an event from a file, and run a file of cases."""

import argparse
import difflib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from fastgw.cli import OK, PROBLEMS, CommandError
from fastgw.cli.options import setting_flags, settings
from fastgw.parts.transform.inputs import UTIL, Input, overrides
from fastgw.parts.transform.vtl import Limits, RenderError, TemplateError, compile_template
from fastgw.parts.transform.vtl.values import QuietMap

EVENT = {
    "body": ("body",),
    "path": ("pathParameters", "path"),
    "querystring": ("queryStringParameters", "querystring"),
    "header": ("headers", "header"),
    "context": ("requestContext", "context"),
    "stageVariables": ("stageVariables",),
}
"""What a template reads -> its names in an event: those of a function's event, and those of templates."""

CASE = {"name", "template", "file", "event", "variables", "expect", "error"}

_Trace = Callable[[int, str, object], None]


def render(options: argparse.Namespace) -> int:
    source = _read(options.template)
    event = _document(options.event) if options.event else {}
    if not isinstance(event, dict):
        raise CommandError(f"fastgw: {options.event}: expected an object")
    given = variables(event, options.event or "")
    try:
        print(_rendered(options, source, options.template, given), end="")
    except (TemplateError, RenderError) as error:
        raise CommandError(_line(options.template, error), status=PROBLEMS) from None
    _print_overrides(given["context"])
    return OK


def test(options: argparse.Namespace) -> int:
    """Every case of the files; the exit status says whether all were as expected."""
    failed = count = 0
    for path in options.cases:
        for number, case in enumerate(_cases(path), 1):
            name = str(case.get("name", number))
            count += 1
            problem = _problem(options, path, case)
            if problem:
                failed += 1
                print(f"FAILED {path}: {name}\n{problem}")
    print(f"{count} case{'s' * (count != 1)}, {failed} failed")
    return PROBLEMS if failed else OK


def variables(event: Mapping[str, Any], file: str) -> dict[str, Any]:
    """$input, $util, $context and $stageVariables of an event; a body that is no text is taken as JSON."""
    known = {name for names in EVENT.values() for name in names}
    found = {
        name: next((event[key] for key in keys if event.get(key) is not None), {}) for name, keys in EVENT.items()
    }
    if not known & event.keys() and event:
        raise CommandError(f"fastgw: {file}: expected one of {', '.join(sorted(known))}")
    groups = [found[name] if isinstance(found[name], dict) else {} for name in ("path", "querystring", "header")]
    texts = [{name: _text(value) for name, value in group.items()} for group in groups]
    body = found["body"]
    raw = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return {
        "input": Input(raw.encode(), *texts),
        "util": UTIL,
        "context": _quiet(overrides() | found["context"]),
        "stageVariables": found["stageVariables"],
    }


def _quiet(value: Any) -> Any:
    """Maps of $context print nothing."""
    return QuietMap({name: _quiet(item) for name, item in value.items()}) if isinstance(value, dict) else value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _rendered(options: argparse.Namespace, source: str, name: str, given: Mapping[str, Any]) -> str:
    limits = Limits.of(settings(setting_flags(options)).settings)
    template = compile_template(source, name, limits, trace=options.trace)
    return template.render(given, _printed if options.trace else None)


def _printed(line: int, text: str, value: object) -> None:
    shown = "nothing" if value is None else repr(value) if isinstance(value, (str, int, float, dict, list)) else "..."
    print(f"{line}: {text} = {shown[:200]}", file=sys.stderr)


def _problem(options: argparse.Namespace, path: str, case: Mapping[str, Any]) -> str:
    """What a case gives that it should not, or nothing."""
    unknown = case.keys() - CASE
    if unknown or ("template" in case) == ("file" in case) or ("expect" in case) == ("error" in case):
        raise CommandError(f"fastgw: {path}: a case has template or file, expect or error, and may have name, event "
                           f"and variables{f'; found {min(unknown)}' if unknown else ''}")
    file = str(Path(path).parent / case["file"]) if "file" in case else "template"
    source = _read(file) if "file" in case else case["template"]
    given = variables(case.get("event") or {}, path) | (case.get("variables") or {})
    try:
        text = _rendered(options, source, file, given)
    except (TemplateError, RenderError) as error:
        said = _line(file, error)
        return "" if "error" in case and case["error"] in said else f"  {said}"
    if "error" in case:
        return f"  expected an error that says {case['error']!r}, found {text!r}"
    if text == case["expect"]:
        return ""
    lines = difflib.ndiff(case["expect"].splitlines(keepends=True), text.splitlines(keepends=True))
    return "".join(f"  {line[:2]}{line[2:]!r}\n" for line in lines).rstrip("\n")


def _line(file: str, error: TemplateError | RenderError) -> str:
    if isinstance(error, TemplateError):
        return f"{file}:{error.line}:{error.column}: error: {error.message}"
    return f"{file}:{error.line}: error: {error.message}"


def _print_overrides(context: Mapping[str, Any]) -> None:
    """What the template has set for the request or the answer, on stderr."""
    for group in ("requestOverride", "responseOverride"):
        for name, value in context[group].items():
            values = value.items() if isinstance(value, dict) else [("", value)]
            for key, item in values:
                print(f"$context.{group}.{name}{'.' * bool(key)}{key} = {item}", file=sys.stderr)


def _cases(path: str) -> list[dict[str, Any]]:
    found = _document(path)
    cases = found.get("cases") if isinstance(found, dict) else found
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        raise CommandError(f"fastgw: {path}: expected a list of cases")
    return cases


def _document(path: str) -> Any:
    """YAML, of which JSON is a part."""
    try:
        return yaml.safe_load(_read(path))
    except yaml.YAMLError as error:
        raise CommandError(f"fastgw: {path}: {' '.join(str(error).split())}") from None


def _read(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"fastgw: {path}: {getattr(error, 'strerror', None) or error}") from None

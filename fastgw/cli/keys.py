"""Commands about API keys and what they have used; they speak to the ops listener of a running gateway."""

import argparse
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastgw.cli import OK, PROBLEMS, CommandError
from fastgw.cli.gateway import ask
from fastgw.cli.options import setting_flags, settings
from fastgw.settings import Settings


def keys(options: argparse.Namespace) -> int:
    """new, list, enable, disable."""
    return {"new": _new, "list": _list, "enable": _switch, "disable": _switch}[options.action](options)


def plans(options: argparse.Namespace) -> int:
    rows = [("PLAN", "RATE/S", "BURST", "QUOTA", "STAGES")]
    for plan in _told(options, "GET", "/plans")["plans"]:
        throttle, quota = plan["throttle"], plan["quota"]
        stages = ", ".join(f"{stage['api']}/{stage['stage']}" for stage in plan["stages"])
        rows.append((
            plan["name"],
            f"{throttle['rate']:g}" if throttle else "-",
            str(throttle["burst"]) if throttle else "-",
            f"{quota['limit']:,} a {quota['period'].lower()}" if quota else "-",
            stages or "-",
        ))  # fmt: skip
    _table(rows)
    return OK


def usage(options: argparse.Namespace) -> int:
    """What a key has used and has left, under each of its plans."""
    key = _told(options, "GET", f"/usage?{urlencode({'key': options.key})}")
    print(f"{key['name']}: {'enabled' if key['enabled'] else 'disabled'}")
    for plan in key["plans"]:
        print(f"  {plan['plan']}:{'' if len(plan) > 1 else ' no limit'}")
        if "throttle" in plan:
            limit = plan["throttle"]
            print(f"    {limit['left']:,} of {limit['burst']:,} at once, {limit['rate']:g} a second")
        if "quota" in plan:
            quota = plan["quota"]
            used = f"{quota['used']:,} of {quota['limit']:,} a {quota['period'].lower()} used"
            print(f"    {used}, {quota['left']:,} left until {quota['resets']}")
    return OK


def what_is_left(given: Settings, key: str) -> list[tuple[str, str]]:
    """Rows for `fastgw explain`: what the running gateway, where there is one, still grants a key of this name."""
    try:
        status, answer = ask(given, "GET", f"/usage?{urlencode({'key': key})}") if key else (404, "")
    except CommandError:
        return []
    rows = []
    for plan in json.loads(answer)["plans"] if status == 200 else ():
        if "throttle" in plan:
            rows.append(("left of PLAN", f"{plan['throttle']['left']:,} at once, plan {plan['plan']}"))
        if "quota" in plan:
            quota = plan["quota"]
            rows.append(("left of QUOTA", f"{quota['left']:,} until {quota['resets']}, plan {plan['plan']}"))
    return rows


def _new(options: argparse.Namespace) -> int:
    given: dict[str, Any] = {"name": options.name, "plans": options.plan}
    if options.value_file:
        given["value"] = _value(options.value_file)
    print(_told(options, "POST", "/keys", given)["value"])
    return OK


def _value(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise CommandError(f"fastgw: cannot use {file}: {why.lower()}") from None


def _list(options: argparse.Namespace) -> int:
    rows = [("KEY", "ENABLED", "PLANS")]
    after = ""
    while page := _told(options, "GET", f"/keys?{urlencode({'after': after} if after else {})}")["keys"]:
        rows += [(key["name"], "yes" if key["enabled"] else "no", ", ".join(key["plans"]) or "-") for key in page]
        after = page[-1]["name"]
    _table(rows)
    return OK


def _switch(options: argparse.Namespace) -> int:
    _told(options, "POST", f"/keys/{options.action}?{urlencode({'key': options.name})}")
    print(f"{options.name} is {options.action}d")
    return OK


def _told(options: argparse.Namespace, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """The answer's JSON. Raises CommandError with what the gateway says against it."""
    text = json.dumps(body) if body is not None else None
    status, answer = ask(settings(setting_flags(options)).settings, method, path, text)
    if status >= 300:
        raise CommandError(*(f"fastgw: {line}" for line in answer.strip().splitlines()), status=PROBLEMS)
    return json.loads(answer) if answer else {}


def _table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())

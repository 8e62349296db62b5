"""`fastgw import`: definitions and templates taken over into a fastgw.yaml, and a report of what becomes of them."""

import argparse
import json
import os
import sys
from collections import Counter

from fastgw.cli import CommandError
from fastgw.cli.options import load_options, status
from fastgw.load.importing import Imported, import_definitions
from fastgw.load.report import OUTCOMES, Construct


def run(options: argparse.Namespace) -> int:
    """Writes nothing where something is refused, or where only the report is asked for."""
    found = import_definitions(options.files, load_options(options), options.mode, options.fail_on_warnings)
    if options.json:
        json.dump(_as_json(found), sys.stdout, indent=2)
        print()
    elif options.report:
        _print(found)
    else:
        for problem in found.loaded.problems:
            print(problem, file=sys.stderr)
    if found.loaded.gateway is not None and (options.output is not None or not (options.report or options.json)):
        _write(found, options.output or ".", options.force, quiet=options.json)
    return status(found.loaded)


def _write(found: Imported, folder: str, force: bool, quiet: bool) -> None:
    texts = found.texts(folder)
    there = [name for name in texts if os.path.exists(os.path.join(folder, name))]
    if there and not force:
        raise CommandError(f"fastgw: {os.path.join(folder, there[0])} is there already; --force writes over it")
    secret = bool(found.native.get("keys"))
    try:
        for name, text in texts.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            # Keys of a template stand in it: nobody else is to read them.
            mode = 0o600 if secret and name == "fastgw.yaml" else 0o644
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        why = (error.strerror or "").lower()
        raise CommandError(f"fastgw: cannot write {error.filename or folder}: {why}") from None
    if not quiet:
        print(f"wrote {', '.join(os.path.join(folder, name) for name in texts)}")


def _print(found: Imported) -> None:
    width = max((len(one.kind) for one in found.constructs), default=0)
    file = None
    for one in found.constructs:
        if one.place.file != file:
            file = one.place.file
            print(file)
        print(f"  {one.outcome.ljust(7)}  {one.kind.ljust(width)}  {one.name}")
        for how in one.how:
            print(f"  {'':7}  {'':{width}}    {how}")
    print(_summary(found.constructs))


def _summary(constructs: tuple[Construct, ...]) -> str:
    counts = Counter(one.outcome for one in constructs)
    return ", ".join(f"{counts[outcome]} {'served differently' if outcome == 'differs' else outcome}"
                     for outcome in OUTCOMES)


def _as_json(found: Imported) -> dict[str, object]:
    return {
        "importable": found.loaded.gateway is not None,
        "counts": {outcome: sum(one.outcome == outcome for one in found.constructs) for outcome in OUTCOMES},
        "constructs": [
            {"kind": one.kind, "name": one.name, "file": one.place.file, "line": one.place.line,
             "column": one.place.column, "outcome": one.outcome, "how": list(one.how)}
            for one in found.constructs
        ],
    }


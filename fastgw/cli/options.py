"""From parsed flags to what the rest of the program takes."""

import argparse
from collections.abc import Iterator, Mapping

from fastgw.cli import OK, PROBLEMS, USAGE, CommandError
from fastgw.load import Loaded, LoadOptions, load
from fastgw.model.api import ApiKind
from fastgw.model.validation import Mode
from fastgw.settings import Given, Resolved, SettingsError, resolve


def load_options(options: argparse.Namespace) -> LoadOptions:
    return LoadOptions(
        params=dict(_pairs("--param", options.param)),
        values=tuple(options.values),
        stage=options.stage,
        kind=ApiKind(options.kind) if options.kind else None,
        basepath=options.basepath,
        upstream=options.upstream,
        allow_unenforced=frozenset(
            name.strip() for text in options.allow_unenforced for name in text.split(",") if name.strip()
        ),
        validation=Mode(options.validation),
    )


def setting_flags(options: argparse.Namespace) -> dict[str, Given]:
    """The settings given as flags; --set is weaker than a setting's own flag."""
    flags = {name: Given(value, f"flag --set {name}") for name, value in _pairs("--set", options.set)}
    for name in ("listen", "ops", "workers"):
        if getattr(options, name) is not None:
            flags[name] = Given(getattr(options, name), f"flag --{name}")
    return flags


def settings(flags: Mapping[str, Given], file: Mapping[str, Given] | None = None) -> Resolved:
    """Raises CommandError with every problem."""
    try:
        return resolve(flags, file)
    except SettingsError as error:
        raise CommandError(*(f"fastgw: {line}" for line in error.problems)) from None


def loaded(options: argparse.Namespace) -> Loaded:
    return load(options.files, load_options(options))


def status(found: Loaded) -> int:
    """The exit status that what was read deserves."""
    if found.gateway is not None:
        return OK
    return USAGE if any(problem.code == "unreadable" for problem in found.problems) else PROBLEMS


def usable(options: argparse.Namespace) -> Loaded:
    """What was read, with a gateway. Raises CommandError with every problem where there is none."""
    found = loaded(options)
    if found.gateway is None:
        raise CommandError(*map(str, found.problems), status=status(found))
    return found


def _pairs(flag: str, texts: list[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise CommandError(f"fastgw: {flag} {text}: expected NAME=VALUE")
        yield name, value

"""Text -> model: definitions and fastgw.yaml read into a frozen Gateway, every problem with its place."""

import gc
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from os.path import basename

from fastgw.load.definition import execute_api_id, read_definitions
from fastgw.load.document import Document, read
from fastgw.load.functions import check_functions
from fastgw.load.guards import ALLOWABLE
from fastgw.load.native import NativeFile, Settings, is_native
from fastgw.load.openapi import Choices
from fastgw.load.params import Params
from fastgw.load.plain import check_upstream_url
from fastgw.load.problem import Problem, Problems, did_you_mean, one_of, shown
from fastgw.load.reader import Reader
from fastgw.load.schema import STAGE_NAME
from fastgw.load.templates import is_template, read_template
from fastgw.load.values import read_values
from fastgw.load.whole import check_whole
from fastgw.model.api import ApiKind
from fastgw.model.gateway import ANY_HOST, DEFAULT_STAGE, Domain, Gateway, Stage
from fastgw.model.gateway import Mapping as BasePathMapping
from fastgw.model.place import Place
from fastgw.model.validation import Mode

__all__ = ["ALLOWABLE", "LoadOptions", "Loaded", "Problem", "load"]


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What the command line says about definitions.

    params            values of ${NAME}
    values            files of such values; those of params go before them
    stage             the one stage of a definition given without a fastgw.yaml
    kind              None: told by the definition
    basepath          what a definition's own base path does to its routes: "ignore", "prepend", "split"
    upstream          URL for operations without an integration
    allow_unenforced  names of ALLOWABLE: checks that are asked for and may be left out
    validation        how stages check requests that do not say so themselves
    """

    params: Mapping[str, str] = field(default_factory=dict)
    values: tuple[str, ...] = ()
    stage: str = DEFAULT_STAGE
    kind: ApiKind | None = None
    basepath: str = "ignore"
    upstream: str | None = None
    allow_unenforced: frozenset[str] = frozenset()
    validation: Mode = Mode.AWS


@dataclass(frozen=True, slots=True)
class Loaded:
    """gateway is None exactly when problems hold an error.

    settings  those of a fastgw.yaml: name -> (value as written, its place), not checked here
    """

    gateway: Gateway | None
    problems: tuple[Problem, ...]
    settings: Settings = field(default_factory=dict)


def load(files: Sequence[str], options: LoadOptions | None = None) -> Loaded:
    """Read one fastgw.yaml, or one definition. Never raises for what a file holds, never uses the network."""
    problems = Problems()
    with resting():
        gateway, settings = _load(files, options or LoadOptions(), problems)
        if gateway is not None:
            check_gateway(gateway, problems)
    found = problems.by_place()
    return Loaded(None if problems.has_errors() else gateway, found, settings)


def check_gateway(gateway: Gateway, problems: Problems) -> None:
    """What shows only in the whole of it."""
    check_functions(gateway, problems)
    check_whole(gateway, problems)


def _load(files: Sequence[str], options: LoadOptions, problems: Problems) -> tuple[Gateway | None, Settings]:
    if not files:
        problems.error(Place("-", 1, 1), "no-file", "no file is given")
        return None, {}
    values = {**read_values(options.values, problems), **options.params}
    documents = [document for file in files if (document := read(file, problems)) is not None]
    if len(documents) < len(files):
        return None, {}
    native = [document for document in documents if is_native_file(document)]
    if len(documents) > 1:
        place = documents[1].view().place
        if native:
            problems.error(place, "too-many", "a fastgw.yaml names its definitions itself; give it alone")
        else:
            problems.error(place, "too-many", f"{len(documents)} definitions would share the root; write a "
                           "fastgw.yaml that names them and says which host or base path each answers")
        return None, {}
    if not check_options(options, problems):
        return None, {}
    choices = Choices(options.kind, options.basepath, options.upstream, frozenset(options.allow_unenforced),
                      modes=frozenset({options.validation}))
    if native:
        return NativeFile(documents[0], problems, values, choices).read()
    if is_template(documents[0].view()):
        return _template(documents[0], problems, options, values, choices)
    return _plain(documents[0], problems, options, values, choices), {}


def _template(document: Document, problems: Problems, options: LoadOptions, values: Mapping[str, str],
              choices: Choices) -> tuple[Gateway | None, Settings]:
    """The APIs of a template with their stages, plans and domains."""
    reader = Reader(problems, Params(values))
    template = read_template(reader, document.view(), options.stage, choices.allow_unenforced)
    if template is None:
        return None, {}
    return NativeFile(template.native, problems, values, choices, template.definitions).read()


def check_options(options: LoadOptions, problems: Problems) -> bool:
    if re.fullmatch(STAGE_NAME, options.stage) is None:
        problems.error(Place("--stage", 1, 1), "bad-name", f"{shown(options.stage)} is no stage name; write "
                       '"$default", or 1 to 128 letters, digits, - and _')
    for name in sorted(options.allow_unenforced.difference(ALLOWABLE)):
        problems.error(Place("--allow-unenforced", 1, 1), "unknown-value", f"{shown(name)} is no check; allowed "
                       f"are {one_of(ALLOWABLE)}{did_you_mean(name, ALLOWABLE)}")
    if options.upstream is not None:
        check_upstream_url(options.upstream, Place("--upstream", 1, 1), problems)
    return not problems.has_errors()


def is_native_file(document: Document) -> bool:
    return is_native(document.view()) or basename(document.file) in ("fastgw.yaml", "fastgw.yml")


def _plain(document: Document, problems: Problems, options: LoadOptions, values: Mapping[str, str],
           choices: Choices) -> Gateway | None:
    """One API with one stage, at the root of every host."""
    api = read_definitions([document], problems, Params(values), choices)
    if api is None:
        return None
    api = replace(api, id=execute_api_id(api.name, set()))
    domain = Domain(ANY_HOST, (BasePathMapping("", api.name, None),))
    return Gateway((api,), (Stage(api.name, options.stage, validation=options.validation),), (domain,))


@contextmanager
def resting() -> Iterator[None]:
    """Reading makes many objects and no garbage: the collector would only look at them again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

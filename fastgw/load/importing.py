"""Definitions and templates taken over: a fastgw.yaml, the definitions that it names, and what becomes of each part."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from os.path import basename, relpath, splitext

from fastgw.load import Loaded, LoadOptions, Settings, check_gateway, check_options, is_native_file, resting
from fastgw.load.assembly import Assembly
from fastgw.load.document import Document, View, read
from fastgw.load.native import NativeFile
from fastgw.load.openapi import Choices
from fastgw.load.params import Params
from fastgw.load.problem import Problems, shown
from fastgw.load.reader import Reader
from fastgw.load.report import Construct, constructs
from fastgw.load.templates import is_template, read_template
from fastgw.load.values import read_values
from fastgw.load.yaml_write import write
from fastgw.model.api import ApiKind
from fastgw.model.gateway import DEFAULT_STAGE, Gateway
from fastgw.model.validation import Mode

FOLDER = "definitions"
"""Where definitions are put, beside the fastgw.yaml."""


@dataclass(frozen=True, slots=True)
class Imported:
    """native and definitions as they are to be written; without a gateway there is nothing to write."""

    loaded: Loaded
    native: dict[str, object]
    definitions: dict[str, object]
    constructs: tuple[Construct, ...]

    def texts(self, folder: str) -> dict[str, str]:
        """Path below the folder -> text."""
        native = dict(self.native)
        functions = native.get("functions")
        if isinstance(functions, dict):
            native["functions"] = {name: {**one, "code": relpath(one["code"], folder)}
                                   for name, one in functions.items()}
        return {"fastgw.yaml": write(native)} | {
            f"{FOLDER}/{name}": write(value) for name, value in self.definitions.items()}


def import_definitions(files: Sequence[str], options: LoadOptions, mode: str | None = None,
                       fail_on_warnings: bool = False) -> Imported:
    """mode: all definitions are one API's, put together so; None: each is an API of its own."""
    problems = Problems()
    with resting():
        return _Import(problems, options, mode, fail_on_warnings).read(files)


class _Import:
    def __init__(self, problems: Problems, options: LoadOptions, mode: str | None, fail_on_warnings: bool) -> None:
        self._problems = problems
        self._options = options
        self._mode = mode
        self._fail = fail_on_warnings
        self._definitions: dict[str, Document] = {}
        self._templates: list[tuple[Document, Collection[str]]] = []

    def read(self, files: Sequence[str]) -> Imported:
        self._values = {**read_values(self._options.values, self._problems), **self._options.params}
        documents = [document for file in files if (document := read(file, self._problems)) is not None]
        gateway, settings, native = None, {}, {}
        if len(documents) == len(files) and check_options(self._options, self._problems):
            gateway, settings, native = self._gateway(documents)
        loaded = Loaded(None if self._problems.has_errors() else gateway, self._problems.by_place(), settings)
        made = {name: document.value for name, document in self._definitions.items()}
        return Imported(loaded, native, made, constructs(
            self._templates, list(self._definitions.values()), gateway, loaded.problems))

    def _gateway(self, documents: list[Document]) -> tuple[Gateway | None, Settings, dict[str, object]]:
        self._made = Assembly(documents[0].view())
        self._made.set(("fastgw",), 1, documents[0].view())
        self._made.set(("apis",), {}, documents[0].view())
        plain = []
        for document in documents:
            if is_native_file(document):
                self._problems.error(document.view().place, "not-a-definition", f"{document.file} is a fastgw.yaml; it "
                                     "is what an import makes")
            elif is_template(document.view()):
                self._template(document)
            else:
                plain.append(document)
        self._plain(plain)
        if not self._made.at(("apis",)):
            return None, {}, {}
        self._choose()
        whole = self._made.document()
        gateway, settings = NativeFile(whole, self._problems, {}, Choices(), self._placed()).read()
        if gateway is not None:
            check_gateway(gateway, self._problems)
        return gateway, settings, self._made.value

    def _placed(self) -> dict[str, Document]:
        return {f"{FOLDER}/{name}": document for name, document in self._definitions.items()}

    def _template(self, document: Document) -> None:
        reader = Reader(self._problems, Params(self._values))
        template = read_template(reader, document.view(), self._options.stage, self._options.allow_unenforced)
        self._templates.append((document, template.present if template is not None else document.view().value))
        if template is None:
            return
        for section, view in template.native.view().items():
            for name, one in view.items():
                if name in self._made.at((section,)):
                    self._problems.error(one.key_place, "conflict", f"{section} {shown(name)} is in another file too")
                self._made.take((section, name), one)
        for name, api in template.native.view().get("apis").items():
            names = api.value["definition"]
            files = [names] if isinstance(names, str) else names
            self._define(name, [f"{FOLDER}/{file}" for file in files], document.view())
        self._definitions |= template.definitions

    def _plain(self, documents: list[Document]) -> None:
        """Definitions as they stand: each an API, or all of them one."""
        names: list[str] = []
        parts: dict[str, list[str]] = {}
        for document in documents:
            root = document.view()
            if not names or self._mode is None:
                names.append(self._free_name(root))
                self._made.set(("apis", names[-1]), {}, root)
            file = f"{splitext(basename(document.file))[0]}.yaml"
            while file in self._definitions:
                file = f"{splitext(file)[0]}-2.yaml"
            self._definitions[file] = document
            parts.setdefault(names[-1], []).append(f"{FOLDER}/{file}")
            self._define(names[-1], parts[names[-1]], root)
        for name in names:
            path = ("apis", name)
            if self._values:
                self._made.set((*path, "parameters"), self._values, documents[0].view())
            if self._options.stage != DEFAULT_STAGE:
                self._made.set((*path, "stages", self._options.stage), {}, documents[0].view())

    def _define(self, name: str, files: list[str], at: View) -> None:
        self._made.set(("apis", name, "definition"), files if len(files) > 1 else files[0], at)

    def _free_name(self, root: View) -> str:
        info = root.get("info")
        title = info.get("title") if info is not None else None
        filled = Params(self._values).fill(title).text if title is not None else None
        base = (filled or splitext(basename(root.document.file))[0]).strip()[:200] or "api"
        found, number = base, 1
        while found in self._made.at(("apis",)):
            number += 1
            found = f"{base} {number}"
        return found

    def _choose(self) -> None:
        """What the command line says of every API."""
        options = self._options
        at = View(self._made.document(), self._made.value, ())
        for name in list(self._made.at(("apis",))):
            path = ("apis", name)
            own = self._made.at(path)
            chosen = {
                "kind": options.kind.name if isinstance(options.kind, ApiKind) else None,
                "basepath": options.basepath if options.basepath != "ignore" else None,
                "upstream": options.upstream,
                "mode": self._mode if isinstance(own["definition"], list) else None,
                "fail_on_warnings": True if self._fail else None,
                "allow_unenforced": sorted(options.allow_unenforced) or None,
            }
            for key, value in chosen.items():
                if value is not None and key not in own:
                    self._made.set((*path, key), value, at)
            if options.validation is not Mode.AWS:
                for stage in list(self._made.at((*path, "stages"))) or [DEFAULT_STAGE]:
                    self._made.set((*path, "stages", stage, "validation"), options.validation.value, at)


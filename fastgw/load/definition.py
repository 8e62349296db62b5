"""The documents of one API, in whichever of the known forms -> one model.Api."""

import re
from collections.abc import Sequence

from fastgw.load.document import Document
from fastgw.load.merge import merged
from fastgw.load.openapi import Choices, read_api
from fastgw.load.params import Params
from fastgw.load.problem import Problems
from fastgw.load.reader import Reader
from fastgw.load.templates import is_template, read_template
from fastgw.model.api import Api
from fastgw.model.gateway import DEFAULT_STAGE


def read_definitions(documents: Sequence[Document], problems: Problems, params: Params, choices: Choices,
                     name: str | None = None, mode: str = "merge") -> Api | None:
    """name defaults to the definition's title; mode of several documents: "merge" or "overwrite".

    The id is left empty: the caller knows its neighbours.
    """
    reader = Reader(problems, params)
    apis = [read_api(reader, part.view(), choices, name) for document in documents
            for part in _parts(document, reader, choices)]
    found = [api for api in apis if api is not None]
    return merged(found, mode, problems) if found and len(found) == len(apis) else None


def _parts(document: Document, reader: Reader, choices: Choices) -> list[Document]:
    """A definition itself; of a template the documents of its one API."""
    root = document.view()
    if not is_template(root):
        return [document]
    template = read_template(reader, root, DEFAULT_STAGE, choices.allow_unenforced)
    if template is None:
        return []
    apis = template.native.value["apis"]
    if len(apis) > 1:
        reader.problems.error(root.place, "too-many", f"this template holds {len(apis)} APIs ({', '.join(apis)}); give "
                              "it alone, or have fastgw import take it apart")
    return list(template.definitions.values())


def execute_api_id(name: str, taken: set[str]) -> str:
    """An id made from a name: letters and digits, with a number behind where another API has it."""
    base = re.sub(r"[^a-z0-9]", "", name.lower())[:40] or "api"
    found, number = base, 1
    while found in taken:
        number += 1
        found = f"{base}{number}"
    return found

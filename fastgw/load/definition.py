"""One definition file -> one model.Api, whichever of the known forms it has."""

import re
from dataclasses import replace

from fastgw.load import cloudformation
from fastgw.load.document import Document
from fastgw.load.guards import Guards
from fastgw.load.openapi import Choices, read_api
from fastgw.load.params import Params
from fastgw.load.problem import Problems
from fastgw.load.reader import Reader
from fastgw.model.api import Api


def read_definition(document: Document, problems: Problems, params: Params, choices: Choices,
                    name: str | None = None) -> Api | None:
    """name defaults to the definition's title. The id is left empty: the caller knows its neighbours."""
    reader = Reader(problems, params)
    root = document.view()
    if not cloudformation.is_template(root):
        return read_api(reader, root, choices, name)
    body = cloudformation.find_body(reader, root)
    if body is None:
        return None
    reader = Reader(problems, params.with_defaults(body.defaults))
    inner = document.part(body.view).view()
    guards = Guards(reader, inner, choices.allow_unenforced)
    cloudformation.check_properties(reader, body, guards)
    guards.report()
    return read_api(reader, inner, replace(choices, kind=choices.kind or body.kind), name)


def execute_api_id(name: str, taken: set[str]) -> str:
    """An id made from a name: letters and digits, with a number behind where another API has it."""
    base = re.sub(r"[^a-z0-9]", "", name.lower())[:40] or "api"
    found, number = base, 1
    while found in taken:
        number += 1
        found = f"{base}{number}"
    return found

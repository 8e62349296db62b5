"""Templates that the service rendered: the same text, character for character."""

import pytest

from fastgw.parts.transform.vtl import compile_template
from tests.support.shared import load

CASES = load("conformance/aws_rendered_vtl.json")["cases"]


def test_all_are_here() -> None:
    assert len(CASES) >= 55


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_rendered(case: dict) -> None:
    assert not case["ignore_whitespace"]
    assert compile_template(case["template"], case["id"]).render(case["context"]) == case["aws"]

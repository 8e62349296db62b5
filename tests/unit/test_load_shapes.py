"""Definitions nobody here wrote: each loads, and what is said about it is kept in tests/golden/shapes."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from fastgw.load import ALLOWABLE, Loaded, LoadOptions, load
from tests.support.load_files import UPSTREAM, definition

SHARED = Path(__file__).parents[2].parent / "shared"
GOLDEN = Path(__file__).parents[1] / "golden" / "shapes"
DEFINITIONS = sorted(
    path for folder in ("aws_docs", "localstack") for path in (SHARED / "openapi" / folder).glob("*")
)
AUTHORIZER = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/authorizer/invocations"
POOL = "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_x"
PARAMS = {"uri": UPSTREAM, "authorizer_lambda_invocation_arn": AUTHORIZER, "cognito_pool_arn": POOL}
"""What some of them leave open."""

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not beside the repository")


def told(loaded: Loaded, file: str) -> str:
    """What a golden file keeps: kind, routes by what they do, and every problem."""
    lines = []
    for api in loaded.gateway.apis if loaded.gateway is not None else ():
        kinds = Counter(type(route.integration).__name__ for route in api.routes)
        count = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        lines.append(f"{api.kind.value} {api.name!r}: {len(api.routes)} routes ({count})")
    return "\n".join([*lines, *(str(problem).replace(file, "") for problem in loaded.problems)]) + "\n"


def agrees(name: str, text: str) -> None:
    expected = GOLDEN / f"{name}.expected"
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(text)
    assert text == expected.read_text()


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.name)
def test_every_shared_definition_loads(path: Path) -> None:
    strict = load([str(path)], LoadOptions(params=PARAMS))
    loaded = load([str(path)], LoadOptions(params=PARAMS, allow_unenforced=frozenset(ALLOWABLE)))
    assert loaded.gateway is not None
    refused = [problem for problem in strict.problems if problem.severity == "error"]
    assert all(problem.code == "unenforced" for problem in refused), "only checks need a flag"
    agrees(path.name, told(loaded, str(path)))


RECORDED = (
    json.loads((SHARED / "conformance" / "aws_recorded_apis.json").read_text()) if SHARED.is_dir() else {}
)


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_api_loads(name: str, tmp_path: Path) -> None:
    path = tmp_path / "api.json"
    path.write_text(json.dumps(RECORDED[name], indent=1).replace("{{upstream}}", UPSTREAM))
    loaded = load([str(path)], LoadOptions(allow_unenforced=frozenset(ALLOWABLE)))
    operations = sum(len(item) for item in RECORDED[name]["paths"].values())
    assert len(loaded.gateway.apis[0].routes) == operations
    agrees(f"recorded-{name}", told(loaded, str(path)))


def test_all_of_github(tmp_path: Path) -> None:
    routes = json.loads((SHARED / "openapi" / "github_routes.json").read_text())["routes"]
    paths = {
        route["path"]: {method.lower(): {"responses": {}} for method in route["methods"]} for route in routes
    }
    path = tmp_path / "github.json"
    path.write_text(json.dumps(definition(paths, servers=[{"url": UPSTREAM}])))
    loaded = load([str(path)])
    assert loaded.problems == ()
    found = {(route.method, route.path): route.integration.uri for route in loaded.gateway.apis[0].routes}
    assert len(found) == 1223
    assert found == {
        (method, route["path"]): UPSTREAM + route["path"] for route in routes for method in route["methods"]
    }

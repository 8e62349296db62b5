"""Big tables: GitHub's 1,223 operations and a generated set; every path resolves to its own operation."""

import json
import random
import re
from pathlib import Path

import pytest

from fastgw._core.path import canonical
from fastgw._core.router import Router
from fastgw.model.api import METHODS

GITHUB = Path(__file__).parents[3] / "shared" / "openapi" / "github_routes.json"

Operation = tuple[str, str]


def github_operations() -> list[Operation]:
    if not GITHUB.exists():
        pytest.skip("shared/openapi/github_routes.json is not beside this checkout")
    routes = json.loads(GITHUB.read_bytes())["routes"]
    return [(method, route["path"]) for route in routes for method in route["methods"]]


def generated_operations() -> list[Operation]:
    """1,000 operations on nested collections whose names share prefixes; some end in a greedy variable."""
    chance = random.Random(20)
    stems = ["app", "apps", "application", "user", "users", "repo", "repos", "report", "a", "team"]
    paths: set[str] = {"/"}
    operations: list[Operation] = []
    while len(operations) < 1000:
        path = ""
        for depth in range(chance.randint(1, 5)):
            path += f"/{chance.choice(stems)}{chance.choice(['', '', '.json', str(depth)])}"
            path += chance.choice(["", "/{id}", "/{id}", "/{id}/latest"])
        path += chance.choice(["", "", "", "/files/{rest+}"])
        if path not in paths:
            paths.add(path)
            operations += [(method, path) for method in chance.sample(METHODS, chance.randint(1, 3))]
    return operations[:1000]


def fill(path: str) -> tuple[bytes, list[bytes]]:
    """The route's path with a value in place of each variable, no value like any word of the tables."""
    values: list[bytes] = []

    def value(variable: re.Match[str]) -> str:
        tail = "/x%2F~/%C3%A9" if variable[0].endswith("+}") else ""
        values.append(f"~{len(values)}%3A{tail}".encode())
        return values[-1].decode()

    return re.sub(r"\{[^}]+\}", value, path).encode(), values


@pytest.mark.parametrize(("source", "count"), [(github_operations, 1223), (generated_operations, 1000)])
def test_every_path_resolves_to_its_own_operation(source, count):
    operations = source()
    assert len(operations) == count
    router = Router((METHODS.index(verb), path.encode(), i) for i, (verb, path) in enumerate(operations))
    for i, (verb, route) in enumerate(operations):
        path, values = fill(route)
        assert canonical(path, pass_encoded_slash=True) == path
        assert router.match(METHODS.index(verb), path) == (i, values), route
        if not route.endswith("+}"):
            assert router.match(METHODS.index(verb), path + b"/") == (i, values), route


@pytest.mark.parametrize("source", [github_operations, generated_operations])
def test_a_verb_without_an_operation_goes_to_a_wider_route_or_nowhere(source):
    operations = source()
    router = Router((METHODS.index(verb), path.encode(), i) for i, (verb, path) in enumerate(operations))
    declared: dict[str, set[str]] = {}
    for verb, route in operations:
        declared.setdefault(route, set()).add(verb)
    wider = 0
    for route, verbs in declared.items():
        path, _ = fill(route)
        for verb in set(METHODS) - verbs:
            found = router.match(METHODS.index(verb), path)
            if found is not None:
                wider += 1
                assert operations[found[0]][0] == verb
                assert "{" in operations[found[0]][1]
    assert wider > 0

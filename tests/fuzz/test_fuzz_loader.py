"""Fuzz target of the definition loader: whatever a file holds, load() answers and never raises.

The committed corpus is replayed as it is, then mutated from fixed seeds. FUZZ_ROUNDS raises the number
of mutations for a long run.
"""

import os
import random
import shutil
from pathlib import Path

import pytest

from fastgw.load import ALLOWABLE, LoadOptions, load
from fastgw.model.gateway import Gateway
from fastgw.model.integration import HttpProxy

CORPUS = Path(__file__).parent / "loader_corpus"
SEEDS = sorted(CORPUS.iterdir())
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "40"))

TOKENS = (
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b'"',
    b"'",
    b"\n",
    b"  ",
    b"- ",
    b"&a ",
    b"*a",
    b"<<: *a",
    b"!Sub ",
    b"!Ref ",
    b"!GetAtt ",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"0",
    b"${x}",
    b"${stageVariables.x}",
    b"{proxy+}",
    b"{id}",
    b"$ref",
    b"#/paths",
    b"$default",
    b"\\ud800",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\t",
    b"---\n",
    b"%",
    b"|",
    b"http://",
    b"https://a/",
    b"mock",
    b"HTTP_PROXY",
    b"x-amazon-apigateway-",
    b"Fn::Join",
    b"openapi",
    b"Resources",
)


def check(path: Path) -> None:
    for allowed in (frozenset(), frozenset(ALLOWABLE)):
        loaded = load(
            [str(path)], LoadOptions(params={"x": "y"}, basepath="prepend", allow_unenforced=allowed)
        )
        errors = [problem for problem in loaded.problems if problem.severity == "error"]
        assert (loaded.gateway is None) == bool(errors)
        for problem in loaded.problems:
            assert problem.place.line >= 1 and problem.place.column >= 1
            assert str(problem).isprintable()
        if loaded.gateway is not None:
            check_gateway(loaded.gateway)


def check_gateway(gateway: Gateway) -> None:
    """What the plan relies on."""
    names = {api.name for api in gateway.apis}
    assert {stage.api for stage in gateway.stages} <= names
    assert {mapping.api for domain in gateway.domains for mapping in domain.mappings} <= names
    for api in gateway.apis:
        assert api.id.isascii() and api.id.isalnum()
        for route in api.routes:
            assert route.path == "$default" or route.path.startswith("/")
            uri = getattr(route.integration, "uri", "")
            assert uri.isascii() and uri.isprintable()
            assert uri.startswith("http://") or not isinstance(route.integration, HttpProxy)


def mutate(data: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 4)):
        start, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        end = min(end, start + chance.choice((1, 2, 8, 64)))
        match chance.randrange(5):
            case 0:
                data = data[:start] + data[end:]
            case 1:
                data = data[:start] + chance.choice(TOKENS) + data[start:]
            case 2:
                data = data[:start] + chance.choice(TOKENS) + data[end:]
            case 3:
                data = data[:start] + data[start:end] * 2 + data[end:]
            case 4:
                at = chance.randrange(len(data) + 1)
                data = data[:at] + data[start:end] + data[at:]
    return data


@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: path.name)
def test_corpus(seed: Path) -> None:
    check(seed)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: path.name)
def test_mutations(seed: Path, tmp_path: Path) -> None:
    shutil.copy(CORPUS / "api.json", tmp_path)  # what the seed native.yaml names
    original = seed.read_bytes()
    for number in range(ROUNDS):
        path = tmp_path / f"{number}-{seed.name}"
        path.write_bytes(mutate(original, random.Random(f"{seed.name} {number}")))
        check(path)
        path.unlink()

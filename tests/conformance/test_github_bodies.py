"""GitHub's 338 request bodies through a loaded definition: the gateway's verdict beside fastjsonschema's."""

import json
from collections.abc import Iterator

import fastjsonschema
import pytest

from fastgw.load import LoadOptions, load
from fastgw.model.validation import Mode
from tests.conftest import Served
from tests.support.client import get
from tests.support.definition import mock, openapi, several
from tests.support.process import Gateway
from tests.support.shared import load as shared
from tests.support.upstream import Upstream

BODIES: list[dict] = shared("openapi/github_request_bodies.json")["bodies"]
STRANGERS = (None, 12345, True, [], {}, [{}], {"a": None})
"""Put in the place of each member of an example in turn. No texts: what a format asks of them is not compared here."""


def definition() -> dict:
    paths = {
        f"/{number}": {"post": {**mock(200, "{}"), "requestBody": {
            "required": body["required"], "content": {"application/json": {"schema": body["schema"]}}}}}
        for number, body in enumerate(BODIES)
    }
    return {**openapi(paths), "openapi": "3.0.3"}


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, list[dict]]]:
    """The running gateway, and the schemas as they were read."""
    path = tmp_path_factory.mktemp("github") / "api.json"
    path.write_text(json.dumps(definition()))
    loaded = load([str(path)], LoadOptions(validation=Mode.STRICT))
    assert loaded.gateway is not None, loaded.problems
    schemas = [dict(route.checks.body.models)["application/json"].value for route in loaded.gateway.apis[0].routes]
    files = {"fastgw.yaml": several({"github": {"definition": "api.json", "stages": {"$default": {
        "validation": "strict"}}}}), "api.json": path.read_text()}
    with Upstream() as stub, Gateway(files, env={"FASTGW_KEEPALIVE_REQUESTS": "1000000"}) as gateway:
        yield Served(gateway, stub), schemas


def candidates(body: dict) -> Iterator[object]:
    """The examples, and each with a member left out or replaced."""
    for example in body["examples"]:
        yield example
        for name in example if isinstance(example, dict) else ():
            yield {key: value for key, value in example.items() if key != name}
            yield from ({**example, name: stranger} for stranger in STRANGERS)
    yield from STRANGERS


def test_every_body_is_judged_as_by_fastjsonschema(github: tuple[Served, list[dict]]) -> None:
    served, schemas = github
    assert len(schemas) == len(BODIES) == 338
    judged = {200: 0, 400: 0}
    with served.wire() as wire:
        for number, (body, schema) in enumerate(zip(BODIES, schemas, strict=True)):
            draft = {**schema, "$schema": "http://json-schema.org/draft-04/schema#"}
            held = fastjsonschema.compile(draft, use_default=False, use_formats=False)
            for candidate in candidates(body):
                try:
                    held(candidate)
                    expected = 200
                except fastjsonschema.JsonSchemaValueException:
                    expected = 400
                request = get(f"/{number}", "Content-Type: application/json", method="POST",
                              body=json.dumps(candidate).encode())
                answer = wire.request(request)
                assert answer.status == expected, (body["op"], candidate, answer.body)
                judged[expected] += 1
    assert min(judged.values()) > 1000, judged
    assert served.gateway.metric("^fastgw_(door_[a-z_]+|doors)_total") == 0

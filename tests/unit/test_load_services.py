"""The sections services and credentials of a fastgw.yaml."""

from pathlib import Path

import pytest

from fastgw.load import Loaded
from fastgw.model.service import Identity, Service
from tests.support.load_files import Files, definition, messages, proxy

HEAD = "fastgw: 1\napis: {pets: {definition: api.json}}\n"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    found = Files(tmp_path)
    found.write("api.json", definition({"/a": {"get": {"x-amazon-apigateway-integration": proxy()}}}))
    return found


def native(files: Files, text: str) -> Loaded:
    return files.load(HEAD + text, "fastgw.yaml")


def test_everything_said(files: Files) -> None:
    loaded = native(files, """\
services:
  default: {region: eu-west-1}
  dynamodb: {endpoint: "http://localhost:8000/", region: local}
  streams.dynamodb: {endpoint: "https://[::1]:8000"}
credentials: {profile: shop, roles: own}
""")
    assert loaded.gateway is not None, messages(loaded)
    assert loaded.gateway.services == (Service("default", "", "eu-west-1"),
                                       Service("dynamodb", "http://localhost:8000", "local"),
                                       Service("streams.dynamodb", "https://[::1]:8000"))
    assert loaded.gateway.identity == Identity("shop", "own")


def test_nothing_said(files: Files) -> None:
    loaded = native(files, "credentials: {}")
    assert loaded.gateway is not None, messages(loaded)
    assert (loaded.gateway.services, loaded.gateway.identity) == ((), Identity())


@pytest.mark.parametrize(("section", "told"), [
    ("services: {sqs: {endpoint: localhost}}", "must be http:// or https://, then host or host:port"),
    ('services: {sqs: {endpoint: "http://h/path"}}', "must be http:// or https://, then host or host:port"),
    ("services: {SQS: {region: eu-west-1}}", 'as integration URIs write it, or "default"'),
    ("services: {sqs: {regoin: eu-west-1}}", 'did you mean "region"?'),
    ("credentials: {roles: ignore}", 'roles must be "assume" or "own"'),
    ("credentials: {secret_key: abc}", "is not known under credentials"),
])
def test_what_is_refused(files: Files, section: str, told: str) -> None:
    loaded = native(files, section)
    assert loaded.gateway is None or loaded.problems
    assert told in "\n".join(messages(loaded)), messages(loaded)

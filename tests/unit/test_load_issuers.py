"""The section issuers of a fastgw.yaml."""

import json
from pathlib import Path

import pytest

from fastgw.model.issuer import Issuer
from tests.support.load_files import Files, definition, messages, proxy
from tests.support.tokens import jwk, key_set, private_key

KEYS = json.dumps(key_set(jwk(private_key("ES256"), "a")))
POOL = "arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_abc"
START = "fastgw: 1\napis:\n  pets: {definition: api.json}\nissuers:\n"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    files = Files(tmp_path)
    files.write("api.json", definition({"/pets": {"get": proxy("/pets")}}))
    files.write("keys.json", KEYS)
    return files


def issuers(files: Files, text: str) -> tuple[Issuer, ...]:
    loaded = files.load(START + text, "fastgw.yaml")
    assert loaded.gateway is not None, messages(loaded)
    return loaded.gateway.issuers


def test_a_file_a_url_and_pools(files: Files) -> None:
    found = issuers(files, f"""\
  https://login.example.com/: {{jwks: keys.json}}
  https://staff.internal:8443/a: {{jwks: "https://keys.internal/jwks", allow_private: true, refresh: 600}}
  http://localhost:9229/local_1: {{user_pools: ["{POOL}"]}}
""")
    assert [(one.name, one.jwks, one.keys, one.allow_private, one.refresh_seconds, one.pools) for one in found] == [
        ("https://login.example.com/", "", KEYS.encode(), None, 3_600, ()),
        ("https://staff.internal:8443/a", "https://keys.internal/jwks", None, True, 600, ()),
        ("http://localhost:9229/local_1", "", None, None, 3_600, (POOL,)),
    ]
    assert str(found[0].place).endswith("fastgw.yaml:5:3")


@pytest.mark.parametrize(("text", "told"), [
    ("  https://a.test: {jwks: missing.json}\n", 'cannot read "missing.json": No such file or directory'),
    ("  https://a.test: {jwks: api.json}\n", '"api.json": a key set has a list "keys"'),
    ("  https://a.test: {jwks: 'https://user@keys.test/'}\n", "is no URL that can be asked"),
    ("  ftp://a.test: {}\n", "an issuer as its tokens have it"),
    ("  https://a.test/?x=1: {}\n", "an issuer as its tokens have it"),
    ("  https://a.test: {refresh: 1}\n", "60"),
    ("  https://a.test: {jwk: x}\n", 'did you mean "jwks"'),
    ("  https://a.test: {user_pools: [eu-west-1_abc]}\n", "arn:aws:cognito-idp"),
    (f"  https://a.test: {{user_pools: ['{POOL}']}}\n  https://b.test: {{user_pools: ['{POOL}']}}\n",
     "stands for https://a.test already"),
])
def test_mistakes(files: Files, text: str, told: str) -> None:
    loaded = files.load(START + text, "fastgw.yaml")
    assert loaded.gateway is None
    assert [message for message in messages(loaded) if told in message]

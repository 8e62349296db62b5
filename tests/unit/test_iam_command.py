"""fastgw iam: the key, encrypted secrets, sessions."""

import io
import json
import stat
from pathlib import Path

import pytest

from fastgw import settings
from fastgw.cli import main
from fastgw.parts.auth.sealed import read_key, unseal

SECRET = "planted-secret-of-alice"
FILE = """\
fastgw: 1
apis: {a: {definition: api.yaml}}
iam: {roles: {batch: {session: 900}}}
"""
API = "openapi: 3.0.3\ninfo: {title: a, version: '1'}\npaths: {}\n"


@pytest.fixture(autouse=True)
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("IAM_KEY", "IAM_KEY_FILE"):
        monkeypatch.delenv(settings.PREFIX + name, raising=False)
    file = tmp_path / "iam.key"
    assert main(["iam", "key", str(file)]) == 0
    monkeypatch.setenv("FASTGW_IAM_KEY_FILE", str(file))
    return file


@pytest.fixture
def definition(tmp_path: Path) -> str:
    (tmp_path / "api.yaml").write_text(API)
    (tmp_path / "fastgw.yaml").write_text(FILE)
    return str(tmp_path / "fastgw.yaml")


def test_a_key_is_its_owners_and_is_never_written_over(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = key.read_text()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(read_key(before)) == 32
    assert main(["iam", "key", str(key)]) == 2
    assert capsys.readouterr().err == f"fastgw: cannot make {key}: file exists\n"
    assert key.read_text() == before


def test_encrypt(key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                 monkeypatch: pytest.MonkeyPatch) -> None:
    capsys.readouterr()
    (tmp_path / "secret.txt").write_text(SECRET + "\n")
    assert main(["iam", "encrypt", "AKIAALICE", "--secret-file", str(tmp_path / "secret.txt")]) == 0
    from_file = capsys.readouterr().out.strip()
    monkeypatch.setattr("sys.stdin", io.StringIO(SECRET))
    assert main(["iam", "encrypt", "AKIAALICE"]) == 0
    from_input = capsys.readouterr().out.strip()
    assert from_file != from_input
    assert {unseal(read_key(key.read_text()), "AKIAALICE", text) for text in (from_file, from_input)} == {SECRET}


@pytest.mark.parametrize(("arguments", "told"), [
    (["iam", "encrypt", "A/B"], "is no id of an access key"),
    (["iam", "encrypt", "AKIAALICE", "--secret-file", "/nowhere"], "cannot use /nowhere: no such file"),
    (["iam", "session", "batsh", "DEFINITION"], "no role is named 'batsh'; there are batch"),
    (["iam", "session", "batch", "DEFINITION", "--seconds", "901"], "may last 1 to 900 seconds, found 901"),
    (["iam", "session", "batch", "DEFINITION", "--name", "a/b"], "is no name of a session"),
])  # fmt: skip
def test_asked_wrongly(definition: str, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([definition if word == "DEFINITION" else word for word in arguments]) == 2
    assert told in capsys.readouterr().err


def test_without_a_key_or_with_a_wrong_one(definition: str, key: Path, monkeypatch: pytest.MonkeyPatch,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    key.write_text(SECRET)
    assert main(["iam", "session", "batch", definition]) == 2
    told = capsys.readouterr().err
    assert "a key is 64 hexadecimal digits" in told
    assert SECRET not in told
    monkeypatch.delenv("FASTGW_IAM_KEY_FILE")
    assert main(["iam", "session", "batch", definition]) == 2
    assert "set FASTGW_IAM_KEY_FILE" in capsys.readouterr().err


def test_a_session(definition: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["iam", "session", "batch", definition, "--name", "night", "--seconds", "60", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}
    assert found["SessionToken"].startswith("fastgw1/batch/night/")
    assert main(["iam", "session", "batch", definition]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("=")[0] for line in lines[:3]] == [
        "export AWS_ACCESS_KEY_ID", "export AWS_SECRET_ACCESS_KEY", "export AWS_SESSION_TOKEN"]

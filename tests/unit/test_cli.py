"""The command line: exit statuses, messages, and the time of --help."""

import json
import statistics
import subprocess
import sys
import time

import pytest

from fastgw import settings
from fastgw.cli import main
from tests.support.definition import mock, openapi

PETS = """\
openapi: 3.0.3
info: {title: pets, version: "1"}
paths:
  /pets:
    get:
      responses: {}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:9/pets"}
  /health:
    get:
      responses: {}
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '{"statusCode": 200}'}
        responses: {default: {statusCode: "200"}}
"""


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(name)


@pytest.fixture
def pets(tmp_path):
    file = tmp_path / "pets.yaml"
    file.write_text(PETS)
    return str(file)


@pytest.fixture
def broken(tmp_path):
    file = tmp_path / "broken.yaml"
    file.write_text(PETS.replace("type: mock", "type: mokc"))
    return str(file)


def test_help_costs_little_more_than_an_empty_program():
    """80 ms where an empty program takes 20; ratios of neighbouring runs, for machines differ."""

    def seconds(*arguments):
        begin = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begin

    runs = [(seconds("-m", "fastgw", "--help"), seconds("-c", "pass")) for _ in range(15)]
    assert statistics.median(helped / empty for helped, empty in runs) < 4


@pytest.mark.parametrize("arguments", [(), ("no-such-command",), ("run",), ("validate",)])
def test_wrong_usage_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: fastgw" in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0 and capsys.readouterr().out.startswith("fastgw 0.")


def test_validate_a_clean_definition(pets, capsys):
    assert main(["validate", pets]) == 0
    assert capsys.readouterr().out == f"{pets}: no problem found\n"
    assert main(["validate", pets, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"valid": True, "problems": []}


def test_validate_a_definition_with_errors(broken, capsys):
    assert main(["validate", broken]) == 1
    shown = capsys.readouterr()
    assert shown.out == f"{broken}: 1 error, 0 warnings\n"
    assert shown.err.startswith(f"{broken}:12:") and "mokc" in shown.err and "MOCK" in shown.err
    assert main(["validate", broken, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    (problem,) = found["problems"]
    assert found["valid"] is False
    assert (problem["severity"], problem["file"], problem["line"]) == ("error", broken, 12)
    assert f"{broken}:12:{problem['column']}: error: {problem['message']}\n" == shown.err


def test_a_file_that_cannot_be_read_is_status_2(tmp_path, capsys):
    for command in ("validate", "routes"):
        assert main([command, str(tmp_path / "gone.yaml")]) == 2
        shown = capsys.readouterr()
        assert "gone.yaml" in shown.err and shown.err.count("\n") == 1 and "Traceback" not in shown.err


def test_routes(pets, capsys):
    assert main(["routes", pets]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["METHOD", "PATH", "INTEGRATION", "UPSTREAM", "API", "STAGE"]
    assert lines[1] == ["GET", "/pets", "HTTP_PROXY", "http://127.0.0.1:9/pets", "pets", "$default"]
    assert lines[2] == ["GET", "/health", "MOCK", "200", "-", "pets", "$default"]


def test_routes_of_a_broken_definition(broken, capsys):
    assert main(["routes", broken]) == 1
    assert broken in capsys.readouterr().err


def test_explain(pets, capsys):
    assert main(["explain", pets, "GET", "/pets?limit=2", "-H", "Accept: text/plain"]) == 0
    shown = capsys.readouterr().out
    for part in ("127.0.0.1:9\n", "GET /pets?limit=2 HTTP/1.1\n", "Accept: text/plain\n"):
        assert part in shown


def test_explain_names_the_statement_that_decides(tmp_path, capsys):
    statements = [
        {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "execute-api:/*/GET/*"},
        {"Sid": "Away", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*",
         "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
    ]
    file = tmp_path / "api.json"
    file.write_text(json.dumps(openapi({"/a": {"any": mock(200)}}, policy={"Statement": statements}), indent=1))

    def rows(*asked: str) -> dict[str, str]:
        assert main(["explain", str(file), *asked]) == 0
        lines = [line.partition("  ") for line in capsys.readouterr().out.splitlines()]
        return {name: value.strip() for name, _, value in lines if name}

    home = ("--from", "10.1.2.3")
    at = {key: number for number, line in enumerate(file.read_text().splitlines(), 1) for key in ("Allow", "Sid")
          if f'"{key}"' in line}
    allowed, silent, denied = rows("GET", "/a", *home), rows("POST", "/a", *home), rows("GET", "/a")
    assert allowed["policy"] == f"statement 1 at {file}:{at['Allow']}:5 allows"
    assert allowed["phases"].startswith("PARSE ROUTE GUARD") and allowed["answer"].startswith("200")
    assert (silent["policy"], silent["answer"]) == ("no statement applies", "403 ACCESS_DENIED")
    assert denied["policy"] == f"statement 2 (Away) at {file}:{at['Sid']}:5 denies"
    assert denied["answer"] == "403 ACCESS_DENIED"


def test_explain_refuses_what_is_no_address(pets, capsys):
    assert main(["explain", pets, "GET", "/", "--from", "nowhere"]) == 2
    assert capsys.readouterr().err == "fastgw: --from 'nowhere': expected an address\n"


def test_explain_refuses_a_header_without_a_name(pets, capsys):
    assert main(["explain", pets, "GET", "/", "-H", "nothing"]) == 2
    assert capsys.readouterr().err == "fastgw: -H 'nothing': expected 'NAME: VALUE'\n"


def test_environ_shows_values_and_origins(monkeypatch, capsys):
    monkeypatch.setenv("FASTGW_WORKERS", "3")
    monkeypatch.setenv("FASTGW_OPS_TOKEN", "s3cret")
    assert main(["environ", "--listen", "127.0.0.1:1", "--set", "dns_ttl=2"]) == 0
    shown = capsys.readouterr().out
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in shown.splitlines()}
    assert rows["FASTGW_WORKERS"] == ["3", "environment FASTGW_WORKERS"]
    assert rows["FASTGW_LISTEN"] == ["127.0.0.1:1", "flag --listen"]
    assert rows["FASTGW_DNS_TTL"] == ["2", "flag --set dns_ttl"]
    assert rows["FASTGW_HEAD_BYTES"] == ["16384", "default"]
    assert rows["FASTGW_OPS_TOKEN"] == ["***", "environment FASTGW_OPS_TOKEN"] and "s3cret" not in shown
    assert list(rows) == [settings.variable(name) for name in settings.names()]


def test_environ_with_mistakes_names_them_all(monkeypatch, capsys):
    monkeypatch.setenv("FASTGW_WORKRES", "3")
    assert main(["environ", "--set", "dns_ttl=x"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "fastgw: environment FASTGW_WORKRES: no such setting; did you mean FASTGW_WORKERS?",
        "fastgw: flag --set dns_ttl: dns_ttl is 'x': expected a number from 0.1 to 86400 (s)",
    ]


@pytest.mark.parametrize("flag", ["--set", "--param"])
def test_a_pair_without_an_equals_sign(flag, pets, capsys):
    assert main(["explain", pets, "GET", "/", flag, "x"]) == 2
    assert capsys.readouterr().err == f"fastgw: {flag} x: expected NAME=VALUE\n"


@pytest.mark.parametrize("command", ["reload", "drain"])
def test_nobody_to_tell(command, tmp_path, capsys):
    for ops in ("127.0.0.1:1", f"unix:{tmp_path}/gone.sock"):
        assert main([command, "--ops", ops]) == 1
        assert capsys.readouterr().err.startswith(f"fastgw: no gateway answers at {ops}: ")
    assert main([command, "--ops", "off"]) == 1


def test_schema_is_a_json_schema(capsys):
    assert main(["schema"]) == 0
    assert "$defs" in json.loads(capsys.readouterr().out)


def test_demo_without_its_example(tmp_path, capsys):
    assert main(["demo", "--example", str(tmp_path)]) == 2
    assert "fastgw.yaml does not exist" in capsys.readouterr().err


def test_output_into_a_pipe_that_closes_early(pets):
    command = f"{sys.executable} -m fastgw routes {pets} | true"
    told = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert told.stderr == ""


def test_bench_hands_its_options_on(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr("subprocess.call", lambda command, **_: called.append(command) or 0)
    assert main(["bench", "--works", "fixed", "--rounds", "1"]) == 0
    assert called[0][-4:] == ["--works", "fixed", "--rounds", "1"]


def test_an_unknown_option_of_another_command_is_refused() -> None:
    with pytest.raises(SystemExit) as end:
        main(["environ", "--works", "fixed"])
    assert end.value.code == 2

"""Settings: order, origins, and what a mistake is told."""

import dataclasses

import pytest

from fastgw import settings
from fastgw.addresses import Address
from fastgw.settings import Given, Settings, SettingsError, resolve


def problems_of(flags=None, file=None, environ=None):
    with pytest.raises(SettingsError) as caught:
        resolve(flags, file, environ or {})
    return caught.value.problems


def test_flag_beats_environment_beats_file_beats_default():
    written = {"workers": 3, "head_fields": 30, "dns_ttl": 7}
    file = {name: Given(value, f"fastgw.yaml:{value}:1") for name, value in written.items()}
    environ = {"FASTGW_WORKERS": "4", "FASTGW_HEAD_FIELDS": "40"}
    resolved = resolve({"workers": Given("5", "flag --workers")}, file, environ)
    taken = {
        name: (getattr(resolved.settings, name), resolved.origins[name])
        for name in ("workers", "head_fields", "dns_ttl", "head_bytes")
    }
    assert taken == {
        "workers": (5, "flag --workers"),
        "head_fields": (40, "environment FASTGW_HEAD_FIELDS"),
        "dns_ttl": (7.0, "fastgw.yaml:7:1"),
        "head_bytes": (16_384, "default"),
    }


def test_the_process_environment_is_read_when_none_is_given(monkeypatch):
    monkeypatch.setenv("FASTGW_WORKERS", "2")
    assert resolve().settings.workers == 2


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("LISTEN", "0.0.0.0:80, [::1]:81,unix:/run/g.sock", ("0.0.0.0:80", "[::1]:81", "unix:/run/g.sock")),
        ("LISTEN", "0.0.0.0:80  proxy_protocol,[::1]:81", ("0.0.0.0:80 proxy_protocol", "[::1]:81")),
        ("OPS", "off", "off"),
        ("OPS", "[0:0:0:0:0:0:0:1]:1", "[::1]:1"),
        ("HEAD_TIMEOUT", "0.25", 0.25),
        ("MERGE_SLASHES", "No", False),
        ("X_FORWARDED", "1", True),
        ("ENCODED_SLASHES", "pass", "pass"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, ::1,unix", ("10.0.0.0/8", "::1", "unix")),
        ("TRUSTED_PROXIES", "", ()),
        ("BODY_BYTES", "0", 0),
    ],
)
def test_values_are_typed(name, text, value):
    found = getattr(resolve(environ={f"FASTGW_{name}": text}).settings, name.lower())
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("WORKERS", "two", "workers is 'two': expected a whole number from 0 to 1024"),
        ("WORKERS", "1.5", "workers is '1.5': expected a whole number from 0 to 1024"),
        ("WORKERS", "", "workers is '': expected a whole number from 0 to 1024"),
        ("HEAD_BYTES", "99", "head_bytes is '99': expected a whole number from 1024 to 65536 (bytes)"),
        ("HEAD_TIMEOUT", "nan", "head_timeout is 'nan': expected a number from 0.001 to 86400 (s)"),
        ("HEAD_TIMEOUT", "inf", "head_timeout is 'inf': expected a number from 0.001 to 86400 (s)"),
        ("X_FORWARDED", "maybe", "x_forwarded is 'maybe': expected true or false"),
        ("LOG_LEVEL", "loud", "log_level is 'loud': expected debug, info, warning or error"),
        ("LISTEN", "8080", "listen is '8080': expected host:port, [v6]:port or unix:/path, port 0 to 65535"),
        ("LISTEN", "web:80", "listen is 'web:80': 'web' is not an IP address or localhost"),
        ("LISTEN", "[::g]:80", "listen is '[::g]:80': '[::g]' is not an IP address or localhost"),
        ("LISTEN", "[::]:1,[::]:1", "listen is '[::]:1,[::]:1': an address is named twice"),
        ("LISTEN", ":1,:1 proxy_protocol", "listen is ':1,:1 proxy_protocol': an address is named twice"),
        ("LISTEN", ":1 proxy", "listen is ':1 proxy': 'proxy' behind an address: expected proxy_protocol, http2 or "
                               "tls, once"),
        ("OPS", "unix:", "ops is 'unix:': unix: needs a path"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "trusted_proxies is '10.0.0.1/8': '10.0.0.1/8' is no address, no network "
         "like 10.0.0.0/8 or 2001:db8::/32 without bits behind its prefix, and not unix"),
    ],
)
def test_a_bad_value_is_one_line_with_name_found_and_allowed(name, text, message):
    assert problems_of(environ={f"FASTGW_{name}": text}) == (f"environment FASTGW_{name}: {message}",)


def test_an_unknown_variable_is_refused_with_the_nearest_name():
    assert problems_of(environ={"FASTGW_WORKRES": "2"}) == (
        "environment FASTGW_WORKRES: no such setting; did you mean FASTGW_WORKERS?",
    )
    assert problems_of(environ={"FASTGW_ZZZZZZ": "2"}) == ("environment FASTGW_ZZZZZZ: no such setting",)


def test_build_switches_and_other_programs_variables_are_left_alone():
    assert resolve(environ={"FASTGW_BUILD_DEBUG": "1", "PATH": "/bin"}).settings == Settings()


def test_all_problems_are_told_at_once():
    found = problems_of(
        flags={"head_bytes": Given("x", "flag --set")},
        file={"wrokers": Given(1, "fastgw.yaml:9:3")},
        environ={"FASTGW_WORKERS": "-1", "FASTGW_NOPE": "1"},
    )
    assert [line.split(": ")[0] for line in found] == [
        "environment FASTGW_NOPE",
        "fastgw.yaml:9:3",
        "environment FASTGW_WORKERS",
        "flag --set",
    ]
    assert found[1].endswith("no setting is called wrokers; did you mean workers?")


def test_a_secret_can_stand_in_a_file(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("s3cret\n")
    resolved = resolve(environ={"FASTGW_OPS_TOKEN_FILE": str(secret)})
    assert resolved.settings.ops_token == "s3cret"
    assert settings.shown("ops_token", resolved.settings.ops_token) == "***"
    assert settings.shown("ops_token", "") == ""


def test_secret_files_that_cannot_be_used(tmp_path):
    empty = tmp_path / "empty"
    empty.write_text(" \n")
    lines = [
        *problems_of(environ={"FASTGW_OPS_TOKEN_FILE": str(tmp_path / "gone")}),
        *problems_of(environ={"FASTGW_OPS_TOKEN_FILE": str(empty)}),
        *problems_of(environ={"FASTGW_OPS_TOKEN_FILE": str(empty), "FASTGW_OPS_TOKEN": "x"}),
        *problems_of(environ={"FASTGW_WORKERS_FILE": str(empty)}),
    ]
    assert [line.partition(": ")[2].replace(str(tmp_path), "") for line in lines] == [
        "cannot use /gone: no such file or directory",
        "cannot use /empty: the file is empty",
        "FASTGW_OPS_TOKEN is set too; set one of them",
        "no such setting; did you mean FASTGW_WORKERS?",
    ]


def test_the_ops_listener_goes_public_only_on_purpose_and_with_a_token():
    public = {"FASTGW_OPS": "0.0.0.0:9901"}
    assert "ops_public=true" in problems_of(environ=public)[0]
    assert "ops_token" in problems_of(environ={**public, "FASTGW_OPS_PUBLIC": "true"})[0]
    allowed = {**public, "FASTGW_OPS_PUBLIC": "true", "FASTGW_OPS_TOKEN": "t"}
    assert resolve(environ=allowed).settings.ops == "0.0.0.0:9901"


def test_addresses_print_as_they_are_written():
    assert [str(Address.parse(text)) for text in ("*:80", ":80")] == ["0.0.0.0:80"] * 2
    texts = ["127.0.0.1:80", "[::1]:80", "unix:/a b", "localhost:1"]
    assert [str(Address.parse(text)) for text in texts] == texts
    assert [Address.parse(t).is_local for t in (*texts, "10.0.0.1:1", "[::]:1")] == [True] * 4 + [False] * 2


def test_engine_settings_are_whole_numbers_in_the_engines_units():
    numbers = settings.engine_settings(
        dataclasses.replace(Settings(), head_timeout=0.25, encoded_slashes="pass", x_forwarded=True)
    )
    assert {type(n) for n in numbers.values()} == {int}
    assert (numbers["head_timeout_ms"], numbers["encoded_slashes"], numbers["x_forwarded"]) == (250, 1, 1)
    assert numbers["body_bytes"] == 10_485_760 and "listen" not in numbers and "head_timeout" not in numbers


def test_every_field_says_what_it_is_for_and_keeps_its_own_bounds():
    for f in dataclasses.fields(Settings):
        assert f.metadata["doc"].endswith("."), f.name
        if type(f.default) in (int, float):
            assert f.metadata["low"] <= f.default <= f.metadata["high"], f.name
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().workers = 1


def test_nobody_else_reads_the_environment(request):
    package = request.config.rootpath / "fastgw"
    words = ("os.environ", "os.getenv", "import environ")
    readers = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if path.parent.name != "clients"        # programs of function processes, which are not the gateway
        and any(word in path.read_text(encoding="utf-8") for word in words)
    }
    assert readers == {"settings.py"}

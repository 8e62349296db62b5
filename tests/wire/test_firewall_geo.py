"""Countries in a firewall, by an MMDB file that the operator brings."""

import json
from pathlib import Path

import pytest

from fastgw.load import load
from tests.support.client import get
from tests.support.definition import mock, openapi
from tests.support.firewall import protected, rule
from tests.support.mmdb import database
from tests.support.process import Gateway

pytest.importorskip("maxminddb", reason="maxminddb is not installed (pip install .[dev])")

FILE = database({"203.0.113.0/24": "AT", "198.51.100.0/25": "CH", "192.0.2.0/24": "", "2001:db8:1::/48": "AT",
                 "2001:db8:2::/48": "DE"})


def firewall(statement: dict, **more: object) -> dict:
    return {**protected([rule("abroad", 1, statement)]), "geo_database": "countries.mmdb", **more}


def read(folder: Path, file: dict, countries: bytes | None = FILE) -> list[str]:
    (folder / "api.json").write_text(json.dumps(openapi({"/": {"get": mock()}})))
    (folder / "fastgw.yaml").write_text(json.dumps(file, indent=1))
    if countries is not None:
        (folder / "countries.mmdb").write_bytes(countries)
    return [str(problem) for problem in load([str(folder / "fastgw.yaml")]).problems]


def test_countries() -> None:
    given = {"fastgw.yaml": firewall({"not": {"geo": {"countries": ["AT", "CH"]}}}),
             "api.json": openapi({"/": {"get": mock()}})}
    gateway = Gateway(given, env={"FASTGW_TRUSTED_PROXIES": "127.0.0.1"})
    (gateway.folder / "countries.mmdb").write_bytes(FILE)
    with gateway:
        def status(address: str) -> int:
            return gateway.fetch(get("/prod/", f"X-Forwarded-For: {address}")).status

        for inside in ("203.0.113.1", "203.0.113.255", "198.51.100.127", "2001:db8:1::5", "::ffff:203.0.113.1"):
            assert status(inside) == 200, inside
        for outside in ("198.51.100.128", "192.0.2.1", "2001:db8:2::1", "2001:db8:3::1", "8.8.8.8"):
            assert status(outside) == 403, outside
        # A new file counts from the next reload on.
        (gateway.folder / "countries.mmdb").write_bytes(database({"8.8.8.0/24": "AT", "9.0.0.0/8": "CH"}))
        assert gateway.reload().returncode == 0
        assert (status("8.8.8.8"), status("203.0.113.1")) == (200, 403)
        (gateway.folder / "countries.mmdb").write_bytes(b"not one")
        assert gateway.reload().returncode != 0
        assert (status("8.8.8.8"), status("203.0.113.1")) == (200, 403)


@pytest.mark.parametrize(
    ("change", "countries", "words"),
    (
        ({"geo_database": "nowhere.mmdb"}, FILE, '"nowhere.mmdb": no such file or directory'),
        ({}, b"not one", '"countries.mmdb" is no MMDB file'),
        ({}, FILE[:60], '"countries.mmdb" is no MMDB file'),
    ),
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, change: dict, countries: bytes, words: str) -> None:
    (told,) = read(tmp_path, firewall({"geo": {"countries": ["AT"]}}, **change), countries)
    assert "error: " in told and words in told and "fastgw.yaml:" in told


def test_geo_needs_a_file(tmp_path: Path) -> None:
    file = firewall({"geo": {"countries": ["AT"]}})
    del file["geo_database"]
    (told,) = read(tmp_path, file)
    assert "error: geo needs geo_database" in told


def test_a_country_without_a_network_is_told(tmp_path: Path) -> None:
    (told,) = read(tmp_path, firewall({"geo": {"countries": ["AT", "XX"]}}))
    assert 'warning: "countries.mmdb" has no network of XX' in told


def test_a_country_is_two_capital_letters(tmp_path: Path) -> None:
    assert any("error" in told for told in read(tmp_path, firewall({"geo": {"countries": ["at"]}})))

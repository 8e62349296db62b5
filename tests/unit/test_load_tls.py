"""The section tls of a fastgw.yaml: what is taken, what is refused, and where."""

import json
from pathlib import Path

import pytest

from fastgw.load import LoadOptions, load
from fastgw.model.tls import POLICIES
from tests.support.certificates import DAY, Authority, key_pem, new_key, root, server
from tests.support.definition import mock, openapi
from tests.support.tls import entry, files, native

API = openapi({"/a": {"get": mock(200)}})


def loaded(folder: Path, domains: dict, contents: dict[str, bytes] | None = None, policy: str | None = None,
           api: dict = API):
    document = native(domains)
    if policy:
        document["tls"]["policy"] = policy
    for name, content in {**files(one=server("one.test")), **(contents or {})}.items():
        (folder / name).write_bytes(content)
    (folder / "api.json").write_text(json.dumps(api))
    (folder / "fastgw.json").write_text(json.dumps(document, indent=1))
    return load([str(folder / "fastgw.json")], LoadOptions())


def test_what_is_read(tmp_path: Path) -> None:
    staple = root().status(server("one.test"))
    domains = {
        "One.test": entry("one", policy="edge", ocsp="one.ocsp", truststore="root.pem", crl="root.crl"),
        "*.one.test": entry("one"),
    }
    found = loaded(tmp_path, domains, {"one.ocsp": staple, "root.pem": root().pem, "root.crl": root().revocations()})
    assert [problem.code for problem in found.problems] == ["other-name"]
    one, wild = found.gateway.tls
    assert (one.name, one.policy, one.staple) == ("one.test", "edge", staple)
    assert (one.truststore, one.revoked) == (root().pem, root().revocations()) or one.revoked.startswith(b"-----BEGIN")
    assert (wild.name, wild.policy, wild.truststore) == ("*.one.test", "TLS_1_2", None)
    assert "PRIVATE" not in repr(found.gateway)


def weak(kind: str) -> bytes:
    return Authority("Weak", kind=kind).pem


REFUSED = [
    (entry("none"), {}, "none.pem", "cannot be read"),
    (entry("one"), {"one.pem": b"x"}, "certificate", "this is not a PEM file of certificates"),
    (entry("one"), {"one.key": b"x"}, "key", "this is not a private key in PEM without a password"),
    (entry("one"), {"one.key": key_pem(new_key())}, "key", "the key does not belong to the certificate"),
    (entry("one", ocsp="o"), {"o": b"x"}, "ocsp", "this is not an OCSP response in DER"),
    (entry("one", truststore="t"), {"t": b"x"}, "truststore", "this is not a PEM file of certificates"),
    (entry("one", truststore="t"), {"t": weak("RSA-1024")}, "truststore", "weak; allowed are RSA from 2048 bits"),
    (entry("one", truststore="t"), {"t": weak("P-224")}, "truststore", "weak; allowed are RSA from 2048 bits"),
    (entry("one", truststore="t", crl="c"), {"t": root().pem, "c": b"x"}, "crl", "lists of revoked certificates"),
    (entry("one", crl="c"), {"c": root().revocations()}, "crl", "crl is for a truststore"),
    (entry("one", policy="TLS_1_0"), {}, "policy", "TLS 1.0 and 1.1 are broken"),
    (entry("one", policy="TLS_1_3"), {}, "policy", 'no security policy; served are "TLS_1_2"'),
    (entry("one", policy="SecurityPolicy_TLS13_1_2_PQ_2025_09"), {}, "policy", "post-quantum"),
    (entry("one", policy="SecurityPolicy_TLS13_1_3_FIPS_2025_09"), {}, "policy", "FIPS"),
]


@pytest.mark.parametrize(("domain", "contents", "where", "message"), REFUSED)
def test_what_is_refused(domain: dict, contents: dict, where: str, message: str, tmp_path: Path) -> None:
    found = loaded(tmp_path, {"one.test": domain}, contents)
    assert found.gateway is None
    told = [problem for problem in found.problems if message in problem.message]
    assert told, found.problems
    lines = (tmp_path / "fastgw.json").read_text().splitlines()
    assert where in lines[told[0].place.line - 1]
    assert "PRIVATE" not in str(found.problems)


def test_warnings(tmp_path: Path) -> None:
    past = root().issue("one.test", start=-3 * DAY, end=-DAY)
    contents = {**files(one=past), "t": root().pem, "c": root().revocations(start=-3 * DAY, end=-DAY)}
    found = loaded(tmp_path, {"one.test": entry("one", truststore="t", crl="c")}, contents)
    assert found.gateway is not None
    assert sorted(problem.code for problem in found.problems) == ["expired", "expired"]


def test_the_policy_of_a_definition(tmp_path: Path) -> None:
    newest = "SecurityPolicy_TLS13_1_3_2025_09"
    api = API | {"x-amazon-apigateway-security-policy": newest}
    domains = {"one.test": entry("one"), "*": entry("one", policy="edge")}
    found = loaded(tmp_path, domains, policy="edge", api=api)
    assert [domain.policy for domain in found.gateway.tls] == ["edge", "edge"]
    found = loaded(tmp_path, {"*": entry("one")}, policy="edge", api=api)
    assert [domain.policy for domain in found.gateway.tls] == [newest]
    found = loaded(tmp_path, {"*": entry("one")}, api=API | {"x-amazon-apigateway-security-policy": "TLS_1_0"})
    assert [domain.policy for domain in found.gateway.tls] == ["TLS_1_2"]
    assert [problem.code for problem in found.problems] == ["stricter"]
    found = loaded(tmp_path, {"*": entry("one")}, api=API | {"x-amazon-apigateway-security-policy": "tls"})
    assert found.gateway is None


@pytest.mark.parametrize("policy", POLICIES)
def test_openssl_takes_every_policy(policy: str, tmp_path: Path) -> None:
    from fastgw.plan.tls import server_context

    server_context(loaded(tmp_path, {"one.test": entry("one", policy=policy)}).gateway.tls)

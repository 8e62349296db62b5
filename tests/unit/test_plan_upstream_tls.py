"""Which TLS a group is spoken to with: what is one identity, and what are two."""

from pathlib import Path

import pytest

from fastgw.model.gateway import Upstream
from fastgw.model.upstream_tls import ClientCertificate, TlsConfig, UpstreamTls, Verify
from fastgw.parts.uri import Uri
from fastgw.plan.upstream_tls import Secured, Trust
from tests.support.certificates import Authority, root

HTTPS, HTTP = Uri("https", "shop:8443", "/", ""), Uri("http", "shop:8443", "/", "")


def shown(name: str) -> ClientCertificate:
    issued = root().issue(name, client=True)
    return ClientCertificate(issued.chain, issued.key_pem)


def secured(tls: UpstreamTls | None = None, config: TlsConfig | None = None,
            certificate: ClientCertificate | None = None, uri: Uri = HTTPS, ca_file: str = "",
            clear: bool = False) -> Secured | None:
    upstream = Upstream(uri.authority, tls=tls, clear=clear)
    return Trust(ca_file).secured(uri, uri.authority, upstream, config, certificate)


def test_every_part_of_an_identity_tells_it_apart(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(Authority("Own").pem)
    one, two = shown("one"), shown("two")
    found = [
        secured(),
        secured(UpstreamTls(name="other")),
        secured(config=TlsConfig(name="another")),
        secured(UpstreamTls(authorities=root().pem)),
        secured(UpstreamTls(authorities=Authority("Second").pem)),
        secured(ca_file=str(tmp_path / "ca.pem")),
        secured(UpstreamTls(verify=Verify.NONE)),
        secured(config=TlsConfig(skip_issuer=True)),
        secured(certificate=one),
        secured(certificate=two),
        secured(UpstreamTls(alpn=())),
    ]
    assert len({each.identity for each in found}) == len(found)
    assert len({each.context for each in found}) == len(found) - 2, "names share a context: they are of connections"
    again = secured(UpstreamTls(authorities=root().pem))
    assert again == found[3] and again.context is found[3].context
    assert not any("KEY-----" in repr(each) for each in found)


def test_who_decides() -> None:
    own, stage = shown("own"), shown("stage")
    assert secured(uri=HTTP) is None
    assert secured(clear=True) is None
    assert secured(UpstreamTls(), uri=HTTP).name == "shop"
    assert secured(UpstreamTls(name="a"), TlsConfig(name="b")).name == "a"
    assert secured(UpstreamTls(certificate=own), certificate=stage).tls.certificate == own
    assert secured(config=TlsConfig(skip_issuer=True)).tls.verify is Verify.PRIVATE
    assert secured(UpstreamTls(verify=Verify.NONE), TlsConfig(skip_issuer=True)).tls.verify is Verify.NONE
    assert secured(uri=Uri("https", "[::1]:8443", "/", "")).name == "::1"


@pytest.mark.parametrize(("content", "told"), [(None, "cannot read"), (b"nothing", "not a PEM file")])
def test_gateway_wide_authorities_that_are_none(tmp_path: Path, content: bytes | None, told: str) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)
    with pytest.raises(ValueError, match=told):
        secured(ca_file=str(tmp_path / "ca.pem"))

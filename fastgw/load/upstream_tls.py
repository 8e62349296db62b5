"""TLS towards upstreams: tls of an upstream and client_certificates of a fastgw.yaml, tlsConfig of an integration."""

import re
from collections.abc import Mapping
from os.path import dirname, join

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from msgspec import UNSET

from fastgw.load import schema
from fastgw.load.document import View
from fastgw.load.problem import Problems, shown
from fastgw.load.reader import Reader
from fastgw.model.upstream_tls import HTTP_1_1, ClientCertificate, TlsConfig, UpstreamTls, Verify

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")

MAX_PEM = 4_194_304
"""Bytes of one file: the trust store of a distribution has a quarter of a million."""


def read_tls(given: object, view: View | None, problems: Problems) -> UpstreamTls | None:
    """given is what the schema allows; problems are told at places in view. None: false, or the URIs' scheme says."""
    if given is UNSET or given is False:
        return None
    if given is True:
        return UpstreamTls()
    assert isinstance(given, schema.UpstreamTlsFile) and view is not None
    verify = Verify(given.verify)
    if given.ca_file is not UNSET and verify is Verify.NONE:
        problems.error(view.get("ca_file").place, "no-effect", "with verify: none nobody looks at ca_file; take one "
                       "out")
    certificate = None
    if (given.certificate is UNSET) != (given.key is UNSET):
        has, lacks = ("certificate", "key") if given.key is UNSET else ("key", "certificate")
        problems.error(view.get(has).key_place, "missing-field", f"tls has a {has} and no {lacks}; give both")
    elif given.certificate is not UNSET:
        certificate = _pair(view.get("certificate"), view.get("key"), problems)
    return UpstreamTls(
        None if given.server_name is UNSET else given.server_name.lower(),
        None if given.ca_file is UNSET else _authorities(view.get("ca_file"), problems),
        verify,
        certificate,
        (HTTP_1_1,) if given.alpn == HTTP_1_1 else (),
    )


def read_client_certificates(
    given: Mapping[str, schema.ClientCertificateFile], section: View | None, problems: Problems
) -> dict[str, ClientCertificate | None]:
    """By name; None for one that cannot be used, which is told."""
    views = {name: section.get(name) for name in given}
    return {name: _pair(view.get("certificate"), view.get("key"), problems) for name, view in views.items()}


def tls_config(reader: Reader, view: View | None, route: str, served: str) -> TlsConfig | None:
    """tlsConfig of an integration; served is the field that this kind has: insecureSkipVerification or
    serverNameToVerify."""
    given = reader.mapping(view)
    if given is None or not given.value:
        return None
    reader.known_keys(given, ("insecureSkipVerification", "serverNameToVerify"), "tlsConfig", strict=True)
    for name, entry in given.items():
        if name != served and entry.value:
            reader.problems.warning(entry.key_place, "no-effect", f"{route}: {name} has no effect here, as in the "
                                    f"service; this kind of integration has {served}")
    if given.get(served) is None:
        return None
    if served == "insecureSkipVerification":
        return TlsConfig(skip_issuer=True) if reader.flag(given.get(served)) else None
    name = reader.text(given.get(served))
    if not name:
        return None
    if not _NAME.fullmatch(name):
        reader.problems.error(given.get(served).place, "bad-name", f"{shown(name)} is no host name")
        return None
    return TlsConfig(name=name.lower())


def _read(view: View, problems: Problems) -> bytes | None:
    """A file beside the one that names it."""
    try:
        with open(join(dirname(view.place.file), view.value), "rb") as file:
            data = file.read(MAX_PEM + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        problems.error(view.place, "unreadable", f"cannot read {view.value}: {reason}")
        return None
    if len(data) > MAX_PEM:
        problems.error(view.place, "too-large", f"{view.value} is larger than {MAX_PEM:,} bytes")
        return None
    return data


def _certificates(view: View, problems: Problems) -> tuple[bytes, list[x509.Certificate]] | None:
    data = _read(view, problems)
    if data is None:
        return None
    try:
        return data, x509.load_pem_x509_certificates(data)
    except ValueError:
        problems.error(view.place, "bad-certificate", f"{view.value} holds no certificate in PEM, or a broken one")
        return None


def _authorities(view: View, problems: Problems) -> bytes | None:
    found = _certificates(view, problems)
    return found[0] if found is not None else None


def _pair(certificate: View, key: View, problems: Problems) -> ClientCertificate | None:
    found, secret = _certificates(certificate, problems), _read(key, problems)
    if found is None or secret is None:
        return None
    chain, certificates = found
    try:
        private = load_pem_private_key(secret, None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        # Not the library's own words: they may hold a piece of the key.
        problems.error(key.place, "bad-key", f"{key.value} holds no private key in PEM, or an encrypted one")
        return None
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if private.public_key().public_bytes(*form) != certificates[0].public_key().public_bytes(*form):
        problems.error(key.place, "bad-key", f"{key.value} is not the key of {shown(certificate.value)}")
        return None
    return ClientCertificate(chain, secret)

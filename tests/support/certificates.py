"""Certificates made for a test: authorities, what they sign, what they revoke."""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
DAY = datetime.timedelta(days=1)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def new_key(kind: str = "P-256") -> Key:
    """kind: "P-256", "P-224", "P-384", or "RSA-2048" and the like."""
    if kind.startswith("RSA-"):
        return rsa.generate_private_key(65537, int(kind.removeprefix("RSA-")))
    curves = {"P-224": ec.SECP224R1, "P-256": ec.SECP256R1, "P-384": ec.SECP384R1}
    return ec.generate_private_key(curves[kind]())


def key_pem(key: Key) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key, and those between it and its root."""

    certificate: x509.Certificate
    key: Key
    between: tuple[x509.Certificate, ...] = ()

    @property
    def chain(self) -> bytes:
        """PEM of the certificate and those between."""
        return pem(self.certificate, *self.between)

    @property
    def key_pem(self) -> bytes:
        return key_pem(self.key)

    def write(self, folder: Path, name: str) -> tuple[str, str]:
        """Files name.pem and name.key in a folder; their paths."""
        paths = folder / f"{name}.pem", folder / f"{name}.key"
        for path, content in zip(paths, (self.chain, self.key_pem), strict=True):
            path.write_bytes(content)
        return str(paths[0]), str(paths[1])


class Authority:
    """A root, or one below another."""

    def __init__(self, name: str = "Test Root", above: "Authority | None" = None, *, kind: str = "P-256",
                 signs_with: hashes.HashAlgorithm | None = None) -> None:
        self.key = new_key(kind)
        self._hash = signs_with or hashes.SHA256()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer, key = (above.certificate.subject, above.key) if above else (subject, self.key)
        self.certificate = (
            self._begun(subject, issuer, self.key, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_SIGNS, critical=True)
            .sign(key, above._hash if above else self._hash)
        )
        self.between: tuple[x509.Certificate, ...] = (self.certificate, *above.between) if above else ()

    @property
    def pem(self) -> bytes:
        return pem(self.certificate)

    @staticmethod
    def _begun(subject: x509.Name, issuer: x509.Name, key: Key, signer: Key,
               start: datetime.timedelta = -DAY, end: datetime.timedelta = 30 * DAY) -> x509.CertificateBuilder:
        moment = now()
        return (
            x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key(),
                                    serial_number=x509.random_serial_number(), not_valid_before=moment + start,
                                    not_valid_after=moment + end)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )

    def issue(self, *names: str, client: bool = False, kind: str = "P-256", start: datetime.timedelta = -DAY,
              end: datetime.timedelta = 30 * DAY) -> Issued:
        """For DNS names and IP addresses; the first is the common name too. client: to authenticate a client."""
        key = new_key(kind)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        certificate = (
            self._begun(subject, self.certificate.subject, key, self.key, start, end)
            .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .sign(self.key, self._hash)
        )
        return Issued(certificate, key, self.between)

    @classmethod
    def self_signed(cls, *names: str) -> Issued:
        """A server's that nobody but itself has signed."""
        key = new_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = (
            cls._begun(subject, subject, key, key)
            .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
            .sign(key, hashes.SHA256())
        )
        return Issued(certificate, key)

    def revocations(self, *revoked: Issued, start: datetime.timedelta = -DAY,
                    end: datetime.timedelta = 30 * DAY) -> bytes:
        """PEM of a list of revoked certificates."""
        moment = now()
        builder = x509.CertificateRevocationListBuilder(self.certificate.subject, moment + start, moment + end)
        for each in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder(each.certificate.serial_number, moment + start).build()
            )
        return builder.sign(self.key, self._hash).public_bytes(serialization.Encoding.PEM)

    def status(self, issued: Issued) -> bytes:
        """DER of an OCSP response: good."""
        moment = now()
        return (
            ocsp.OCSPResponseBuilder()
            .add_response(issued.certificate, self.certificate, hashes.SHA256(), ocsp.OCSPCertStatus.GOOD,
                          moment, moment + DAY, None, None)
            .responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate)
            .sign(self.key, hashes.SHA256())
            .public_bytes(serialization.Encoding.DER)
        )


_SIGNS = x509.KeyUsage(
    digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@cache
def root() -> Authority:
    """One for all tests of a run that need no other."""
    return Authority()


@cache
def server(*names: str) -> Issued:
    """Signed by root()."""
    return root().issue(*(names or ("localhost", "127.0.0.1")))


def bundle(authorities: Sequence[Authority]) -> bytes:
    return b"".join(each.pem for each in authorities)

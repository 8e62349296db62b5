"""Keys for `fastgw demo secured`, made anew in a folder: for this machine and a day, never for anything else.

python -m fastgw.cli.demo_keys FOLDER
"""

import base64
import datetime
import json
import os
import secrets
import sys
import time
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOSTS = ("localhost", "partners.localhost")
ISSUER, AUDIENCE, SCOPE = "https://login.example.com", "secured", "pets/read"
_DAY = datetime.timedelta(days=1)


def make(folder: Path) -> None:
    """Certificates of the server and of a partner, the issuer's key set with a token, and a user's secret."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _certificates(folder, "server", "ca", ExtendedKeyUsageOID.SERVER_AUTH)
    _certificates(folder, "partner", "partners-ca", ExtendedKeyUsageOID.CLIENT_AUTH)
    _token(folder)
    _write(folder / "alice.secret", secrets.token_urlsafe(30))


def _write(file: Path, text: str | bytes) -> None:
    """Readable by its owner alone."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as out:
        out.write(text if isinstance(text, bytes) else text.encode())


def _certificates(folder: Path, name: str, authority: str, use: x509.ObjectIdentifier) -> None:
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"fastgw demo {authority}")])
    own_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    root = _certificate(root_name, root_key, root_name).add_extension(x509.BasicConstraints(True, None), True)
    own = _certificate(own_name, key, root_name).add_extension(x509.ExtendedKeyUsage([use]), False)
    own = own.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), False)
    _write(folder / f"{authority}.pem", _pem(root.sign(root_key, hashes.SHA256())))
    _write(folder / f"{name}.pem", _pem(own.sign(root_key, hashes.SHA256())))
    _write(folder / f"{name}.key", key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def _certificate(subject: x509.Name, key: ec.EllipticCurvePrivateKey, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - _DAY).not_valid_after(now + _DAY)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _token(folder: Path) -> None:
    """An ES256 key as JWKS (RFC 7517), and a token that it signs (RFC 7515)."""
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_numbers()
    public = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "demo",
              "x": _base64(point.x.to_bytes(32)), "y": _base64(point.y.to_bytes(32))}
    _write(folder / "jwks.json", json.dumps({"keys": [public]}))
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "kim", "scope": SCOPE, "iat": now, "exp": now + 86_400}
    signed = f"{_part({'alg': 'ES256', 'kid': 'demo', 'typ': 'JWT'})}.{_part(claims)}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    _write(folder / "token.txt", f"{signed}.{_base64(r.to_bytes(32) + s.to_bytes(32))}")


def _part(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


if __name__ == "__main__":
    make(Path(sys.argv[1]))

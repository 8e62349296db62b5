"""TLS of listeners: what is shown and asked under each name, and the security policies that say how."""

from dataclasses import dataclass, field

from fastgw.model.place import Place

ANY_NAME = "*"
TLS_1_2, TLS_1_3 = 0x0303, 0x0304
DEFAULT_POLICY = "TLS_1_2"


@dataclass(frozen=True, slots=True)
class SecurityPolicy:
    """minimum: lowest version; ciphers: those of TLS 1.2, by OpenSSL's names; suites: those of TLS 1.3."""

    minimum: int
    ciphers: tuple[str, ...]
    suites: tuple[str, ...] = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


def _ephemeral(*ciphers: str) -> tuple[str, ...]:
    return tuple(f"ECDHE-{signature}-{cipher}" for cipher in ciphers for signature in ("ECDSA", "RSA"))


_GCM = _ephemeral("AES128-GCM-SHA256", "AES256-GCM-SHA384")
_CBC = _ephemeral("AES128-SHA256", "AES256-SHA384")
_CHACHA = _ephemeral("CHACHA20-POLY1305")
_STATIC = ("AES128-GCM-SHA256", "AES128-SHA256", "AES256-GCM-SHA384", "AES256-SHA256")

POLICIES = {
    "TLS_1_2": SecurityPolicy(TLS_1_2, (*_GCM, *_CBC, *_STATIC)),
    "SecurityPolicy_TLS13_1_3_2025_09": SecurityPolicy(TLS_1_3, ()),
    "SecurityPolicy_TLS13_1_2_2021_06": SecurityPolicy(TLS_1_2, (*_GCM, *_CBC)),
    "SecurityPolicy_TLS13_2025_EDGE": SecurityPolicy(TLS_1_3, ()),
    "SecurityPolicy_TLS12_PFS_2025_EDGE": SecurityPolicy(TLS_1_2, (*_GCM, *_CHACHA)),
    "SecurityPolicy_TLS12_2018_EDGE": SecurityPolicy(TLS_1_2, (*_GCM, *_CBC, *_CHACHA, *_STATIC[:3])),
    "edge": SecurityPolicy(TLS_1_2, (*_GCM, *_CHACHA)),
}
"""By the service's names, and `edge`, ours: only forward secrecy and authenticated encryption.

Source: developer guide, "Supported security policies"; its edge policies are those of its content network.
"""

REFUSED = {
    "TLS_1_0": "TLS 1.0 and 1.1 are broken, and OpenSSL 3 does not speak them at its security levels",
    "PQ": "it needs post-quantum key exchange, which is not served",
    "FIPS": "it needs a validated FIPS module, which is not served",
}
"""Why the others of the service are not: by their name, or by a part of it."""


def policy_fault(name: str) -> str:
    """Why a policy of the service cannot be had; "" for one that can, or that nobody knows."""
    if name in POLICIES:
        return ""
    parts = name.split("_") if name.startswith("SecurityPolicy_") else [name]
    return next((why for part, why in REFUSED.items() if part in parts), "")


@dataclass(frozen=True, slots=True)
class TlsDomain:
    """A name that clients ask for: "api.example.com", "*.example.com" (one label more), or "*" for any other.

    certificate  PEM, with the certificates between it and its root
    key          PEM, not encrypted
    staple       OCSP response of the certificate, DER
    truststore   PEM of the authorities that a client's certificate must come from; None asks for none
    revoked      PEM of their lists of revoked certificates
    """

    name: str
    certificate: bytes
    key: bytes = field(repr=False)
    policy: str = DEFAULT_POLICY
    staple: bytes | None = None
    truststore: bytes | None = None
    revoked: bytes | None = None
    place: Place | None = None

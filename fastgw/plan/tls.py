"""TLS of listeners -> the engine's context."""

from collections.abc import Sequence
from typing import Any

from fastgw._core.nghttp2 import nghttp2_missing
from fastgw._core.tls_server import ServerContext
from fastgw.model.tls import POLICIES, TlsDomain


def server_context(domains: Sequence[TlsDomain], http2: bool = True) -> ServerContext:
    """http2: offer it where it can be spoken. Raises ValueError, with its place, for what OpenSSL does not take."""
    context = ServerContext((b"h2", b"http/1.1") if http2 and not nghttp2_missing() else (b"http/1.1",))
    for domain in domains:
        try:
            context.add(_spec(domain))
        except ValueError as error:
            raise ValueError(f"{domain.place}: error: {error}") from None
    return context


def _spec(domain: TlsDomain) -> dict[str, Any]:
    policy = POLICIES[domain.policy]
    return {
        "name": domain.name.encode(),
        "certificate": domain.certificate,
        "key": domain.key,
        "minimum": policy.minimum,
        "ciphers": ":".join(policy.ciphers).encode(),
        "suites": ":".join(policy.suites).encode(),
        "staple": domain.staple,
        "trust": domain.truststore,
        "revoked": domain.revoked,
    }

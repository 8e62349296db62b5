"""TLS towards upstreams: whom the gateway trusts there, and who it is."""

from dataclasses import dataclass, field
from enum import Enum


class Verify(Enum):
    """How an upstream's certificate is verified.

    FULL     its issuer, its dates and its name
    PRIVATE  its dates and its name; any issuer whose root certificate is in the chain, as with the service's
             tlsConfig.insecureSkipVerification (developer guide, "x-amazon-apigateway-integration.tlsConfig")
    NONE     nothing: whoever answers is believed
    """

    FULL = "full"
    PRIVATE = "private"
    NONE = "none"


HTTP_1_1 = "http/1.1"


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What the gateway shows of itself. Both in PEM; chain begins with its own certificate."""

    chain: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """What an operator says of one upstream.

    name         sent as server name and looked for in the certificate; None: the URI's host
    authorities  PEM of those that are trusted, and no others; None: the gateway-wide ones
    certificate  None: that of the stage, or none
    alpn         protocols that are offered
    """

    name: str | None = None
    authorities: bytes | None = None
    verify: Verify = Verify.FULL
    certificate: ClientCertificate | None = None
    alpn: tuple[str, ...] = (HTTP_1_1,)


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """What an integration says of it (tlsConfig)."""

    name: str | None = None
    skip_issuer: bool = False

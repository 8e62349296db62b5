"""Issuers of tokens, as the operator has them."""

import re
from dataclasses import dataclass

from fastgw.model.place import Place

USER_POOL = re.compile(r"arn:aws[a-z-]*:cognito-idp:([a-z0-9-]+):[0-9]{12}:userpool/([A-Za-z0-9_-]{1,128})")
"""ARN of a user pool; groups: region, id."""

DISCOVERY = "/.well-known/openid-configuration"
"""OpenID Connect Discovery 1.0 section 4: below the issuer."""


def pool_issuer(arn: str) -> str:
    """The issuer of a user pool, as the service's tokens name it. arn fits USER_POOL."""
    region, pool = USER_POOL.fullmatch(arn).groups()
    suffix = ".cn" if region.startswith("cn-") else ""
    return f"https://cognito-idp.{region}.amazonaws.com{suffix}/{pool}"


@dataclass(frozen=True, slots=True)
class Issuer:
    """Where the keys of one issuer are.

    name             as its tokens have it in "iss"
    jwks             URL of its keys; "" where its discovery document tells it
    keys             the key set itself, of a file; then nobody is asked
    allow_private    its hosts may have private addresses; None is the gateway's setting
    refresh_seconds  age at which keys are asked for anew, while they go on being used
    """

    name: str
    jwks: str = ""
    keys: bytes | None = None
    allow_private: bool | None = None
    refresh_seconds: int = 3_600
    place: Place | None = None

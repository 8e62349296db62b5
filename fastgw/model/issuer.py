"""Issuers of tokens, as the operator has them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from fastgw.model.place import Place

MAX_URL = 2_048

USER_POOL = re.compile(r"arn:aws[a-z-]*:cognito-idp:([a-z0-9-]+):[0-9]{1,12}:userpool/([A-Za-z0-9_-]{1,128})")
"""ARN of a user pool; groups: region, id."""

ISSUER = re.compile(r"https?://([A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?"
                    r"(/[A-Za-z0-9._~%!$&'()*+,;=:@/-]{0,1024})?")
"""OpenID Connect Core 1.0 section 2: scheme, host, and perhaps port and path; no query, no fragment."""

DISCOVERY = "/.well-known/openid-configuration"
"""OpenID Connect Discovery 1.0 section 4: below the issuer."""


def split_url(url: str) -> SplitResult | None:
    """None for what is not http://host... or https://host..., without user and fragment."""
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or any(sign in url for sign in ' \\"<>#'):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    good = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and port != 0
    return parts if good else None


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
    pools            ARNs of user pools that stand for it, instead of the service's own issuer of each
    """

    name: str
    jwks: str = ""
    keys: bytes | None = None
    allow_private: bool | None = None
    refresh_seconds: int = 3_600
    pools: tuple[str, ...] = ()
    place: Place | None = None


def issuers_of(names: tuple[str, ...], pools: tuple[str, ...], known: Iterable[Issuer]) -> tuple[Issuer, ...]:
    """What an authorizer's issuers are: those that are known by name or by user pool, else as they are named. pools:
    none, or one for each name."""
    by_name = {issuer.name: issuer for issuer in known}
    by_pool = {pool: issuer for issuer in by_name.values() for pool in issuer.pools}
    found = [by_pool.get(pool) or by_name.get(name) or Issuer(name)
             for name, pool in zip(names, pools or names, strict=True)]
    return tuple(dict.fromkeys(found))

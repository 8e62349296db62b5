"""Secrets at rest, and sessions: what is made with the one key that FASTGW_IAM_KEY_FILE holds.

The key is 32 random bytes, written in hexadecimal. From it two others are derived, so that a text made for one purpose
is never of use for the other: one encrypts secrets (AES-256-GCM, bound to the id of their access key), one makes the
tokens and the secrets of sessions (fastgw/_core/signature_keys.pxd says how).
"""

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastgw.model.iam import SEALED

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE = 12

SESSION_PREFIX = "fastgw1"
"""First element of the tokens of sessions."""

_SECRET_LETTERS = 40


def new_key() -> str:
    return secrets.token_hex(KEY_BYTES)


def read_key(text: str) -> bytes:
    """Raises ValueError, which does not show the text."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key is {2 * KEY_BYTES} hexadecimal digits, as fastgw iam key makes one")
    return key


def seal(key: bytes, access_key: str, secret: str) -> str:
    nonce = secrets.token_bytes(_NONCE)
    sealed = _cipher(key).encrypt(nonce, secret.encode(), access_key.encode())
    return SEALED + base64.urlsafe_b64encode(nonce + sealed).decode()


def unseal(key: bytes, access_key: str, text: str) -> str:
    """Raises ValueError, which shows neither, for a text that was sealed with another key or for another access key."""
    from cryptography.exceptions import InvalidTag

    try:
        raw = base64.b64decode(text.removeprefix(SEALED), altchars=b"-_", validate=True)
        return _cipher(key).decrypt(raw[:_NONCE], raw[_NONCE:], access_key.encode()).decode()
    except (binascii.Error, InvalidTag, ValueError):
        raise ValueError("it was not encrypted for this access key with this key") from None


def _cipher(key: bytes) -> "AESGCM":
    """Its library is imported by those alone who have sealed secrets: it is large."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(_derived(key, "secrets"))


def _derived(key: bytes, purpose: str) -> bytes:
    return hmac.digest(key, f"fastgw iam {purpose}".encode(), "sha256")


def session_key(key: bytes) -> bytes:
    """Of the tokens and secrets of sessions."""
    return _derived(key, "sessions")


@dataclass(frozen=True, slots=True)
class Session:
    """expires: unix time"""

    access_key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires: int


def issue(key: bytes, role: str, name: str, issued: int, expires: int) -> Session:
    """Of a role, under a name of its own; times are unix times. Nothing is stored."""
    own = session_key(key)
    access_key = "ASIA" + base64.b32encode(secrets.token_bytes(10)).decode()
    told = f"{SESSION_PREFIX}/{role}/{name}/{issued}/{expires}/{access_key}"
    token = f"{told}/{hmac.digest(own, b'token/' + told.encode(), 'sha256').hex()}"
    secret = hmac.digest(own, b"secret/" + token.encode(), "sha256").hex()[:_SECRET_LETTERS]
    return Session(access_key, secret, token, expires)

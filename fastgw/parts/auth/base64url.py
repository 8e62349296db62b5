"""base64url without padding, in its one spelling. RFC 7515 section 2, RFC 4648 section 5."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


class NotBase64Url(ValueError):
    """It is not, or there is another spelling of the same bytes."""


def decode(text: bytes) -> bytes:
    """Raises NotBase64Url. A second spelling (padding, blanks, the other alphabet, stray last bits) is none: one token
    must not have many names."""
    try:
        found = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except ValueError:
        raise NotBase64Url("it is no base64url") from None
    if urlsafe_b64encode(found).rstrip(b"=") != text:
        raise NotBase64Url("it is no base64url")
    return found

"""Naive canonical paths, query and Host checks: lists and regular expressions, one rule after the other."""

import ipaddress
import re

UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
REFUSED_RAW = frozenset(b'"<>{}|^`\\#?')


def canonical(raw: bytes, merge_slashes: bool = True, pass_encoded_slash: bool = False) -> bytes | None:
    """The canonical path, None where it is refused."""
    if not raw.startswith(b"/") or any(not 0x21 <= c <= 0x7E or c in REFUSED_RAW for c in raw):
        return None
    if re.search(rb"%(?![0-9A-Fa-f]{2})", raw) or re.search(rb"(?i)%00|%5c", raw):
        return None
    if re.search(rb"(?i)%2f", raw) and not pass_encoded_slash:
        return None
    decoded = re.sub(rb"%(..)", unescape, raw)
    return b"/" + b"/".join(resolve(decoded.split(b"/")[1:], merge_slashes))


def unescape(escape: re.Match[bytes]) -> bytes:
    value = int(escape[1], 16)
    return bytes([value]) if value in UNRESERVED else escape[0].upper()


def resolve(segments: list[bytes], merge_slashes: bool) -> list[bytes]:
    kept: list[bytes] = []
    last = len(segments) - 1
    for i, segment in enumerate(segments):
        if segment == b".." and kept:
            kept.pop()
        if segment in (b".", b".."):
            kept += [b""] if i == last else []
        elif segment or i == last or not merge_slashes:
            kept.append(segment)
    return kept


def valid_query(query: bytes) -> bool:
    return re.fullmatch(rb"(?:[!-\"$&-~]|%[0-9A-Fa-f]{2})*", query) is not None


def host(raw: bytes) -> tuple[bytes, int] | None:
    """(name, port or 0), None where it is refused."""
    parts = re.fullmatch(rb"(\[[^\]]*\]|[^:\[\]]+)(?::([0-9]{0,5}))?", raw)
    if parts is None:
        return None
    name, port = parts[1].lower(), int(parts[2] or 0)
    if port > 65535 or (parts[2] and port == 0) or len(parts[1]) > 256:
        return None
    if name.startswith(b"["):
        return (name, port) if is_ipv6(name[1:-1]) else None
    name = name.removesuffix(b".")
    return (name, port) if re.fullmatch(rb"[a-z0-9_~-]+(?:\.[a-z0-9_~-]+)*", name) else None


def is_ipv6(text: bytes) -> bool:
    try:
        ipaddress.IPv6Address(text.decode("ascii"))
    except ValueError:
        return False
    return b"%" not in text

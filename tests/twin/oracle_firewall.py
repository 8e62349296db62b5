"""What text transformations and statements mean, in naive Python with the standard library's own tools."""

import ipaddress
import json
import re

WHITE = b" \t\n\v\f\r"
ENTITIES = {
    b"quot": 34, b"amp": 38, b"lt": 60, b"gt": 62, b"nbsp": 160, b"apos": 39, b"colon": 58, b"lpar": 40, b"rpar": 41,
    b"tab": 9, b"newline": 10, b"sol": 47, b"semi": 59, b"equals": 61,
}
CLOSED = frozenset(ENTITIES) - {b"quot", b"amp", b"lt", b"gt", b"nbsp"}
"""Only with their semicolon."""
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def utf8(point: int) -> bytes:
    return chr(point).encode("utf-8", "surrogatepass")


def unit(code: int) -> bytes:
    code = code - 0xFEE0 if 0xFF01 <= code <= 0xFF5E else code
    return bytes([code]) if code < 256 else utf8(code)


def lowercase(text: bytes) -> bytes:
    return text.lower()


def url_decode(text: bytes) -> bytes:
    return re.sub(rb"%([0-9A-Fa-f]{2})|\+", lambda m: bytes([int(m[1], 16)]) if m[1] else b" ", text)


def url_decode_uni(text: bytes) -> bytes:
    def one(m: re.Match) -> bytes:
        if m[1]:
            return bytes([int(m[1], 16)])
        return unit(int(m[2], 16)) if m[2] else b" "

    return re.sub(rb"%([0-9A-Fa-f]{2})|%[uU]([0-9A-Fa-f]{4})|\+", one, text)


def html_entity_decode(text: bytes) -> bytes:
    def number(digits: bytes, base: int) -> bytes | None:
        value = int(digits, base)
        return utf8(value) if value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF else None

    def one(m: re.Match) -> bytes:
        if m[1]:
            return number(m[1], 16) or m[0]
        return (number(m[2], 10) or m[0]) if m[2] else utf8(ENTITIES[m[3].lower()])

    names = b"|".join(name + (b";" if name in CLOSED else b";?") for name in ENTITIES)
    found = rb"&#[xX]([0-9A-Fa-f]+);?|&#([0-9]+);?|&(%b)" % names
    return re.sub(found, lambda m: one(_bare(m)), text, flags=re.I)


class _bare:
    """A match whose name is without its semicolon."""

    def __init__(self, match: re.Match) -> None:
        self._match = match

    def __getitem__(self, group: int) -> bytes | None:
        found = self._match[group]
        return found.rstrip(b";") if group == 3 and found else found


def compress_white_space(text: bytes) -> bytes:
    return re.sub(rb"(?:[ \t\n\v\f\r]|\xc2\xa0)+", b" ", text)


def remove_nulls(text: bytes) -> bytes:
    return text.replace(b"\0", b"")


def replace_nulls(text: bytes) -> bytes:
    return text.replace(b"\0", b" ")


def normalize_path(text: bytes) -> bytes:
    rooted, parts = text.startswith(b"/"), text.split(b"/")
    kept: list[bytes] = []
    for part in parts[:-1]:
        if part == b".." and (rooted or (kept and kept[-1] != b"..")):
            kept = kept[:-1]
        elif part not in (b"", b"."):
            kept.append(part)
    last = parts[-1]
    if last == b".." and (rooted or (kept and kept[-1] != b"..")):
        kept, last = kept[:-1], b""
    elif last == b".":
        last = b""
    return b"/" * rooted + b"".join(part + b"/" for part in kept) + last


def normalize_path_win(text: bytes) -> bytes:
    return normalize_path(text.replace(b"\\", b"/"))


def cmd_line(text: bytes) -> bytes:
    text = re.sub(rb"[\\\"'^]", b"", text)
    text = re.sub(rb"[,; \t\n\v\f\r]+", b" ", text)
    return re.sub(rb" ([/(])", rb"\1", text).lower()


def base64_decode(text: bytes) -> bytes:
    bits = ""
    for char in text.decode("latin-1"):
        if char in WHITE.decode():
            continue
        place = BASE64.find({"-": "+", "_": "/"}.get(char, char))
        if place < 0:
            break
        bits += f"{place:06b}"
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits) - 7, 8))


def hex_decode(text: bytes) -> bytes:
    return bytes.fromhex(re.match(rb"(?:[0-9A-Fa-f]{2})*", text)[0].decode())


def replace_comments(text: bytes) -> bytes:
    return re.sub(rb"/\*.*?(?:\*/|\Z)", b" ", text, flags=re.S)


def js_decode(text: bytes) -> bytes:
    def one(m: re.Match) -> bytes:
        if m[1]:
            return unit(int(m[1], 16))
        if m[2]:
            return bytes([int(m[2], 16)])
        if m[3]:
            return bytes([int(m[3], 8)])
        return dict(zip("abfnrtv", b"\a\b\f\n\r\t\v", strict=True)).get(m[4].decode("latin-1"), m[4][0]).to_bytes()

    return re.sub(rb"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([0-3][0-7]{2}|[0-7]{1,2})|(.))", one, text, flags=re.S)


TRANSFORMATIONS = (
    lowercase, url_decode, url_decode_uni, html_entity_decode, compress_white_space, remove_nulls, replace_nulls,
    normalize_path, normalize_path_win, cmd_line, base64_decode, hex_decode, replace_comments, js_decode,
)


def byte_match(text: bytes, value: bytes, position: str) -> bool:
    if position == "exactly":
        return text == value
    if position == "starts_with":
        return text.startswith(value)
    if position == "ends_with":
        return text.endswith(value)
    if position == "contains":
        return value in text
    word = rb"(?<![A-Za-z0-9_])" + re.escape(value) + rb"(?![A-Za-z0-9_])"
    return re.search(word, text) is not None


def in_networks(address: str, networks: list[str]) -> bool:
    client = ipaddress.ip_address(address)
    client = getattr(client, "ipv4_mapped", None) or client
    return any(client.version == ipaddress.ip_network(one).version and client in ipaddress.ip_network(one)
               for one in networks)


def json_texts(text: bytes) -> list[tuple[bool, bytes]]:
    """(is a key, text) of what json.loads reads, in the order of the text."""
    found: list[tuple[bool, bytes]] = []

    def walk(value: object) -> None:
        if isinstance(value, _Members):
            for key, inner in value.pairs:
                found.append((True, key.encode("utf-8", "surrogatepass")))
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)
        elif isinstance(value, str):
            found.append((False, value.encode("utf-8", "surrogatepass")))
        elif value is not None and not isinstance(value, bool):
            found.append((False, str(value).encode()))
        else:
            found.append((False, json.dumps(value).encode()))

    walk(json.loads(text, object_pairs_hook=_Members, parse_float=str, parse_int=_Digits))
    return found


class _Members:
    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        self.pairs = pairs


class _Digits(str):
    """A number as it was written."""

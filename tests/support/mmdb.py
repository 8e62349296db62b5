"""A small file in MaxMind DB format 2.0: networks and their countries."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network

_MARK = b"\xab\xcd\xefMaxMind.com"
_EMPTY = -1


@dataclass(frozen=True)
class _Number:
    """kind: 5, 6, 9 for 16, 32 and 64 bits."""

    kind: int
    number: int


def database(countries: Mapping[str, str]) -> bytes:
    """countries: network -> its code, or "" for a network that is known and in no country."""
    data, places = b"", {}
    for code in sorted(set(countries.values())):
        places[code] = len(data)
        data += _packed({"country": {"iso_code": code}} if code else {"continent": {"code": "EU"}})
    nodes: list[list[int]] = [[_EMPTY, _EMPTY]]
    leaves: dict[tuple[int, int], int] = {}
    for text, code in countries.items():
        network = ip_network(text)
        length = network.prefixlen + (96 if network.version == 4 else 0)
        bits = f"{int(network.network_address):0128b}"[:length]
        at = 0
        for bit in map(int, bits[:-1]):
            if nodes[at][bit] == _EMPTY:
                nodes.append([_EMPTY, _EMPTY])
                nodes[at][bit] = len(nodes) - 1
            at = nodes[at][bit]
        leaves[at, int(bits[-1])] = places[code]
    count, tree = len(nodes), b""
    for number, node in enumerate(nodes):
        for bit in (0, 1):
            leaf = leaves.get((number, bit))
            value = count + 16 + leaf if leaf is not None else count if node[bit] == _EMPTY else node[bit]
            tree += value.to_bytes(3)
    about = {"node_count": _Number(6, count), "record_size": _Number(5, 24), "ip_version": _Number(5, 6),
             "database_type": "Countries", "languages": ["en"], "description": {"en": "of tests"},
             "binary_format_major_version": _Number(5, 2), "binary_format_minor_version": _Number(5, 0),
             "build_epoch": _Number(9, 1)}
    return tree + bytes(16) + data + _MARK + _packed(about)


def _packed(value: object) -> bytes:
    match value:
        case str():
            return bytes((2 << 5 | len(value),)) + value.encode()
        case _Number(kind, number):
            raw = number.to_bytes((number.bit_length() + 7) // 8)
            return (bytes((kind << 5 | len(raw),)) if kind < 8 else bytes((len(raw), kind - 7))) + raw
        case dict():
            return bytes((7 << 5 | len(value),)) + b"".join(_packed(one) for pair in value.items() for one in pair)
        case list():
            return bytes((len(value), 4)) + b"".join(map(_packed, value))
    raise AssertionError(value)

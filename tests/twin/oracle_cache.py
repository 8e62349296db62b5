"""What a request means to a cache, naively: two with one meaning may share an answer."""

from urllib.parse import unquote_to_bytes

from tests.twin import oracle_path

CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "br": "br", "zstd": "zstd", "deflate": "deflate", "*": "*"}


def pairs(query: bytes) -> list[tuple[bytes, bytes]]:
    """Name and value, still encoded; those without a name are none."""
    split = [part.partition(b"=") for part in query.split(b"&")]
    return [(name, value) for name, _, value in split if name]


def decoded(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))


def values(query: bytes, name: str) -> tuple[bytes, ...]:
    return tuple(decoded(value) for raw, value in pairs(query) if decoded(raw) == name.encode())


def fields(headers: list[tuple[str, str]], name: str) -> tuple[str, ...]:
    return tuple(value.strip(" \t") for given, value in headers if given.lower() == name.lower())


def codings(headers: list[tuple[str, str]]) -> frozenset[str]:
    """The codings that may be sent, and "plain" where identity may not be refused."""
    found = set()
    plain = True
    for element in ",".join(fields(headers, "accept-encoding")).split(","):
        name, _, parameter = element.strip().lower().partition(";")
        weight = parameter.strip().removeprefix("q=") if parameter else "1"
        refused = bool(weight) and not weight.strip("0.")
        name = name.strip()
        if name == "identity" or (name == "*" and refused):
            plain = plain and not refused
        elif name in CODINGS and not refused:
            found.add(CODINGS[name])
    return frozenset(found | ({"plain"} if plain else set()))


def meaning(
    stage: str, path: bytes, query: bytes, host: str, headers: list[tuple[str, str]], keys: list[str] | None, port: int
) -> tuple | None:
    """None where the request is refused. keys: as "querystring.NAME" and "header.NAME"; None: not given."""
    canonical = oracle_path.canonical(path)
    if canonical is None or not oracle_path.valid_query(query):
        return None
    chosen: list[object] = []
    if keys is None:
        chosen.append(query)
    for key in keys or ():
        location, _, name = key.partition(".")
        chosen.append(values(query, name) if location == "querystring" else fields(headers, name))
    return (stage, canonical, host.lower(), codings(headers), tuple(chosen), port)

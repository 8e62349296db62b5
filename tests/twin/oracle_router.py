"""Naive routing: fit every route to the path, rank those that fit, take the best."""

import re

Route = tuple[int, bytes, int]
ANY = 7


def match(routes: list[Route], verb: int, path: bytes) -> tuple[int, list[bytes]] | None:
    """Precedence is the list of ranks from left to right; the verb itself beats ANY on equal ranks."""
    found = []
    for route_verb, route, number in routes:
        if route_verb in (verb, ANY):
            fitted = fit(route, path)
            if fitted is not None:
                ranks, params = fitted
                found.append(((ranks, route_verb == ANY), number, params))
    if not found:
        return None
    _, number, params = min(found)
    return number, params


def segments_of(path: bytes) -> list[bytes]:
    if len(path) > 1 and path.endswith(b"/"):
        path = path[:-1]
    return path[1:].split(b"/") if path != b"/" else []


def fit(route: bytes, path: bytes) -> tuple[list[tuple], list[bytes]] | None:
    """(rank of each segment, parameters), None where the route does not fit the path."""
    wanted, given = segments_of(route), segments_of(path)
    ranks: list[tuple] = []
    params: list[bytes] = []
    for i, segment in enumerate(wanted):
        if re.fullmatch(rb"\{[^}]*\+\}", segment):
            rest = path.split(b"/", i + 1)
            if not any(given[i:]):
                return None
            return [*ranks, (3,)], [*params, rest[i + 1]]
        if i >= len(given):
            return None
        literals = re.split(rb"\{[^}]*\}", segment)
        fitted = re.fullmatch(b"(.+?)".join(map(re.escape, literals)), given[i])
        if fitted is None:
            return None
        ranks.append(rank(literals))
        params += fitted.groups()
    return (ranks, params) if len(wanted) == len(given) else None


def rank(literals: list[bytes]) -> tuple:
    if len(literals) == 1:
        return (0,)
    if literals == [b"", b""]:
        return (2,)
    return (1, -sum(map(len, literals)), literals)

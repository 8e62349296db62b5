"""The section issuers of a fastgw.yaml -> model.Issuer."""

from collections.abc import Mapping
from os.path import dirname, join

from msgspec import UNSET

from fastgw.load import schema
from fastgw.load.document import View
from fastgw.load.problem import Problems, shown
from fastgw.model.issuer import Issuer, split_url


def read_issuers(
    given: Mapping[str, schema.IssuerFile], section: View | None, problems: Problems
) -> tuple[Issuer, ...]:
    """section is where given stands; problems are told at their places in it."""
    pools: dict[str, str] = {}
    found = []
    for name, one in given.items():
        view = section.get(name)
        for number, pool in enumerate(one.user_pools):
            if pool in pools:
                place = list(view.get("user_pools").elements())[number].place
                problems.error(place, "conflict", f"{pool} stands for {pools[pool]} already")
            pools[pool] = name
        found.append(_issuer(name, one, view, problems))
    return tuple(found)


def _issuer(name: str, given: schema.IssuerFile, view: View, problems: Problems) -> Issuer:
    url, keys = "", None
    if given.jwks is not UNSET:
        where = view.get("jwks")
        if given.jwks.startswith(("http://", "https://")):
            url = given.jwks
            if split_url(url) is None:
                problems.error(where.place, "bad-url", f"{shown(url)} is no URL that can be asked: http:// or https:// "
                               "with a host, perhaps a port, a path and a query")
        else:
            keys = _keys(given.jwks, where, problems)
    private = None if given.allow_private is UNSET else given.allow_private
    return Issuer(name, url, keys, private, round(given.refresh), tuple(given.user_pools), view.key_place)


def _keys(file: str, where: View, problems: Problems) -> bytes:
    """The key set of a file beside the fastgw.yaml; a new one is read when the gateway is told to reload."""
    # Here: only those who need it wait for its libraries.
    from fastgw.parts.auth.jwks import MAX_BYTES, BadKeys, read_keys

    try:
        with open(join(dirname(where.place.file), file), "rb") as stream:
            text = stream.read(MAX_BYTES + 1)
    except OSError as error:
        problems.error(where.place, "unreadable", f"cannot read {shown(file)}: {error.strerror}")
        return b""
    try:
        read_keys(text)
    except BadKeys as error:
        problems.error(where.place, "bad-keys", f"{shown(file)}: {error}")
    return text

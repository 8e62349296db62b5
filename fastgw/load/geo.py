"""Networks of countries, out of a file that the operator brings: MaxMind DB format 2.0, as GeoLite2-Country is.

The file is read when the fastgw.yaml is; what requests are held against are the networks, as in any other set.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network
from os.path import dirname, join

from fastgw.load.document import View
from fastgw.load.problem import Problems, shown

Networks = tuple[IPv4Network | IPv6Network, ...]


class Countries:
    """The networks of the countries that statements name. root: the fastgw.yaml."""

    def __init__(self, root: View, problems: Problems) -> None:
        self._file = root.get("geo_database")
        self._problems = problems
        sections = [root.get(name) for name in ("firewalls", "rule_groups")]
        self._wanted = {code for view in sections if view is not None for code in _named(view.value)}
        self._found: dict[str, list[IPv4Network | IPv6Network]] | None = None

    def networks(self, codes: Iterable[str], view: View) -> Networks | None:
        """Of the countries of a statement; None, with an error, where there is no file that says so."""
        if self._file is None:
            self._problems.error(view.place, "missing-field", "geo needs geo_database: the path of an MMDB file with "
                                 "countries")
            return None
        if self._found is None:
            self._found = self._read(self._file)
        for code in codes:
            if not self._found.get(code) and not self._problems.has_errors():
                self._problems.warning(view.place, "no-effect", f"{shown(str(self._file.value))} has no network of "
                                       f"{code}")
        return tuple(network for code in codes for network in self._found.get(code, ()))

    def _read(self, file: View) -> dict[str, list[IPv4Network | IPv6Network]]:
        found: dict[str, list[IPv4Network | IPv6Network]] = {code: [] for code in self._wanted}
        try:
            import maxminddb
        except ModuleNotFoundError:
            self._problems.error(file.place, "unserved", "geo_database needs the package maxminddb: pip install "
                                 "'fastgw[geo]'")
            return found
        path = join(dirname(file.place.file), str(file.value))
        try:
            with maxminddb.open_database(path) as database:
                for network, record in database:
                    code = _country(record)
                    if code in found:
                        found[code].append(network)
        except OSError as error:
            why = (error.strerror or "it cannot be read").lower()
            self._problems.error(file.place, "unreadable", f"{shown(str(file.value))}: {why}")
        except (maxminddb.InvalidDatabaseError, ValueError):
            self._problems.error(file.place, "bad-value", f"{shown(str(file.value))} is no MMDB file")
        return found


def _country(record: object) -> str | None:
    country = record.get("country") if isinstance(record, dict) else None
    return country.get("iso_code") if isinstance(country, dict) else None


def _named(value: object) -> Iterator[str]:
    """The countries of every statement below."""
    if isinstance(value, list):
        for one in value:
            yield from _named(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key == "geo" and isinstance(one, dict) and isinstance(one.get("countries"), list):
                yield from map(str, one["countries"])
            else:
                yield from _named(one)

"""What a definition asks to be checked and this version does not check: refused, or allowed by name.

Each kind of demand is reported once, at its first place, with the number of operations behind it.
"""

from collections.abc import Collection
from dataclasses import dataclass

from fastgw.load.document import View
from fastgw.load.names import AUTHORIZER, AUTHTYPE, PREFIX
from fastgw.load.problem import Problems, did_you_mean, shown
from fastgw.load.reader import Reader
from fastgw.model.place import Place

ALLOWABLE = ("key", "authorizer", "iam", "validator")
"""The names that --allow-unenforced takes."""


KEY_HEADER = "x-api-key"
"""Where a request has its API key."""


@dataclass(slots=True)
class _Demand:
    place: Place
    count: int = 0


class Guards:
    """Collects demands while operations are read; report() tells them all."""

    def __init__(self, reader: Reader, root: View, allowed: Collection[str]) -> None:
        self._reader = reader
        self._root = root
        self._allowed = allowed
        self._demands: dict[tuple[str, str], _Demand] = {}
        self._key = False
        self._keys_in_header = True
        self._schemes = self._read_schemes(root)
        self._common_security = reader.list(root.get("security"))
        self._common_auth = root.get(PREFIX + "auth")

    def demand(self, name: str, what: str, place: Place, count: int = 0) -> None:
        """name of ALLOWABLE; what completes "asks for"; count 1 for an operation's demand."""
        demand = self._demands.setdefault((name, what), _Demand(place))
        demand.count += count

    def root(self) -> None:
        """Demands of the whole API."""
        source = self._root.get(PREFIX + "api-key-source")
        if self._reader.name(source, ("HEADER", "AUTHORIZER")) == "AUTHORIZER":
            self._keys_in_header = False
            self.demand("key", "API keys that an authorizer gives", source.place)

    def operation(self, operation: View) -> bool:
        """Demands of one operation, its own or the API's. Whether it requires an API key in its header."""
        self._key = False
        own = operation.get("security")
        security = self._reader.list(own) if own is not None else self._common_security
        if security is not None:
            self._security(security)
        auth = operation.get(PREFIX + "auth") or self._common_auth
        if auth is not None:
            self._auth(auth)
        return self._key and self._keys_in_header

    def report(self) -> None:
        problems: Problems = self._reader.problems
        for (name, what), demand in self._demands.items():
            where = ""
            if demand.count > 1:
                where = f" (for {demand.count} operations, the first of them here)"
            if name in self._allowed:
                problems.warning(demand.place, "unenforced", f"the definition asks for {what}{where}: "
                                 f"not checked, as --allow-unenforced {name} says")
            else:
                problems.error(demand.place, "unenforced", f"the definition asks for {what}{where}, which is "
                               f"not checked yet; --allow-unenforced {name} serves it unchecked")

    def _read_schemes(self, root: View) -> View | None:
        components = root.get("components")
        if components is not None and components.get("securitySchemes") is not None:
            return self._reader.mapping(components.get("securitySchemes"))
        return self._reader.mapping(root.get("securityDefinitions"))

    def _security(self, alternatives: View) -> None:
        """A list of alternatives; an empty one among them lets everybody in."""
        found = list(alternatives.elements())
        if any(alternative.value == {} for alternative in found):
            return
        for alternative in found:
            if self._reader.mapping(alternative) is None:
                continue
            for name, scopes in alternative.items():
                self._scheme(name, scopes)

    def _scheme(self, name: str, use: View) -> None:
        scheme = self._schemes.get(name) if self._schemes is not None else None
        if scheme is not None:
            scheme = self._reader.follow(scheme)
        if scheme is None and name == "NONE":
            # How SAM writes that an operation has no authorizer.
            return
        if scheme is None:
            known = self._schemes.value if self._schemes is not None else ()
            hint = did_you_mean(name, known)
            self.demand("authorizer", f"security {shown(name)} (not defined{hint})", use.key_place, 1)
            return
        kind = str((scheme.get("type") or scheme).value)[:40]
        authtype = scheme.get(AUTHTYPE)
        if authtype is not None and str(authtype.value).lower() == "awssigv4":
            self.demand("iam", f"signed requests (security {shown(name)}, awsSigv4)", use.key_place, 1)
        elif scheme.get(AUTHORIZER) is not None:
            authorizer = scheme.get(AUTHORIZER).get("type")
            told = f", {str(authorizer.value)[:40]}" if authorizer is not None else ""
            self.demand("authorizer", f"an authorizer (security {shown(name)}{told})", use.key_place, 1)
        elif kind.lower() == "apikey" and _is_key_header(scheme):
            self._key = True
        elif kind.lower() == "apikey":
            self.demand("key", f"an API key elsewhere than in the header {KEY_HEADER} (security {shown(name)})",
                        use.key_place, 1)
        else:
            self.demand("authorizer", f"security {shown(name)} (type {kind})", use.key_place, 1)

    def _auth(self, auth: View) -> None:
        kind = auth.get("type")
        name = str(kind.value).upper() if kind is not None else "NONE"
        if name == "AWS_IAM":
            self.demand("iam", "signed requests (x-amazon-apigateway-auth AWS_IAM)", auth.place, 1)
        elif name != "NONE":
            self.demand("authorizer", f"x-amazon-apigateway-auth {shown(name)}", auth.place, 1)


def _is_key_header(scheme: View) -> bool:
    where, name = scheme.get("in"), scheme.get("name")
    return (where is not None and str(where.value).lower() == "header"
            and name is not None and str(name.value).lower() == KEY_HEADER)

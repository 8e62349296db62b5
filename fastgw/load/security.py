"""What operations ask of their callers: security requirements, security schemes, x-amazon-apigateway-auth."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fastgw.load import authorizers, jwt_authorizers
from fastgw.load.document import View
from fastgw.load.guards import KEY_HEADER, Guards
from fastgw.load.names import AUTHORIZER, AUTHTYPE, PREFIX
from fastgw.load.problem import Problems, did_you_mean, one_of, shown
from fastgw.load.reader import Reader
from fastgw.model.api import ApiKind
from fastgw.model.authorizer import Access, Authorizer, JwtAuthorizer

TYPES = (*authorizers.TYPES, *jwt_authorizers.TYPES)


@dataclass(frozen=True, slots=True)
class Asked:
    """key  an API key is required"""

    key: bool = False
    access: Access | None = None


@dataclass(slots=True)
class _Found:
    """Of one operation: names of authorizers, and where each is asked for."""

    authorizers: dict[str, View] = field(default_factory=dict)
    iam: bool = False
    key: bool = False


class Security:
    """own: authorizers of the fastgw.yaml, by the name of the security scheme that they stand for."""

    def __init__(self, reader: Reader, root: View, kind: ApiKind, guards: Guards,
                 own: Mapping[str, Authorizer]) -> None:
        self._reader = reader
        self._problems = reader.problems
        self._kind = kind
        self._guards = guards
        self._read: dict[str, Authorizer | None] = dict(own)
        self._unread: dict[str, str] = {}
        self._schemes = self._read_schemes(root)
        self._common_security = reader.list(root.get("security"))
        self._common_auth = root.get(PREFIX + "auth")

    @property
    def authorizers(self) -> tuple[Authorizer, ...]:
        """Those that operations asked for so far, and those of the fastgw.yaml."""
        return tuple(one for one in self._read.values() if one is not None)

    def operation(self, operation: View) -> Asked:
        """Its own requirements, else those of the whole API."""
        found = _Found()
        own = operation.get("security")
        security = self._reader.list(own) if own is not None else self._common_security
        if security is not None:
            self._security(security, found)
        auth = operation.get(PREFIX + "auth")
        if auth is None and not (own is not None and found.authorizers):
            auth = self._common_auth
        if auth is not None:
            self._auth(auth, found)
        return Asked(found.key, self._access(found))

    def _access(self, found: _Found) -> Access | None:
        names = list(found.authorizers)
        if len(names) + found.iam > 1:
            asked = [*map(shown, names), *(["a signature"] if found.iam else [])]
            self._problems.error(found.authorizers[names[-1]].key_place, "conflict", f"{' and '.join(asked)} are asked "
                                 "for together; an operation has one authorizer, as in the service")
            return None
        if found.iam:
            return Access(iam=True)
        if not names or self._read[names[0]] is None:
            return None
        return Access(names[0], scopes=self._scopes(names[0], found.authorizers[names[0]]))

    def _scopes(self, name: str, use: View) -> tuple[str, ...]:
        if isinstance(self._read[name], JwtAuthorizer):
            return jwt_authorizers.read_scopes(self._reader, use)
        if self._reader.texts(use):
            self._guards.demand("authorizer", f"scopes (security {shown(name)}), which only a token has",
                                use.key_place, 1)
        return ()

    def _read_schemes(self, root: View) -> View | None:
        components = root.get("components")
        if components is not None and components.get("securitySchemes") is not None:
            return self._reader.mapping(components.get("securitySchemes"))
        return self._reader.mapping(root.get("securityDefinitions"))

    def _security(self, alternatives: View, found: _Found) -> None:
        """A list of alternatives; an empty one among them lets everybody in."""
        listed = list(alternatives.elements())
        if any(alternative.value == {} for alternative in listed):
            return
        for alternative in listed:
            if self._reader.mapping(alternative) is None:
                continue
            for name, scopes in alternative.items():
                self._scheme(name, scopes, found)

    def _scheme(self, name: str, use: View, found: _Found) -> None:
        if name in self._read:
            self._uses(name, use, found)
            return
        scheme = self._schemes.get(name) if self._schemes is not None else None
        if scheme is not None:
            scheme = self._reader.follow(scheme)
        if scheme is None and name == "NONE":
            # How SAM writes that an operation has no authorizer.
            return
        if scheme is None:
            known = self._schemes.value if self._schemes is not None else ()
            hint = did_you_mean(name, known)
            self._guards.demand("authorizer", f"security {shown(name)} (not defined{hint})", use.key_place, 1)
            return
        kind = str((scheme.get("type") or scheme).value)[:40]
        authtype = scheme.get(AUTHTYPE)
        if authtype is not None and str(authtype.value).lower() == "awssigv4":
            found.iam = True
        elif scheme.get(AUTHORIZER) is not None:
            self._read_authorizer(name, scheme)
            self._uses(name, use, found)
        elif kind.lower() == "apikey" and _is_key_header(scheme):
            found.key = True
        elif kind.lower() == "apikey":
            self._guards.demand("key", f"an API key elsewhere than in the header {KEY_HEADER} (security {shown(name)})",
                                use.key_place, 1)
        else:
            self._guards.demand("authorizer", f"security {shown(name)} (type {kind})", use.key_place, 1)

    def _uses(self, name: str, use: View, found: _Found) -> None:
        found.authorizers[name] = use
        if name in self._unread:
            self._guards.demand("authorizer", self._unread[name], use.key_place, 1)

    def _read_authorizer(self, name: str, scheme: View) -> None:
        """One that cannot be read is an error, or where that is allowed a check that is left out."""
        found = Problems()
        reader = replace(self._reader, problems=found)
        given = scheme.get(AUTHORIZER)
        kind = reader.name(given.get("type"), TYPES)
        if given.get("type") is None:
            found.error(given.place, "missing-field", f"this authorizer has no type: {one_of(TYPES)}")
        made = self._made(reader, name, kind, scheme, given) if kind is not None else None
        if found.has_errors() and self._guards.allows("authorizer"):
            made = None
            self._unread[name] = f"an authorizer (security {shown(name)}) that cannot be read"
        else:
            self._problems.absorb(found)
        self._read[name] = made

    def _made(self, reader: Reader, name: str, kind: str, scheme: View, given: View) -> Authorizer | None:
        if kind in authorizers.TYPES:
            return authorizers.read_request_authorizer(reader, name, kind, scheme, given, self._kind)
        return jwt_authorizers.read_jwt_authorizer(reader, name, kind, scheme, given, self._kind)

    def _auth(self, auth: View, found: _Found) -> None:
        kind = auth.get("type")
        name = str(kind.value).upper() if kind is not None else "NONE"
        if name == "AWS_IAM":
            found.iam = True
        elif name != "NONE":
            self._guards.demand("authorizer", f"x-amazon-apigateway-auth {shown(name)}", auth.place, 1)


def _is_key_header(scheme: View) -> bool:
    where, name = scheme.get("in"), scheme.get("name")
    return (where is not None and str(where.value).lower() == "header"
            and name is not None and str(name.value).lower() == KEY_HEADER)

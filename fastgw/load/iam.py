"""The section iam of a fastgw.yaml -> model.Iam. No message shows a secret."""

from os.path import dirname, join
from pathlib import Path

from msgspec import UNSET

from fastgw.load import schema
from fastgw.load.document import View
from fastgw.load.params import Params
from fastgw.load.policy import policy
from fastgw.load.problem import Problems, did_you_mean, shown
from fastgw.load.reader import Reader
from fastgw.model.gateway import Gateway
from fastgw.model.iam import SEALED, AccessKey, Iam, Role, Secret, User
from fastgw.model.policy import Policy, PolicyKind


def read_iam(given: schema.IamFile, view: View | None, problems: Problems) -> Iam | None:
    """given is UNSET, and view None, where the file has no such section."""
    return None if given is UNSET or view is None else _Section(given, view, problems).read()


def check_signers(gateway: Gateway, problems: Problems) -> None:
    """Routes whose requests are to be signed by nobody refuse everybody."""
    iam = gateway.iam
    if iam is not None and (iam.roles or any(user.keys for user in iam.users)):
        return
    for api in gateway.apis:
        routes = [route for route in api.routes if route.access is not None and route.access.iam]
        if routes:
            more = f" and {len(routes) - 1} more" if len(routes) > 1 else ""
            problems.warning(routes[0].place, "nobody-signs", f"{routes[0].name}{more} asks for signed requests, and "
                             "nobody has an access key: iam: users: in a fastgw.yaml says who may sign")


class _Section:
    def __init__(self, given: schema.IamFile, view: View, problems: Problems) -> None:
        self._given = given
        self._view = view
        self._problems = problems
        self._reader = Reader(problems, Params({}))
        self._owners: dict[str, str] = {}
        self._groups: dict[str, tuple[Policy, ...]] = {}

    def read(self) -> Iam:
        for name in self._given.groups:
            self._groups[name] = self._policies(self._of("groups", name))
        users = tuple(self._user(name, user, self._of("users", name)) for name, user in self._given.users.items())
        roles = tuple(self._role(name, role, self._of("roles", name)) for name, role in self._given.roles.items())
        return Iam(users, roles)

    def _of(self, section: str, name: str) -> View:
        return self._view.get(section).get(name)

    def _user(self, name: str, given: schema.UserFile, view: View) -> User:
        policies = self._policies(view)
        for number, group in enumerate(given.groups):
            if group not in self._groups:
                place = list(view.get("groups").elements())[number].place
                self._problems.error(place, "unknown-value", f"no group is named {shown(group)}"
                                     f"{did_you_mean(group, self._groups)}")
            policies += self._groups.get(group, ())
        keys = (self._key(name, access_key, its, view.get("keys").get(access_key))
                for access_key, its in given.keys.items())
        return User(name, tuple(key for key in keys if key is not None), policies, view.key_place)

    def _role(self, name: str, given: schema.RoleFile, view: View) -> Role:
        return Role(name, given.session, self._policies(view), view.key_place)

    def _policies(self, view: View) -> tuple[Policy, ...]:
        listed = view.get("policies")
        read = (policy(self._reader, one, PolicyKind.IDENTITY) for _, one in listed.items()) if listed else ()
        return tuple(found for found in read if found is not None)

    def _key(self, user: str, name: str, given: schema.AccessKeyFile, view: View) -> AccessKey | None:
        if name in self._owners:
            self._problems.error(view.key_place, "conflict", f"access key {name} is that of user "
                                 f"{shown(self._owners[name])} already")
        self._owners[name] = user
        if (given.secret is UNSET) == (given.secret_file is UNSET):
            both = "both secret and secret_file" if given.secret is not UNSET else "neither secret nor secret_file"
            self._problems.error(view.key_place, "missing-field", f"access key {name} has {both}; give one of them")
            return None
        secret = self._secret(name, given, view)
        token = self._text(view.get("session_token_file"), given.session_token_file) \
            if given.session_token_file is not UNSET else ""
        if secret is None or token is None or not given.enabled:
            return None
        return AccessKey(name, secret, token)

    def _secret(self, name: str, given: schema.AccessKeyFile, view: View) -> Secret | None:
        if given.secret is UNSET:
            text = self._text(view.get("secret_file"), given.secret_file)
            return None if text is None else Secret(text, view.get("secret_file").place)
        place = view.get("secret").place
        if not given.secret.startswith(SEALED):
            self._problems.error(place, "plain-secret", f"the secret of access key {name} stands here in clear; put it "
                                 "into a file of its own and write secret_file: FILE, or write what fastgw iam encrypt "
                                 f"{name} makes of it")
            return None
        return Secret(given.secret, place)

    def _text(self, view: View, file: str) -> str | None:
        """The content of a file, which holds one line."""
        try:
            text = Path(join(dirname(view.place.file), file)).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            self._problems.error(view.place, "unreadable", f"{shown(file)} cannot be read: {reason}")
            return None
        if not text or not text.isascii() or not text.isprintable():
            self._problems.error(view.place, "bad-value", f"{shown(file)} must hold one line of visible ASCII")
            return None
        return text



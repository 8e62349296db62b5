"""Credentials of AWS callers, and where the gateway finds its own.

The sources, and their order, are those of the AWS SDKs: environment, web identity, shared files, container, instance.
Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers". Finding may block: it reads files and
asks other machines. No message ever holds a key, a secret or a token.
"""

import configparser
import math
import os.path
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

SESSION_NAME = "fastgw"
"""What the sessions of assumed roles are called, where nothing else is said."""

MAX_PROFILES = 8
"""source_profile hops; more is a loop."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """expires is unix time."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    expires: float = math.inf


class NoCredentials(Exception):
    """The message says who was asked and why nothing came of it."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role to assume. token_file holds a web identity's token, asked with instead of credentials."""

    arn: str
    session_name: str = SESSION_NAME
    external_id: str = ""
    token_file: str = ""
    duration: int = 0


Assume = Callable[[Role, Credentials | None, str], Credentials]
"""Assumes a role as somebody, in a region where one is known ("" else). Raises NoCredentials."""

Ask = Callable[[Mapping[str, str]], Credentials | None]
"""A source of its own, given the environment; None where it is not in use. Raises NoCredentials."""


def region_of(environ: Mapping[str, str]) -> str:
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""


@dataclass(frozen=True, slots=True)
class Chain:
    """Asks one source after the other; the first that has credentials wins, and one that is in use but broken ends
    the search: it must not be covered up by another identity.

    profile   of the shared files; "" means AWS_PROFILE, else "default"
    machine   what the container and the instance offer, in this order
    """

    environ: Mapping[str, str]
    assume: Assume
    machine: tuple[Ask, ...] = ()
    profile: str = ""

    def find(self) -> Credentials:
        """Raises NoCredentials."""
        sources = (self._environment, self._web_identity, self._shared_files)
        if self.profile:
            sources = (self._shared_files,)
        for source in sources:
            found = source()
            if found is not None:
                return found
        for ask in self.machine if not self.profile else ():
            found = ask(self.environ)
            if found is not None:
                return found
        raise NoCredentials("no credentials in the environment, in the shared files, from the container or from the "
                            "instance" if not self.profile else f"profile {self.profile!r} has no credentials")

    def _environment(self) -> Credentials | None:
        return _three(self.environ.get, "the environment",
                      ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"))

    def _web_identity(self) -> Credentials | None:
        file, arn = self.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"), self.environ.get("AWS_ROLE_ARN")
        if not file or not arn:
            return None
        name = self.environ.get("AWS_ROLE_SESSION_NAME") or SESSION_NAME
        return self.assume(Role(arn, name, token_file=file), None, region_of(self.environ))

    def _shared_files(self) -> Credentials | None:
        name = self.profile or self.environ.get("AWS_PROFILE") or "default"
        named = bool(self.profile or self.environ.get("AWS_PROFILE"))
        profiles = read_profiles(self.environ)
        if name not in profiles:
            if named:
                raise NoCredentials(f"the shared files have no profile {name!r}")
            return None
        return self._profile(name, profiles, MAX_PROFILES)

    def _profile(self, name: str, profiles: Mapping[str, Mapping[str, str]], hops: int) -> Credentials | None:
        if not hops:
            raise NoCredentials(f"profile {name!r}: source_profile leads in a circle")
        given = profiles.get(name)
        if given is None:
            raise NoCredentials(f"the shared files have no profile {name!r}, which another names as its source")
        if given.get("role_arn"):
            return self._assumed(name, given, profiles, hops)
        for setting in ("credential_process", "sso_session", "sso_account_id"):
            if given.get(setting):
                raise NoCredentials(f"profile {name!r}: {setting} is not served; allowed are keys, role_arn with "
                                    "source_profile or credential_source, and web_identity_token_file")
        return _three(given.get, f"profile {name!r}",
                      ("aws_access_key_id", "aws_secret_access_key", "aws_session_token"))

    def _assumed(self, name: str, given: Mapping[str, str], profiles: Mapping[str, Mapping[str, str]],
                 hops: int) -> Credentials:
        role = Role(given["role_arn"], given.get("role_session_name") or SESSION_NAME, given.get("external_id", ""),
                    given.get("web_identity_token_file", ""), _seconds(name, given.get("duration_seconds", "")))
        region = given.get("region") or region_of(self.environ)
        if role.token_file:
            return self.assume(role, None, region)
        if given.get("mfa_serial"):
            raise NoCredentials(f"profile {name!r}: mfa_serial needs a person, so it is not served")
        source = given.get("source_profile")
        if source == name:
            found = _three(given.get, f"profile {name!r}",
                           ("aws_access_key_id", "aws_secret_access_key", "aws_session_token"))
        else:
            found = self._profile(source, profiles, hops - 1) if source else self._named_source(name, given)
        if found is None:
            raise NoCredentials(f"profile {name!r}: its source has no credentials")
        return self.assume(role, found, region)

    def _named_source(self, name: str, given: Mapping[str, str]) -> Credentials | None:
        wanted = given.get("credential_source", "")
        if wanted == "Environment":
            return self._environment()
        known = ("EcsContainer", "Ec2InstanceMetadata")
        if wanted not in known:
            raise NoCredentials(f"profile {name!r}: role_arn needs source_profile, or credential_source: Environment, "
                                "EcsContainer or Ec2InstanceMetadata")
        asks = dict(zip(known, self.machine, strict=False))
        return asks[wanted](self.environ) if wanted in asks else None


def _seconds(profile: str, text: str) -> int:
    if text and not (text.isascii() and text.isdigit() and 900 <= int(text) <= 43_200):
        raise NoCredentials(f"profile {profile!r}: duration_seconds must be a whole number from 900 to 43200")
    return int(text or 0)


def _three(get: Callable[[str], str | None], where: str, names: tuple[str, str, str]) -> Credentials | None:
    access, secret, token = (get(name) or "" for name in names)
    if not access and not secret:
        return None
    if not access or not secret:
        raise NoCredentials(f"{where} has {names[0] if access else names[1]} without "
                            f"{names[1] if access else names[0]}")
    return Credentials(access, secret, token)


def read_profiles(environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Every profile of the shared files; what the credentials file says goes before what the config file says.

    Raises NoCredentials for a file that is there and cannot be read.
    """
    home = environ.get("HOME") or os.path.expanduser("~")
    config = environ.get("AWS_CONFIG_FILE") or os.path.join(home, ".aws", "config")
    credentials = environ.get("AWS_SHARED_CREDENTIALS_FILE") or os.path.join(home, ".aws", "credentials")
    found: dict[str, dict[str, str]] = {}
    for section, values in _sections(config):
        kind, _, name = section.partition(" ")
        if section == "default" or (kind == "profile" and name.strip()):
            found.setdefault(name.strip() or "default", {}).update(values)
    for section, values in _sections(credentials):
        found.setdefault(section, {}).update(values)
    return found


def _sections(file: str) -> list[tuple[str, dict[str, str]]]:
    parser = configparser.RawConfigParser(default_section="", strict=False)
    try:
        with open(os.path.expanduser(file), encoding="utf-8") as text:
            parser.read_file(text)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise NoCredentials(f"cannot read {file}: {error.strerror}") from None
    except (configparser.Error, UnicodeDecodeError) as error:
        # The parser's own words may hold the line, and with it a secret.
        raise NoCredentials(f"{file}: line {getattr(error, 'lineno', None) or '?'} is no setting") from None
    return [(name, dict(parser.items(name))) for name in parser.sections()]

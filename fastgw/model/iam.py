"""Who may sign requests: users with their access keys, and roles whose sessions this gateway issues."""

import base64
import hashlib
import re
from dataclasses import dataclass, field

from fastgw.model.place import Place
from fastgw.model.policy import Policy

NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
"""Of a user, a group, a role or a session."""

ACCESS_KEY = re.compile(r"[A-Za-z0-9_]{4,128}")

MIN_SESSION, MAX_SESSION = 900, 43_200
"""Seconds that a session may last; the service's."""

SEALED = "sealed:v1:"
"""How an encrypted secret begins; what follows is made by fastgw.parts.auth.sealed."""


@dataclass(frozen=True, slots=True)
class Secret:
    """text  as the file has it: the secret itself, or SEALED and its ciphertext"""

    text: str = field(repr=False)
    place: Place

    @property
    def sealed(self) -> bool:
        return self.text.startswith(SEALED)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """token  that requests must carry as well, of a key that another system issued for a time; "" for none"""

    id: str
    secret: Secret
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class User:
    """policies: its own, then those of its groups"""

    name: str
    keys: tuple[AccessKey, ...] = ()
    policies: tuple[Policy, ...] = ()
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """session_seconds: that a session may last at most"""

    name: str
    session_seconds: int = 3600
    policies: tuple[Policy, ...] = ()
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Iam:
    users: tuple[User, ...] = ()
    roles: tuple[Role, ...] = ()


def unique_id(kind: str, account: str, name: str) -> str:
    """The id of a user ("AIDA") or a role ("AROA"): the same in each process and run, another for each name."""
    digest = hashlib.sha256(f"{kind}/{account}/{name}".encode()).digest()
    return kind + base64.b32encode(digest).decode()[:17]


def user_arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:user/{name}"


def role_arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def session_arn(account: str, role: str) -> str:
    """Of the sessions of a role; "/" and the session's name follow."""
    return f"arn:aws:sts::{account}:assumed-role/{role}"

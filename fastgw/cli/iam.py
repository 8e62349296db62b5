"""Commands about who may sign requests: the key of the section iam, encrypted secrets, sessions of roles."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from fastgw.cli import OK, CommandError
from fastgw.cli.options import setting_flags, settings, usable
from fastgw.model.iam import ACCESS_KEY, NAME, Role
from fastgw.parts.auth.sealed import issue, new_key, read_key, seal


def key(options: argparse.Namespace) -> int:
    """A new one, into a file that only its owner can read; an old one is never written over."""
    try:
        with open(os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(new_key() + "\n")
    except OSError as error:
        raise CommandError(f"fastgw: cannot make {options.file}: {(error.strerror or str(error)).lower()}") from None
    print(f"set FASTGW_IAM_KEY_FILE to {options.file}")
    return OK


def encrypt(options: argparse.Namespace) -> int:
    """Print what a fastgw.yaml holds as secret of an access key."""
    if not ACCESS_KEY.fullmatch(options.access_key):
        raise CommandError(f"fastgw: {options.access_key!r} is no id of an access key: 4 to 128 letters, digits and _")
    own = _key(options)
    secret = _secret(options.secret_file)
    if not secret or not secret.isascii() or not secret.isprintable():
        raise CommandError("fastgw: a secret is one line of visible ASCII")
    print(seal(own, options.access_key, secret))
    return OK


def session(options: argparse.Namespace) -> int:
    """Issue one: print its credentials as the SDKs read them from the environment, or as JSON."""
    own = _key(options)
    gateway = usable(options).gateway
    roles = {role.name: role for role in (gateway.iam.roles if gateway.iam is not None else ())}
    role = roles.get(options.role)
    if role is None:
        raise CommandError(f"fastgw: no role is named {options.role!r}; there are {', '.join(roles) or 'none'}")
    if not NAME.fullmatch(options.name):
        raise CommandError(f"fastgw: {options.name!r} is no name of a session: 1 to 64 letters, digits and "
                           "+ = , . @ _ -")
    now = int(time.time())
    made = issue(own, role.name, options.name, now, now + _seconds(options.seconds, role))
    told = {"AccessKeyId": made.access_key, "SecretAccessKey": made.secret, "SessionToken": made.token,
            "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(made.expires))}
    if options.json:
        print(json.dumps({"Version": 1, **told}))       # as credential_process of the SDKs wants it
        return OK
    print(f"export AWS_ACCESS_KEY_ID={made.access_key}\nexport AWS_SECRET_ACCESS_KEY={made.secret}\n"
          f"export AWS_SESSION_TOKEN={made.token}\n# until {told['Expiration']}")
    return OK


def _seconds(given: int | None, role: Role) -> int:
    if given is None:
        return role.session_seconds
    if not 1 <= given <= role.session_seconds:
        raise CommandError(f"fastgw: a session of {role.name} may last 1 to {role.session_seconds:,} seconds, found "
                           f"{given:,}")
    return given


def _key(options: argparse.Namespace) -> bytes:
    text = settings(setting_flags(options)).settings.iam_key
    if not text:
        raise CommandError("fastgw: set FASTGW_IAM_KEY_FILE to a file that fastgw iam key made")
    try:
        return read_key(text)
    except ValueError as error:
        raise CommandError(f"fastgw: FASTGW_IAM_KEY_FILE: {error}") from None


def _secret(file: str | None) -> str:
    try:
        return (sys.stdin.read() if file is None else Path(file).read_text(encoding="utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise CommandError(f"fastgw: cannot use {file}: {why.lower()}") from None

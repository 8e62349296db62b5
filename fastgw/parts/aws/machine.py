"""Credentials that the machine offers: the container's agent, and the instance's metadata service, version 2.

Source: AWS SDKs and Tools Reference Guide, "Container credential provider", "IMDS credential provider".
"""

import ipaddress
import json
import math
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from fastgw.parts.aws.ask import ask
from fastgw.parts.aws.credentials import Credentials, NoCredentials

TIMEOUT = 1.0
"""Both are on this machine or beside it. In seconds."""

CONTAINER = "http://169.254.170.2"
CONTAINER_HOSTS = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23")
INSTANCE = "http://169.254.169.254"
ROLES = "/latest/meta-data/iam/security-credentials/"
TOKEN_SECONDS = "300"


def container(environ: Mapping[str, str]) -> Credentials | None:
    """From the agent of the container. Raises NoCredentials."""
    relative, full = (environ.get(f"AWS_CONTAINER_CREDENTIALS_{kind}_URI") for kind in ("RELATIVE", "FULL"))
    if not relative and not full:
        return None
    url = CONTAINER + relative if relative else str(full)
    if not relative:
        _refuse_strangers(url)
    token = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    if file := environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        token = read_token(file)
    status, body = ask("GET", url, {"Authorization": token} if token else {}, b"", TIMEOUT, "the container's agent")
    return _read("the container's agent", status, body)


def _refuse_strangers(url: str) -> None:
    """The token goes only to this machine, to the agents' own addresses, or over TLS."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" or host == "localhost" or host in CONTAINER_HOSTS:
        return
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise NoCredentials(f"AWS_CONTAINER_CREDENTIALS_FULL_URI names {host!r}; allowed are https://, this machine "
                            f"and {', '.join(CONTAINER_HOSTS)}")


def read_token(file: str) -> str:
    """A file with one token. Raises NoCredentials."""
    try:
        with open(file, encoding="ascii") as text:
            token = text.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NoCredentials(f"cannot read {file}: {getattr(error, 'strerror', None) or 'no text'}") from None
    if not token or not token.isprintable():
        raise NoCredentials(f"{file} holds no token")
    return token


def instance(environ: Mapping[str, str]) -> Credentials | None:
    """From the instance's metadata service; None where there is none, or it knows no role. Raises NoCredentials."""
    if environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    base = (environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or INSTANCE).rstrip("/")
    who = "the instance's metadata service"
    try:
        status, token = ask("PUT", f"{base}/latest/api/token",
                            {"X-aws-ec2-metadata-token-ttl-seconds": TOKEN_SECONDS}, b"", TIMEOUT, who)
    except NoCredentials:
        return None
    if status != 200 or not token.isascii() or not token.decode().isprintable():
        raise NoCredentials(f"{who} gives no session token: status {status}")
    headers = {"X-aws-ec2-metadata-token": token.decode()}
    status, names = ask("GET", base + ROLES, headers, b"", TIMEOUT, who)
    if status == 404 or (status == 200 and not names.strip()):
        return None
    if status != 200:
        raise NoCredentials(f"{who} does not name its role: status {status}")
    role = names.split()[0].decode("ascii", "replace")
    return _read(who, *ask("GET", base + ROLES + role, headers, b"", TIMEOUT, who))


def _read(who: str, status: int, body: bytes) -> Credentials:
    if status != 200:
        raise NoCredentials(f"{who} answers with status {status}")
    try:
        found = json.loads(body)
        expires = found.get("Expiration")
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found.get("Token") or "",
                           unix_time(expires) if expires else math.inf)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NoCredentials(f"{who} answers with no credentials") from None


def unix_time(text: str) -> float:
    """Of an ISO 8601 time. Raises ValueError."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

"""One blocking HTTP exchange with a machine that gives out credentials. Never on the loop."""

import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from fastgw.parts.aws.credentials import NoCredentials

MAX_ANSWER = 65_536


def ask(method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: float, who: str,
        ca_file: str = "") -> tuple[int, bytes]:
    """(status, body). who is for messages; ca_file: PEM of whom to trust, "" for whom the system trusts. Raises
    NoCredentials where no answer comes.

    No proxy and no redirect is followed: credentials are given out to whoever asks from this machine.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NoCredentials(f"{who}: {url!r} is no http:// or https:// URL")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        if parts.scheme == "https":
            trusting = ssl.create_default_context(cafile=ca_file or None)
            connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=trusting)
    except (OSError, ValueError) as error:
        raise NoCredentials(f"{who} cannot be asked: {type(error).__name__}") from None
    try:
        connection.request(method, target, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read(MAX_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise NoCredentials(f"{who} does not answer: {type(error).__name__}") from None
    finally:
        connection.close()

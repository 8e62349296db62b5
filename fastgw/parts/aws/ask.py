"""One blocking HTTP exchange with a machine that gives out credentials. Never on the loop."""

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

from fastgw.parts.aws.credentials import NoCredentials

MAX_ANSWER = 65_536


def ask(method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: float, who: str) -> tuple[int, bytes]:
    """(status, body). who is for messages. Raises NoCredentials where no answer comes.

    No proxy and no redirect is followed: credentials are given out to whoever asks from this machine.
    """
    parts = urlsplit(url)
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    if parts.scheme not in kinds or not parts.hostname:
        raise NoCredentials(f"{who}: {url!r} is no http:// or https:// URL")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=timeout)
    try:
        connection.request(method, target, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read(MAX_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise NoCredentials(f"{who} does not answer: {type(error).__name__}") from None
    finally:
        connection.close()

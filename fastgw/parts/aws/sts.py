"""The security token service: assumes roles."""

import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from fastgw.parts.aws.ask import ask
from fastgw.parts.aws.credentials import Credentials, NoCredentials, Role
from fastgw.parts.aws.machine import read_token, unix_time
from fastgw.parts.aws.sigv4 import sign

TIMEOUT = 5.0
VERSION = "2011-06-15"
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class SecurityTokens:
    """endpoint "" means the service itself, over TLS; region "" the one that a caller is in; ca_file: PEM of whom to
    trust, "" for whom the system trusts.
    """

    endpoint: str = ""
    region: str = ""
    ca_file: str = ""

    def assume(self, role: Role, credentials: Credentials | None, region: str) -> Credentials:
        """As credentials, or by the role's web identity. Raises NoCredentials."""
        region = self.region or region or DEFAULT_REGION
        endpoint = self.endpoint or f"https://sts.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
        form = {"Version": VERSION, "RoleArn": role.arn, "RoleSessionName": role.session_name}
        if role.token_file:
            form |= {"Action": "AssumeRoleWithWebIdentity", "WebIdentityToken": read_token(role.token_file)}
        else:
            form["Action"] = "AssumeRole"
        if role.external_id:
            form["ExternalId"] = role.external_id
        if role.duration:
            form["DurationSeconds"] = str(role.duration)
        body = urlencode(form).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if credentials is not None and not role.token_file:
            headers |= _signed(endpoint, headers, body, credentials, region)
        status, answer = ask("POST", endpoint, headers, body, TIMEOUT, "the security token service",
                             self.ca_file)
        return _read(role.arn, status, answer)


def _signed(endpoint: str, headers: Mapping[str, str], body: bytes, credentials: Credentials,
            region: str) -> dict[str, str]:
    parts = urlsplit(endpoint)
    given = [(name.encode(), value.encode()) for name, value in headers.items()]
    added = sign(b"POST", parts.netloc.encode(), parts.path.encode() or b"/", b"", given, body, credentials, region,
                 "sts", time.time())
    return {name.decode(): value.decode() for name, value in added}


def _read(arn: str, status: int, answer: bytes) -> Credentials:
    """The answer's own words go into a message only as the error's code: they may hold what was sent."""
    values: dict[str, str] = {}
    if b"<!" not in answer:
        try:
            values = {node.tag.rpartition("}")[2]: node.text or "" for node in ElementTree.fromstring(answer).iter()}
        except ElementTree.ParseError:
            values = {}
    if status != 200:
        code = values.get("Code", "")
        raise NoCredentials(f"role {arn} cannot be assumed: status {status}"
                            f"{' ' + code if code.isalnum() and len(code) < 80 else ''}")
    try:
        return Credentials(values["AccessKeyId"], values["SecretAccessKey"], values["SessionToken"],
                           unix_time(values["Expiration"]))
    except (KeyError, ValueError):
        raise NoCredentials(f"role {arn} cannot be assumed: the security token service answers with no "
                            "credentials") from None

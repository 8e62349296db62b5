"""The words of signed requests: Signature Version 4 of the service execute-api, and what its refusals say.

Sources: AWS IAM user guide, "Create a signed AWS API request" and "Troubleshoot Signature Version 4"; Amazon S3 API
reference, "Signature calculations for the authorization header: transferring payload in multiple chunks". The texts of
refusals are those that the service answers, as public reports of users quote them.
"""

from typing import Any

from fastgw._core.policy import CompiledPolicy
from fastgw._core.signature_keys import Signatures
from fastgw.model.gateway import Gateway
from fastgw.model.iam import AccessKey, Iam, role_arn, session_arn, unique_id, user_arn
from fastgw.model.policy import Policy
from fastgw.parts.auth.policy import compile_policies
from fastgw.parts.auth.sealed import SESSION_PREFIX, read_key, session_key, unseal
from fastgw.plan.knobs import Knobs

SERVICE = "execute-api"
ALGORITHM = "AWS4-HMAC-SHA256"
Person = tuple[bytes, bytes, bytes, bytes, bytes, CompiledPolicy]
"""id, account, ARN (of a role: what its sessions' begin with), own ARN, user's name, what the policies allow."""

MOST_EXPIRES = 604_800
"""Seven days: longest lifetime of a signature in the query."""

_PARAMS = {
    "algorithm": b"X-Amz-Algorithm",
    "credential": b"X-Amz-Credential",
    "date": b"X-Amz-Date",
    "expires": b"X-Amz-Expires",
    "names": b"X-Amz-SignedHeaders",
    "signature": b"X-Amz-Signature",
    "token": b"X-Amz-Security-Token",
    "digest": b"X-Amz-Content-Sha256",
}

_LACKS = "Authorization header requires {} parameter. "
_SCOPE = "Credential should be scoped "

_SAYS = {
    "credential": _LACKS.format("'Credential'"),
    "signature": _LACKS.format("'Signature'"),
    "names": _LACKS.format("'SignedHeaders'"),
    "date": "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
    "given": "(Hashed with SHA-256 and encoded with Base64) Authorization={0}",
    "pair": "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with "
            "Base64): '{0}'.",
    "param": "AWS query-string parameters must include '{0}'. ",
    "twice": "'{0}' must be given once. ",
    "both": "A request is signed in its Authorization header or in its query string, not in both.",
    "algorithm": f"Signing algorithm '{{0}}' is not supported; sign with {ALGORITHM}.",
    "elements": "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
                "'{0}'",
    "time": "Date must be in ISO-8601 'basic format'. Got '{0}'. See http://en.wikipedia.org/wiki/ISO_8601",
    "expires": f"X-Amz-Expires must be a number of seconds from 1 to {MOST_EXPIRES}, got '{{0}}'",
    "host": "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    "payload": "Signing the payload as '{0}' is not supported; sign its SHA-256 digest, UNSIGNED-PAYLOAD or "
               f"STREAMING-{ALGORITHM}-PAYLOAD.",
    "region": _SCOPE + "to a valid region, not '{0}'. ",
    "service": _SCOPE + f"to correct service: '{SERVICE}'. ",
    "terminator": _SCOPE + "with a valid terminator: 'aws4_request', not '{0}'. ",
    "day": "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{0}' != '{1}', "
           "from '{2}'. ",
    "expired": "Signature expired: {0} is now earlier than {1} ({2} - {3}.)",
    "early": "Signature not yet current: {0} is still later than {1} ({2} + {3}.)",
    "mismatch": "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                "Access Key and signing method. Consult the service documentation for details.",
    "canonical": "\n\nThe Canonical String for this request should have been\n'{0}'\n\nThe String-to-Sign should have "
                 "been\n'{1}'\n",
}


def scheme(region: str, skew: float, service: str = SERVICE, normalizes: bool = True) -> dict[str, Any]:
    """The rules of fastgw._core.signature_keys.Signatures. skew in seconds; normalizes: see signed.SignatureRules."""
    return {
        "algorithm": ALGORITHM.encode(),
        "secret_prefix": b"AWS4",
        "region": region.encode(),
        "service": service.encode(),
        "terminator": b"aws4_request",
        "date_field": b"x-amz-date",
        "token_field": b"x-amz-security-token",
        "digest_field": b"x-amz-content-sha256",
        "length_field": b"x-amz-decoded-content-length",
        "unsigned_payload": b"UNSIGNED-PAYLOAD",
        "chunked_payload": f"STREAMING-{ALGORITHM}-PAYLOAD".encode(),
        "special_payload": b"STREAMING-",
        "chunk_algorithm": f"{ALGORITHM}-PAYLOAD".encode(),
        "chunk_coding": b"aws-chunked",
        "session_prefix": SESSION_PREFIX.encode(),
        "params": _PARAMS,
        "says": {name: text.encode() for name, text in _SAYS.items()},
        "skew": round(skew),
        "most_expires": MOST_EXPIRES,
        "normalizes": normalizes,
    }


def signatures(gateway: Gateway, settings: Knobs) -> Signatures:
    """Who may sign requests to the gateway, and how. Raises ValueError, with its place, for a secret that cannot be
    opened; no message shows one.
    """
    iam = gateway.iam or Iam()
    key = _key(settings.iam_key)
    account = gateway.account_id
    people = [_user(account, user.name, user.policies) for user in iam.users]
    people += [_role(account, role.name, role.policies) for role in iam.roles]
    keys = [(one.id.encode(), _secret(one, key).encode(), one.token.encode(), row)
            for row, user in enumerate(iam.users) for one in user.keys]
    roles = [(role.name.encode(), role.session_seconds, len(iam.users) + row) for row, role in enumerate(iam.roles)]
    return Signatures(scheme(gateway.region, settings.signature_skew), keys, roles, people,
                      session_key(key) if key else b"")


def _key(text: str) -> bytes:
    try:
        return read_key(text) if text else b""
    except ValueError as error:
        raise ValueError(f"iam_key: error: {error}") from None


def _secret(one: AccessKey, key: bytes) -> str:
    secret = one.secret
    if not secret.sealed:
        return secret.text
    if not key:
        raise ValueError(f"{secret.place}: error: the secret of access key {one.id} is encrypted: set "
                         "FASTGW_IAM_KEY_FILE to the file of its key")
    try:
        return unseal(key, one.id, secret.text)
    except ValueError as error:
        raise ValueError(f"{secret.place}: error: the secret of access key {one.id} cannot be opened: "
                         f"{error}") from None


def _user(account: str, name: str, policies: tuple[Policy, ...]) -> Person:
    own = user_arn(account, name)
    return _person(unique_id("AIDA", account, name), account, own, own, name, policies)


def _role(account: str, name: str, policies: tuple[Policy, ...]) -> Person:
    return _person(unique_id("AROA", account, name), account, session_arn(account, name), role_arn(account, name), "",
                   policies)


def _person(own_id: str, account: str, arn: str, own_arn: str, name: str, policies: tuple[Policy, ...]) -> Person:
    # Who has no policy has an empty one: it allows nothing.
    compiled = compile_policies(list(policies))
    return own_id.encode(), account.encode(), arn.encode(), own_arn.encode(), name.encode(), compiled

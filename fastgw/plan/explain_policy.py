"""What `fastgw explain` says of an API's policy: what it decides, and by which statement."""

from collections.abc import Iterator

from fastgw._core.explain import Trace
from fastgw.model.gateway import Gateway

_NOBODY = {
    "silent": "no statement applies",
    "signer": "asked when it is known who signed",
}


def policy_rows(gateway: Gateway, found: Trace) -> Iterator[tuple[str, str]]:
    if not found.policy:
        return
    if found.statement < 0:
        yield "policy", _NOBODY[found.policy]
        return
    api = next(api for api in gateway.apis if api.id == found.api_id)
    statement = api.policy.statements[found.statement]
    place = f" at {statement.place}" if statement.place is not None else ""
    yield "policy", f"{statement.name}{place} {'allows' if statement.allow else 'denies'}"

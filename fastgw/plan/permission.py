"""The policy of an API -> what the engine asks before it lets a request on."""

from typing import Any

from fastgw.model.api import Api
from fastgw.model.gateway import Gateway, Stage
from fastgw.model.policy import INVOKE
from fastgw.parts.arn import stage_arn
from fastgw.parts.auth.policy import PolicyError, compile_policy
from fastgw.plan.access import resource_ops

_SHOWN_DIGITS = 4
"""Of an account, in what a refused caller is told."""


def permission_spec(gateway: Gateway, api: Api, stage: Stage) -> dict[str, Any]:
    """See fastgw/_core/permission_plan.pxd. The texts are the service's. Raises ValueError."""
    whole = stage_arn(gateway.region, gateway.account_id, api.id, stage.name)
    try:
        own = None if api.policy is None else compile_policy(api.policy, whole.removesuffix(f"/{stage.name}/"))
    except PolicyError as error:
        raise ValueError(f"{api.policy.place}: error: {error}") from None
    shown = gateway.account_id[-_SHOWN_DIGITS:]
    masked = "*" * (len(gateway.account_id) - _SHOWN_DIGITS) + shown
    return {
        "policy": own,
        "account": gateway.account_id.encode(),
        "masked": resource_ops(stage_arn(gateway.region, masked, api.id, stage.name)),
        "who": b"User: ",
        "nobody": b"anonymous",
        "may_not": f" is not authorized to perform: {INVOKE} on resource: ".encode(),
        "plainly": b"User is not authorized to access this resource",
        "spelt_out": b" with an explicit deny",
    }

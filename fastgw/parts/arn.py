"""ARNs of methods: how policies and authorizers call what a request asks for.

Source: developer guide, "Resource format of permissions for executing API in API Gateway".
"""

from fastgw.model.arn import partition


def stage_arn(region: str, account: str, api: str, stage: str) -> str:
    """What the ARNs of all methods of a stage begin with, the slash behind the stage included. api: its id."""
    return f"arn:{partition(region)}:execute-api:{region}:{account}:{api}/{stage}/"


def method_arn(stage: str, method: str, path: str) -> str:
    """stage: of stage_arn(). path: canonical, below base path and stage, from its slash on, without the slash at
    its end that routing does not look at."""
    return f"{stage}{method}{path}"

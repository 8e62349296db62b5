"""Integration -> step."""

from fastgw._core.step import Step
from fastgw.model.compose import Composed
from fastgw.model.function import function_of
from fastgw.model.integration import Integrated
from fastgw.parts.aws.older import OlderWalk, is_older
from fastgw.parts.env import Env
from fastgw.parts.integrate.backends import backend_of
from fastgw.parts.integrate.compose import Compose
from fastgw.parts.integrate.lambda_proxy import LambdaProxy
from fastgw.parts.integrate.lambda_stream import LambdaStream
from fastgw.parts.integrate.walk import Mock, Walk


def build(integrated: Integrated | Composed, env: Env) -> Step:
    """The step of a route's integration. Raises ValueError with the place for what only shows when a stage is filled
    in."""
    if isinstance(integrated, Composed):
        return Compose(integrated, env)
    if integrated.type == "MOCK":
        return Mock(integrated, env)
    if integrated.type == "AWS_PROXY" and function_of(integrated.uri) is not None:
        return (LambdaStream if integrated.streamed else LambdaProxy)(integrated, env)
    if is_older(integrated, env):
        return OlderWalk(integrated, env)
    return Walk(integrated, env, backend_of(integrated, env))

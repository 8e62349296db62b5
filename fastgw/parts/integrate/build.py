"""Integration -> step."""

from fastgw._core.step import Step
from fastgw.model.function import function_of
from fastgw.model.integration import Integrated
from fastgw.parts.aws.backend import ServiceBackend
from fastgw.parts.env import Env
from fastgw.parts.integrate.http import HttpBackend
from fastgw.parts.integrate.lambda_backend import LambdaBackend
from fastgw.parts.integrate.lambda_proxy import LambdaProxy
from fastgw.parts.integrate.walk import Mock, Walk


def build(integrated: Integrated, env: Env) -> Step:
    """The step of a route's integration. Raises ValueError with the place for what only shows when a stage is filled
    in."""
    if integrated.type == "MOCK":
        return Mock(integrated, env)
    if function_of(integrated.uri) is not None:
        if integrated.type == "AWS_PROXY":
            return LambdaProxy(integrated, env)
        return Walk(integrated, env, LambdaBackend(integrated, env))
    backend = ServiceBackend if integrated.type.startswith("AWS") else HttpBackend
    return Walk(integrated, env, backend(integrated, env))

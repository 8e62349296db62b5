"""Integration -> backend."""

from fastgw.model.function import function_of
from fastgw.model.integration import Integrated
from fastgw.parts.aws.backend import ServiceBackend
from fastgw.parts.env import Env
from fastgw.parts.integrate.backend import Backend
from fastgw.parts.integrate.http import HttpBackend
from fastgw.parts.integrate.lambda_backend import LambdaBackend


def backend_of(integrated: Integrated, env: Env) -> Backend:
    """Who answers it. Raises ValueError with the place for what only shows when a stage is filled in."""
    if function_of(integrated.uri) is not None:
        return LambdaBackend(integrated, env)
    return ServiceBackend(integrated, env) if integrated.type.startswith("AWS") else HttpBackend(integrated, env)

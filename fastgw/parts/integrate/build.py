"""Integration -> step."""

from fastgw._core.step import Step
from fastgw.model.integration import Integrated
from fastgw.parts.aws.backend import ServiceBackend
from fastgw.parts.env import Env
from fastgw.parts.integrate.http import HttpBackend
from fastgw.parts.integrate.walk import Mock, Walk


def build(integrated: Integrated, env: Env) -> Step:
    """The step of a route's integration. Raises ValueError with the place for what only shows when a stage is filled
    in."""
    if integrated.type == "MOCK":
        return Mock(integrated, env)
    backend = ServiceBackend if integrated.type.startswith("AWS") else HttpBackend
    return Walk(integrated, env, backend(integrated, env))

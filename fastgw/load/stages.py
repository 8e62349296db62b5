"""Whether every stage gives what its API's upstream URIs need."""

from fastgw.load.problem import Problems, shown
from fastgw.load.uri import STAGE_VARIABLE
from fastgw.model.gateway import Gateway
from fastgw.model.integration import HttpProxy


def check_stages(gateway: Gateway, problems: Problems) -> None:
    """Warn of stage variables that an upstream URI uses and a stage does not set."""
    for api in gateway.apis:
        stages = [(stage, {name for name, _ in stage.variables}) for stage in gateway.stages
                  if stage.api == api.name]
        for route in api.routes:
            integration = route.integration
            if not isinstance(integration, HttpProxy) or "${" not in integration.uri:
                continue
            used = set(STAGE_VARIABLE.findall(integration.uri))
            for stage, variables in stages:
                missing = sorted(used - variables)
                if missing:
                    names = ", ".join(missing)
                    problems.warning(integration.place, "missing-variable", f"{route.method} {route.path}: "
                                     f"stage {shown(stage.name)} does not set {names}; there it answers "
                                     "500 Internal server error")

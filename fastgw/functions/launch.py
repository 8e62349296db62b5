"""How a function's process is started: its command and its environment."""

import os
import shutil
import sys
import time
import uuid
from os.path import isdir, isfile, join

from fastgw.model.function import Function
from fastgw.settings import inherited

_CLIENTS = join(os.path.dirname(__file__), "clients")
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
"""All that a function sees of the gateway's environment without asking."""


class NoRuntime(Exception):
    """What the machine lacks, in words."""


def command(function: Function) -> list[str]:
    """A runtime client that lies in the function's own directory goes before the gateway's. Raises NoRuntime."""
    code = function.code
    if function.kind == "provided":
        program = join(code, "bootstrap")
        if not os.access(program, os.X_OK):
            raise NoRuntime(f"there is no program {program}, which runtime {function.runtime} starts")
        return [program]
    if function.kind == "nodejs":
        node = shutil.which("node")
        if node is None:
            raise NoRuntime(f"node is not installed, which runtime {function.runtime} needs")
        own = join(code, "node_modules", "aws-lambda-ric", "bin", "index.mjs")
        return [node, own if isfile(own) else join(_CLIENTS, "bootstrap.mjs"), function.handler]
    python = _python(function.runtime)
    if isdir(join(code, "awslambdaric")):
        return [python, "-m", "awslambdaric", function.handler]
    return [python, join(_CLIENTS, "bootstrap.py"), function.handler]


def _python(runtime: str) -> str:
    """The gateway's own interpreter where it is of that version: it has the packages installed beside the gateway."""
    if runtime in ("python3", f"python3.{sys.version_info.minor}"):
        return sys.executable
    found = shutil.which(runtime)
    if found is None:
        raise NoRuntime(f"{runtime} is not installed; there is {sys.executable} (python3.{sys.version_info.minor})")
    return found


def environment(function: Function, port: int) -> dict[str, str]:
    """As the service's. Source: AWS Lambda developer guide, "Defined runtime environment variables"."""
    arn = (function.arn or "").split(":")
    region = arn[3] if len(arn) > 3 and arn[3] else "us-east-1"
    own = {name: value for name, value in function.environment if value is not None}
    asked = [name for name, value in function.environment if value is None]
    return {
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "PYTHONUNBUFFERED": "1",
        **inherited((*_KEPT, *asked)),
        **own,
        "_HANDLER": function.handler,
        "LAMBDA_TASK_ROOT": function.code,
        "LAMBDA_RUNTIME_DIR": _CLIENTS,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": time.strftime("%Y/%m/%d/[$LATEST]", time.gmtime()) + uuid.uuid4().hex,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
    }

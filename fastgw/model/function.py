"""Functions: handlers that the gateway's own function host runs."""

import re
from dataclasses import dataclass

from fastgw.model.place import Place

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
ARN = re.compile(
    r"arn:[a-z0-9-]+:lambda:([a-z0-9-]*):([A-Za-z0-9-]*):function:([A-Za-z0-9_-]{1,64})(?::([A-Za-z0-9$_-]{1,128}))?"
)
"""Groups: region, account, name, version or alias. Source: AWS Lambda API reference, FunctionName."""

RUNTIMES = ("python", "nodejs", "provided")
RUNTIME = re.compile(r"python3(?:\.\d{1,2})?|nodejs(?:\d{1,2}\.x)?|provided(?:\.al2|\.al2023)?")
"""Names of the service's runtimes that a plain process can be."""

HOST_AUTHORITY = "functions.fastgw"
"""The upstream group in which the function host is reached."""

MIN_MEMORY_MB, MAX_MEMORY_MB = 128, 10_240
MAX_TIMEOUT_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the host.

    name         last part of its ARN: definitions name it so, or by the whole ARN
    code         absolute path of the directory the handler lies in
    handler      "app.handler"; for runtime provided only the value of _HANDLER
    runtime      "python3.11", "nodejs20.x", "provided"
    arn          None: whatever ARN ends in the name is this function's
    environment  variables beside the runtime's own; None takes the value that the gateway's own environment has
    timeout_ms   of one invocation
    memory_mb    resident memory at which a process is killed
    concurrency  processes, and so invocations, at one time
    queue        invocations that may wait for a process
    idle_ms      time without an invocation after which a process is ended
    """

    name: str
    code: str
    handler: str
    runtime: str
    arn: str | None = None
    environment: tuple[tuple[str, str | None], ...] = ()
    timeout_ms: int = 3_000
    memory_mb: int = 128
    concurrency: int = 1_000
    queue: int = 1_000
    idle_ms: int = 300_000
    place: Place | None = None

    @property
    def kind(self) -> str:
        """One of RUNTIMES."""
        return re.match(r"[a-z]+", self.runtime)[0]


_INVOKED = re.compile(
    r"arn:[a-z0-9-]+:apigateway:[a-z0-9-]*:lambda:path/+"
    r"(?:2015-03-31/functions/(.+)/invocations|2021-11-15/functions/(.+)/response-streaming-invocations)"
)


def function_of(uri: str) -> str | None:
    """The name or ARN of the function that an integration's URI invokes, stage variables as written; None for what is
    no such URI."""
    found = _INVOKED.fullmatch(uri)
    return None if found is None else found[1] or found[2]


def invocation_uri(arn: str) -> str:
    """The URI that invokes a function, of its ARN alone, which HTTP APIs take as well."""
    _, partition, _, region, *_ = arn.split(":")
    return f"arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"


def name_of(reference: str) -> str | None:
    """A function's name from its name or ARN, version or alias left out; None for what is neither."""
    found = ARN.fullmatch(reference)
    if found is not None:
        return found[3]
    name, _, qualifier = reference.partition(":")
    return name if NAME.fullmatch(name) and ":" not in qualifier else None

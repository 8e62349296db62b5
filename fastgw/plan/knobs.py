"""The settings that a plan is compiled with, as far as plan looks at them."""

from typing import Protocol


class Knobs(Protocol):
    """A subset of fastgw.settings.Settings; durations in seconds."""

    upstream_connections: int
    upstream_pending: int
    connect_timeout: float
    first_byte_timeout: float
    upstream_idle_timeout: float
    upstream_pool_idle: float
    upstream_ca_file: str
    total_timeout: float
    template_cpu: float
    template_output: int
    template_loops: int
    http2: bool
    x_forwarded: bool
    execute_api: bool
    validation_pointers: bool
    iam_key: str
    signature_skew: float

"""What the operator asked for: files, flags, and what they say of the settings."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from fastgw.load import Loaded, LoadOptions
from fastgw.model.gateway import Listener
from fastgw.settings import Given, Resolved


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the operator asked for. files are read again on every reload."""

    files: tuple[str, ...]
    options: LoadOptions
    flags: Mapping[str, Given]


def file_settings(loaded: Loaded) -> dict[str, Given]:
    """The settings of a fastgw.yaml; its listeners are the setting listen."""
    given = {name: Given(value, str(place)) for name, (value, place) in loaded.settings.items()}
    if loaded.gateway and loaded.gateway.listeners:
        first, *_ = listeners = loaded.gateway.listeners
        given["listen"] = Given(tuple(map(_listen, listeners)), str(first.place))
    return given


def _listen(listener: Listener) -> str:
    words = {"proxy_protocol": listener.proxy_protocol, "http2": listener.http2, "tls": listener.tls}
    return " ".join((listener.address, *(word for word, said in words.items() if said)))


def worker_count(resolved: Resolved) -> int:
    return resolved.settings.workers or len(os.sched_getaffinity(0))

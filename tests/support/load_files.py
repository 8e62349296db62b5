"""Definitions written to a file and loaded, for the loader's tests."""

import json
from pathlib import Path

from fastgw.load import Loaded, LoadOptions, load
from fastgw.model.api import Api, Route
from fastgw.model.integration import Integration

UPSTREAM = "http://127.0.0.1:9000"


class Files:
    """write() and load() inside one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, name: str, content: str | dict) -> str:
        path = self.directory / name
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
        return str(path)

    def load(self, content: str | dict, name: str = "api.json", **options) -> Loaded:
        return load([self.write(name, content)], LoadOptions(**options))

    def api(self, content: str | dict, name: str = "api.json", **options) -> Api:
        """The one API; its definition must have no error."""
        loaded = self.load(content, name, **options)
        assert loaded.gateway is not None, messages(loaded)
        return loaded.gateway.apis[0]

    def integration(self, integration: dict, path: str = "/pets", **options) -> Integration:
        return (
            self.api(definition({path: {"get": {"x-amazon-apigateway-integration": integration}}}), **options)
            .routes[0]
            .integration
        )


def definition(paths: dict, **root) -> dict:
    """An OpenAPI document; root's "x_name" stands for "x-amazon-apigateway-name"."""
    extensions = {
        key.replace("x_", "x-amazon-apigateway-").replace("_", "-"): value
        for key, value in root.items()
        if key.startswith("x_")
    }
    plain = {key: value for key, value in root.items() if not key.startswith("x_")}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Test", "version": "1"},
        "paths": paths,
        **plain,
        **extensions,
    }


def proxy(uri: str = UPSTREAM, **fields) -> dict:
    return {"type": "http_proxy", "uri": uri, **fields}


def messages(loaded: Loaded) -> list[str]:
    return [f"{problem.severity}: {problem.message}" for problem in loaded.problems]


def by_route(api: Api) -> dict[tuple[str, str], Route]:
    return {(route.method, route.path): route for route in api.routes}

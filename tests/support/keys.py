"""Definitions with keys and plans."""

from collections.abc import Mapping

from tests.support.definition import openapi

ACME, ZOO, LATE = "acme-0123456789-0123456789", "zoo-0123456789-0123456789-0", "late-0123456789-0123456789"
"""Values of the keys of these names."""


def keyed(operation: dict) -> dict:
    """The operation, with a key required."""
    return {**operation, "security": [{"api_key": []}]}


def api(paths: Mapping[str, Mapping[str, dict]], **extensions: object) -> dict:
    """A definition whose operations may be keyed."""
    document = openapi(paths, **extensions)
    document["components"] = {"securitySchemes": {"api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"}}}
    return document


def gateway_file(*, stage: Mapping | None = None, stages: Mapping | None = None, **sections: object) -> dict:
    """A fastgw.yaml of the API "pets" in api.json, with the stage prod or with those given."""
    return {
        "fastgw": 1,
        "apis": {"pets": {"definition": "api.json", "stages": stages or {"prod": dict(stage or {})}}},
        **sections,
    }


def plan(*stages: str, methods: Mapping | None = None, **sections: object) -> dict:
    """A plan that opens stages of "pets": prod where none is named."""
    opened = [{"api": "pets", "stage": name, "methods": dict(methods or {})} for name in stages or ("prod",)]
    return {"stages": opened, **sections}


def key(value: str, *plans: str, **fields: object) -> dict:
    return {"value": value, "plans": list(plans), **fields}


def with_key(value: str) -> str:
    """The field of a request."""
    return f"x-api-key: {value}"

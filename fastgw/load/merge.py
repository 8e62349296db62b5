"""Several definitions of one API -> one: the import modes of the service.

Source: developer guide, "Update an existing REST API": overwrite leaves nothing of what was there before; merge puts
the new definition beside it, and where both say something the new one holds.
"""

from collections.abc import Sequence
from dataclasses import fields, replace

from fastgw.load.paths import ResourceTree, read_path
from fastgw.load.problem import Problems
from fastgw.model.api import DEFAULT_ROUTE, Api, ApiKind

MODES = ("merge", "overwrite")


def merged(apis: Sequence[Api], mode: str, problems: Problems) -> Api:
    """apis in the order in which they are imported; the first one's name and place stay."""
    whole = apis[0]
    for api in apis[1:]:
        if api.kind is not whole.kind:
            problems.error(api.place, "conflict", f"this is a definition of kind {api.kind.name}, and {whole.place} of "
                           f"kind {whole.kind.name}; give kind: to say which it is")
        whole = _over(whole, api) if mode == "merge" else replace(api, name=whole.name)
    if len(apis) > 1 and mode == "merge":
        _check_tree(whole, problems)
    return whole


def _over(before: Api, new: Api) -> Api:
    """What differs from a field's default in the new one holds."""
    changed: dict[str, object] = {
        "routes": _by_name(before.routes, new.routes, "name"),
        "authorizers": _by_name(before.authorizers, new.authorizers, "name"),
        "gateway_responses": _by_name(before.gateway_responses, new.gateway_responses, "type"),
    }
    for field in fields(Api):
        value = getattr(new, field.name)
        if field.name not in (*changed, "name", "id", "kind", "place") and value != field.default:
            changed[field.name] = value
    return replace(before, **changed)


def _by_name(before: tuple, new: tuple, key: str) -> tuple:
    return tuple({getattr(item, key): item for item in (*before, *new)}.values())


def _check_tree(api: Api, problems: Problems) -> None:
    """What each definition keeps to alone may be broken by them together."""
    tree = ResourceTree(problems, api.kind is ApiKind.REST)
    for route in api.routes:
        if route.path != DEFAULT_ROUTE:
            path = read_path(route.path)
            tree.add_resource(path, route.place)
            tree.add_route(route.method, path, route.place)

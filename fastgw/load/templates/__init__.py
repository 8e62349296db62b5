"""CloudFormation and SAM templates -> a fastgw.yaml and the definitions that it names, in hand.

Both are documents like any other, so that what is served, and refused, is decided where every definition is read.
"""

from collections.abc import Collection
from dataclasses import dataclass

from fastgw.load.assembly import Assembly
from fastgw.load.document import Document, View
from fastgw.load.guards import Guards
from fastgw.load.problem import shown
from fastgw.load.reader import Reader
from fastgw.load.templates import functions, http, properties, rest, sam
from fastgw.load.templates.deploy import Deployed
from fastgw.load.templates.stack import Resource, Stack
from fastgw.model.api import ApiKind

_FAMILIES = ("AWS::ApiGateway::", "AWS::ApiGatewayV2::", "AWS::Serverless::")
_ELSEWHERE = (sam.FUNCTION, sam.STATE_MACHINE, "AWS::Serverless::SimpleTable", "AWS::Serverless::LayerVersion")
_HARMLESS = ("AWS::ApiGateway::Account", "AWS::ApiGateway::DocumentationPart", "AWS::ApiGateway::DocumentationVersion")


def is_template(root: View) -> bool:
    resources = root.get("Resources")
    return resources is not None and root.get("openapi") is None and root.get("swagger") is None


@dataclass(frozen=True, slots=True)
class Template:
    """native is a fastgw.yaml; definitions by the names that it has for them; present: ids of the stack's resources."""

    native: Document
    definitions: dict[str, Document]
    present: Collection[str]


def read_template(reader: Reader, root: View, stage: str, allow: Collection[str]) -> Template | None:
    """stage is for an API whose template says none; allow: names of checks that may be left out.

    None, and told, where the template holds no API.
    """
    if reader.mapping(root.get("Resources")) is None:
        return None
    stack = Stack(reader, root)
    _check_types(stack, allow)
    apis: dict[str, tuple[Resource, ApiKind]] = {}
    parts: dict[str, list[Document]] = {}
    listed = _apis(stack)
    _check_owners(stack)
    for resource, kind in listed:
        found = _definitions(stack, resource, kind)
        if found:
            apis[resource.id] = resource, kind
            parts[resource.id] = found
    if not apis:
        if not reader.problems.has_errors():
            reader.problems.error(root.place, "not-a-definition", "this template holds no API")
        return None
    return _assembled(stack, root, stage, allow, apis, parts)


def _assembled(stack: Stack, root: View, stage: str, allow: Collection[str], apis: dict[str, tuple[Resource, ApiKind]],
               parts: dict[str, list[Document]]) -> Template:
    made = Assembly(root)
    made.set(("fastgw",), 1, root)
    definitions: dict[str, Document] = {}
    for name, (resource, kind) in apis.items():
        path = ("apis", name)
        names = [f"{name}.yaml" if not index else f"{name}.{index}.yaml" for index in range(len(parts[name]))]
        definitions |= zip(names, parts[name], strict=True)
        made.set(path, {"definition": names if len(names) > 1 else names[0], "kind": kind.name}, resource.view)
        if allow:
            made.set((*path, "allow_unenforced"), sorted(allow), resource.view)
        _import_settings(stack, made, path, resource)
    Deployed(stack, made, apis, parts, stage).read()
    functions.read(stack, made)
    return Template(made.document(), definitions, frozenset(stack.resources))


def _check_types(stack: Stack, allow: Collection[str]) -> None:
    for resource in stack.resources.values():
        if resource.type in properties.PROPERTIES:
            properties.check(stack.reader, resource)
            if resource.get("MutualTlsAuthentication") is not None:
                _demand_certificates(stack, resource, allow)
        elif resource.type.startswith(_FAMILIES) and resource.type not in (*_ELSEWHERE, *_HARMLESS):
            stack.problems.warning(resource.view.key_place, "unserved", f"{resource.type} {resource.id} is not read")
        elif resource.type == sam.STATE_MACHINE and resource.get("Events") is not None:
            stack.problems.warning(resource.view.key_place, "unserved", f"{resource.type} {resource.id}: its events "
                                   "are not read")


def _demand_certificates(stack: Stack, resource: Resource, allow: Collection[str]) -> None:
    """Clients' certificates are a check that is not made yet."""
    guards = Guards(stack.reader, allow)
    guards.demand("authorizer", f"clients' certificates (MutualTlsAuthentication of {resource.id})",
                  resource.get("MutualTlsAuthentication").key_place)
    guards.report()


def _apis(stack: Stack) -> list[tuple[Resource, ApiKind]]:
    found = [(api, ApiKind.REST) for api in stack.of(rest.API)]
    found += [(api, ApiKind.HTTP) for api in stack.of(http.API)]
    return found + sam.apis(stack)


def _check_owners(stack: Stack) -> None:
    """A part of no API would be a lost route."""
    for api, types, field in ((rest.API, rest.PARTS, "RestApiId"), (http.API, http.PARTS, "ApiId")):
        owned = {part.id for its in stack.of(api) for kind in types for part in stack.parts(its, kind, field)}
        for part in stack.of(*types):
            owner = part.get(field)
            if part.id not in owned:
                told = f"{field} {shown(owner.value)} is no API of this template" if owner is not None else \
                    f"{part.type} {part.id} has no {field}"
                stack.problems.error((owner or part.view).place, "unknown-value", told)


def _definitions(stack: Stack, api: Resource, kind: ApiKind) -> list[Document]:
    """What an API is made of, in the order in which it is put together."""
    if api.type in (sam.API, sam.HTTP_API):
        document = sam.SamApi(stack, api, kind).document()
        return [document] if document is not None else []
    read = rest.RestApi(stack, api) if kind is ApiKind.REST else http.HttpApi(stack, api)
    if isinstance(read, http.HttpApi) and not read.is_served():
        return []
    found = []
    body, elsewhere = api.get("Body"), api.get("BodyS3Location")
    if body is None and elsewhere is not None:
        body = _local(stack, elsewhere)
        if body is None:
            return []
    if body is not None:
        whole = Assembly.over(body) if stack.reader.mapping(body) is not None else None
        if whole is None:
            return []
        if kind is ApiKind.REST:
            rest.api_settings(whole, api)
        found.append(whole.document())
    if read.has_parts() or body is None:
        found.append(read.document())
    return found


def _local(stack: Stack, view: View) -> View | None:
    """BodyS3Location: a text, or a mapping whose Bucket is a folder, as it is written before it is packaged."""
    text = stack.reader.text(view) if not isinstance(view.value, dict) else None
    if text is None:
        stack.problems.error(view.place, "unserved", f"{view.name} in S3 is not fetched; name a local file, relative "
                             "to the template")
        return None
    return stack.file(text, view)


def _import_settings(stack: Stack, made: Assembly, path: tuple[str, ...], api: Resource) -> None:
    """How the definition is imported."""
    given = api.get("Parameters")
    base = given.get("basepath") or given.get("basePath") if given is not None else None
    if base is None:
        base = api.get("BasePath")
    mode = stack.reader.name(base, ("ignore", "prepend", "split"))
    if mode is not None:
        made.set((*path, "basepath"), mode, base)
    warnings = api.get("FailOnWarnings")
    if warnings is not None and stack.reader.flag(warnings):
        made.set((*path, "fail_on_warnings"), True, warnings)

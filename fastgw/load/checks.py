"""What a definition lets requests be checked for: validators, required parameters, bodies -> model.Checks.

Only what some stage of the API checks is read, so that a definition without validators may hold anything.
"""

from collections.abc import Collection

from fastgw.load.document import View
from fastgw.load.guards import Guards
from fastgw.load.models import ANNOTATIONS, Models
from fastgw.load.names import PREFIX
from fastgw.load.paths import ResourcePath
from fastgw.load.problem import did_you_mean, shown
from fastgw.load.reader import Reader
from fastgw.model.validation import Body, Checks, Mode, Parameter, Schema, is_json, media_type

_LOCATIONS = {"header": "header", "path": "path", "query": "querystring"}
_CHECKS = ("validateRequestBody", "validateRequestParameters")
_ELSEWHERE = ("body", "formData", "cookie")
_OF_PARAMETERS = frozenset(("in", "name", "required", "collectionFormat", "allowEmptyValue"))
_NOT_HEADERS = ("accept", "content-type", "authorization")
"""Header parameters that OpenAPI 3 says are to be ignored ("Parameter Object")."""


class RequestChecks:
    """modes: those of the API's stages."""

    def __init__(self, reader: Reader, root: View, modes: Collection[Mode], guards: Guards) -> None:
        self._reader = reader
        self._root = root
        self._strict = Mode.STRICT in modes
        self._aws = Mode.AWS in modes
        self._guards = guards
        self._models = Models(reader, root, self._strict, guards)
        self._validators = reader.mapping(root.get(PREFIX + "request-validators"))
        self._common = root.get(PREFIX + "request-validator")
        self._swagger = root.get("swagger") is not None
        self._like_the_service = False
        self._unread_schemas: list[View] = []
        for _, validator in self._validators.items() if self._validators is not None else ():
            if reader.mapping(validator) is not None:
                reader.known_keys(validator, _CHECKS, "a request validator", strict=True)

    def operation(self, path: ResourcePath, item: View, operation: View) -> Checks | None:
        """None where no stage checks anything of it. path is the document's own."""
        validator = self._validator(operation)
        body, parameters = validator if validator is not None else (self._strict, self._strict)
        if not body and not parameters:
            return None
        declared = self._declared(item, operation)
        found = Checks(
            self._required(declared, path) if parameters else (),
            self._body(declared, operation) if body else None,
            validator is not None,
            *((parameters, body) if validator is not None else ()),
        )
        self._like_the_service |= validator is not None and self._aws
        return found if found.parameters or found.body is not None else None

    def report(self) -> None:
        """What holds for the whole API, told once."""
        if self._like_the_service:
            self._models.report_ignored()
        if self._unread_schemas:
            first = self._unread_schemas[0]
            self._reader.problems.warning(first.place, "unserved", f"schemas of {len(self._unread_schemas)} parameters "
                                          "are not checked, the first of them here; only that required ones are there")

    def _validator(self, operation: View) -> tuple[bool, bool] | None:
        """Whether the operation's validator checks the body, and the parameters."""
        view = operation.get(PREFIX + "request-validator") or self._common
        name = self._reader.text(view)
        if name is None:
            return None
        found = self._validators.get(name) if self._validators is not None else None
        if found is None:
            known = self._validators.value if self._validators is not None else ()
            self._reader.problems.error(
                view.place, "unknown-value", f"request validator {shown(name)} is not defined in "
                f"x-amazon-apigateway-request-validators{did_you_mean(name, known)}")
            return None
        body, parameters = (bool(self._reader.flag(found.get(check))) for check in _CHECKS)
        return body, parameters

    # --- parameters

    def _declared(self, item: View, operation: View) -> list[View]:
        """The operation's parameters, and the path's where the operation has none of that place and name."""
        found: dict[tuple[object, object], View] = {}
        for holder in (operation, item):
            listed = self._reader.list(holder.get("parameters"))
            for entry in listed.elements() if listed is not None else ():
                view = self._reader.follow(entry)
                if view is not None and self._reader.mapping(view) is not None:
                    where, name = view.get("in"), view.get("name")
                    if where is None or name is None:
                        self._reader.problems.error(entry.place, "missing-field", "a parameter has no "
                                                    f"{'in' if where is None else 'name'}")
                        continue
                    found.setdefault((str(where.value), str(name.value)), view)
        return list(found.values())

    def _required(self, declared: list[View], path: ResourcePath) -> tuple[Parameter, ...]:
        """In the service's order: sorted by location and name."""
        found = []
        for view in declared:
            where, name = self._place_of(view), self._reader.text(view.get("name"))
            if where is None or name is None:
                continue
            if self._strict and self._has_rules(view):
                self._unread_schemas.append(view)
            if not self._reader.flag(view.get("required")):
                continue
            if where == "cookie" or (where == "formData" and self._strict):
                self._guards.demand("validator", f"the required {where} parameter {shown(name)}", view.place, 1)
            if where not in _LOCATIONS or (where == "header" and not self._swagger and name.lower() in _NOT_HEADERS):
                continue
            if where == "path" and name not in path.parameters:
                self._reader.problems.warning(view.place, "no-effect", f"path parameter {shown(name)} is required and "
                                              f"{path.text} has none of that name: every request is refused")
            found.append(Parameter(_LOCATIONS[where], name, view.place))
        return tuple(sorted(found, key=lambda parameter: (parameter.location, parameter.name)))

    def _place_of(self, view: View) -> str | None:
        where = self._reader.text(view.get("in"))
        if where is not None and where not in _LOCATIONS and where not in _ELSEWHERE:
            allowed = (*_LOCATIONS, *_ELSEWHERE)
            self._reader.problems.error(view.get("in").place, "unknown-value", f"{shown(where)} is no place of a "
                                        f"parameter{did_you_mean(where, allowed)}")
            return None
        return where

    def _has_rules(self, view: View) -> bool:
        """Whether a parameter's value is described by more than a type of text."""
        if self._swagger:
            return view.get("in").value in _LOCATIONS and not _unconstrained(view)
        schema = view.get("schema")
        return schema is not None and not _unconstrained(schema)

    # --- bodies

    def _body(self, declared: list[View], operation: View) -> Body | None:
        if self._swagger:
            return self._swagger_body(declared, operation)
        given = operation.get("requestBody")
        body = self._reader.follow(given) if given is not None else None
        if body is None or self._reader.mapping(body) is None:
            return None
        content = self._reader.mapping(body.get("content"))
        models: dict[str, Schema | None] = {}
        for media, described in content.items() if content is not None else ():
            if self._reader.mapping(described) is not None:
                models.setdefault(media_type(media), self._model(media, described.get("schema")))
        return Body(tuple(models.items()), bool(self._reader.flag(body.get("required"))))

    def _swagger_body(self, declared: list[View], operation: View) -> Body | None:
        """One schema for every media type that is consumed; JSON where nothing is said."""
        body = next((view for view in declared if view.get("in").value == "body"), None)
        if body is None:
            return None
        consumed = self._reader.texts(operation.get("consumes") or self._root.get("consumes"))
        models = {media_type(media): self._model(media, body.get("schema"))
                  for media in consumed or ("application/json",)}
        return Body(tuple(models.items()), bool(self._reader.flag(body.get("required"))))

    def _model(self, media: str, schema: View | None) -> Schema | None:
        if schema is None:
            return None
        if self._strict and not is_json(media) and not _unconstrained(schema):
            self._guards.demand("validator", f"bodies of {shown(media)} to fit a schema", schema.key_place, 1)
        return self._models.read(schema)


def _unconstrained(schema: View) -> bool:
    """Whether every text fits: nothing is said, or that it is a text or a file."""
    return all(key in ANNOTATIONS or key in _OF_PARAMETERS or key == "format" or key.startswith(("x-", "X-"))
               or (key == "type" and value.value in ("string", "file")) for key, value in schema.items())


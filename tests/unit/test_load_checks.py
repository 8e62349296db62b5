"""What is read of validators, required parameters, bodies and their schemas, and what is refused."""

from pathlib import Path

import pytest

from fastgw.load import Loaded
from fastgw.model.validation import Body, Checks, Mode, Schema
from tests.support.load_files import Files, definition, messages, proxy

VALIDATORS = {
    "all": {"validateRequestBody": True, "validateRequestParameters": True},
    "body": {"validateRequestBody": True},
    "parameters": {"validateRequestParameters": True},
    "none": {"validateRequestBody": False, "validateRequestParameters": False},
}
PET = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def operation(**fields: object) -> dict:
    return {"x-amazon-apigateway-integration": proxy(), "responses": {}, **fields}


def json_body(schema: object, **fields: object) -> dict:
    return {"content": {"application/json": {"schema": schema}}, **fields}


def parameter(name: str, where: str, **fields: object) -> dict:
    return {"name": name, "in": where, "required": True, "schema": {"type": "string"}, **fields}


def validated(given: dict, *, path: str = "/pets", item: dict | None = None, validator: str = "all", **root) -> dict:
    given = {**given, "x-amazon-apigateway-request-validator": validator}
    return definition({path: {**(item or {}), "post": given}}, x_request_validators=VALIDATORS, **root)


def swagger(given: dict, validator: str = "all", **root: object) -> dict:
    given = {**given, "x-amazon-apigateway-request-validator": validator}
    return {
        "swagger": "2.0", "info": {"title": "Test", "version": "1"}, "paths": {"/pets": {"post": given}},
        "x-amazon-apigateway-request-validators": VALIDATORS, **root,
    }


def checks(files: Files, document: dict, **options: object) -> Checks:
    found = files.api(document, **options).routes[0].checks
    assert found is not None
    return found


def schema(files: Files, document: dict, media: str = "application/json", **options: object) -> Schema:
    found = dict(checks(files, document, **options).body.models)[media]
    assert found is not None
    return found


def errors(loaded: Loaded) -> list[str]:
    assert loaded.gateway is None
    return [problem.message for problem in loaded.problems if problem.severity == "error"]


def names(found: Checks, mode: Mode = Mode.AWS) -> list[tuple[str, str]]:
    return [(one.location, one.name) for one in found.parameters_for(mode)]


# --- who is asked


def test_a_validator_says_what_is_checked(files: Files) -> None:
    given = operation(parameters=[parameter("q", "query")], requestBody=json_body(PET))
    for name, body, parameters in (("all", 1, 1), ("body", 1, 0), ("parameters", 0, 1)):
        found = checks(files, validated(given, validator=name))
        for mode in Mode:
            assert (found.body_for(mode) is not None, len(found.parameters_for(mode))) == (body, parameters)
    assert files.api(validated(given, validator="none")).routes[0].checks is None


def test_the_api_s_validator_holds_where_an_operation_has_none(files: Files) -> None:
    given = operation(parameters=[parameter("q", "query")])
    own = {**given, "x-amazon-apigateway-request-validator": "none"}
    api = files.api(definition({"/a": {"get": given, "put": own}}, x_request_validators=VALIDATORS,
                               x_request_validator="all"))
    assert [route.checks is not None for route in api.routes] == [True, False]


def test_without_a_validator_only_a_strict_stage_checks(files: Files) -> None:
    given = operation(parameters=[parameter("q", "query")], requestBody=json_body({"type": "nonsense"}))
    document = definition({"/a": {"post": given}})
    assert files.api(document).routes[0].checks is None, "what nobody checks is not read"
    assert files.load(document, validation=Mode.STRICT).gateway is None
    document["paths"]["/a"]["post"]["requestBody"] = json_body(PET)
    found = checks(files, document, validation=Mode.STRICT)
    assert names(found) == [] and found.body_for(Mode.AWS) is None
    assert names(found, Mode.STRICT) == [("querystring", "q")] and found.body_for(Mode.STRICT) is not None


def test_a_validator_that_is_not_there(files: Files) -> None:
    (message,) = errors(files.load(validated(operation(), validator="al")))
    assert message.startswith('request validator "al" is not defined') and message.endswith('did you mean "all"?')


def test_a_misspelt_check_of_a_validator(files: Files) -> None:
    document = definition({}, x_request_validators={"all": {"validateRequestBdy": True}})
    assert errors(files.load(document)) == [
        '"validateRequestBdy" is no field of a request validator; did you mean "validateRequestBody"?'
    ]


def test_stages_of_one_api_in_two_modes(files: Files) -> None:
    files.write("api.json", definition({"/a": {"post": operation(requestBody=json_body(PET))}}))
    text = "fastgw: 1\napis: {a: {definition: api.json, stages: {x: , y: {validation: strict}}}}\n"
    gateway = files.load(text, "fastgw.yaml").gateway
    assert [(stage.name, stage.validation) for stage in gateway.stages] == [("x", Mode.AWS), ("y", Mode.STRICT)]
    assert gateway.apis[0].routes[0].checks.body_for(Mode.STRICT) is not None
    gateway = files.load(text, "fastgw.yaml", validation=Mode.STRICT).gateway
    assert [stage.validation for stage in gateway.stages] == [Mode.STRICT, Mode.STRICT]


# --- parameters


def test_parameters_in_the_service_s_order(files: Files) -> None:
    given = operation(parameters=[parameter("b", "query"), parameter("B", "query"), parameter("x", "header"),
                                  parameter("optional", "query", required=False), parameter("id", "path")])
    found = checks(files, validated(given, path="/pets/{id}"))
    assert names(found) == [("header", "x"), ("path", "id"), ("querystring", "B"), ("querystring", "b")]


def test_parameters_of_the_path_and_by_reference(files: Files) -> None:
    shared = {"parameters": [{"$ref": "#/components/parameters/q"}, parameter("mine", "query")]}
    given = operation(parameters=[parameter("mine", "query", required=False)])
    found = checks(files, validated(given, item=shared, components={"parameters": {"q": parameter("q", "query")}}))
    assert names(found) == [("querystring", "q")], "an operation's own goes before the path's"


def test_parameters_of_swagger(files: Files) -> None:
    given = operation(parameters=[{"name": "h1", "in": "header", "required": True, "type": "string"},
                                  {"name": "f", "in": "formData", "required": True, "type": "string"}])
    assert names(checks(files, swagger(given))) == [("header", "h1")]


def test_a_path_parameter_that_the_path_has_not(files: Files) -> None:
    loaded = files.load(validated(operation(parameters=[parameter("issuer", "path")])))
    assert messages(loaded) == ['warning: path parameter "issuer" is required and /pets has none of that name: every '
                                "request is refused"]


def test_what_cannot_be_checked_is_refused_or_allowed(files: Files) -> None:
    form = {"content": {"application/x-www-form-urlencoded": {"schema": PET}}}
    document = definition({"/a": {"post": operation(parameters=[parameter("c", "cookie")], requestBody=form)}})
    assert files.load(document).problems == ()
    found = errors(files.load(document, validation=Mode.STRICT))
    assert [message.partition(",")[0] for message in found] == [
        'the definition asks for the required cookie parameter "c"',
        'the definition asks for bodies of "application/x-www-form-urlencoded" to fit a schema',
    ]
    assert files.load(document, validation=Mode.STRICT, allow_unenforced=frozenset({"validator"})).gateway is not None


def test_files_and_plain_texts_need_no_check(files: Files) -> None:
    content = {"text/plain": {"schema": {"type": "string"}}, "image/png": {"schema": {"type": "string",
               "format": "binary"}}, "application/xml": {}}
    document = definition({"/a": {"post": operation(requestBody={"content": content})}})
    assert files.load(document, validation=Mode.STRICT).problems == ()


def test_schemas_of_parameters_are_named(files: Files) -> None:
    given = operation(parameters=[parameter("q", "query", schema={"type": "integer"}), parameter("r", "query")])
    loaded = files.load(definition({"/a": {"post": given}}), validation=Mode.STRICT)
    assert [message.partition(",")[0] for message in messages(loaded)] == [
        "warning: schemas of 1 parameters are not checked"
    ]


# --- bodies


def test_media_types(files: Files) -> None:
    content = {"application/JSON; charset=utf-8": {"schema": PET}, "$default": {"schema": {}}, "text/csv": {}}
    body = checks(files, validated(operation(requestBody={"content": content, "required": True}))).body
    assert isinstance(body, Body) and body.required
    assert [(media, found is not None) for media, found in body.models] == [
        ("application/json", True), ("$default", True), ("text/csv", False)
    ]


@pytest.mark.parametrize(("own", "common", "expected"), [
    ({}, {}, ["application/json"]),
    ({}, {"consumes": ["text/json"]}, ["text/json"]),
    ({"consumes": ["application/a+json", "application/json"]}, {"consumes": ["text/json"]},
     ["application/a+json", "application/json"]),
])
def test_media_types_of_swagger(files: Files, own: dict, common: dict, expected: list[str]) -> None:
    given = operation(parameters=[{"name": "any", "in": "body", "schema": PET}], **own)
    assert [media for media, _ in checks(files, swagger(given, **common)).body.models] == expected


def test_a_body_by_reference(files: Files) -> None:
    document = validated(operation(requestBody={"$ref": "#/components/requestBodies/pet"}),
                         components={"requestBodies": {"pet": json_body({"$ref": "#/components/schemas/Pet"})},
                                     "schemas": {"Pet": PET}})
    found = schema(files, document)
    assert (found.name, found.dialect) == ("Pet", "openapi3.0")
    assert found.value == {"$ref": "#/definitions/Pet", "definitions": {"Pet": PET}}


# --- schemas


def v31(schema: dict) -> dict:
    """A document of OpenAPI 3.1 with a validated body."""
    document = validated(operation(requestBody=json_body(schema)), components={"schemas": {"Pet": PET}})
    return {**document, "openapi": "3.1.0"}


@pytest.mark.parametrize(("given", "expected"), [
    ({"$ref": "#/components/schemas/Pet", "exclusiveMinimum": 3},
     {"allOf": [{"$ref": "#/definitions/Pet"}], "exclusiveMinimum": 3, "definitions": {"Pet": PET}}),
    ({"prefixItems": [True, {"const": 1}], "items": False},
     {"items": [True, {"const": 1}], "additionalItems": False}),
    ({"dependentRequired": {"a": ["b"], "c": ["d"]}, "dependentSchemas": {"a": {"minProperties": 3}}},
     {"dependencies": {"a": {"allOf": [{"minProperties": 3}, {"required": ["b"]}]}, "c": ["d"]}}),
    ({"type": ["string", "null"], "examples": [1], "$defs": {"x": {}}}, {"type": ["string", "null"]}),
])
def test_openapi_3_1_in_the_words_of_draft_7(files: Files, given: dict, expected: dict) -> None:
    found = schema(files, v31(given))
    assert (found.dialect, found.value) == ("draft7", expected)


def test_keywords_that_nothing_checks_are_refused_or_allowed(files: Files) -> None:
    document = v31({"unevaluatedProperties": False})
    (message,) = errors(files.load(document))
    assert message.startswith("the definition asks for unevaluatedProperties in a schema, which is not checked")
    assert files.load(document, allow_unenforced=frozenset({"validator"})).gateway is not None


def test_nullable(files: Files) -> None:
    given = {"properties": {"a": {"type": "string", "nullable": True}, "b": {"type": "string", "nullable": False}}}
    found = schema(files, validated(operation(requestBody=json_body(given))))
    assert found.value == {"properties": {"a": {"type": ["string", "null"]}, "b": {"type": "string"}}}


def test_keywords_of_other_versions_are_named(files: Files) -> None:
    document = validated(operation(requestBody=json_body({"const": 1, "patternProperties": {"^a": {}}})))
    lost = "is no keyword of a schema in this version of OpenAPI and is ignored"
    assert messages(files.load(document)) == [f"warning: const {lost}"]
    assert messages(files.load(document, validation=Mode.STRICT)) == [
        f"warning: const {lost}", f'warning: patternProperties {lost} where validation is "strict"'
    ]
    assert schema(files, document).value == {"patternProperties": {"^a": {}}}


def test_circular_references(files: Files) -> None:
    person = {"properties": {"home": {"$ref": "#/components/schemas/House"}}}
    house = {"properties": {"owner": {"$ref": "#/components/schemas/Person"}, "next": {"$ref":
             "#/components/schemas/House"}}}
    document = validated(operation(requestBody=json_body({"$ref": "#/components/schemas/Person"})),
                         components={"schemas": {"Person": person, "House": house, "Other": PET}})
    assert schema(files, document).value == {"$ref": "#/definitions/Person", "definitions": {
        "House": {"properties": {"owner": {"$ref": "#/definitions/Person"}, "next": {"$ref": "#/definitions/House"}}},
        "Person": {"properties": {"home": {"$ref": "#/definitions/House"}}},
    }}


@pytest.mark.parametrize("reference", [
    "https://apigateway.amazonaws.com/restapis/abc123/models/Pet",
    "https://apigateway.eu-west-1.amazonaws.com/restapis/${Api}/models/Pet",
    "#/definitions/Pet",
])
def test_references_to_models_of_the_service(files: Files, reference: str) -> None:
    given = operation(parameters=[{"name": "b", "in": "body", "schema": {"items": {"$ref": reference}}}])
    found = schema(files, swagger(given, definitions={"Pet": PET}), params={"Api": "x"})
    assert found.value == {"items": {"$ref": "#/definitions/Pet"}, "definitions": {"Pet": PET}}
    assert found.dialect == "draft4"


def test_references_inside_a_model_and_into_places_without_a_name(files: Files) -> None:
    own = {"definitions": {"a b": {"type": "string"}}, "properties": {
        "own": {"$ref": "#/definitions/a%20b"}, "self": {"$ref": "#"},
        "deep": {"$ref": "#/components/schemas/Pet/properties/name"},
        "$ref": {"type": "integer"},
    }}
    document = validated(operation(requestBody=json_body(own)), components={"schemas": {"Pet": PET}})
    value = schema(files, document).value
    properties, parts = value["properties"], value["definitions"]
    assert properties["$ref"] == {"type": "integer"}, "a property may have any name"
    assert parts[properties["own"]["$ref"].removeprefix("#/definitions/")] == {"type": "string"}
    assert parts[properties["deep"]["$ref"].removeprefix("#/definitions/")] == {"type": "string"}
    again = parts[properties["self"]["$ref"].removeprefix("#/definitions/")]
    assert again["properties"] == properties and "definitions" not in again


def test_a_schema_that_several_operations_use_is_read_once(files: Files) -> None:
    body = json_body({"$ref": "#/components/schemas/Pet"})
    shared = {"$ref": "#/components/requestBodies/pet"}
    given = operation(requestBody=shared)
    document = definition({"/a": {"post": given}, "/b": {"post": given}},
                          components={"requestBodies": {"pet": body}, "schemas": {"Pet": PET}})
    first, second = (dict(route.checks.body.models)["application/json"]
                     for route in files.api(document, validation=Mode.STRICT).routes)
    assert first is second


@pytest.mark.parametrize(("value", "message"), [
    ({"type": "strng"}, 'type must be "array", "boolean", "integer", "null", "number", "object" or "string", or a list '
                        'of them, found "strng"; did you mean "string"?'),
    ({"type": []}, "found a list"),
    ({"required": True}, "required must be a list of names, found true"),
    ({"required": ["a", "a"]}, "required must be a list of different names"),
    ({"minLength": -1}, "minLength must be a whole number from 0, found -1"),
    ({"maxItems": "3"}, "maxItems must be a whole number from 0"),
    ({"minimum": True}, "minimum must be a number"),
    ({"multipleOf": 0}, "multipleOf must be a number above 0"),
    ({"exclusiveMinimum": 3}, "exclusiveMinimum must be true or false"),
    ({"enum": []}, "enum must be a list of at least one value"),
    ({"pattern": 3}, "pattern must be a text"),
    ({"allOf": {}}, "allOf must be a list of at least one schema"),
    ({"properties": []}, "properties must be a mapping of names to schemas"),
    ({"properties": {"a": 3}}, "a must be a mapping, found 3"),
    ({"items": {"not": {"uniqueItems": 1}}}, "uniqueItems must be true or false, found 1"),
    ({"additionalProperties": "no"}, "additionalProperties must be a mapping"),
    ({"dependencies": {"a": [1]}}, "a must be a list of names"),
    ({"maxLenght": 3}, '"maxLenght" is no keyword of a schema; did you mean "maxLength"?'),
    ({"$ref": "#/components/schemas/Pett"}, '$ref "#/components/schemas/Pett" finds no "Pett"; did you mean "Pet"?'),
    ({"$ref": "other.yaml#/Pet"}, '$ref "other.yaml#/Pet" leads out of this file'),
    ({"$ref": "https://apigateway.amazonaws.com/restapis/a/models/Pat"}, 'finds no "Pat"; did you mean "Pet"?'),
    ({"$ref": "#/components/schemas/Loop"}, "this $ref leads in a circle"),
])
def test_broken_schemas(files: Files, value: dict, message: str) -> None:
    loop = {"$ref": "#/components/schemas/Loop"}
    document = validated(operation(requestBody=json_body(value)), components={"schemas": {"Pet": PET, "Loop": loop}})
    found = errors(files.load(document))
    assert any(message in one for one in found), found


def test_the_place_of_a_broken_keyword(files: Files) -> None:
    text = """\
openapi: 3.0.3
info: {title: t, version: "1"}
x-amazon-apigateway-request-validators: {all: {validateRequestBody: true}}
x-amazon-apigateway-request-validator: all
paths:
  /a:
    post:
      requestBody:
        content:
          application/json:
            schema:
              properties:
                name: {minLength: x}
      x-amazon-apigateway-integration: {type: http_proxy, uri: "http://127.0.0.1:9000"}
"""
    (problem,) = files.load(text, "api.yaml").problems
    assert str(problem).endswith('api.yaml:13:35: error: minLength must be a whole number from 0, found "x"')


def test_unknown_keywords_are_named(files: Files) -> None:
    document = validated(operation(requestBody=json_body({"faker": "name", "x-order": 1, "description": "d"})))
    assert messages(files.load(document)) == ['warning: "faker" is no keyword of a schema and is ignored']


IGNORED = {"properties": {
    "a": {"type": "integer", "format": "int32", "minimum": 1, "exclusiveMinimum": True},
    "b": {"type": "array", "minItems": 1, "maxItems": 2, "example": []},
    "c": {"type": "array", "minItems": 1, "items": {"format": "uri", "readOnly": True, "default": "x"}},
}, "discriminator": {"propertyName": "a"}}


def test_keywords_that_the_service_ignores_are_named(files: Files) -> None:
    told = messages(files.load(validated(operation(requestBody=json_body(IGNORED)))))
    assert [message.split(" ")[1] for message in told] == [
        "format", "exclusiveMinimum", "minItems", "maxItems", "example", "readOnly", "default", "discriminator"
    ]
    (twice,) = (message for message in told if "minItems" in message)
    assert twice == ('warning: minItems is ignored by the service and so where validation is "aws" (2 places, the '
                     'first of them here); "strict" enforces it')


def test_nothing_is_ignored_where_every_stage_is_strict(files: Files) -> None:
    document = validated(operation(requestBody=json_body(IGNORED)))
    assert messages(files.load(document, validation=Mode.STRICT)) == []
    plain = definition({"/a": {"post": operation(requestBody=json_body(IGNORED))}})
    assert messages(files.load(plain, validation=Mode.STRICT)) == []


def test_models_that_lead_to_each_other_are_bounded(files: Files) -> None:
    """Each of n operations would compile all of n models."""
    count = 400
    schemas = {f"S{n}": {"properties": {"next": {"$ref": f"#/components/schemas/S{(n + 1) % count}"}}}
               for n in range(count)}
    paths = {f"/{n}": {"post": operation(requestBody=json_body({"$ref": f"#/components/schemas/S{n}"}))}
             for n in range(count)}
    document = definition(paths, components={"schemas": schemas})
    assert files.load(document).problems == ()
    assert errors(files.load(document, validation=Mode.STRICT)) == [
        "models have more than 100,000 schemas, each counted with those it leads to"
    ]

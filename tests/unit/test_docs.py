"""The pages say what the code does: names that they mention exist, and their tables are the code's."""

import dataclasses
import re
from pathlib import Path

import msgspec
import pytest

from fastgw import settings
from fastgw.cli import demo
from fastgw.errors import DEFAULT_4XX, DEFAULT_5XX, FAILURES, TYPES
from fastgw.load import ALLOWABLE, names, schema
from fastgw.load.integration import FIELDS
from fastgw.load.integration import TYPES as INTEGRATION_TYPES
from fastgw.load.templates.properties import PROPERTIES
from fastgw.model.api import Cors
from fastgw.model.integration import Unserved
from fastgw.model.subtype import SUBTYPES
from fastgw.model.value import Context
from fastgw.observe import metrics
from fastgw.plan import rules
from fastgw.plan.accesslog import has_value
from fastgw.plan.ops import context, of_source
from tests.support.load_files import Files, definition, messages, proxy

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md")] + sorted(ROOT.glob("docs/*.md"))
WRITTEN_LATER = {"bench/results"}
"""Folders that a command of the checkout makes."""
CODE = re.compile(r"`([^`\n]+)`")


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows(name: str, table: str) -> list[list[str]]:
    """The cells of a table between <!-- rows NAME --> and <!-- end of rows -->, without backticks."""
    found = re.search(rf"<!-- rows {table} -->\n(.*?)<!-- end of rows -->", page(name), re.DOTALL)
    assert found, f"{name} has no rows {table}"
    lines = found[1].strip().splitlines()[2:]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines]


def first(name: str, table: str) -> set[str]:
    cells = [row[0] for row in rows(name, table)]
    assert len(set(cells)) == len(cells), "a row is there twice"
    return set(cells)


# --- names

OURS = re.compile(r"(fastgw|tests|bench|docs|examples)/[\w./*-]+(::\w+)?$")


def exists(code: str) -> bool:
    """A file, a folder, a pattern that fits some, or a test in its file."""
    name, _, test = code.partition("::")
    if name.rstrip("/") in WRITTEN_LATER:
        return True
    return bool(list(ROOT.glob(name.rstrip("/")))) and (not test or f"def {test}(" in page(name))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_what_a_page_names_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    missing = [
        link for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) if not (path.parent / link).exists()
    ]
    missing += [code for code in CODE.findall(text) if OURS.match(code) and not exists(code)]
    known = {settings.variable(name) for name in settings.names()}
    known |= {f"{name}_FILE" for name in known} | {"FASTGW_NAME", "FASTGW_NAME_FILE"}
    missing += [name for name in re.findall(r"FASTGW_[A-Z0-9_]+[A-Z0-9]", text)
                if name not in known and not name.startswith("FASTGW_BUILD")]
    counted = {metric.name for metric in metrics.METRICS}
    missing += [name for name in re.findall(r"\bfastgw_\w+_(?:total|seconds|open)\b", text) if name not in counted]
    assert not missing


@pytest.mark.parametrize("name", ["docs/life-of-a-request.md", "CONTRIBUTING.md"])
def test_engine_functions_that_a_page_names_exist(name: str) -> None:
    found = re.findall(r"`([a-z_]+)\.([a-z_]+)`", page(name))
    engine = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "fastgw/_core").glob("*.pyx")}
    named = [(module, function) for module, function in found if module in engine and function not in ("pyx", "pxd")]
    assert named
    missing = [f"{module}.{function}" for module, function in named
               if not re.search(rf"^(?:cdef|cpdef|(?:async )?def) [^\n]*\b{function}\(", engine[module], re.MULTILINE)]
    assert not missing


def test_the_threats_name_functions_of_their_files() -> None:
    for path, functions in re.findall(r"`(fastgw/[\w./]+)` \(((?:`\w+`(?:, )?)+)\)", page("SECURITY.md")):
        for function in CODE.findall(functions):
            assert f"{function}(" in page(path), f"{path} has no {function}"


# --- operating


def test_limits_and_their_defaults() -> None:
    fields = {field.name: field for field in dataclasses.fields(settings.Settings)}
    for name, default, *_ in rows("docs/operating.md", "limits"):
        field = fields[name.removeprefix("FASTGW_").lower()]
        assert default == settings.shown(field.name, field.default), name
    not_limits = {"workers", "listen"}
    limits = {
        settings.variable(name)
        for name, field in fields.items()
        if name not in not_limits and type(field.default) in (int, float)
    }
    assert first("docs/operating.md", "limits") == limits


def test_statuses() -> None:
    raised = set(re.findall(r"^    F_(\w+) =", page("fastgw/_core/failure.pxd"), re.MULTILINE))
    by_name = {failure.name: failure for failure in FAILURES}
    shown = {name: status for status, name, *_ in rows("docs/operating.md", "statuses")}
    assert shown == {name: str(by_name[name].status) for name in raised}


def test_gateway_responses() -> None:
    raised = {
        failure.type for failure in FAILURES
        if f"F_{failure.name} " in page("fastgw/_core/failure.pxd")
    }
    shown = {row[0]: row[1:] for row in rows("docs/definitions.md", "gateway responses")}
    assert set(shown) == set(TYPES)
    for name in set(TYPES) - {DEFAULT_4XX, DEFAULT_5XX}:
        statuses = {str(failure.status) for failure in FAILURES if failure.type == name}
        status, today = shown[name]
        assert set(re.findall(r"\d+", status)) == statuses, name
        assert today == ("yes" if name in raised else "no"), name


@pytest.mark.parametrize(
    ("table", "method"),
    [("upstreams", "    def upstreams"), ("endpoints", "cdef dict endpoint_row"), ("live", "    def live")],
)
def test_what_the_engine_tells(table: str, method: str) -> None:
    text = page("fastgw/_core/engine.pyx")
    body = re.search(rf"^{method}\(.*?(?=^    def |^cdef |\Z)", text, re.M | re.S)[0]
    assert first("docs/operating.md", table) == set(re.findall(r'^\s+"(\w+)":', body, re.MULTILINE))


def test_resources_of_the_ops_listener() -> None:
    served = re.findall(r'web\.(get|post)\("(/[\w/-]+)"', page("fastgw/control/ops.py"))
    assert first("docs/operating.md", "ops") == {f"{method.upper()} {path}" for method, path in served}


# --- definitions


def test_names_of_the_tables() -> None:
    name = "docs/definitions.md"
    assert first(name, "extensions") == names.EXTENSIONS
    assert first(name, "checks") == set(ALLOWABLE)
    assert first(name, "integration types") == set(INTEGRATION_TYPES)
    assert first(name, "integration fields") == FIELDS
    assert first(name, "header fields") == {field.decode() for field, rest, http in rules.names() if rest or http} | {
        "accept", "user-agent"
    }


def test_cors_fields(tmp_path: Path) -> None:
    fields = first("docs/definitions.md", "cors")
    values = {"maxAge": 1, "allowCredentials": False}
    loaded = Files(tmp_path).load(definition({}, x_cors={field: values.get(field, ["A"]) for field in fields}))
    assert not any("no field" in message for message in messages(loaded))
    assert {"".join(word.capitalize() if i else word for i, word in enumerate(field.name.split("_")))
            for field in dataclasses.fields(Cors)} == fields


def test_context_variables_with_a_value() -> None:
    nothing = context("NOTHING")
    ops = {name: of_source(Context(name), {}, (), 0) for name in names.CONTEXT}
    known = {name for name, (kind, _, index, _) in ops.items() if (kind, index) != (nothing[0], nothing[2])}
    assert first("docs/definitions.md", "context") == known


def test_context_variables_of_an_access_log() -> None:
    known = {name for name in names.CONTEXT | names.LOG_ONLY if has_value(name)}
    shown = first("docs/definitions.md", "context") - {"identity.apiKey"}      # a secret: never in a log
    assert known == shown | first("docs/logs.md", "log context")


def test_templates() -> None:
    assert first("docs/definitions.md", "templates") == set(PROPERTIES)


def test_keys_of_a_fastgw_yaml() -> None:
    structs = {
        "the file": schema.File,
        "apis.NAME": schema.ApiFile,
        "apis.NAME.authorizers.SCHEME": schema.AuthorizerFile,
        "apis.NAME.compose.ROUTE": schema.ComposeFile,
        "apis.NAME.compose.ROUTE.branches.NAME": schema.BranchFile,
        "apis.NAME.stages.NAME": schema.StageFile,
        "apis.NAME.stages.NAME.cache": schema.CacheFile,
        "apis.NAME.stages.NAME.methods.METHOD": schema.MethodFile,
        "apis.NAME.stages.NAME.methods.METHOD.cache": schema.MethodCacheFile,
        "log, apis.NAME.stages.NAME.log": schema.LogFile,
        "account": schema.AccountFile,
        "keys.NAME": schema.KeyFile,
        "plans.NAME": schema.PlanFile,
        "plans.NAME.nodes": schema.NodesFile,
        "plans.NAME.stages[]": schema.PlanStageFile,
        "domains.HOST[]": schema.MappingFile,
        "upstreams.AUTHORITY": schema.UpstreamFile,
        "upstreams.AUTHORITY.addresses[]": schema.AddressFile,
        "upstreams.AUTHORITY.tls": schema.UpstreamTlsFile,
        "client_certificates.NAME": schema.ClientCertificateFile,
        "upstreams.AUTHORITY.ejection": schema.EjectionFile,
        "upstreams.AUTHORITY.health": schema.HealthFile,
        "listeners[]": schema.ListenerFile,
        "tls": schema.TlsFile,
        "tls.domains.NAME": schema.TlsDomainFile,
        "functions.NAME": schema.FunctionFile,
        "services.NAME": schema.ServiceFile,
        "credentials": schema.CredentialsFile,
        "iam": schema.IamFile,
        "iam.users.NAME": schema.UserFile,
        "iam.users.NAME.keys.ID": schema.AccessKeyFile,
        "iam.groups.NAME": schema.GroupFile,
        "iam.roles.NAME": schema.RoleFile,
        "issuers.URL": schema.IssuerFile,
        "firewalls.NAME": schema.FirewallFile,
        "rule_groups.NAME": schema.RuleGroupFile,
    }
    shown = {section: set(keys.split(";")[0].split(", ")) for section, keys in rows("docs/definitions.md", "native")}
    assert shown == {
        section: {field.encode_name for field in msgspec.structs.fields(struct)} for section, struct in structs.items()
    }


FUNCTION = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations"
SCHEMES = {"s": {"type": "apiKey", "name": "Authorization", "in": "header"}}
SAMPLES = {
    # What a definition holds so that the extension matters: fields of the root, of the operation, of the scheme.
    "any-method": ({}, {}, {}),
    "api-key-source": ({"x_api_key_source": "HEADER"}, {}, {}),
    "auth": ({}, {"auth": {"type": "AWS_IAM"}}, {}),
    "authorizer": ({}, {}, {"authorizer": {"type": "token", "authorizerUri": FUNCTION}}),
    "authtype": ({}, {}, {"authtype": "awsSigv4"}),
    "binary-media-types": ({"x_binary_media_types": ["*/*"]}, {}, {}),
    "cors": ({"x_cors": {"allowOrigins": ["*"]}}, {}, {}),
    "documentation": ({"x_documentation": {"version": "1"}}, {}, {}),
    "endpoint-access-mode": ({"x_endpoint_access_mode": "STRICT"}, {}, {}),
    "endpoint-configuration": ({"x_endpoint_configuration": {"disableExecuteApiEndpoint": True}}, {}, {}),
    "gateway-responses": ({"x_gateway_responses": {"DEFAULT_4XX": {"statusCode": 404}}}, {}, {}),
    "importexport-version": ({"x_importexport_version": "1.0"}, {}, {}),
    "integration": ({}, {}, {}),
    "integrations": ({}, {}, {}),
    "minimum-compression-size": ({"x_minimum_compression_size": 0}, {}, {}),
    "policy": (
        {"x_policy": {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}}, {}, {}),
    "request-validator": (
        {"x_request_validators": {"all": {"validateRequestBody": True}}}, {"request-validator": "all"}, {}
    ),
    "request-validators": ({"x_request_validators": {"all": {"validateRequestBody": True}}}, {}, {}),
    "security-policy": ({"x_security_policy": "TLS_1_2"}, {}, {}),
    "tag-value": ({"x_tag_value": "a"}, {}, {}),
}


@pytest.mark.parametrize(("extension", "outcome"), [row[:2] for row in rows("docs/definitions.md", "extensions")])
def test_outcome_of_an_extension(extension: str, outcome: str, tmp_path: Path) -> None:
    root, on_operation, on_scheme = SAMPLES[extension.removeprefix(names.PREFIX)]
    operation = {names.INTEGRATION: proxy(), **{names.PREFIX + key: value for key, value in on_operation.items()}}
    components: dict = {}
    if on_scheme:
        scheme = {**SCHEMES["s"], **{names.PREFIX + key: value for key, value in on_scheme.items()}}
        components["securitySchemes"] = {"s": scheme}
        operation["security"] = [{"s": []}]
    if extension == names.INTEGRATIONS:
        components[names.INTEGRATIONS] = {"one": proxy()}
        operation[names.INTEGRATION] = {"$ref": f"#/components/{names.INTEGRATIONS}/one"}
    verb = names.ANY_METHOD if extension == names.ANY_METHOD else "get"
    text = definition({"/pets": {verb: operation}}, components=components, **root)
    loaded = Files(tmp_path).load(text)
    severities = {problem.severity for problem in loaded.problems if problem.code != "nobody-signs"}
    expected = {"served": set(), "ignored": set(), "warning": {"warning"}, "refused unless allowed": {"error"}}
    assert severities == expected[outcome], messages(loaded)
    if outcome == "refused unless allowed":
        allowed = Files(tmp_path).load(text, allow_unenforced=frozenset(ALLOWABLE))
        assert allowed.gateway is not None and {problem.severity for problem in allowed.problems} == {"warning"}


@pytest.mark.parametrize(("kind", "outcome"), [row[:2] for row in rows("docs/definitions.md", "integration types")])
def test_outcome_of_an_integration_type(kind: str, outcome: str, tmp_path: Path) -> None:
    services = {"AWS": "dynamodb:action/Scan", "AWS_PROXY": "firehose:action/PutRecord"}
    uri = f"arn:aws:apigateway:eu-west-1:{services[kind]}" if kind in services else "http://127.0.0.1:9000/"
    integration = {"type": kind, "uri": uri, "httpMethod": "POST"}
    if kind == "MOCK":
        integration = {"type": kind, "requestTemplates": {"application/json": '{"statusCode": 200}'},
                       "responses": {"default": {"statusCode": "200"}}}
    loaded = Files(tmp_path).load(definition({"/pets": {"get": {names.INTEGRATION: integration}}}))
    (route,) = loaded.gateway.apis[0].routes
    assert isinstance(route.integration, Unserved) == (outcome == "warning")
    assert {problem.severity for problem in loaded.problems} == ({"warning"} if outcome == "warning" else set())


def test_the_subtypes() -> None:
    told = {name: (required, optional) for name, required, optional in rows("docs/services.md", "subtypes")}
    assert told == {name: (", ".join(one.required), ", ".join(one.optional)) for name, one in SUBTYPES.items()}


@pytest.mark.parametrize("lines", [demo.LINES, demo.NOTES_LINES])
def test_the_lines_to_try(lines: tuple[tuple[str, str], ...]) -> None:
    for call, meaning in lines:
        told = f"curl -i {call.format(url='http://127.0.0.1:8080')}"
        assert re.search(rf"^    {re.escape(told)} +# {re.escape(meaning)}$", page("README.md"), re.MULTILINE), told

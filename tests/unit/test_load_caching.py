"""Cache settings of stages and methods; cacheKeyParameters and cacheNamespace of integrations."""

from pathlib import Path

import pytest

from fastgw.cli import main
from fastgw.model.cache import Caching
from fastgw.model.value import Context, RequestParameter
from fastgw.plan.caching import cache_spec
from tests.support.load_files import Files, definition, messages, proxy

INTEGRATION = "x-amazon-apigateway-integration"
DOCUMENT = definition(
    {
        "/pets": {"get": {INTEGRATION: proxy()}, "post": {INTEGRATION: proxy()}},
        "/pets/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {INTEGRATION: proxy()},
        },
    }
)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    found = Files(tmp_path)
    found.write("api.json", DOCUMENT)
    return found


def stage(files: Files, text: str):
    return files.load(f"fastgw: 1\napis: {{a: {{definition: api.json, stages: {{s: {{{text}}}}}}}}}\n", "fastgw.yaml")


def caching(files: Files, text: str, method: str) -> Caching | None:
    loaded = stage(files, text)
    assert loaded.gateway is not None, messages(loaded)
    assert loaded.problems == ()
    cache = loaded.gateway.stages[0].cache
    return cache and cache.of(method)


def test_off_unless_said(files: Files) -> None:
    assert caching(files, "", "GET /pets") is None
    assert caching(files, "cache: {}", "GET /pets") == Caching(True, 300, "require", "SUCCEED_WITH_RESPONSE_HEADER")
    assert not caching(files, "cache: {enabled: false}", "GET /pets").enabled


def test_a_method_over_every_method_over_the_stage(files: Files) -> None:
    text = (
        'cache: {ttl: 10, invalidation: allow}, methods: {"*/*": {cache: {ttl: 20, unauthorized: FAIL_WITH_403}}, '
        '"GET /pets": {cache: {ttl: 30}}, "POST /pets": {cache: {enabled: true}}}'
    )
    assert caching(files, text, "GET /pets") == Caching(True, 30, "allow", "FAIL_WITH_403")
    assert caching(files, text, "GET /pets/{id}") == Caching(True, 20, "allow", "FAIL_WITH_403")
    assert caching(files, text, "POST /pets") == Caching(True, 20, "allow", "FAIL_WITH_403")


@pytest.mark.parametrize("method", ("POST /pets", "DELETE /pets", "HEAD /pets", "OPTIONS /pets"))
def test_only_get_by_default(files: Files, method: str) -> None:
    assert not caching(files, 'cache: {}, methods: {"*/*": {cache: {enabled: true}}}', method).enabled


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cache: {ttl: 3601}", "error: ttl must be at most 3,600, found 3601"),
        ("cache: {ttl: -1}", "error: ttl must be at least 0, found -1"),
        ("cache: {ttl: 1.5}", "error: ttl must be a whole number, found 1.5"),
        ("cache: {invalidation: alow}", 'error: invalidation must be "allow" or "require", found'),
        ("cache: {unauthorized: FAIL_WITH_401}", "did you mean"),
        ("cache: {tll: 5}", 'error: "tll" is not known under cache'),
        ('methods: {"GET /pet": {cache: {ttl: 5}}}', 'did you mean "GET /pets"?'),
        ('cache: {}, methods: {"GET /pets": {cache: {x_cache: true}}}', 'error: "x_cache" is not known under cache'),
        ('methods: {"GET /pets": {cache: {ttl: 5}}}', "warning: the cache of GET /pets is off"),
    ],
)
def test_mistakes(files: Files, text: str, message: str) -> None:
    loaded = stage(files, text)
    assert any(message in told for told in messages(loaded)), messages(loaded)
    assert (loaded.gateway is None) == ("warning" not in message)


def test_key_parameters(tmp_path: Path) -> None:
    integration = Files(tmp_path).integration(
        proxy(
            "http://127.0.0.1:9000/{id}",
            requestParameters={
                "integration.request.header.X-Ip": "context.identity.sourceIp",
                "integration.request.querystring.q": "method.request.header.X-Q",
                "integration.request.header.X-Fixed": "'one'",
            },
            cacheKeyParameters=[
                "method.request.path.id",
                "method.request.querystring.a",
                "method.request.multivaluequerystring.b",
                "method.request.header.X-A",
                "integration.request.header.X-Ip",
                "integration.request.querystring.q",
                "integration.request.header.X-Fixed",
            ],
            cacheNamespace="pets",
        ),
        "/pets/{id}",
    )
    assert integration.cache_namespace == "pets"
    assert integration.cache_keys == (
        RequestParameter("path", "id"),
        RequestParameter("querystring", "a"),
        RequestParameter("querystring", "b", True),
        RequestParameter("header", "X-A"),
        Context("identity.sourceIp"),
        RequestParameter("header", "X-Q"),
    ), "what is the same for every request is left out"
    assert Files(tmp_path).integration(proxy()).cache_keys is None
    assert Files(tmp_path).integration(proxy(cacheKeyParameters=[])).cache_keys == ()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (["method.request.path.idd"], 'the path has no parameter "idd"; did you mean "id"?'),
        (["method.request.cookie.a"], "is no mapping source"),
        (["method.request.body"], '"method.request.body" is no mapping source'),
        (["context.requestId"], "is no request parameter; write method.request."),
        (["integration.request.header.X-A"], "is not among the integration's requestParameters"),
        ("method.request.path.id", "cacheKeyParameters must be a list"),
    ],
)
def test_key_parameters_that_are_none(tmp_path: Path, parameters: object, message: str) -> None:
    document = definition({"/p/{id}": {"get": {INTEGRATION: proxy(cacheKeyParameters=parameters)},
                                       "parameters": [{"name": "id", "in": "path", "required": True}]}})
    loaded = Files(tmp_path).load(document)
    assert loaded.gateway is None
    assert any(message in told for told in messages(loaded)), messages(loaded)


def test_a_namespace_is_one_word(tmp_path: Path) -> None:
    loaded = Files(tmp_path).load(definition({"/p": {"get": {INTEGRATION: proxy(cacheNamespace="a b")}}}))
    assert any("cacheNamespace must be 1 to 128 visible characters" in told for told in messages(loaded))


def test_a_ttl_of_nothing_compiles_to_nothing(files: Files) -> None:
    gateway = stage(files, "cache: {ttl: 0}").gateway
    route = gateway.apis[0].routes[0]
    assert cache_spec(gateway.stages[0].cache, route, route.integration, {}, ()) is None


def test_explain_says_what_is_cached(files: Files, capsys: pytest.CaptureFixture) -> None:
    text = "fastgw: 1\napis: {a: {definition: api.json, stages: {$default: {cache: {ttl: 60}}}}}\n"
    file = files.write("fastgw.yaml", text)
    for method, cached in (("GET", True), ("POST", False)):
        assert main(["explain", file, method, "/pets"]) == 0
        told = capsys.readouterr().out
        assert ("at most 60 s" in told, "CACHE INTEGRATE" in told) == (cached, cached), told

"""A fastgw.yaml -> gateway; its published JSON Schema."""

import json
import os
from pathlib import Path

import pytest

from fastgw.load import LoadOptions, load
from fastgw.load.schema import NOT_SERVED, json_schema
from fastgw.model.api import ApiKind
from fastgw.model.gateway import Ejection, Health, Listener, Upstream, UpstreamAddress
from fastgw.model.upstream_tls import ClientCertificate, UpstreamTls, Verify
from fastgw.model.usage import Quota, Throttle
from fastgw.model.value import RequestParameter
from tests.support.certificates import root, server
from tests.support.load_files import UPSTREAM, Files, definition, messages, proxy
from tests.support.mmdb import database
from tests.support.tls import files as tls_files

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "tests" / "golden" / "fastgw.schema.json"
INTEGRATION = "x-amazon-apigateway-integration"

GATEWAY = root().issue("gateway", client=True)

FULL = f"""\
fastgw: 1
listeners:
  - address: 0.0.0.0:8080
    proxy_protocol: true
    http2: true
  - address: "[::]:8080"
  - address: unix:/run/fastgw.sock
    tls: true
tls:
  policy: edge
  domains:
    "*": {{certificate: one.pem, key: one.key, policy: TLS_1_2, ocsp: one.ocsp, truststore: root.pem, crl: root.crl}}
apis:
  pets:
    definition: api.json
    id: abc123
    kind: HTTP
    basepath: prepend
    upstream: {UPSTREAM}
    parameters: {{shop: "http://127.0.0.1:9001", unused: 5, flag: true}}
    allow_unenforced: [key, authorizer, validator]
    stages:
      $default:
      test-1:
        variables: {{host: "a.b:80", empty: ""}}
        validation: strict
        cache: {{enabled: true, ttl: 60, invalidation: allow, unauthorized: FAIL_WITH_403, x_cache: true,
                cache_control: ignore}}
        methods:
          GET /v1/a: {{cache: {{enabled: true, ttl: 10, invalidation: require,
                             unauthorized: SUCCEED_WITH_RESPONSE_HEADER}},
                     throttle: {{rate: 2, burst: 1}}, concurrency: 5}}
          "*/*": {{}}
        throttle: {{rate: 0.5, burst: 10}}
        firewall: edge
        log: {{preset: clf, file: "-"}}
        client_certificate: backend
  dogs:
    definition: [guarded.json]
    authorizers:
      corp: {{url: "http://127.0.0.1:9009/check", type: request, identity: [method.request.header.X-Token], ttl: 60,
             payload: "1.0", simple: false}}
      own: {{function: hello, type: token, identity: [method.request.header.X-Token], validation: "[a-z]+"}}
      staff: {{issuer: "https://login.example.com", audience: [shop]}}
    kind: REST
    policy: {{Version: "2012-10-17", Statement: [{{Effect: Allow, Principal: "*", Action: "*", Resource: "*"}}]}}
    mode: merge
    fail_on_warnings: false
    parameters: {{shop: "http://127.0.0.1:9002"}}
    compose:
      POST /a:
        type: compose
        branches:
          one: {{uri: "{UPSTREAM}/one", type: HTTP, httpMethod: GET, required: false, success: 2.., timeoutInMillis: 90,
                requestParameters: {{}}, requestTemplates: {{}}, passthroughBehavior: NEVER, credentials: "arn:aws:x"}}
        template: $branches.one.body
        status: 202
        contentType: text/plain
        timeoutInMillis: 500
domains:
  "*":
    - api: pets
  Shop.example:
    - {{api: pets, base_path: v1/pets, stage: test-1}}
    - {{api: dogs, base_path: /dogs/, stage: $default}}
upstreams:
  127.0.0.1:9001:
    address: 10.0.0.1:80
    max_connections: 10
    max_pending: 0
    connect_timeout: 0.5
    first_byte_timeout: 29
    idle_timeout: 2.5
    pool_idle: 0
    allow_private: true
  "[::1]:80": {{address: "unix:/run/shop.sock"}}
  Shop: {{}}
  Group.example:
    addresses:
      - 10.0.0.1:80
      - {{address: "[fd00::2]:80", weight: 3, max_connections: 50}}
      - {{address: "pool.internal:81"}}
    policy: consistent_hash
    hash_on: "header:X-User"
    slow_start: 30
    try_timeout: 1
    max_latency: 0.25
    srv: _http._tcp.group.internal
    file: parts/pool.txt
    health: {{path: /ok, host: "ok.example", statuses: [200, 204], interval: 0.5, timeout: 0.25, fall: 3, rise: 1}}
    ejection: {{failures: 3, duration: 5, percent: 100, status_5xx: true}}
  tcp.example: {{health: {{kind: tcp, interval: 0.5}}}}
  tls.example: {{tls: {{server_name: Shop.example, ca_file: ca.pem, verify: private, certificate: gw.pem, key: gw.key,
                     alpn: none}}}}
  clear.example: {{tls: false}}
log: {{format: "$context.requestId", file: logs/a.log}}
account: {{throttle: {{rate: 10000, burst: 5000}}}}
account_id: "123456789012"
region: eu-west-1
keys:
  acme: {{value: "acme-0123456789-0123456789", plans: [gold]}}
  zoo: {{value_file: zoo.key, enabled: false}}
key_files: [more.csv]
iam:
  users:
    alice:
      groups: [readers]
      keys:
        AKIAALICE1: {{secret_file: alice.txt, session_token_file: alice-token.txt, enabled: true}}
        AKIAALICE2: {{secret: "sealed:v1:AAAA"}}
  groups:
    readers: {{policies: {{read: {{Version: "2012-10-17", Statement: [
      {{Effect: Allow, Action: execute-api:Invoke, Resource: "*"}}]}}}}}}
  roles:
    batch: {{session: 900, policies: {{}}}}
plans:
  gold:
    throttle: {{rate: 100, burst: 20}}
    quota: {{limit: 1000, period: MONTH, offset: 27}}
    nodes: {{share: true, away: closed}}
    stages: [{{api: pets, stage: test-1, methods: {{"GET /v1/a": {{rate: 5, burst: 2}}}}}}]
functions:
  hello: {{code: code, handler: app.handler, runtime: python3.11, timeout: 0.5, memory: 256, concurrency: 3, queue: 0,
          idle: 60, arn: "arn:aws:lambda:eu-west-1:123456789012:function:hello", environment: {{A: 1}}}}
services: {{default: {{region: eu-west-1}}, dynamodb: {{endpoint: "http://localhost:8000/", region: local}}}}
credentials: {{profile: shop, roles: own}}
issuers:
  https://login.example.com: {{jwks: "https://login.example.com/keys", allow_private: true, refresh: 600,
    user_pools: ["arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_a"]}}
client_certificates: {{backend: {{certificate: gw.pem, key: gw.key}}}}
settings:
  workers: 2
  log_level: debug
  x_forwarded: true
""" + """\
firewalls:
  edge:
    default: block
    response: {status: 403, body: no, content_type: text/html, headers: {X-Why: default}}
    body_bytes: 16384
    samples: 5
    rules:
      - {name: shared, priority: 1, rule_group: common, overrides: {agents: count}}
      - name: all
        priority: 2
        action: allow
        labels: [a:b]
        statement:
          and:
            - or:
                - not: {byte_match: {field: {header: x-a}, value: b, position: exactly, transformations: [lowercase]}}
                - size: {field: {json_body: {scope: keys, oversize: match, invalid: match}}, comparison: GT, bytes: 9}
                - size: {field: {body: {oversize: match}}, comparison: GT, bytes: 9}
                - size: {field: {body_arguments: {oversize: match}}, comparison: GT, bytes: 9}
                - size: {field: {cookie: a}, comparison: GT, bytes: 9}
                - size: {field: {cookies: {names: [a]}}, comparison: GT, bytes: 9}
                - size: {field: {headers: {names: [a]}}, comparison: GT, bytes: 9}
                - size: {field: {query_argument: a}, comparison: GT, bytes: 9}
                - size: {field: {query_arguments: {scope: all}}, comparison: GT, bytes: 9}
            - sqli: {field: query_string}
            - xss: {field: query_string}
            - ip_set: {addresses: [10.0.0.0/8], forwarded: {header: X-Client, which: any, fallback: no_match}}
            - geo: {countries: [AT]}
            - rate: {limit: 10, window: 60, keys: [ip, {forwarded_ip: {}}], table: 100, scope: {label: "a:"}}
rule_groups:
  common:
    rules: [{name: agents, priority: 1, action: block, statement: {regex_match: {field: uri_path, set: agents}}}]
  often: {rules: [{name: o, priority: 1, action: count, statement: {regex_match: {field: method, patterns: [G]}}}]}
ip_sets: {office: [192.0.2.0/24]}
regex_sets: {agents: [^curl]}
geo_database: countries.mmdb
"""


@pytest.fixture
def files(tmp_path: Path) -> Files:
    found = Files(tmp_path)
    found.write(
        "api.json",
        definition({"/a": {"get": {INTEGRATION: proxy("${shop}/a")}, "post": {}}}, servers=[{"url": "/v1"}]),
    )
    guarded = {"get": {INTEGRATION: proxy("${shop}/a"), "security": [{"corp": []}]},
               "post": {"security": [{"own": []}]}, "put": {"security": [{"staff": ["a"]}]}}
    found.write("guarded.json", definition({"/a": guarded}, servers=[{"url": "/v1"}]))
    (tmp_path / "code").mkdir()
    status = {"one.ocsp": root().status(server()), "root.pem": root().pem, "root.crl": root().revocations()}
    for name, content in {**tls_files(one=server()), **status}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "countries.mmdb").write_bytes(database({"203.0.113.0/24": "AT"}))
    found.write("ca.pem", root().pem.decode())
    found.write("gw.pem", GATEWAY.chain.decode())
    found.write("gw.key", GATEWAY.key_pem.decode())
    found.write("alice.txt", "alice-secret\n")
    found.write("alice-token.txt", "alice-token\n")
    found.write("zoo.key", "zoo-0123456789-0123456789\n")
    found.write("more.csv", "Name,Key,UsagePlanIds\nlion,lion-0123456789-0123456789,gold\n")
    return found


def native(files: Files, text: str, **options):
    return files.load(text, "fastgw.yaml", **options)


def test_everything_a_file_may_hold(files: Files) -> None:
    loaded = native(files, FULL)
    gateway = loaded.gateway
    pets, dogs = gateway.apis
    assert (pets.name, pets.id, pets.kind) == ("pets", "abc123", ApiKind.HTTP)
    assert (dogs.name, dogs.id, dogs.kind) == ("dogs", "dogs", ApiKind.REST)
    assert [(route.path, route.integration.uri) for route in pets.routes] == [
        ("/v1/a", "http://127.0.0.1:9001/a"),
        ("/v1/a", UPSTREAM + "/a"),
    ]
    assert [route.path for route in dogs.routes] == ["/a", "/a", "/a"]
    assert [(stage.api, stage.name, stage.variables) for stage in gateway.stages] == [
        ("pets", "$default", ()),
        ("pets", "test-1", (("host", "a.b:80"), ("empty", ""))),
        ("dogs", "$default", ()),
    ]
    assert [
        (domain.host, [(m.base_path, m.api, m.stage) for m in domain.mappings]) for domain in gateway.domains
    ] == [
        ("*", [("", "pets", None)]),
        ("shop.example", [("v1/pets", "pets", "test-1"), ("dogs", "dogs", "$default")]),
    ]
    assert [listener.address for listener in gateway.listeners] == [
        "0.0.0.0:8080",
        "[::]:8080",
        "unix:/run/fastgw.sock",
    ]
    assert isinstance(gateway.listeners[0], Listener)
    first, second, third, fourth, fifth, secure, clear = gateway.upstreams
    assert first == Upstream(
        "127.0.0.1:9001", (UpstreamAddress("10.0.0.1:80"),), max_connections=10, max_pending=0, connect_timeout_ms=500,
        first_byte_timeout_ms=29_000, idle_timeout_ms=2_500, pool_idle_ms=0, allow_private=True, place=first.place,
    )
    assert second.addresses == (UpstreamAddress("unix:/run/shop.sock"),)
    assert third == Upstream("shop", place=third.place)
    assert fourth == Upstream(
        "group.example",
        (UpstreamAddress("10.0.0.1:80"), UpstreamAddress("[fd00::2]:80", 3, 50), UpstreamAddress("pool.internal:81")),
        policy="consistent_hash", hash_on="header:X-User", slow_start_ms=30_000, try_timeout_ms=1000,
        max_latency_ms=250, ejection=Ejection(3, 5000, 100, True), place=fourth.place, srv="_http._tcp.group.internal",
        file=str(files.directory / "parts/pool.txt"), health=Health("/ok", "ok.example", (200, 204), 500, 250, 3, 1),
    )
    assert {name: value for name, (value, _) in loaded.settings.items()} == {
        "workers": 2,
        "log_level": "debug",
        "x_forwarded": True,
    }
    assert fifth.health == Health(None, interval_ms=500, timeout_ms=500)
    shown = ClientCertificate(GATEWAY.chain, GATEWAY.key_pem)
    assert secure.tls == UpstreamTls("shop.example", root().pem, Verify.PRIVATE, shown, ())
    assert (secure.clear, clear.clear, clear.tls) == (False, True, None)
    assert [stage.certificate for stage in gateway.stages] == [None, shown, None]
    assert "PRIVATE" not in repr(shown)
    assert loaded.settings["workers"][1].line == FULL[: FULL.index("workers:")].count("\n") + 1
    assert gateway.account == Throttle(10000, 5000)
    assert [(one.name, one.rules[0].name) for one in gateway.firewalls] == [("edge", "shared/agents")]
    assert [route.access for route in pets.routes] == [None, None]
    assert [route.access.authorizer for route in dogs.routes] == ["corp", "own", "staff"]
    corp, own, staff = dogs.authorizers
    assert [(one.kind, one.uri.rpartition(":")[2], one.ttl_seconds, one.validation) for one in (corp, own)] == [
        ("REQUEST", "9009/check", 60, None),
        ("TOKEN", "path/2015-03-31/functions/hello/invocations", 300, "[a-z]+"),
    ]
    assert (staff.issuers, staff.audiences, staff.source, staff.ttl_seconds) == (
        ("https://login.example.com",), ("shop",), RequestParameter("header", "Authorization"), 300)
    assert dogs.routes[2].access.scopes == ("a",)
    assert (gateway.account_id, gateway.region) == ("123456789012", "eu-west-1")
    stage = gateway.stages[1]
    assert stage.throttle == Throttle(0.5, 10)
    assert [(m.method, m.throttle, m.concurrency) for m in stage.methods] == [
        ("GET /v1/a", Throttle(2, 1), 5), ("*/*", None, None)]
    [plan] = gateway.plans
    assert (plan.name, plan.throttle, plan.quota) == ("gold", Throttle(100, 20), Quota(1000, "MONTH", 27))
    assert [(s.api, s.stage, s.methods) for s in plan.stages] == [("pets", "test-1", (("GET /v1/a", Throttle(5, 2)),))]
    assert (gateway.keys.count, gateway.keys.plans) == (3, ["gold"])
    assert b"zoo-0123456789-0123456789" in gateway.keys.packed


def test_options_go_before_the_file(files: Files) -> None:
    loaded = native(files, FULL, params={"shop": "http://127.0.0.1:9009"})
    assert {api.routes[0].integration.uri for api in loaded.gateway.apis} == {"http://127.0.0.1:9009/a"}


def test_one_api_without_domains_takes_the_root(files: Files) -> None:
    gateway = native(
        files, "fastgw: 1\napis: {a: {definition: api.json, parameters: {shop: 'http://s'}}}\n"
    ).gateway
    assert [
        (domain.host, domain.mappings[0].api, domain.mappings[0].stage) for domain in gateway.domains
    ] == [("*", "a", None)]


def test_several_apis_without_domains_answer_by_id_only(files: Files) -> None:
    api = "{definition: api.json, parameters: {shop: 'http://s'}, upstream: 'http://s'}"
    loaded = native(files, f"fastgw: 1\napis: {{a b: {api}, A-B: {api}, \u00e9: {api}}}\n")
    assert loaded.gateway.domains == ()
    assert [problem.code for problem in loaded.problems] == ["no-domains"]
    assert [api.id for api in loaded.gateway.apis] == ["ab", "ab2", "api"]


def test_definitions_are_found_beside_the_file(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files.write(
        "fastgw.yaml", "fastgw: 1\napis: {a: {definition: api.json, parameters: {shop: 'http://s'}}}\n"
    )
    monkeypatch.chdir("/")
    assert load([path]).gateway is not None


def test_all_problems_of_file_and_definitions_in_one_go(files: Files) -> None:
    loaded = native(
        files, "fastgw: 1\nlisten: []\napis:\n  a: {definition: api.json}\n  b: {definition: 5}\n"
    )
    assert [problem.code for problem in loaded.problems] == [
        "missing-parameter",
        "unserved",
        "unknown-field",
        "wrong-type",
    ]


def test_a_fastgw_yaml_stands_alone(files: Files) -> None:
    native_file = files.write("fastgw.yaml", "fastgw: 1\napis: {a: {definition: api.json}}\n")
    loaded = load([native_file, str(files.directory / "api.json")])
    assert "give it alone" in messages(loaded)[0]
    nested = native(files, "fastgw: 1\napis: {a: {definition: fastgw.yaml}}\n")
    assert "is a fastgw.yaml, not a definition" in messages(nested)[0]


def test_a_file_of_that_name_is_one(files: Files) -> None:
    loaded = native(files, "apis: {a: {definition: api.json, parameters: {shop: 'http://s'}}}\n")
    assert "the document has no fastgw" in messages(loaded)[-1]


SECTIONS = {
    "": "apis: {a: {definition: api.json}}\nNAME: {}\n",
    "apis": "apis: {a: {definition: api.json, NAME: {}}}\n",
    "stages": "apis: {a: {definition: api.json, stages: {s: {NAME: {}}}}}\n",
    "domains": "apis: {a: {definition: api.json}}\ndomains: {h: [{api: a, NAME: {}}]}\n",
    "listeners": "apis: {a: {definition: api.json}}\nlisteners: [{address: ':80', NAME: {}}]\n",
    "upstreams": "apis: {a: {definition: api.json}}\nupstreams: {h: {NAME: {}}}\n",
}


@pytest.mark.parametrize(
    ("section", "name"), [(section, name) for section, names in NOT_SERVED.items() for name in names]
)
def test_later_parts_are_refused_by_name(files: Files, section: str, name: str) -> None:
    loaded = native(files, "fastgw: 1\n" + SECTIONS[section].replace("NAME", name), params={"shop": "http://s"})
    assert f"error: {name} is not served yet; take it out" in messages(loaded)


@pytest.mark.parametrize(
    "text",
    [
        "fastgw: '1'",
        "fastgw: true",
        "fastgw: 1",
        "fastgw: 1\napis: []",
        "fastgw: 1\napis: {}",
        "fastgw: 1\napis: {a: }",
        "fastgw: 1\napis: {a: {definition: ''}}",
        "fastgw: 1\napis: {a: {definition: api.json, stages: {$other: {}}}}",
        "fastgw: 1\napis: {a: {definition: api.json, allow_unenforced: [keys]}}",
        "fastgw: 1\napis: {a: {definition: api.json, stages: {s: {variables: {a b: x}}}}}",
        "fastgw: 1\napis: {a: {definition: api.json, stages: {s: {variables: {a: 'x y'}}}}}",
        'fastgw: 1\napis: {a: {definition: api.json, stages: {s: {variables: {a: "x\\n"}}}}}',
        'fastgw: 1\napis: {a: {definition: api.json, stages: {"s\\n": {}}}}',
        "fastgw: 1\napis: {a: {definition: api.json}}\ndomains: {'a:80': []}",
        "fastgw: 1\napis: {a: {definition: api.json}}\ndomains: {a: [], A: []}",
        "fastgw: 1\napis: {a: {definition: api.json}}\ndomains: {a: [{api: a, base_path: 'a//b'}]}",
        "fastgw: 1\napis: {a: {definition: api.json}}\nupstreams: {'http://a': {}}",
        "fastgw: 1\napis: {a: {definition: api.json}}\nupstreams: {a: {connect_timeout: 1e9}}",
        "fastgw: 1\napis: {a: {definition: api.json}}\nupstreams: {a: {addresses: []}}",
        "fastgw: 1\napis: {a: {definition: api.json}}\nupstreams: {a: {addresses: ['b:1', {address: 'b:1'}]}}",
        "fastgw: 1\napis: {a: {definition: api.json}}\nupstreams: {a: {address: 'b:1', addresses: ['c:1']}}",
        "fastgw: 1\napis: {a: {definition: api.json}}\nupstreams: {a: {hash_on: path}}",
        "fastgw: 1\napis: {a: {definition: api.json}}\nupstreams: {a: {health: {interval: 1, timeout: 2}}}",
        "fastgw: 1\napis: {a: {definition: api.json}}\nupstreams: {a: {health: {kind: tcp, path: /x}}}",
        "fastgw: 1\napis: {a: {definition: api.json}}\nupstreams: {a: {health: {statuses: [20]}}}",
        "fastgw: 1\napis: {a: {definition: api.json}}\nupstreams: {a: {srv: 'a b'}}",
        "fastgw: 1\napis: {a: {definition: api.json}}\nupstreams: {a: {policy: consistent_hash, hash_on: 'header:'}}",
        "fastgw: 1\napis: {a: {definition: api.json}}\nupstreams: {a: {addresses: [{address: 'b:1', weight: 0}]}}",
        "fastgw: 1\napis: {a: {definition: api.json}}\nupstreams: {a: {max_connections: true}}",
        "fastgw: 1\napis: {a: {definition: api.json}}\nsettings: {workers: [1]}",
    ],
)
def test_wrong_files_are_refused(files: Files, text: str) -> None:
    loaded = native(files, text + "\n", params={"shop": "http://s"})
    assert loaded.gateway is None and any(problem.severity == "error" for problem in loaded.problems)


def test_an_upstream_that_nobody_uses_is_told(files: Files) -> None:
    api = "apis: {a: {definition: api.json, upstream: 'http://s', stages: {p: {variables: {h: 'T:1/x'}}}}}\n"
    upstreams = "upstreams: {s: {}, 't:1': {}, 'ss': {}}\n"
    loaded = native(files, "fastgw: 1\n" + api + upstreams, params={"shop": "http://${stageVariables.h}"})
    assert messages(loaded) == ['warning: no route that is served goes to "ss"; did you mean "s"?']


def test_the_published_schema_is_in_step() -> None:
    told = json.dumps(json_schema(), indent=1) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        SCHEMA.write_text(told)
    assert json.loads(told) == json.loads(SCHEMA.read_text())


def test_the_full_file_uses_every_field_of_the_schema() -> None:
    schema = json_schema()
    for name, part in schema["$defs"].items():
        for field in part["properties"]:
            assert f"{field}:" in FULL, f"{name}.{field}"


def test_the_example_is_served_without_a_word() -> None:
    loaded = load([str(ROOT / "examples" / "petstore" / "fastgw.yaml")], LoadOptions())
    assert loaded.problems == ()
    assert len(loaded.gateway.apis[0].routes) == 8

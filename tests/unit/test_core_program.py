"""Values of a request put into an upstream's request and into answers: each encoded for its place."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fastgw._core.explain import Trace, trace
from fastgw._core.plan import Plan
from fastgw.load import LoadOptions, load
from fastgw.plan.compiler import MAX_MAPPED, compile_plan
from fastgw.runtime.slots import Slots
from fastgw.settings import Settings, engine_settings
from tests.support.definition import openapi, proxy
from tests.support.door import Doors, run
from tests.support.latin import ONE_AS_LATIN1

UP = "http://up.example:8080"
Compile = Callable[..., Plan]


@pytest.fixture
def compiled(tmp_path: Path) -> Compile:
    def make(document: dict) -> Plan:
        file = tmp_path / "api.json"
        file.write_text(json.dumps(document))
        loaded = load([str(file)], LoadOptions())
        assert loaded.gateway, [str(problem) for problem in loaded.problems]
        return compile_plan(loaded.gateway, Settings(), Slots().assign(loaded.gateway))

    return make


def traced(plan: Plan, target: str, *fields: str) -> Trace:
    head = "\r\n".join([f"GET {target} HTTP/1.1", "Host: gw.example", *fields, "", ""])
    return trace(plan, engine_settings(Settings()), head.encode("latin-1"))


class Sent:
    """The request that an upstream would get."""

    def __init__(self, found: Trace) -> None:
        assert found.upstream_head, found
        first, *lines = found.upstream_head.removesuffix("\r\n\r\n").split("\r\n")
        method, self.target, version = first.split(" ")
        assert (method, version) == ("GET", "HTTP/1.1")
        self.fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        assert all(name and ":" not in name for name, _ in self.fields)

    def values(self, name: str) -> list[str]:
        return [value for found, value in self.fields if found.lower() == name.lower()]


@pytest.fixture
def mapped(compiled: Compile) -> Callable[..., Trace]:
    """A route "/m/{id}" whose upstream URI and parameters are the test's."""

    def ask(uri: str, parameters: dict[str, str], target: str, *fields: str) -> Trace:
        plan = compiled(openapi({"/m/{id}": {"get": proxy(f"{UP}{uri}", parameters=parameters)}}))
        return traced(plan, target, *fields)

    return ask


# --- path


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("plain-._~", "plain-._~"),
        ("a/b", "a%2Fb"),
        ("a%2Fb%3F%23", "a%2Fb%3F%23"),
        ("%0D%0AX:%20y", "%0D%0AX%3A%20y"),
        ("a+b%20c", "a%20b%20c"),
        ("%C3%A9%FF%00", "%C3%A9%FF%00"),
        ("%2541", "%2541"),
        ("...", "..."),
        (".a", ".a"),
    ],
)
def test_a_query_value_is_one_segment_of_a_path(mapped, value: str, segment: str) -> None:
    sent = Sent(mapped("/x/{v}/y", {"path.v": "method.request.querystring.q"}, f"/m/1?q={value}"))
    assert sent.target.split("?")[0] == f"/x/{segment}/y"


@pytest.mark.parametrize(
    ("uri", "query"),
    [
        ("/x/{v}/y", "v=.."),
        ("/x/{v}/y", "v=."),
        ("/x/{v}", "v=%2e%2E"),
        ("/x/.{v}/y", "v=."),
        ("/x/{v}./y", "v=."),
        ("/x/{v}{w}", "v=.&w=."),
        ("/x/{v}{w}/y", "v=&w=.."),
        ("/x/.{v}", "v="),
    ],
)
def test_dot_segments_made_of_values_are_refused(mapped, uri: str, query: str) -> None:
    parameters = {"path.v": "method.request.querystring.v", "path.w": "method.request.querystring.w"}
    names = {name: source for name, source in parameters.items() if f"{{{name[-1]}}}" in uri}
    found = mapped(uri, names, f"/m/1?{query}")
    assert (found.status, found.upstream_head) == (400, "")


def test_path_parameters_stay_as_they_came(mapped) -> None:
    assert Sent(mapped("/x/{id}", {}, "/m/a%20b;c%C3%A9%7E")).target == "/x/a%20b;c%C3%A9~"


# --- query


def test_the_query_goes_on_as_it_came(mapped) -> None:
    query = "a=1&a=2&&b&c=&%64=%2f+%20&=x"
    assert Sent(mapped("/x", {}, f"/m/1?{query}")).target == f"/x?{query}"
    assert Sent(mapped("/x?own=1", {}, f"/m/1?{query}")).target == f"/x?own=1&{query}"
    assert Sent(mapped("/x?own=1", {}, "/m/1")).target == "/x?own=1"
    assert Sent(mapped("/x", {}, "/m/1?")).target == "/x"


@pytest.mark.parametrize(
    ("value", "encoded"),
    [("a%26b%3Dc", "a%26b%3Dc"), ("%0d%0a", "%0D%0A"), ("a+b", "a%20b"), ("%25", "%25"), ("%FF%00", "%FF%00")],
)
def test_a_value_in_a_query_is_encoded(mapped, value: str, encoded: str) -> None:
    parameters = {"querystring.out": "method.request.querystring.in"}
    assert Sent(mapped("/x", parameters, f"/m/1?in={value}")).target == f"/x?in={value}&out={encoded}"


def test_a_path_parameter_in_a_query_is_not_encoded_twice(mapped) -> None:
    parameters = {"querystring.out": "method.request.path.id"}
    assert Sent(mapped("/x", parameters, "/m/a%20b&c=d%2B")).target == "/x?out=a%20b%26c%3Dd%2B"


@pytest.mark.parametrize("theirs", ["q=theirs", "%71=theirs", "q", "q=1&%71=2&q=3"])
def test_a_mapped_query_parameter_replaces_the_clients(mapped, theirs: str) -> None:
    parameters = {"querystring.q": "method.request.header.X-Q"}
    found = Sent(mapped("/x", parameters, f"/m/1?a=1&{theirs}&b=2", "X-Q: ours"))
    assert found.target == "/x?a=1&b=2&q=ours"


def test_a_parameter_whose_name_only_begins_alike_stays(mapped) -> None:
    parameters = {"querystring.q": "method.request.header.X-Q"}
    assert Sent(mapped("/x", parameters, "/m/1?qq=1&Q=2", "X-Q: 3")).target == "/x?qq=1&Q=2&q=3"


def test_missing_values_are_left_out(mapped) -> None:
    parameters = {
        "querystring.a": "method.request.querystring.absent",
        "querystring.b": "method.request.header.X-Absent",
        "header.X-A": "method.request.querystring.absent",
        "header.X-B": "method.request.multivalueheader.X-Absent",
    }
    sent = Sent(mapped("/x", parameters, "/m/1?c=3"))
    assert sent.target == "/x?c=3"
    assert not sent.values("X-A") and not sent.values("X-B")


def test_an_empty_value_is_a_value(mapped) -> None:
    parameters = {"querystring.a": "method.request.querystring.e", "header.X-A": "method.request.header.X-E"}
    sent = Sent(mapped("/x", parameters, "/m/1?e=", "X-E:"))
    assert sent.target == "/x?e=&a="
    assert sent.values("X-A") == [""]


# --- fields


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("%0d%0aX-Evil:%201", "%0D%0AX-Evil: 1"),
        ("a%00b%7F%1b", "a%00b%7F%1B"),
        ("tab%09bed", "tab\tbed"),
        ("%C3%A9", "\xc3\xa9"),
        ("a+b%2Bc", "a b+c"),
    ],
)
def test_no_value_ends_a_field(mapped, value: str, written: str) -> None:
    sent = Sent(mapped("/x", {"header.X-Out": "method.request.querystring.q"}, f"/m/1?q={value}"))
    assert sent.values("X-Out") == [written]
    assert not sent.values("X-Evil")


def test_one_value_and_all_values(mapped) -> None:
    parameters = {
        "header.X-Last": "method.request.header.X-In",
        "header.X-All": "method.request.multivalueheader.X-In",
        "header.X-Last-Q": "method.request.querystring.q",
        "header.X-All-Q": "method.request.multivaluequerystring.q",
    }
    sent = Sent(mapped("/x", parameters, "/m/1?q=1&%71=2&q=%33", "X-In: a", "x-in: b,c", "X-IN: d"))
    assert [sent.values(f"X-{name}") for name in ("Last", "All", "Last-Q", "All-Q")] == [
        ["d"],
        ["a,b,c,d"],
        ["3"],
        ["1,2,3"],
    ]


def test_a_mapped_field_replaces_the_clients(mapped) -> None:
    parameters = {"header.X-Both": "method.request.querystring.q", "header.Host": "'virtual.example'"}
    sent = Sent(mapped("/x", parameters, "/m/1?q=ours", "X-Both: 1", "x-both: 2"))
    assert sent.values("X-Both") == ["ours"]
    assert sent.values("Host") == ["virtual.example"]
    assert Sent(mapped("/x", parameters, "/m/1", "X-Both: 1", "x-both: 2")).values("X-Both") == ["1", "2"]


def test_as_many_mapped_fields_as_there_can_be(mapped) -> None:
    """Each is replaced or left alone on its own account."""
    parameters = {f"header.X-{n}": f"method.request.querystring.q{n % 2}" for n in range(MAX_MAPPED)}
    sent = Sent(mapped("/x", parameters, "/m/1?q1=ours", *(f"X-{n}: theirs" for n in range(0, MAX_MAPPED, 3))))
    for n in range(MAX_MAPPED):
        expected = ["ours"] if n % 2 else ["theirs"] if n % 3 == 0 else []
        assert sent.values(f"X-{n}") == expected, n


def test_a_head_that_grows_too_large_is_refused(mapped) -> None:
    parameters = {f"header.X-{n}": "method.request.header.X-In" for n in range(20)}
    assert mapped("/x", parameters, "/m/1", "X-In: " + "a" * 1000).upstream_head
    found = mapped("/x", parameters, "/m/1", "X-In: " + "a" * 8000)
    assert (found.status, found.upstream_head) == (431, "")


# --- JSON

TEMPLATE = '{"message":$context.error.messageString,"agent":"$context.identity.userAgent","path":"$context.path"}'


@pytest.mark.parametrize(
    "agent",
    [
        'a"b\\c',
        "tab\there",
        "\xc3\xa9",
        "\xff\xfe",
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        "\xc0\xaf",
        "\xf0\x9f\x98\x80 \xf0\x9f",
        '","x":"y',
    ],
)
def test_values_in_json_stay_inside_their_string(compiled: Compile, agent: str) -> None:
    """Bytes that are no UTF-8 are read as Latin-1, so that the body is always JSON."""
    document = openapi(
        {"/m": {"get": proxy(UP)}},
        gateway_responses={
            "MISSING_AUTHENTICATION_TOKEN": {
                "statusCode": 404,
                "responseTemplates": {"application/json": TEMPLATE},
                "responseParameters": {"gatewayresponse.header.X-Q": "method.request.querystring.q"},
            }
        },
    )
    plan = compiled(document)
    run(refused(plan, agent))


async def refused(plan: Plan, agent: str) -> None:
    async with Doors(plan) as doors:
        client = await doors.client()
        client.writer.write(
            b"GET /no%22pe?q=%0d%0aX-Evil:1 HTTP/1.1\r\nHost: a\r\nUser-Agent: " + agent.encode("latin-1") + b"\r\n\r\n"
        )
        status, fields, body = await client.answer()
    assert status == 404
    assert dict(fields)["x-q"] == "%0D%0AX-Evil:1"
    assert "x-evil" not in dict(fields)
    assert json.loads(body) == {
        "message": "Missing Authentication Token",
        "agent": agent.encode("latin-1").decode(errors=ONE_AS_LATIN1),
        "path": "/no%22pe",
    }


def test_an_answer_too_large_for_its_room_is_a_bare_500(compiled: Compile) -> None:
    """The same large value asked for many times: no head goes out cut short."""
    document = openapi(
        {"/m": {"get": proxy(UP)}},
        gateway_responses={
            "MISSING_AUTHENTICATION_TOKEN": {
                "responseParameters": {
                    f"gatewayresponse.header.X-{n}": "method.request.header.X-In" for n in range(12)
                }
            }
        },
    )
    run(overflowing(compiled(document)))


async def overflowing(plan: Plan) -> None:
    async with Doors(plan) as doors:
        client = await doors.client()
        client.send("/no", "X-In: " + "a" * 1000)
        status, fields, _ = await client.answer()
        assert (status, dict(fields)["x-11"]) == (403, "a" * 1000)
        client.send("/no", "X-In: " + "a" * 14_000)
        status, fields, body = await client.answer()
        assert (status, dict(fields)["connection"], body) == (500, "close", b"")
        assert await client.ended()

"""The stage cache: what is stored, for how long, and how it is given out. Who may share: test_cache_users.py."""

from collections.abc import Iterator

import pytest

from tests.support.cache import Shop, cached, counting, shop
from tests.support.client import eventually, get
from tests.support.definition import INTEGRATION, mock, proxy
from tests.support.upstream import Exchange, scripted

LIMIT = 1_048_576
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def served() -> Iterator[Shop]:
    """Shared: each test uses paths of its own."""
    with shop() as found:
        yield found
        assert found.upstream.unclean == []


# --- a hit


def test_a_hit_does_not_ask_the_upstream(served: Shop) -> None:
    first, second = served.ask("/hit"), served.ask("/hit")
    assert (first.status, first.get("X-Cache"), first.body) == (200, "MISS", b"1 /hit")
    assert (second.status, second.get("X-Cache"), second.body) == (200, "HIT", b"1 /hit")
    assert len(served.upstream.to("/hit")) == 1


def test_what_a_hit_says_of_itself(served: Shop) -> None:
    """Fields of the stored answer stay; those of one request, and of the connection, are made anew."""
    served.upstream.on("/fields", counting("ETag: \"a\"", "X-Two: 1", "X-Two: 2", "Age: 7", "Keep-Alive: timeout=5",
                                           "Connection: X-Hop", "X-Hop: 1", "Server: stub"))
    first, second = served.ask("/fields"), served.ask("/fields", version="HTTP/1.0")
    assert second.get("X-Cache") == "HIT"
    for name in ("ETag", "X-Two", "x-amzn-Remapped-Server", "Content-Length"):
        assert second.values(name) == first.values(name) != []
    assert first.get("Age") == "7"
    assert second.values("Age") == [b"7"]
    assert len(second.values("Date")) == 1
    assert second.get("X-Hop") is None
    assert second.closes
    assert second.get("x-amzn-RequestId") != first.get("x-amzn-RequestId")


def test_hits_are_pipelined(served: Shop) -> None:
    served.ask("/pipe")
    with served.wire() as wire:
        wire.send(get("/pipe") * 40)
        assert [wire.answer().body for _ in range(40)] == [b"1 /pipe"] * 40


def test_head_is_answered_from_the_entry_of_get(served: Shop) -> None:
    assert served.states("/head", method="HEAD") == ["MISS", "MISS"], "a HEAD fills nothing"
    served.ask("/head")
    answer = served.ask("/head", method="HEAD")
    assert (answer.get("X-Cache"), answer.get("Content-Length"), answer.body) == ("HIT", "7", b"")
    assert served.states("/head", times=1) == ["HIT"]


def test_an_empty_body(served: Shop) -> None:
    served.upstream.on("/empty", scripted(b"HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n"))
    answers = [served.ask("/empty") for _ in range(2)]
    assert [(answer.get("X-Cache"), answer.start, answer.body) for answer in answers] == [
        ("MISS", (b"HTTP/1.1", b"200", b"Fine"), b""),
        ("HIT", (b"HTTP/1.1", b"200", b"Fine"), b""),
    ]


@pytest.mark.parametrize("chunked", (False, True))
def test_a_slow_client_takes_a_large_hit(served: Shop, chunked: bool) -> None:
    """More than one write, and more than the kernel takes at once."""
    body = bytes(range(256)) * 3800
    path = f"/large/{chunked}"
    served.upstream.on(path, scripted(CHUNKED + in_chunks(body, 5000)) if chunked else counting(body=body))
    first = served.ask(path)
    assert first.body.endswith(body)
    with served.wire(receive_buffer=4096) as wire:
        wire.send(get(path) * 8)
        eventually(lambda: served.gateway.live()["writes"] == 1, "bytes that it does not take")
        for _ in range(8):
            answer = wire.answer()
            assert (answer.get("X-Cache"), answer.body) == ("HIT", first.body)
            assert answer.get("Content-Length") == str(len(first.body))


def test_a_client_that_leaves_a_hit_half_read(served: Shop) -> None:
    served.upstream.on("/left", counting(body=b"x" * 1_000_000))
    served.ask("/left")
    for _ in range(5):
        wire = served.wire(receive_buffer=4096)
        wire.send(get("/left") * 8)
        eventually(lambda: served.gateway.live()["writes"] == 1, "bytes that it does not take")
        wire.reset()
        eventually(lambda: served.gateway.live()["writes"] == 0, "them gone")
    served.gateway.wait_idle()
    assert served.states("/left", times=1) == ["HIT"]


# --- what is stored


@pytest.mark.parametrize("status", (201, 203, 204, 206, 301, 304, 404, 410, 500, 503))
def test_only_200_is_stored(served: Shop, status: int) -> None:
    path = f"/status/{status}"
    served.upstream.on(path, counting("Location: /x", status=status))
    assert served.states(path) == ["MISS", "MISS"]


@pytest.mark.parametrize("method", ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
def test_only_get_is_stored_by_default(served: Shop, method: str) -> None:
    path = f"/method/{method}"
    assert served.states(path, method=method) == [None, None]
    assert served.states(path) == ["MISS", "HIT"]


@pytest.mark.parametrize(("size", "kept"), ((LIMIT - 2000, True), (LIMIT + 1, False)))
@pytest.mark.parametrize("chunked", (False, True))
def test_the_largest_entry(served: Shop, size: int, kept: bool, chunked: bool) -> None:
    """Beyond it the answer passes as it comes."""
    body, path = b"y" * size, f"/size/{size}/{chunked}"
    served.upstream.on(path, scripted(CHUNKED + in_chunks(body, 60_000)) if chunked else counting(body=body))
    answers = [served.ask(path) for _ in range(2)]
    assert all(answer.complete and answer.body.endswith(body) for answer in answers)
    assert [answer.get("X-Cache") for answer in answers] == ["MISS", "HIT" if kept else "MISS"]


def in_chunks(body: bytes, size: int) -> bytes:
    pieces = [body[n : n + size] for n in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("length", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
        ("chunked", CHUNKED + b"5\r\nhello\r\n"),
        ("chunk", CHUNKED + b"5\r\nhel"),
        ("close", b"HTTP/1.1 200 OK\r\n\r\nwhole or not"),
        ("old", b"HTTP/1.0 200 OK\r\n\r\nwhole or not"),
    ],
)
def test_what_may_be_cut_is_never_stored(served: Shop, name: str, answer: bytes) -> None:
    """Nobody can know of an answer that ends with its connection whether it is whole."""
    path = f"/cut/{name}"
    served.upstream.on(path, scripted(answer, close=True))
    for _ in range(2):
        with served.wire() as wire:
            wire.send(get(path, "Connection: close"))
            wire.rest()
    assert len(served.upstream.to(path)) == 2
    served.upstream.on(path, counting())
    assert served.states(path) == ["MISS", "HIT"]


@pytest.mark.parametrize(
    "control", ("no-store", "private", "no-cache", "max-age=0", "PRIVATE=\"set-cookie\", max-age=60", "s-maxage=0",
                "max-age=60, s-maxage=0", "max-age=x", "max-age=5\r\nAge: 5", "public\r\nExpires: 0"),
)
def test_cache_control_of_the_answer_is_obeyed(served: Shop, control: str) -> None:
    path = f"/obey/{control.encode().hex()}"
    served.upstream.on(path, counting(*f"Cache-Control: {control}".split("\r\n")))
    assert served.states(path) == ["MISS", "MISS"]


@pytest.mark.parametrize(
    "control", ("max-age=60", "public", "s-maxage=60, max-age=0", "max-age=60\r\nExpires: 0", "x=\"private, no-store\"")
)
def test_cache_control_that_lets_store(served: Shop, control: str) -> None:
    path = f"/let/{control.encode().hex()}"
    served.upstream.on(path, counting(*f"Cache-Control: {control}".split("\r\n")))
    assert served.states(path) == ["MISS", "HIT"]


def test_max_age_shortens_the_ttl(served: Shop) -> None:
    served.upstream.on("/short", counting("Cache-Control: max-age=1"))
    assert served.states("/short") == ["MISS", "HIT"]
    eventually(lambda: served.states("/short", times=1) == ["MISS"], "the entry to expire")


def test_a_request_may_forbid_to_store(served: Shop) -> None:
    assert served.states("/secret", "Cache-Control: no-store") == ["MISS", "MISS"]
    assert served.states("/secret") == ["MISS", "HIT"]


# --- settings


def test_the_service_does_not_look_at_cache_control() -> None:
    with shop({"cache_control": "ignore"}) as served:
        for number, field in enumerate(("Cache-Control: private", "Cache-Control: no-store", "Expires: 0")):
            served.upstream.on(f"/{number}", counting(field))
            assert served.states(f"/{number}") == ["MISS", "HIT"]
        served.upstream.on("/cookie", counting("Set-Cookie: a=b"))
        assert served.states("/cookie") == ["MISS", "MISS"]


def test_ttl() -> None:
    with shop({"ttl": 1}, methods={"GET /long": {"cache": {"ttl": 60}}, "GET /off": {"cache": {"ttl": 0}}},
              routes={path: {"get": proxy(f"{{url}}{path}")} for path in ("/short", "/long", "/off")}) as served:
        assert served.states("/short") == ["MISS", "HIT"]
        assert served.states("/long") == ["MISS", "HIT"]
        assert served.states("/off") == [None, None]
        eventually(lambda: served.states("/short", times=1) == ["MISS"], "the entry to expire")
        assert served.ask("/short").body == b"2 /short"
        assert served.states("/long", times=1) == ["HIT"]


def test_methods_of_a_stage() -> None:
    """Its own entry's word, else that of "*/*", else the stage's; GET only where nothing is said."""
    routes = {
        "/a": {"get": proxy("{url}/a"), "post": proxy("{url}/a"), "put": proxy("{url}/a")},
        "/b": {"get": proxy("{url}/b"), "delete": proxy("{url}/b")},
        "/fixed": {"get": mock(200, "{}")},
    }
    methods = {
        "*/*": {"cache": {"ttl": 60}},
        "GET /b": {"cache": {"enabled": False}},
        "POST /a": {"cache": {"enabled": True}},
        "DELETE /b": {"cache": {"ttl": 10}},
    }
    with shop(methods=methods, routes=routes) as served:
        assert served.states("/a") == ["MISS", "HIT"]
        assert served.states("/a", method="POST") == ["MISS", "HIT"]
        assert served.states("/a", method="PUT") == [None, None]
        assert served.states("/b") == [None, None]
        assert served.states("/b", method="DELETE") == [None, None]
        assert served.states("/fixed") == [None, None]
        assert served.states("/a", method="POST", body=b"one") == ["BYPASS", "BYPASS"]


def test_a_method_of_its_own_in_a_stage_without_a_cache() -> None:
    with shop({"enabled": False}, methods={"GET /a": {"cache": {"enabled": True}}},
              routes={path: {"get": proxy(f"{{url}}{path}")} for path in ("/a", "/b")}) as served:
        assert served.states("/a") == ["MISS", "HIT"]
        assert served.states("/b") == [None, None]


def test_without_memory_nothing_is_kept() -> None:
    with shop(env={"FASTGW_CACHE_BYTES": "0"}) as served:
        assert served.states("/x", times=3) == ["MISS"] * 3
        assert served.cached() == 0


def test_memory_is_bounded_and_what_is_asked_for_stays() -> None:
    """A scan of 400 keys of 5 KB goes through 1 MiB; the one that is asked for in between stays."""
    with shop(env={"FASTGW_CACHE_BYTES": "1048576"}) as served:
        served.upstream.default = counting(body=b"z" * 5000)
        assert served.states("/hot", times=3) == ["MISS", "HIT", "HIT"]
        with served.wire() as wire:
            for number in range(400):
                assert wire.request(get(f"/scan/{number}")).get("X-Cache") == "MISS"
                if number % 20 == 0:
                    assert wire.request(get("/hot")).get("X-Cache") == "HIT"
        live = served.gateway.live()
        assert 100 < live["cached"] < 250
        assert live["cache_bytes"] <= 1_048_576
        assert live["fills"] == 0


# --- asking for a fresh answer

FRESH = ("Cache-Control: max-age=0", "cache-control: foo, No-Cache")


@pytest.mark.parametrize("field", FRESH)
def test_anybody_may_ask_for_a_fresh_answer(field: str) -> None:
    with shop({"invalidation": "allow"}) as served:
        assert served.states("/x") == ["MISS", "HIT"]
        assert served.ask("/x", field).body == b"2 /x"
        again = served.ask("/x")
        assert (again.get("X-Cache"), again.body) == ("HIT", b"2 /x")


WARNING = "199 Cache-control headers were ignored because the caller was unauthorized."


@pytest.mark.parametrize("field", FRESH)
@pytest.mark.parametrize(
    ("strategy", "status", "warning"),
    [
        ("FAIL_WITH_403", 403, None),
        ("SUCCEED_WITH_RESPONSE_HEADER", 200, WARNING),
        ("SUCCEED_WITHOUT_RESPONSE_HEADER", 200, None),
    ],
)
def test_nobody_may_ask_for_a_fresh_answer(field: str, strategy: str, status: int, warning: str | None) -> None:
    with shop({"unauthorized": strategy}) as served:
        first = served.ask("/x", field)
        assert (first.status, first.get("Warning")) == (status, warning)
        served.ask("/x")
        again = served.ask("/x", field)
        assert (again.status, again.get("Warning")) == (status, warning)
        assert served.ask("/x").get("Warning") is None
        assert len(served.upstream.to("/x")) == 1
        if status == 403:
            assert again.body == b'{"Message":"User is not authorized to access this resource"}'


# --- keys


KEYED = {
    "/q": {"get": cached(proxy("{url}/q"), keys=["method.request.querystring.a", "method.request.header.X-H"])},
    "/mapped": {
        "get": cached(
            proxy("{url}/mapped", parameters={"querystring.b": "method.request.querystring.a",
                                              "header.X-Who": "context.httpMethod"}),
            keys=["integration.request.querystring.b", "integration.request.header.X-Who"],
        )
    },
    "/none": {"get": cached(proxy("{url}/none"), keys=[])},
    "/p/{id}": {"get": cached(proxy("{url}/p/{id}"), keys=["method.request.path.id"])},
    "/n1/{id}": {"get": cached(proxy("{url}/n1/{id}"), namespace="shared")},
    "/n2/{other}": {"get": cached(proxy("{url}/n2/{other}"), namespace="shared")},
}


@pytest.fixture(scope="module")
def keyed() -> Iterator[Shop]:
    with shop(routes=KEYED) as found:
        yield found


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (["/q?a=1"], ["/q?a=2"], False),
        (["/q?a=1&b=1"], ["/q?b=2&a=1"], True),
        (["/q?a=1&a=2"], ["/q?a=2"], False),
        (["/q?a=1&a=2"], ["/q?a=1%2C2"], False),
        (["/q?a="], ["/q"], False),
        (["/q?%61=x%20y"], ["/q?a=x+y"], True),
        (["/q?a=5", "X-H: 1"], ["/q?a=5", "X-H: 2"], False),
        (["/q?a=6", "X-H: 1"], ["/q?a=6", "x-h: 1", "X-Other: 2"], True),
        (["/q?a=7", "X-H: 1", "X-H: 2"], ["/q?a=7", "X-H: 1"], False),
        (["/mapped?a=1"], ["/mapped?a=2"], False),
        (["/mapped?a=3&z=1"], ["/mapped?a=3"], True),
        (["/none?a=1"], ["/none?a=2"], True),
        (["/p/1"], ["/p/2"], False),
        (["/p/3?x=1"], ["/p/%33?x=2"], True),
        (["/n1/1"], ["/n2/1"], True),
        (["/n1/2"], ["/n2/3"], False),
        (["/n1/4?a=1"], ["/n1/4?a=2"], False),
    ],
)
def test_keys(keyed: Shop, one: list[str], other: list[str], same: bool) -> None:
    keyed.gateway.ops("/cache/flush", "POST")
    assert keyed.states(*one) == ["MISS", "HIT"]
    assert keyed.states(*other) == (["HIT", "HIT"] if same else ["MISS", "HIT"])


# --- reload, flush


def test_a_reload_keeps_the_cache_and_an_api_that_goes_takes_its_own_along() -> None:
    with shop() as served:
        assert served.states("/x") == ["MISS", "HIT"]
        assert served.gateway.reload().returncode == 0
        assert served.states("/x", times=1) == ["HIT"]
        text = (served.gateway.folder / "fastgw.yaml").read_text()
        served.gateway.write("fastgw.yaml", text.replace("$default", "v2"))
        assert served.gateway.reload().returncode == 0
        eventually(lambda: served.cached() == 0, "the stage's entries gone")
        assert served.states("/v2/x") == ["MISS", "HIT"]


def test_a_flush_reaches_every_worker() -> None:
    with shop(env={"FASTGW_WORKERS": "2"}) as served:
        eventually(lambda: fill(served) and served.cached() == 2, "an entry in both workers")
        told = served.gateway.ops("/cache/flush?api=shop&stage=$default", "POST")
        assert told == (200, "2 cached answers forgotten\n")
        assert served.cached() == 0
        asked = len(served.upstream.to("/x"))
        answers = [served.ask("/x") for _ in range(30)]
        assert len(served.upstream.to("/x")) - asked <= 2
        assert {answer.body for answer in answers if answer.get("X-Cache") == "HIT"} <= {
            f"{asked + n} /x".encode() for n in (1, 2)
        }


def fill(served: Shop) -> bool:
    return all(served.ask("/x").status == 200 for _ in range(8))


def test_flush_by_api_and_stage() -> None:
    with shop() as served:
        fill(served)
        assert served.gateway.ops("/cache/flush?api=nobody", "POST") == (404, "there is no such stage\n")
        assert served.gateway.ops("/cache/flush?api=shop&stage=nope", "POST")[0] == 404
        assert served.gateway.ops("/cache/flush?stage=$default", "POST")[0] == 400
        assert served.gateway.ops("/cache/flush?apis=shop", "POST")[0] == 400
        assert served.gateway.ops("/cache/flush", "GET")[0] == 405
        assert served.cached() == 1
        told = served.gateway.tell("cache", "flush", "--api", "shop")
        assert (told.returncode, told.stdout) == (0, "1 cached answers forgotten\n")
        assert served.cached() == 0


def test_what_was_asked_for_before_a_flush_is_not_stored() -> None:
    with shop() as served:
        gate = served.upstream.event()

        async def held(exchange: Exchange) -> None:
            await exchange.body()
            await gate.wait()
            await exchange.reply(200, b"old")

        served.upstream.on("/x", held)
        with served.wire() as early, served.wire() as late:
            early.send(get("/x"))
            eventually(lambda: served.upstream.to("/x"), "the request upstream")
            assert served.gateway.ops("/cache/flush", "POST")[0] == 200
            late.send(get("/x"))        # must not wait for the answer from before
            eventually(lambda: len(served.upstream.to("/x")) == 2, "a second request upstream")
            served.upstream.on("/x", counting())
            served.upstream.call(gate.set)
            assert [early.answer().body, late.answer().body] == [b"old", b"old"]
        assert served.states("/x", times=1) == ["HIT"], "the later one was stored"


def test_what_happened_is_counted() -> None:
    routes = {path: {"get": proxy(f"{{url}}{path}")} for path in ("/x", "/y", "/off")}
    with shop(routes=routes, methods={"GET /off": {"cache": {"enabled": False}}}) as served:
        served.states("/x", times=5)
        served.states("/x", "Range: bytes=0-1", times=3)
        served.states("/y")
        served.states("/off")
        for path, counts in (("/x", (4, 1, 3)), ("/y", (1, 1, 0)), ("/off", (0, 0, 0))):
            names = ("hits", "misses", "bypasses")
            found = [served.gateway.metric(f'^fastgw_cache_{name}_total.*resource="{path}"') for name in names]
            assert tuple(found) == counts


def test_the_access_log_says_what_happened() -> None:
    words = "$context.requestId $context.httpMethod $context.fastgw.cache $context.responseLength"
    with shop(log={"file": "access.log", "format": words}) as served:
        served.states("/x")
        served.ask("/x", "Range: bytes=0-1")
        served.ask("/x", method="POST")
        file = served.gateway.folder / "access.log"
        eventually(lambda: file.exists() and file.read_text().count("\n") == 4, "four lines")
        lines = [line.split(" ", 1)[1] for line in file.read_text().splitlines()]
        assert lines == ["GET miss 4", "GET hit 4", "GET bypass 4", "POST - 4"]


def test_no_door_is_opened() -> None:
    with shop() as served:
        with served.wire() as wire:
            for _ in range(40):
                wire.send(get("/x") * 50)
                assert {wire.answer().body for _ in range(50)} == {b"1 /x"}
        assert served.gateway.metric("^fastgw_(door_[a-z_]+|doors)_total") == 0


def rendered(uri: str, template: str, **options: object) -> dict:
    """HTTP with an answer by template: a step in Python."""
    operation = cached(proxy(uri, method="GET"), **options)  # type: ignore[arg-type]
    operation["responses"] = {"200": {"description": "as rendered"}}
    operation[INTEGRATION] |= {
        "type": "http",
        "requestParameters": {"integration.request.querystring.a": "method.request.querystring.a"},
        "responses": {"default": {"statusCode": "200", "responseTemplates": {"application/json": template}}},
    }
    return operation


def test_what_a_template_rendered_is_kept() -> None:
    """As the client gets it; the key is the request's."""
    routes = {
        "/r": {"get": rendered("{url}/r", "<$input.body>", keys=["method.request.querystring.a"])},
        "/p/{id}": {"get": rendered("{url}/p", "<$input.params('id')>", namespace="n")},
    }
    with shop(routes=routes) as served:
        first = served.ask("/r?a=1&b=1")
        again = served.ask("/r?a=1&b=2")
        assert (first.get("X-Cache"), again.get("X-Cache")) == ("MISS", "HIT")
        assert first.body == again.body == b"<1 /r?a=1>"
        assert again.get("Content-Type") == first.get("Content-Type") == "application/json"
        assert served.ask("/r?a=2").body == b"<1 /r?a=2>"
        assert [served.ask(f"/p/{name}").body for name in "aab"] == [b"<a>", b"<a>", b"<b>"]
        assert served.hits("/r") == served.hits("/p/{id}") == 1
        assert len(served.upstream.requests) == 4

"""TRIALS K1: nobody gets an answer that was made for somebody else."""

import asyncio
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.cache import Shop, cached, counting, shop
from tests.support.client import Closed, get
from tests.support.definition import openapi, proxy, several
from tests.support.message import Unclean
from tests.support.process import Gateway
from tests.support.upstream import Exchange, Upstream

KEYED = {
    "/{proxy+}": {"get": proxy("{url}/{proxy}")},
    "/by/{name}": {
        "get": cached(proxy("{url}/by/{name}"), keys=[f"method.request.header.{name}" for name in
                                                        ("Authorization", "Cookie", "X-Lang", "Origin")])
    },
}


@pytest.fixture(scope="module")
def served() -> Iterator[Shop]:
    with shop(routes=KEYED) as found:
        yield found
        assert found.upstream.unclean == []


async def who(exchange: Exchange) -> None:
    """The answer is its asker's own."""
    names = ("Authorization", "Cookie", "X-Lang", "Accept-Encoding")
    told = [f"{name}={value!r}" for name in names for value in exchange.request.values(name)]
    await exchange.reply(200, " ".join(told).encode() or b"nobody")


CREDENTIALS = ("Authorization: Bearer a", "Cookie: session=a", "aUTHORIZATION: Basic YQ==")


@pytest.mark.parametrize("field", CREDENTIALS)
def test_credentials_outside_the_key_share_nothing(served: Shop, field: str) -> None:
    path = f"/who/{field.encode().hex()}"
    served.upstream.on(path, who)
    nobody = served.ask(path)
    assert (nobody.body, nobody.get("X-Cache")) == (b"nobody", "MISS")
    for value in "ab":
        mine = f"{field[:-1]}{value}"
        answer = served.ask(path, mine)
        assert answer.get("X-Cache") == "BYPASS"
        assert mine.partition(": ")[2].encode() in answer.body
    assert served.ask(path).body == b"nobody"
    assert len(served.upstream.to(path)) == 3


@pytest.mark.parametrize("field", CREDENTIALS)
def test_credentials_come_first(served: Shop, field: str) -> None:
    """What was brought for somebody is given to nobody."""
    path = f"/first/{field.encode().hex()}"
    served.upstream.on(path, who)
    assert served.states(path, field) == ["BYPASS", "BYPASS"]
    assert served.ask(path).body == b"nobody"


@pytest.mark.parametrize("control", ("public", "s-maxage=60", "must-revalidate"))
def test_answers_that_call_themselves_public_are_shared(served: Shop, control: str) -> None:
    """RFC 9111 section 3.5."""
    path = f"/public/{control}"
    served.upstream.on(path, counting(f"Cache-Control: {control}"))
    assert served.states(path, CREDENTIALS[0]) == ["BYPASS", "HIT"]
    assert served.states(path, CREDENTIALS[1], times=1) == ["HIT"]
    assert served.states(path, times=1) == ["HIT"]


@pytest.mark.parametrize("name", ("Authorization", "Cookie", "X-Lang"))
def test_fields_in_the_key(served: Shop, name: str) -> None:
    path = f"/by/{name}"
    served.upstream.on(path, who)
    for value in ("a", "b", ""):
        answers = [served.ask(path, f"{name}: {value}") for _ in range(2)]
        assert [answer.get("X-Cache") for answer in answers] == ["MISS", "HIT"]
        assert {answer.body for answer in answers} == {f"{name}={value.encode()!r}".encode()}
    assert served.ask(path).body == b"nobody"


def test_a_key_of_one_credential_does_not_hold_the_other() -> None:
    routes = {"/x": {"get": cached(proxy("{url}/x"), keys=["method.request.header.Cookie"])}}
    with shop(routes=routes) as served:
        assert served.states("/x", "Cookie: a") == ["MISS", "HIT"]
        assert served.states("/x", "Cookie: a", "Authorization: b") == ["BYPASS", "BYPASS"]


@pytest.mark.parametrize(
    ("vary", "shared"),
    [
        ("*", False),
        ("X-Lang", False),
        ("Accept-Encoding, X-Lang", False),
        ("Cookie", False),
        ("Accept-Encoding", True),
        ("accept-encoding , ", True),
        ("Origin", False),
    ],
)
def test_vary(served: Shop, vary: str, shared: bool) -> None:
    path = f"/vary/{vary.encode().hex()}"
    served.upstream.on(path, counting(f"Vary: {vary}"))
    assert served.states(path) == (["MISS", "HIT"] if shared else ["MISS", "MISS"])


def test_vary_on_fields_of_the_key(served: Shop) -> None:
    served.upstream.on("/by/vary", counting("Vary: X-Lang, Origin"))
    assert served.states("/by/vary", "X-Lang: de") == ["MISS", "HIT"]
    served.upstream.on("/by/two", counting("Vary: X-Lang", "Vary: X-Other"))
    assert served.states("/by/two", "X-Lang: de") == ["MISS", "MISS"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("gzip", "gzip, identity", True),
        ("gzip, br", "br;q=0.5, gzip;q=1.0", True),
        ("gzip", "br", False),
        ("gzip", "gzip;q=0", False),
        ("gzip", "*", False),
        ("", "identity", True),
    ],
)
def test_accept_encoding_is_in_the_key(served: Shop, one: str, other: str, same: bool) -> None:
    path = f"/coding/{one.encode().hex()}-{other.encode().hex()}"
    assert served.states(path, f"Accept-Encoding: {one}") == ["MISS", "HIT"]
    assert served.states(path, f"Accept-Encoding: {other}") == (["HIT", "HIT"] if same else ["MISS", "HIT"])


@pytest.mark.parametrize(
    ("accepted", "coding", "kept"),
    [("gzip", "gzip", True), ("gzip", "br", False), ("", "gzip", False), ("gzip", "gzip, gzip", False),
     ("x", "x", False), ("*", "gzip", False), ("gzip, identity;q=0", "identity", False)],
)
def test_codings_that_were_not_asked_for_are_not_stored(served: Shop, accepted: str, coding: str, kept: bool) -> None:
    path = f"/coded/{accepted.encode().hex()}-{coding.encode().hex()}"
    served.upstream.on(path, counting(f"Content-Encoding: {coding}"))
    assert served.states(path, f"Accept-Encoding: {accepted}") == ["MISS", "HIT" if kept else "MISS"]


@pytest.mark.parametrize(
    "fields", (["Set-Cookie: id=1"], ["set-cookie: id=1; HttpOnly", "Cache-Control: public, max-age=60"])
)
def test_set_cookie_is_never_shared(served: Shop, fields: list[str]) -> None:
    path = f"/set/{len(fields)}"
    served.upstream.on(path, counting(*fields))
    assert served.states(path, times=3) == ["MISS"] * 3


@pytest.mark.parametrize(
    "field",
    ("Range: bytes=0-1", "If-None-Match: \"a\"", "If-Match: \"a\"", "If-Modified-Since: Sat, 21 Nov 2026 00:00:00 GMT",
     "If-Unmodified-Since: Sat, 21 Nov 2026 00:00:00 GMT", "Range: bytes=0-1\r\nIf-Range: \"a\""),
)
def test_parts_and_preconditions_are_the_upstreams_matter(served: Shop, field: str) -> None:
    path = f"/part/{field.encode().hex()}"
    served.upstream.on(path, counting("Content-Range: bytes 0-1/10", status=206))
    assert served.states(path, field) == ["BYPASS", "BYPASS"]
    served.upstream.on(path, counting())
    assert served.states(path, field) == ["BYPASS", "BYPASS"]
    assert served.states(path) == ["MISS", "HIT"]
    assert served.states(path, field, times=1) == ["BYPASS"]


def test_a_get_with_a_body_passes_by(served: Shop) -> None:
    assert served.states("/body", body=b"q=1") == ["BYPASS", "BYPASS"]
    assert served.states("/body") == ["MISS", "HIT"]
    assert served.states("/body", body=b"q=2", times=1) == ["BYPASS"]


def test_paths_are_told_apart_as_the_upstream_does(served: Shop) -> None:
    for path in ("/case/A", "/case/a", "/case/a/", "/case/a%20", "/case/a+", "/case/a?x", "/case/a?", "/case/a?x&y"):
        answer = served.ask(path)
        assert answer.get("X-Cache") == "MISS" or path == "/case/a?", path
        assert answer.body.endswith(path.rstrip("?").encode())
    assert served.states("/case/../case/%61", times=1) == ["HIT"]


POISON = ("X-Forwarded-Host: evil", "X-Original-URL: /admin", "X-Forwarded-Scheme: nothttps", "X-HTTP-Method: POST",
          "X-Method-Override: DELETE", "Accept: evil/evil", "Accept-Language: xx")


@pytest.mark.parametrize("field", POISON)
def test_an_answer_that_says_what_it_varies_by_cannot_be_poisoned(served: Shop, field: str) -> None:
    name = field.partition(":")[0]
    path = f"/poison/{name}"

    async def reflecting(exchange: Exchange) -> None:
        value = exchange.request.get(name) or "clean"
        await exchange.reply(200, value.encode(), f"Vary: {name}")

    served.upstream.on(path, reflecting)
    served.ask(path, field)
    assert b"evil" not in served.ask(path).body
    assert served.ask(path).body in (b"clean", b"application/json")


def test_other_spellings_of_a_keyed_field_reach_nobody(served: Shop) -> None:
    """An upstream that reads Accept_Encoding as Accept-Encoding must not see what the key does not hold."""
    served.upstream.on("/spelt", who)
    served.ask("/spelt", "Accept_Encoding: br", "Cache_Control: max-age=0")
    request = served.upstream.only("/spelt")
    assert not {"accept_encoding", "cache_control"} & request.names()


def test_hosts_ports_apis_and_stages_are_told_apart() -> None:
    with Upstream() as upstream:

        async def where(exchange: Exchange) -> None:
            await exchange.reply(200, (exchange.request.get("X-Where") or "").encode())

        upstream.default = where
        told = "header.X-Where"
        document = openapi({"/x": {"get": proxy(f"{upstream.url}/x", parameters={told: "context.domainName"})}})
        cache = {"cache": {"x_cache": True}}
        files = {
            "fastgw.yaml": several(
                {
                    "one": {"definition": "api.json", "stages": {"$default": cache, "v2": cache}},
                    "two": {"definition": "api.json", "stages": {"$default": cache}},
                },
                domains={
                    "one.test": [{"api": "one"}],
                    "other.test": [{"api": "one"}],
                    "two.test": [{"api": "two"}],
                    "three.test": [{"api": "two", "base_path": "x"}],
                },
            ),
            "api.json": document,
        }
        with Gateway(files) as gateway:
            for host, path in (("one.test", "/x"), ("other.test", "/x"), ("one.test", "/v2/x"), ("two.test", "/x"),
                               ("three.test", "/x/x"), ("one.execute-api.test", "/x")):
                answers = [gateway.fetch(get(path, host=host)) for _ in range(2)]
                assert [answer.get("X-Cache") for answer in answers] == ["MISS", "HIT"]
                assert {answer.body for answer in answers} == {host.encode()}
            same = gateway.fetch(get("/x", host="ONE.test:8080"))
            assert same.get("X-Cache") == "HIT"
            assert gateway.live()["cached"] == 6


def test_an_overridden_method_is_in_the_key() -> None:
    """ANY is cached for GET; what other methods get is theirs."""
    with shop() as served:
        async def method(exchange: Exchange) -> None:
            await exchange.body()
            await exchange.reply(200, exchange.request.method.encode())

        served.upstream.default = method
        for verb in ("GET", "POST", "DELETE", "OPTIONS", "GET", "PUT", "PATCH"):
            assert served.ask("/m", method=verb).body == verb.encode()


def test_cors_is_answered_for_each_origin() -> None:
    """The stored answer holds no origin; each client gets its own."""
    with Upstream() as upstream:
        document = openapi({"/x": {"get": proxy(f"{upstream.url}/x")}}, cors={
            "allowOrigins": ["https://a.test", "https://b.test"]})
        document["x-amazon-apigateway-importexport-version"] = "1.0"
        upstream.default = counting("Vary: Origin", "Access-Control-Allow-Origin: https://evil.test")
        stages = {"$default": {"cache": {"x_cache": True}}}
        files = {"fastgw.yaml": several({"one": {"definition": "api.json", "kind": "HTTP", "stages": stages}}),
                 "api.json": document}
        with Gateway(files) as gateway:
            for origin, state in (("https://a.test", "MISS"), ("https://b.test", "HIT"), ("https://c.test", "HIT")):
                answer = gateway.fetch(get("/x", f"Origin: {origin}"))
                assert answer.get("X-Cache") == state
                allowed = answer.get("Access-Control-Allow-Origin")
                assert allowed == (origin if origin != "https://c.test" else None)
                assert b"Origin" in answer.values("Vary")


async def tells(exchange: Exchange) -> None:
    """Whose answer it is, in one of several forms by its path."""
    await exchange.body()
    kind = exchange.request.path.rpartition("/")[2][0]
    body = f"{exchange.request.target} {exchange.request.get('Authorization')} ".encode() * 50
    if exchange.request.method == "HEAD":
        await exchange.reply(200, body)
    elif kind == "c":
        await exchange.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (body[:300], body[300:]):
            await asyncio.sleep(0.001)
            await exchange.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await exchange.write(b"0\r\n\r\n")
    elif kind == "x":
        await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(body) + 5) + body)
        exchange.close()
    else:
        await asyncio.sleep(0.002)
        await exchange.reply(200, body, *(["Set-Cookie: a=b"] if kind == "s" else []))


def roam(served: Shop, seed: int) -> int:
    """Ask in all ways, leave in the midst of some; how many answers were whole and right."""
    chance = random.Random(seed)
    right = 0
    for _ in range(60):
        paths = [f"/roam/{chance.choice('ccffffsx')}{chance.randrange(4)}" for _ in range(chance.choice((1, 1, 3)))]
        user = chance.choice((None, None, None, "a", "b"))
        fields = [f"Authorization: {user}"] if user else []
        method = chance.choice(("GET", "GET", "GET", "HEAD"))
        with served.wire() as wire:
            wire.send(b"".join(get(path, *fields, method=method) for path in paths))
            if chance.random() < 0.3:
                time.sleep(chance.random() * 0.005)
                wire.reset()
                continue
            for path in paths:
                try:
                    answer = wire.answer(method)
                except (Closed, Unclean):
                    break       # an answer that the upstream cut was cut for its client too
                if answer.complete and method == "GET":
                    assert answer.body == f"{path} {user} ".encode() * 50
                    right += 1
    return right


def test_many_that_ask_and_leave_in_all_ways() -> None:
    """Little memory, and flushes beside it: whoever gets a whole answer gets their own."""
    with shop({"ttl": 1}, env={"FASTGW_CACHE_BYTES": "40000"}) as served:
        served.upstream.default = tells
        with ThreadPoolExecutor(10) as pool:
            running = [pool.submit(roam, served, seed) for seed in range(10)]
            while not all(one.done() for one in running):
                assert served.gateway.ops("/cache/flush", "POST")[0] == 200
                time.sleep(0.05)
            assert sum(one.result() for one in running) > 200
        assert served.gateway.reload().returncode == 0
        served.gateway.wait_idle()
        assert served.gateway.live()["fills"] == 0
        assert served.gateway.live()["cache_bytes"] <= 40_000

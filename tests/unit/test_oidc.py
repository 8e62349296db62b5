"""Keys of issuers: found, kept, rotated (TRIALS S2)."""

import asyncio
import json
from collections.abc import Callable, Coroutine

import pytest

from fastgw.model.issuer import Issuer, issuers_of, pool_issuer, split_url
from fastgw.parts.auth.issuers import Issuers
from fastgw.parts.auth.jwks import BadKeys, Keys
from fastgw.parts.auth.oidc import NO_DISCOVERY, NO_JWKS, REFETCH, NoKeys, Remote
from tests.support.tokens import jwk, key_set, private_key

NAME = "https://issuer.test/pool"
DISCOVERY = NAME + "/.well-known/openid-configuration"
URI = "https://keys.test/jwks"
OLD, NEW = (jwk(private_key("ES256", kid), kid) for kid in ("old", "new"))


class World:
    """An issuer without a network: documents by URL; an OSError is raised. asked: (URL, private) in order."""

    def __init__(self, issuer: Issuer | None = None, private: bool = False) -> None:
        self.documents: dict[str, object] = {DISCOVERY: {"issuer": NAME, "jwks_uri": URI}, URI: key_set(OLD)}
        self.asked: list[tuple[str, bool]] = []
        self.now = 1000.0
        self.source = Remote(issuer or Issuer(NAME), private, self._fetch, lambda: self.now)

    async def _fetch(self, url: str, private: bool, timeout: float, max_bytes: int) -> bytes:
        assert timeout == 1.5 and max_bytes == 150_000
        self.asked.append((url, private))
        await asyncio.sleep(0)
        found = self.documents[url]
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, bytes) else json.dumps(found).encode()

    async def keys(self, kid: str) -> Keys:
        found = self.source.keys(kid)
        return found if isinstance(found, Keys) else await found

    async def rest(self) -> None:
        """Until what was begun in the background is over."""
        for _ in range(10):
            await asyncio.sleep(0)

    @property
    def times(self) -> int:
        return len(self.asked)


def run(test: Callable[[World], Coroutine], world: World | None = None) -> World:
    world = world or World()
    asyncio.run(test(world))
    return world


def test_keys_are_found_and_kept() -> None:
    async def test(world: World) -> None:
        assert (await world.keys("old")).has("old")
        assert isinstance(world.source.keys("old"), Keys)

    assert run(test).asked == [(DISCOVERY, False), (URI, False)]


def test_one_search_for_all_who_wait() -> None:
    async def test(world: World) -> None:
        assert all(keys.has("old") for keys in await asyncio.gather(*(world.keys("old") for _ in range(100))))

    assert run(test).times == 2


def test_who_gives_up_does_not_end_the_search() -> None:
    async def test(world: World) -> None:
        first, second = (asyncio.create_task(world.keys("old")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).has("old")

    assert run(test).times == 2


def test_a_new_key_is_live_after_one_fetch() -> None:
    async def test(world: World) -> None:
        await world.keys("old")
        world.documents[URI] = key_set(OLD, NEW)
        assert (await world.keys("new")).has("new")
        assert isinstance(world.source.keys("new"), Keys)

    assert run(test).asked == [(DISCOVERY, False), (URI, False), (URI, False)]


def test_unknown_ids_cost_one_fetch_in_30_seconds() -> None:
    async def test(world: World) -> None:
        await world.keys("old")
        for second in range(90):
            for number in range(100):
                assert not (await world.keys(f"{second}-{number}")).has("x")
            world.now += 1

    # Discovery, keys; then one at 0, 30, 60 seconds.
    assert run(test).times == 2 + 3


def test_a_removed_key_is_good_no_more() -> None:
    async def test(world: World) -> None:
        await world.keys("old")
        world.documents[URI] = key_set(NEW)
        assert not (await world.keys("new")).has("old")

    run(test)


def test_known_keys_are_refreshed_while_they_are_used() -> None:
    async def test(world: World) -> None:
        await world.keys("old")
        world.now += 3_599
        assert isinstance(world.source.keys("old"), Keys) and world.times == 2
        world.documents[URI] = key_set(NEW)
        world.now += 1
        assert world.source.keys("old").has("old")
        await world.rest()
        assert not (await world.keys("new")).has("old")

    # With its discovery document: that may have changed too.
    assert run(test).times == 4


@pytest.mark.parametrize("trouble", [
    OSError("status 500"), b"<html>", {"keys": []}, {"keys": "x"}, b" " * 150_001, b'{"keys":[],"keys":[]}',
], ids=str)
def test_old_keys_go_on_while_an_issuer_is_down(trouble: object, caplog: pytest.LogCaptureFixture) -> None:
    async def test(world: World) -> None:
        await world.keys("old")
        world.documents[URI] = trouble
        for _ in range(3):
            assert (await world.keys("new")).has("old")
            world.now += 100_000
            assert world.source.keys("old").has("old")
            await world.rest()
            world.now += REFETCH
        world.documents[URI] = key_set(NEW)
        assert (await world.keys("new")).has("new")

    run(test)
    assert [record.message.count(f"issuer {NAME}") for record in caplog.records] == [1]
    assert "its last keys stay" in caplog.text


@pytest.mark.parametrize(("url", "trouble", "told"), [
    (DISCOVERY, OSError("no answer"), NO_DISCOVERY), (DISCOVERY, b"{", NO_DISCOVERY), (DISCOVERY, {}, NO_DISCOVERY),
    (DISCOVERY, {"issuer": "https://evil.test", "jwks_uri": URI}, NO_DISCOVERY),
    (DISCOVERY, {"issuer": NAME + "/", "jwks_uri": URI}, NO_DISCOVERY),
    (DISCOVERY, {"issuer": NAME}, NO_DISCOVERY), (DISCOVERY, {"issuer": NAME, "jwks_uri": [URI]}, NO_DISCOVERY),
    (DISCOVERY, {"issuer": NAME, "jwks_uri": "http://keys.test/jwks"}, NO_DISCOVERY),
    (DISCOVERY, {"issuer": NAME, "jwks_uri": "file:///etc/passwd"}, NO_DISCOVERY),
    (DISCOVERY, {"issuer": NAME, "jwks_uri": "https://a@keys.test/"}, NO_DISCOVERY),
    (DISCOVERY, b'{"issuer":"x","issuer":"https://issuer.test/pool"}', NO_DISCOVERY),
    (URI, OSError("no answer"), NO_JWKS), (URI, b"[]", NO_JWKS), (URI, key_set(), NO_JWKS),
])
def test_no_keys_at_all(url: str, trouble: object, told: str, caplog: pytest.LogCaptureFixture) -> None:
    async def test(world: World) -> None:
        good, world.documents[url] = world.documents[url], trouble
        with pytest.raises(NoKeys, match=told):
            await world.keys("old")
        times = world.times
        with pytest.raises(NoKeys, match=told):
            world.source.keys("old")
        assert world.times == times
        world.documents[url] = good
        world.now += 1
        assert (await world.keys("old")).has("old")

    run(test)
    assert len(caplog.records) == 1 and "it has no keys" in caplog.text


def test_searches_that_fail_become_rare() -> None:
    async def test(world: World) -> None:
        world.documents[DISCOVERY] = OSError("no answer")
        for _ in range(3_600):
            with pytest.raises(NoKeys):
                await world.keys("old")
            world.now += 1

    # After 1, 2, 4, 8, 16 seconds, then each half minute.
    assert run(test).times == 1 + 5 + (3_600 - 31) // 30


def test_the_operators_url_goes_before_discovery() -> None:
    async def test(world: World) -> None:
        assert (await world.keys("old")).has("old")

    assert run(test, World(Issuer(NAME, jwks=URI))).asked == [(URI, False)]


@pytest.mark.parametrize(("issuer", "private", "asked"), [
    # Where the operator has written an address, or localhost, that is meant; a name may not lead there.
    (Issuer("http://127.0.0.1:7/p"), False, [True, True]),
    (Issuer("http://localhost:7/p"), False, [True, True]),
    (Issuer("http://[::1]:7/p"), False, [True, True]),
    (Issuer("http://issuer.test/p"), False, [False, False]),
    (Issuer("http://issuer.test/p"), True, [True, True]),
])
def test_who_may_have_a_private_address(issuer: Issuer, private: bool, asked: list) -> None:
    async def test(world: World) -> None:
        keys = issuer.name + "/keys"
        world.documents = {issuer.name + "/.well-known/openid-configuration": {"issuer": issuer.name, "jwks_uri": keys},
                           keys: key_set(OLD)}
        await world.keys("old")

    assert [may for _, may in run(test, World(issuer, private)).asked] == asked


@pytest.mark.parametrize("uri", ["http://127.0.0.1:8/keys", "http://localhost/keys", "http://169.254.169.254/latest"])
def test_a_document_may_not_point_inside(uri: str) -> None:
    """Another authority than the operator's own is the document's word, not the operator's."""
    issuer = Issuer("http://127.0.0.1:7/p")

    async def test(world: World) -> None:
        world.documents = {issuer.name + "/.well-known/openid-configuration": {"issuer": issuer.name, "jwks_uri": uri},
                           uri: key_set(OLD)}
        await world.keys("old")

    assert run(test, World(issuer)).asked[-1] == (uri, False)


@pytest.mark.parametrize("url", [
    "", "https://", "ftp://host/", "//host/", "https://user@host/", "https://user:word@host/", "https://host/#x",
    "https://host:99999/", "https://host:0/", "https://ho st/", "https://host/\n", "https://h\u00f6st/", "https://[::1/",
    'https://host/"', "https://host\\@evil/", "https://host/" + "x" * 2_048,
])
def test_what_is_no_url(url: str) -> None:
    assert split_url(url) is None


def test_pools_have_issuers() -> None:
    arn = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_AbC"
    assert pool_issuer(arn) == "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC"
    assert pool_issuer("arn:aws-cn:cognito-idp:cn-north-1:123456789012:userpool/cn-north-1_x") == (
        "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_x")


POOL = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_x"


def test_which_issuers_an_authorizer_has() -> None:
    known = Issuer("https://known.test", jwks=URI, pools=(POOL,))
    other = Issuer("https://other.test")
    assert issuers_of((other.name, known.name), (), [known]) == (other, known)
    assert issuers_of((pool_issuer(POOL),), (POOL,), [known]) == (known,)
    assert issuers_of((pool_issuer(POOL),), (POOL,), []) == (Issuer(pool_issuer(POOL)),)


def test_sources_outlive_plans_and_files_are_read_anew() -> None:
    made = []

    async def nobody(*_: object) -> bytes:
        raise AssertionError

    issuers = Issuers(lambda: made.append(1) or nobody, False)
    of_file = [issuers.source(Issuer(NAME, keys=json.dumps(key_set(key)).encode())).keys("old") for key in (OLD, NEW)]
    assert of_file[0].has("old") and not of_file[1].has("old") and not made
    with pytest.raises(BadKeys):
        issuers.source(Issuer(NAME, keys=b"{}"))
    assert issuers.source(Issuer(NAME)) is issuers.source(Issuer(NAME))
    assert issuers.source(Issuer(NAME)) is not issuers.source(Issuer(NAME, refresh_seconds=60))
    assert made == [1]


def test_a_worker_that_ends_gives_up_its_search() -> None:
    async def test() -> None:
        started, over = asyncio.Event(), []

        async def fetch(*_: object) -> bytes:
            started.set()
            try:
                await asyncio.sleep(3_600)
            finally:
                over.append(1)
            raise AssertionError

        issuers = Issuers(lambda: fetch, False)
        waiting = asyncio.ensure_future(issuers.source(Issuer(NAME)).keys("old"))
        await started.wait()
        await issuers.close()
        assert over == [1]
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(test())

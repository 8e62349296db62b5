"""The pipelining client against a real server, and against one that answers what no Redis would."""

import asyncio
import contextlib
import shutil
import subprocess
import time

import hiredis
import pytest
import uvloop

from fastgw.addresses import RedisUrl
from fastgw.runtime.redis.client import MOST_WAITING, Redis, RedisAway, Script
from tests.support.redis import RedisServer

ADD = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
SLOW = Script("local n = 0 for i = 1, tonumber(ARGV[1]) do n = n + i end return n")
CEILING = 15.0


class Client:
    """A client, and what it told of its ups and downs."""

    def __init__(self, url, timeout=0.5, scripts=(ADD,)):
        self.told = []
        self.redis = Redis(RedisUrl.parse(url), timeout, lambda up, why: self.told.append((up, why)), scripts)

    async def __aenter__(self):
        await self.until(True)
        return self

    async def __aexit__(self, *_):
        await self.redis.close()
        assert len(asyncio.all_tasks()) == 2, "only the test itself and its time limit are left"

    async def until(self, up):
        """Told of a change to up, after the last one it was told of when this is called."""
        deadline, so_far = time.monotonic() + CEILING, len(self.told) - bool(self.told and self.told[-1][0] == up)
        while not any(told[0] == up for told in self.told[so_far:]):
            assert time.monotonic() < deadline, f"not {'up' if up else 'down'}: {self.told}"
            await asyncio.sleep(0.001)


def run(body):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(body, 4 * CEILING))


@pytest.fixture
def server():
    with RedisServer() as redis:
        yield redis


def test_answers_belong_to_their_commands(server):
    async def body():
        async with Client(server.url) as client:
            for turn in range(20):
                got = await asyncio.gather(*(client.redis.command("ECHO", f"{turn}.{n}") for n in range(200)))
                assert got == [f"{turn}.{n}".encode() for n in range(200)]

    run(body())


def test_a_turn_of_the_loop_is_one_write(server):
    class Fake(asyncio.Protocol):
        reads = []

        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.reads.append(data.count(b"PING"))
            self.transport.write(b"+PONG\r\n" * (data.count(b"PING") + data.count(b"LOAD")))

    async def body():
        path = str(server.folder / "fake.sock")
        fake = await asyncio.get_running_loop().create_unix_server(Fake, path)
        async with Client(f"unix://{path}") as client:
            Fake.reads.clear()
            await asyncio.gather(*(client.redis.command("PING") for _ in range(100)))
            assert Fake.reads == [100]
        fake.close()

    run(body())


def test_a_cancelled_command_shifts_no_answer(server):
    async def body():
        async with Client(server.url) as client:
            for n in range(300):
                lost = asyncio.ensure_future(client.redis.command("ECHO", f"lost {n}"))
                if n % 3:
                    await asyncio.sleep(0)      # sent before it is cancelled, or not
                lost.cancel()
                assert await client.redis.command("ECHO", f"{n}") == f"{n}".encode()
            assert client.told == [(True, "")]

    run(body())


def test_an_overdue_command_takes_its_connection_with_it(server):
    async def body():
        async with Client(server.url, timeout=0.05) as client:
            server.pause()
            began = time.monotonic()
            lost = await asyncio.gather(*(client.redis.command("INCR", "n") for _ in range(10)), return_exceptions=True)
            assert {type(error) for error in lost} == {RedisAway}
            assert time.monotonic() - began < 5, "the limit of 50 ms is far over"
            assert not client.redis.up
            began = time.monotonic()
            with pytest.raises(RedisAway):
                await client.redis.command("ECHO", "down")
            assert time.monotonic() - began < 0.04, "a command waits for a Redis known to be away"
            server.resume()
            await client.until(True)
            for n in range(50):
                assert await client.redis.command("ECHO", str(n)) == str(n).encode()
            assert [up for up, _ in client.told] == [True, False, True]
            assert client.told[1][1] == "no answer within 50 ms"

    run(body())


def test_answers_that_come_in_time_count_though_the_loop_is_late(server):
    async def body():
        async with Client(server.url, timeout=0.05) as client:
            answer = client.redis.command("ECHO", "x")
            await asyncio.sleep(0)
            time.sleep(0.2)     # the loop stands; the answer lies in the socket
            assert await answer == b"x"

    run(body())


def test_a_restart_is_survived_and_a_script_sent_again(server):
    async def body():
        async with Client(server.url) as client:
            assert await client.redis.run(ADD, 1, "n", 5) == 5
            server.kill()
            await client.until(False)
            server.start()
            began = time.monotonic()
            await client.until(True)
            assert time.monotonic() - began < 2
            assert await client.redis.run(ADD, 1, "n", 7) == 7
            assert [up for up, _ in client.told] == [True, False, True]

    run(body())


def test_a_forgotten_script_is_run_by_its_text_once(server):
    async def body():
        async with Client(server.url) as client:
            await client.redis.command("SCRIPT", "FLUSH")
            assert await client.redis.run(ADD, 1, "n", 5) == 5
            assert await client.redis.run(ADD, 1, "n", 5) == 10

    run(body())


def test_what_redis_refuses_is_raised_and_harms_nobody(server):
    async def body():
        async with Client(server.url) as client:
            good = client.redis.command("SET", "text", "x")
            bad, after = client.redis.command("INCR", "text"), client.redis.command("GET", "text")
            assert await good == b"OK"
            with pytest.raises(hiredis.ReplyError, match="not an integer"):
                await bad
            assert await after == b"x"
            with pytest.raises(hiredis.ReplyError, match=r"ERR"):
                await client.redis.run(ADD, 1, "text")

    run(body())


def test_the_queue_is_bounded(server):
    async def body():
        async with Client(server.url, timeout=5) as client:
            server.pause()
            waiting = [client.redis.command("PING") for _ in range(MOST_WAITING)]
            with pytest.raises(RedisAway, match="too many"):
                await client.redis.command("PING")
            server.resume()
            assert set(await asyncio.gather(*waiting)) == {b"PONG"}

    run(body())


@pytest.mark.parametrize("nonsense", [b"+PONG\r\n+PONG\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"*-7\r\n", b""])
def test_an_answer_nobody_asked_for_ends_the_connection(server, nonsense):
    async def answer(reader, writer):
        await reader.readuntil(b"PING\r\n")
        writer.write(b"+PONG\r\n")
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"PING\r\n")
            writer.write(nonsense)
            if nonsense:
                await reader.read()
        writer.close()

    async def body():
        path = str(server.folder / "fake.sock")
        fake = await asyncio.start_unix_server(answer, path)
        async with Client(f"unix://{path}", scripts=()) as client:
            with contextlib.suppress(RedisAway):
                assert await client.redis.command("PING") == b"PONG"
            await client.until(False)
        fake.close()

    run(body())


def test_login_and_database(server):
    server.ask("CONFIG", "SET", "requirepass", "s3cret:@/")

    async def body():
        async with Client(f"unix://:s3cret%3A%40%2F@{server.path}?database=3") as client:
            await client.redis.command("SET", "here", "1")
            assert b"db=3" in await client.redis.command("CLIENT", "INFO")

    run(body())


def test_a_wrong_password_is_told_and_stays_secret(server):
    server.ask("CONFIG", "SET", "requirepass", "s3cret")

    async def body():
        client = Client(f"unix://:wr0ng@{server.path}")
        while not client.told:
            await asyncio.sleep(0.001)
        [(up, why)] = client.told
        assert not up and why and "wr0ng" not in why
        await client.redis.close()

    run(body())


def test_tcp_by_name():
    with RedisServer(tcp=True) as server:
        async def body():
            async with Client(f"redis://localhost:{server.tcp_port}/0") as client:
                assert await client.redis.command("ECHO", "x") == b"x"

        run(body())


def test_tls(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed: no certificate for the test's server")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert], check=True, capture_output=True,
    )
    with RedisServer("--tls-cert-file", str(cert), "--tls-key-file", str(key), "--tls-ca-cert-file", str(cert),
                     "--tls-auth-clients", "no", tcp=True) as server:
        server.ask("CONFIG", "SET", "port", "0")
        assert server.ask("CONFIG", "SET", "tls-port", str(server.tcp_port)) == b"+OK\r\n"

        async def body():
            url = f"rediss://localhost:{server.tcp_port}"
            async with Client(f"{url}?ca_file={cert}") as client:
                assert await client.redis.command("ECHO", "x") == b"x"
            stranger = Client(url)
            while not stranger.told:
                await asyncio.sleep(0.001)
            assert not stranger.told[0][0] and "certificate" in stranger.told[0][1].lower()
            await stranger.redis.close()

        run(body())


@pytest.mark.parametrize(("text", "parts"), [
    ("redis://cache.internal", ("cache.internal", 6379, "", False, "", "", 0)),
    ("redis://:pw@[::1]:6380/4", ("::1", 6380, "", False, "", "pw", 4)),
    ("rediss://me:p%40w@h:1", ("h", 1, "", True, "me", "p@w", 0)),
    ("unix:///run/redis.sock?database=2", ("", 6379, "/run/redis.sock", False, "", "", 2)),
])
def test_urls(text, parts):
    url = RedisUrl.parse(text)
    assert (url.host, url.port, url.path, url.tls, url.username, url.password, url.database) == parts


@pytest.mark.parametrize("text", [
    "cache:6379", "http://h", "redis://", "redis://h/x", "redis://h:99999", "redis://h?ssl=1", "unix://", "redis://[::1",
    "redis://h/123456", "unix:///x?db=1",
])
def test_bad_urls_are_refused_without_showing_them(text):
    with pytest.raises(ValueError, match="expected") as caught:
        RedisUrl.parse(text)
    assert "h?ssl" not in str(caught.value) and "99999" not in str(caught.value)

"""Answers of Python steps, compressed."""

import gzip

import pytest

from fastgw._core.step import Answer
from tests.support.door import Client, Doors, looped, plan_of

TEXT = b"a line of it\n" * 1000


async def asked(client: Client, path: str, *fields: str, method: str = "GET") -> tuple[dict[str, str], bytes]:
    client.send(path, *fields, method=method)
    _, given, body = await client.answer(method)
    return {name.lower(): value for name, value in given}, body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@looped
async def test_a_whole_body_is_compressed(method: str) -> None:
    steps = {"/it": lambda _: Answer(200, [(b"Content-Type", b"text/plain")], TEXT)}
    async with Doors(plan_of(steps.items(), 1000, compress_from=1000)) as doors:
        client = await doors.client()
        fields, body = await asked(client, "/it", "Accept-Encoding: gzip", method=method)
        if method == "GET":
            assert (fields["content-encoding"], fields["content-length"]) == ("gzip", str(len(body)))
            assert gzip.decompress(body) == TEXT
        assert fields["vary"] == "Accept-Encoding"
        fields, body = await asked(client, "/it")
        assert ("content-encoding" in fields, fields["vary"], body) == (False, "Accept-Encoding", TEXT)


@pytest.mark.parametrize("answer", [
    Answer(200, [(b"content-ENCODING", b"br")], TEXT), Answer(206, [], TEXT), Answer(200, [], TEXT[:999]),
    Answer(204, [], b""),
])
@looped
async def test_what_stays_as_it_is(answer: Answer) -> None:
    async with Doors(plan_of([("/it", lambda _: answer)], 1000, compress_from=1000)) as doors:
        fields, body = await asked(await doors.client(), "/it", "Accept-Encoding: gzip")
        assert (fields.get("vary"), body) == (None, answer.body)
        assert fields.get("content-encoding") == ("br" if answer.headers else None)


@looped
async def test_pieces_go_out_as_they_come() -> None:
    async def pieces():
        yield TEXT
        yield TEXT

    async with Doors(plan_of([("/it", lambda _: Answer(200, [], pieces()))], 1000, compress_from=0)) as doors:
        client = await doors.client()
        client.send("/it", "Accept-Encoding: gzip")
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert b"content-encoding" not in head.lower()
        assert b"0\r\n\r\n" in await client.reader.readuntil(b"\r\n0\r\n\r\n")


@looped
async def test_a_step_sees_the_unpacked_body() -> None:
    async with Doors(plan_of([("/it", lambda request: Answer(200, [], request.body))], 1000)) as doors:
        client = await doors.client()
        client.send("/it", "Content-Encoding: gzip", method="POST", body=gzip.compress(TEXT))
        assert (await client.answer("POST"))[2] == TEXT
        client.send("/it", "Content-Encoding: br", method="POST", body=b"abc")
        assert (await client.answer("POST"))[0] == 415

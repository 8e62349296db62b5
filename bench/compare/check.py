"""Right answers first: a target that answers wrongly is not measured."""

import http.client
import time
from dataclasses import dataclass

from bench.compare.process import Process
from bench.compare.site import Site
from bench.compare.works import KEY_HEADER, Work, key_value, route_body, route_path

TIMEOUT = 5  # seconds for any one answer
LOG_SECONDS = 5  # within which a request's line is in the access log
ID_HEADERS = frozenset({"x-request-id", "x-amzn-requestid", "apigw-requestid"})


class WrongAnswer(Exception):
    """What was asked, what came, what was right."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    """One exchange on a connection that must stay open for the next."""
    if body:
        headers["Content-Type"] = "application/json"
    connection.request(method, path, body or None, headers)
    response = connection.getresponse()
    answer = Answer(response.status, response.headers, response.read())
    expect(not response.will_close, f"{method} {path}: the target closes the connection")
    return answer


def expect(truth: bool, otherwise: str) -> None:
    if not truth:
        raise WrongAnswer(otherwise)


def ready(process: Process, port: int, patience: float) -> None:
    """Wait until the target accepts; WrongAnswer with its last words when it does not in patience seconds."""
    deadline = time.monotonic() + patience
    while True:
        expect(process.alive(), f"it ended at start:\n{process.complaint()}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
            return
        except OSError:
            expect(time.monotonic() < deadline, f"not up after {patience:.0f} s:\n{process.complaint()}")
            time.sleep(0.05)
        finally:
            connection.close()


def right(site: Site, work: Work, checks_bodies: bool = True) -> None:
    """Raise WrongAnswer unless the target at site does work rightly, twice on one connection.

    checks_bodies: False for the one that forwards bodies unchecked, to show what the checking costs.
    """
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=TIMEOUT)
    try:
        for _ in range(2):
            answered(connection, work)
        if work.cached:
            unmoved(connection, work)
        elif work.origin:
            forwarded(connection, work)
        if work.keys:
            guarded(connection, work)
        elif work.routes:
            routed(connection, work)
        if work.wrong and checks_bodies:
            refused(connection, work)
    except (OSError, http.client.HTTPException) as error:
        raise WrongAnswer(f"{work.method} {work.path}: {error!r}") from error
    finally:
        connection.close()


def answered(connection: http.client.HTTPConnection, work: Work) -> None:
    """Status, body and headers of the measured request itself."""
    answer = ask(connection, work.method, work.path, work.body, **dict(work.headers))
    asked = f"{work.method} {work.path}"
    expect(answer.status == 200, f"{asked}: status {answer.status}, not 200")
    expect(answer.body == work.answer, f"{asked}: body {answer.body[:80]!r}, not {work.answer!r}")
    kind = answer.headers.get("Content-Type", "none").partition(";")[0]
    expect(kind == "application/json", f"{asked}: content type {kind}, not application/json")
    length = answer.headers.get("Content-Length")
    expect(length == str(len(work.answer)), f"{asked}: Content-Length {length}, not {len(work.answer)}")
    if work.origin:
        expect(answer.headers.get("X-Origin") == "bench", f"{asked}: the origin's X-Origin header is lost")


def forwarded(connection: http.client.HTTPConnection, work: Work) -> None:
    """What the origin got: line, header and body as sent, over a connection that is used again."""
    for turn in (1, 2):
        # fastgw gives a POST only rested connections until an upstream has shown that it keeps them open.
        time.sleep(0.02)
        headers = {"X-Bench": "kept", **dict(work.headers)}
        answer = ask(connection, work.method, "/echo/check?a=1&b=2", work.body, **headers)
        head, _, body = answer.body.partition(b"\r\n\r\n")
        line, *fields = head.split(b"\r\n")
        right_line = f"{work.method} /echo/check?a=1&b=2 HTTP/1.1".encode()
        expect(line == right_line, f"the origin got {line!r}, not {right_line!r}")
        expect(
            b"x-bench: kept" in [field.lower() for field in fields],
            "the origin did not get the X-Bench header",
        )
        expect(body == work.body, f"the origin got {len(body)} bytes of body, not the {len(work.body)} sent")
        used = int(answer.headers.get("X-Connection-Requests", "0"))
        expect(turn == 1 or used > 1, "the upstream connection is not used again")


def routed(connection: http.client.HTTPConnection, work: Work) -> None:
    """The last route answers its own number; beside it and beyond it nothing does."""
    last = work.routes - 1
    answer = ask(connection, "GET", f"{route_path(last)}/7")
    right_body = route_body(last)
    expect(answer.body == right_body, f"route {last}: body {answer.body[:80]!r}, not {right_body!r}")
    for path in (f"{route_path(work.routes)}/7", f"/v1/service-{last}/other/7"):
        answer = ask(connection, "GET", path)
        expect(answer.status in (403, 404), f"{path} is no route, but its status is {answer.status}")


def unmoved(connection: http.client.HTTPConnection, work: Work) -> None:
    """The same answer again, to its count of the origin's requests: the origin was not asked."""
    counts = {ask(connection, work.method, work.path).headers.get("X-Connection-Requests") for _ in range(3)}
    expect(len(counts) == 1 and None not in counts, f"{work.path}: the origin was asked again: {counts}")


def guarded(connection: http.client.HTTPConnection, work: Work) -> None:
    """Without a key, and with one that is unknown, nobody comes in."""
    for headers in ({}, {KEY_HEADER: key_value(work.keys)}):
        answer = ask(connection, work.method, work.path, **headers)
        expect(answer.status in (401, 403), f"{work.path} with {headers}: status {answer.status}, not 401 or 403")


def refused(connection: http.client.HTTPConnection, work: Work) -> None:
    """A body that breaks the schema is not forwarded."""
    answer = ask(connection, work.method, work.path, work.wrong, **dict(work.headers))
    expect(answer.status == 400, f"a wrong body: status {answer.status}, not 400")


def furnished(site: Site, work: Work) -> None:
    """Raise WrongAnswer unless a request gets an id, and a line in the access log, as in every target (works.py)."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=TIMEOUT)
    try:
        answer = ask(connection, work.method, work.path, work.body, **dict(work.headers))
    finally:
        connection.close()
    ids = [name for name in answer.headers if name.lower() in ID_HEADERS]
    expect(len(ids) == 1, f"{work.path}: one request id is due, there are {ids}")
    deadline = time.monotonic() + LOG_SECONDS
    path = site.work.path.partition("?")[0].encode()     # a log may leave the query out
    # HAProxy writes "/" in JSON as "\\/".
    files = (site.log, site.folder / "log")
    while not any(file.exists() and path in file.read_bytes().replace(b"\\/", b"/") for file in files):
        expect(time.monotonic() < deadline, f"no line of {site.work.path} in the access log")
        time.sleep(0.05)

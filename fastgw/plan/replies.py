"""What every failure answers, for one API: its own gateway responses, then DEFAULT_4XX/5XX, then the built-in."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastgw.errors import DEFAULT_4XX, DEFAULT_5XX, FAILURES, Failure
from fastgw.model.api import Api, ApiKind
from fastgw.model.integration import GatewayResponse
from fastgw.plan.ops import IN_HEADER, IN_JSON, JSON_STRING, Op, context, merged, of_source, of_text, text

FIXED = frozenset({"REQUEST_TOO_LARGE"})
"""Types that a definition may name but not change."""


def status_line(status: int) -> bytes:
    """The status line of an answer, with its CRLF."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


def always(kind: ApiKind) -> list[Op]:
    """The fields that every answer of an API carries."""
    if kind is ApiKind.HTTP:
        return [text("apigw-requestid: "), context("EXTENDED_ID"), text("\r\n")]
    return [
        text("x-amzn-RequestId: "),
        context("REQUEST_ID"),
        text("\r\nx-amz-apigw-id: "),
        context("EXTENDED_ID"),
        text("\r\n"),
    ]


def retry_after(status: int) -> list[Op]:
    """RFC 9110 section 10.2.3: a 503 says when to come again. Overload is over, or judged anew, within a second."""
    return [text("Retry-After: 1\r\n")] if status == 503 else []


def replies(api: Api | None, variables: Mapping[str, str]) -> list[dict[str, Any]]:
    """One reply per row of the failure table. api None: before any API has been chosen."""
    if api is not None and api.kind is ApiKind.HTTP:
        return [_http_reply(failure) for failure in FAILURES]
    custom = {response.type: response for response in (api.gateway_responses if api else ())}
    return [_rest_reply(failure, custom, variables) for failure in FAILURES]


def _http_reply(failure: Failure) -> dict[str, Any]:
    """An HTTP API's bodies are fixed."""
    return {
        "status_line": status_line(failure.status),
        "status": failure.status,
        "head": merged(
            [text("Content-Type: application/json\r\n"), *always(ApiKind.HTTP), *retry_after(failure.status)]
        ),
        "headers": _challenge(failure),
        "body": [text('{"message":"' + failure.http_message + '"}')],
        "message": failure.http_message.encode(),
        "type": failure.type.encode(),
    }


def _rest_reply(
    failure: Failure, custom: Mapping[str, GatewayResponse], variables: Mapping[str, str]
) -> dict[str, Any]:
    fallback = DEFAULT_4XX if failure.status < 500 else DEFAULT_5XX
    response = None
    if failure.type and failure.type not in FIXED:
        response = custom.get(failure.type) or custom.get(fallback)
    status = failure.status
    if response is not None and response.status is not None:
        status = response.status
    headers = _headers(response, variables)
    if not any(name.lower() == b"www-authenticate" for name, _ in headers):
        headers += _challenge(failure)
    named = any(name.lower() == b"retry-after" for name, _ in headers)
    mime, body = _body(failure, response, variables)
    return {
        "status_line": status_line(status),
        "status": status,
        "head": merged(
            [
                text(f"Content-Type: {mime}\r\n"),
                *always(ApiKind.REST),
                text(f"x-amzn-ErrorType: {failure.error_type}\r\n"),
                *([] if named else retry_after(status)),
            ]
        ),
        "headers": headers,
        "body": body,
        "message": None if failure.message is None else failure.message.encode(),
        "type": failure.type.encode(),
    }


def _body(failure: Failure, response: GatewayResponse | None, variables: Mapping[str, str]) -> tuple[str, list[Op]]:
    templates = dict(response.templates) if response is not None else {}
    if templates:
        mime = "application/json" if "application/json" in templates else next(iter(templates))
        encode = IN_JSON if "json" in mime else IN_HEADER
        return mime, of_text(templates[mime], variables, (), encode)
    key = "Message" if failure.type == "ACCESS_DENIED" else "message"
    return "application/json", [text('{"' + key + '":'), context("ERROR_MESSAGE", JSON_STRING), text("}")]


def _challenge(failure: Failure) -> list[tuple[bytes, list[Op]]]:
    """RFC 9110 section 11.6.1; left out where the refusal has none."""
    if failure.name not in ("UNAUTHORIZED", "ACCESS_DENIED"):
        return []
    return [(b"www-authenticate", [context("CHALLENGE", IN_HEADER)])]


def _headers(response: GatewayResponse | None, variables: Mapping[str, str]) -> list[tuple[bytes, list[Op]]]:
    if response is None:
        return []
    rows = []
    for name, source in response.headers:
        op = of_source(source, variables, (), IN_HEADER)
        if op is not None:
            rows.append((name.encode(), [op]))
    return rows

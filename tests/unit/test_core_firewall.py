"""Statements of a firewall by table, what cannot be found out, and how much work a hostile text makes."""

import gzip
import zlib

import pytest

from fastgw.model.firewall import TRANSFORMATIONS
from tests.support.firewall import judge, looks, rule

ROOMS = "a" * 40
GET = "GET /prod/Pets/%2e%2e?q=One%20Two&empty=&q=three HTTP/1.1\r\nHost: Api.example:80\r\n"
FIELDS = 'User-Agent: Curl/8\r\nX-One: a\r\nx-one: b\r\nCookie: id=7; theme="dark"\r\nCookie: lone\r\n\r\n'
HEAD = (GET + FIELDS).encode()
POST = HEAD.replace(b"GET", b"POST", 1)[:-2]


def size(field: object, comparison: str, count: int, *transformations: str) -> dict:
    return {"size": {"field": field, "comparison": comparison, "bytes": count,
                     "transformations": list(transformations)}}


def regex(field: object, *patterns: str) -> dict:
    return {"regex_match": {"field": field, "patterns": list(patterns)}}


TABLE = [
    (looks("uri_path", "/prod/Pets/%2e%2e", "exactly"), False),     # the canonical path has no such segment
    (looks("uri_path", "/prod/", "exactly"), True),
    (looks("raw_path", "/prod/Pets/%2e%2e", "exactly"), True),
    (looks("raw_path", "../", "contains", "url_decode"), False),
    (looks("raw_path", "/prod/pets/..", "exactly", "url_decode", "lowercase"), True),
    (looks("query_string", "q=One%20Two&empty=&q=three", "exactly"), True),
    (looks({"query_argument": "Q"}, "one two", "exactly", "url_decode", "lowercase"), True),
    (looks({"query_argument": "q"}, "three", "exactly"), True),     # one of its values
    (looks({"query_argument": "x"}, "t"), False),
    (size({"query_argument": "empty"}, "EQ", 0), True),
    (size({"query_argument": "x"}, "GE", 0), False),                # there is none
    (looks("query_arguments", "q"), False),
    (looks({"query_arguments": {"scope": "keys"}}, "q", "exactly"), True),
    (looks({"header": "user-AGENT"}, "curl", "starts_with", "lowercase"), True),
    (looks({"header": "X-One"}, "b", "exactly"), True),
    (looks("headers", "x-one", "exactly"), False),
    (looks({"headers": {"scope": "keys"}}, "X-One", "exactly"), True),
    (looks({"headers": {"names": ["x-two"], "scope": "all"}}, "a"), False),
    (looks({"cookie": "theme"}, '"dark"', "exactly"), True),
    (looks("cookies", "7", "exactly"), True),
    (looks({"cookies": {"scope": "keys"}}, "lone", "exactly"), True),
    (looks("method", "GET", "exactly"), True),
    (looks({"header": "host"}, "example", "contains_word"), True),
    (looks({"header": "host"}, "exam", "contains_word"), False),
    (regex("uri_path", "^/PROD"), False),
    (regex("uri_path", "nothing", "(?i)^/PROD"), True),
    (regex({"header": "x-one"}, "^b$"), True),
    (size("query_string", "LT", 26), False),
    (size("query_string", "LE", 26), True),
    (size("query_string", "GT", 25), True),
    (size("query_string", "NE", 26), False),
    ({"not": looks("method", "POST")}, True),
    ({"and": [looks("method", "GET"), {"or": [looks("method", "X"), {"not": looks("method", "Y")}]}]}, True),
    ({"ip_set": {"addresses": ["192.0.2.0/31"]}}, True),
    ({"ip_set": {"addresses": ["192.0.2.2/31"]}}, False),
    ({"and": [{"label": "a:"}, {"not": {"label": "a:b:never"}}]}, False),
]


@pytest.mark.parametrize(("statement", "matches"), TABLE, ids=range(len(TABLE)))
def test_statements_about_a_head(statement, matches):
    labelling = [rule("labels", 5, looks("method", "GET"), "count", labels=["b:a"]),
                 rule("never", 6, looks("method", "NONE"), "count", labels=["a:b:never"])]
    asked = judge([*labelling, rule("it", 7, statement)])
    assert asked.ask(HEAD)[0] == ("it" if matches else "(default)")


JSON = rb'{"user": {"na\u006de": "O\"Neil", "ages": [1, 2.5]}, "ok": true}'
BODIES = [
    (looks("json_body", "name", "exactly"), JSON, True),
    (looks({"json_body": {"scope": "values"}}, "name", "exactly"), JSON, False),
    (looks({"json_body": {"scope": "values"}}, 'O"Neil', "exactly"), JSON, True),
    (looks({"json_body": {"scope": "keys"}}, "2.5", "exactly"), JSON, False),
    (looks("json_body", "2.5", "exactly"), JSON, True),
    (looks("json_body", "a=b", "exactly"), b"a=b", True),           # no JSON: looked at as one text
    (looks({"json_body": {"invalid": "match"}}, "z"), b"a=b", True),
    (looks({"json_body": {"invalid": "no_match"}}, "a"), b"a=b", False),
    (looks({"json_body": {"invalid": "match"}}, "z"), b"", False),
    (looks("body_arguments", "b", "exactly"), b"a=b&c=d", True),
    (looks("body_arguments", "d", "exactly"), b"a=b\r\nc=d", True),
    (looks("body_arguments", "name", "exactly"), JSON, True),
    (looks("body_arguments", "1", "exactly"), b'{"a":"b"} or x=1', True),
    (looks("body", "user"), gzip.compress(JSON), False),            # without Content-Encoding it is what it is
]


@pytest.mark.parametrize(("statement", "body", "matches"), BODIES, ids=range(len(BODIES)))
def test_statements_about_a_body(statement, body, matches):
    head = POST + b"Content-Length: %d\r\n\r\n" % len(body)
    assert judge([rule("it", 7, statement)]).ask(head, body)[0] == ("it" if matches else "(default)")


@pytest.mark.parametrize(("coding", "body", "found"), [
    (b"gzip", gzip.compress(JSON), "needle"),
    (b"deflate", zlib.compress(JSON), "needle"),
    (b"gzip", gzip.compress(b"x" * 20_000 + b"user"), "(default)"),     # beyond what is looked at
    (b"gzip", gzip.compress(JSON) + gzip.compress(b"more"), "needle"),
    (b"gzip", gzip.compress(b"a") + gzip.compress(b"user"), "needle"),  # unsure: what follows is not looked at
    (b"gzip", gzip.compress(b"nothing")[:-9], "needle"),
    (b"gzip", b"not gzip at all", "needle"),
    (b"br", b"whatever", "needle"),
    (b"gzip, gzip", gzip.compress(gzip.compress(JSON)), "needle"),
    (b"identity", b"nothing", "(default)"),
    (b"gzip", gzip.compress(b"nothing"), "(default)"),
])
def test_a_coded_body_is_decoded_or_taken_for_a_match(coding, body, found):
    head = POST + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (coding, len(body))
    assert judge([rule("needle", 1, looks("body", "user"))]).ask(head, body)[0] == found
    allowed = judge([rule("needle", 1, looks("body", "nothing, certainly"), "allow")], default="block")
    assert allowed.ask(head, body)[0] == "(default)"        # what cannot be known lets nobody in


def test_what_cannot_be_known_goes_through_logic_and_labels():
    """A pattern at its match limit, by itself and within and, or, not; and through a label."""
    slow = regex({"header": "x-text"}, "^(a+)+$")
    no, yes = looks("method", "POST"), looks("method", "GET")
    head = f"GET / HTTP/1.1\r\nHost: a\r\nX-Text: {ROOMS}!\r\n\r\n".encode()
    for statement, found in [(slow, "it"), ({"not": slow}, "it"), ({"and": [slow, no]}, "(default)"),
                             ({"or": [slow, yes]}, "it"), ({"and": [yes, {"not": slow}]}, "it")]:
        assert judge([rule("it", 1, statement)]).ask(head)[0] == found
        passed = judge([rule("it", 1, statement, "allow")], default="block").ask(head)[0]
        assert passed == ("it" if statement == {"or": [slow, yes]} else "(default)")
    labelled = [rule("slow", 1, slow, "count", labels=["maybe"]), rule("it", 2, {"label": "maybe"})]
    assert judge(labelled).ask(head)[0] == "it"
    labelled[1] = rule("it", 2, {"label": "maybe"}, "allow")
    assert judge(labelled, default="block").ask(head)[0] == "(default)"


def test_a_cut_body_is_sized_by_what_is_known():
    body = b"x" * 2000
    head = POST + b"Content-Length: 5000\r\n\r\n"
    for comparison, count, found in [("GT", 1024, "it"), ("GT", 1025, "it"), ("LT", 1024, "(default)"),
                                     ("EQ", 9, "(default)"),
                                     ("LE", 4000, "it"), ("NE", 9, "it")]:
        asked = judge([rule("it", 1, size("body", comparison, count))], body_bytes=1024)
        assert asked.ask(head, body, received=False)[0] == found, (comparison, count)


def test_it_waits_only_for_a_rule_that_looks_at_the_body():
    rules = [rule("first", 1, looks({"header": "x-one"}, "z")), rule("body", 2, looks("body", "needle"))]
    head = POST + b"Content-Length: 5000\r\n\r\n"
    asked = judge(rules)
    assert asked.ask(head, received=False) is None
    assert asked.ask(head, b"x" * 4000, received=False) is None
    assert asked.ask(head, b"x" * 8192, received=False)[0] == "(default)"
    assert asked.ask(head.replace(b"X-One: a", b"X-One: z"), received=False)[0] == "first"
    assert asked.ask(HEAD)[0] == "(default)"


def test_more_texts_than_there_is_room_for_are_a_match():
    """Every rule takes the arguments anew; together they are more than are held of one request."""
    rules = [rule(f"r{n}", n, looks("query_arguments", "zz", "contains", *["lowercase"] * (n + 1))) for n in range(9)]
    few, many = b"a&" * 100, b"a&" * 4000
    asked = judge(rules)
    assert asked.ask(b"GET /?%b HTTP/1.1\r\nHost: a\r\n\r\n" % few)[0] == "(default)"
    name, action = asked.ask(b"GET /?%b HTTP/1.1\r\nHost: a\r\n\r\n" % many)
    assert (name, action) == ("r4", 1)


@pytest.mark.parametrize("text", ["a" * 9000, "'" * 9000, "<" * 9000, "/*" * 4500, "%" * 9000, "&" * 9000, "../" * 3000,
                                  "((" * 4500, "\\" * 9000, "=" * 9000, "a=" * 4500, "-- " * 3000])
def test_a_hostile_text_takes_a_time_that_grows_with_it_alone(text):
    """All transformations and kinds of statements on one text of 9 kB: steps, not an exponent."""
    field = {"header": "x-text"}
    rules = [rule(name, n, looks(field, "zz", "contains", name)) for n, name in enumerate(TRANSFORMATIONS)]
    rules += [rule("slow", 50, regex({"header": "x-text"}, "(x+x+)+y", "^(a|a)*b", "zz(.*)*zz"), "count")]
    asked = judge(rules)
    head = f"GET / HTTP/1.1\r\nHost: a\r\nX-Text: {text}\r\n\r\n".encode()
    assert asked.ask(head)[0] == "(default)"
    assert asked.ask(head, times=20)[2] < 20_000_000

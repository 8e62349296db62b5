"""Firewalls of a fastgw.yaml: what is refused, with its place and what is allowed, and what groups become."""

import json

import pytest

from fastgw.load import load
from fastgw.plan.compiler import compile_plan
from fastgw.settings import Settings
from tests.support.definition import mock, openapi
from tests.support.firewall import looks, protected, rule

METHOD = looks("method", "GET")


def read(tmp_path, file: dict):
    (tmp_path / "api.json").write_text(json.dumps(openapi({"/": {"get": mock()}})))
    (tmp_path / "fastgw.yaml").write_text(json.dumps(file, indent=1))
    return load([str(tmp_path / "fastgw.yaml")])


def told(tmp_path, file: dict) -> list[str]:
    return [problem.message for problem in read(tmp_path, file).problems]


def statement(given: dict) -> dict:
    return protected([rule("it", 1, given)])


@pytest.mark.parametrize(("file", "message"), [
    (statement({}), 'a statement is one of "byte_match", "regex_match", "size", "sqli", "xss", "ip_set", "geo", '
                    '"label", "rate", "and", "or" or "not"; found none of them'),
    (statement({**METHOD, "label": "a"}), 'found "byte_match" or "label"'),
    (statement({"byte_match": {"field": "uri_pat", "value": "x"}}), 'did you mean "uri_path"?'),
    (statement(looks({"header": "a", "cookie": "b"}, "x")), "field must name one component"),
    (statement(looks("method", "x", "starts")), 'did you mean "starts_with"?'),
    (statement(looks("method", "x", "exactly", "lowecase")), 'did you mean "lowercase"?'),
    (statement({"ip_set": {"addresses": ["10.0.0.1/8"]}}), '"10.0.0.1/8" is no address and no network'),
    (statement({"ip_set": {"set": "offce"}}), 'no set is named "offce"'),
    (statement({"ip_set": {}}), "expected addresses or a set, and not both"),
    (statement({"regex_match": {"field": "method"}}), "expected patterns or a set, and not both"),
    (statement({"label": "seen:bot"}), 'no rule of edge gives the label "seen:bot"'),
    (statement({"rate": {"limit": 0}}), "limit must be at least 1, found 0"),
    (statement({"rate": {"limit": 10, "window": 61}}), "window must be 60, 120, 300 or 600, found 61"),
    (statement({"rate": {"limit": 10, "keys": [{}]}}), "one part of a key is a header"),
    (statement({"rate": {"limit": 1, "keys": [{"forwarded_ip": {"which": "any"}}]}}), "counted by one address"),
    (statement({"rate": {"limit": 1, "scope": {"rate": {"limit": 2}}}}), "a rate within the scope of a rate"),
    (protected([rule("a", 1, METHOD), rule("a", 2, METHOD)]), 'two rules are named "a"'),
    (protected([rule("a", 1, METHOD), rule("b", 1, METHOD)]), "rules b and a have the same priority"),
    (protected([{"name": "a", "priority": 1, "statement": METHOD}]), "rule a has no action"),
    (protected([{"name": "a", "priority": 1, "rule_group": "cor"}]), 'no rule group is named "cor"'),
    (protected([rule("a", 1, METHOD, "count", response={})]), "has a response and does not block"),
    (protected([], response={}), "does not block by default"),
    (protected([rule("a", 1, METHOD, response={"headers": {"X": "a\r\nb"}})]), "visible ASCII"),
    (protected([], body_bytes=100), "body_bytes must be at least 1,024"),
    (protected([], stage={"firewall": "egde"}), 'no firewall is named "egde"; there is "edge"; did you mean "edge"?'),
    (protected([{"name": "a", "priority": 1, "rule_group": "g", "overrides": {"x": "count"}}],
               sections={"rule_groups": {"g": {"rules": [rule("y", 1, METHOD)]}}}), 'g has no rule "x"'),
])
def test_mistakes(tmp_path, file, message):
    found = told(tmp_path, file)
    assert len(found) == 1
    assert message in found[0]


def test_a_statement_nests_so_deep_and_no_deeper(tmp_path):
    deep = METHOD
    for _ in range(11):
        deep = {"not": deep}
    assert told(tmp_path, statement(deep)) == []
    assert told(tmp_path, statement({"not": deep})) == ["statements nest deeper than 12"]


def test_groups_take_their_place_and_can_be_overridden(tmp_path):
    group = {"rules": [rule("late", 9, METHOD, labels=["own"]), rule("early", 1, METHOD, response={"status": 400})]}
    rules = [
        rule("before", 1, METHOD),
        {"name": "bots", "priority": 5, "rule_group": "g", "labels": ["from:bots"], "overrides": {"late": "allow"}},
        {"name": "quiet", "priority": 7, "rule_group": "g", "overrides": {"*": "count"}},
        rule("after", 9, {"label": "from:"}),
    ]
    loaded = read(tmp_path, protected(rules, sections={"rule_groups": {"g": group}}))
    found = loaded.gateway.firewalls[0].rules
    assert [(one.name, one.action) for one in found] == [
        ("before", "block"), ("bots/early", "block"), ("bots/late", "allow"), ("quiet/early", "count"),
        ("quiet/late", "count"), ("after", "block")]
    assert found[2].labels == ("own", "from:bots")
    assert (found[1].response.status, found[3].response) == (400, None)


def test_a_pattern_that_cannot_be_compiled_is_named_with_its_place(tmp_path):
    loaded = read(tmp_path, statement({"regex_match": {"field": "method", "patterns": ["a", "(b"]}}))
    with pytest.raises(ValueError, match=r"fastgw.yaml:\d+:\d+: error: pattern \(b: missing closing parenthesis"):
        compile_plan(loaded.gateway, Settings(), {("pets", "prod", "GET", "/"): 0})

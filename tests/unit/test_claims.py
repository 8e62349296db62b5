"""Claims as the service prints them."""

import pytest

from fastgw.parts.auth.claims import printed_in_http_api, printed_in_rest_api

TABLE = [
    # name, claim, in an HTTP API, in a REST API
    ("sub", "somebody", "somebody", "somebody"),
    ("email_verified", True, "true", "true"),
    ("email_verified", False, "false", "false"),
    ("auth_time", 1575571630, "1575571630", "1575571630"),
    ("exp", 1575578882, "1575578882", "Thu Dec 05 20:48:02 UTC 2019"),
    ("iat", 1575575282.0, "1575575282", "Thu Dec 05 19:48:02 UTC 2019"),
    ("exp", 10**30, "1" + "0" * 30, "1" + "0" * 30),
    ("share", 0.5, "0.5", "0.5"),
    ("cognito:groups", ["admin", "users"], "[admin users]", "admin,users"),
    ("cognito:groups", [], "[]", ""),
    ("cognito:groups", ["admin"], "[admin]", "admin"),
    ("identities", [{"userId": "1", "primary": True}], "[map[primary:true userId:1]]", '{"userId":"1","primary":true}'),
    ("nested", {"b": [1, None], "a": "\u00e4"}, "map[a:\u00e4 b:[1 <nil>]]", '{"b":[1,null],"a":"\u00e4"}'),
    ("nothing", None, "<nil>", "null"),
    ("empty", "", "", ""),
]


@pytest.mark.parametrize(("name", "claim", "http", "rest"), TABLE)
def test_claims(name: str, claim: object, http: str, rest: str) -> None:
    assert printed_in_http_api({name: claim}) == {name: http}
    assert printed_in_rest_api({name: claim}) == {name: rest}

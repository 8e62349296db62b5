"""The policies of an API and of its callers together, in one process: who is asked when, and what is answered."""

import asyncio
import json
from typing import Any

import pytest

from fastgw._core.step import Allowed, Answer, Request
from fastgw.model.api import Api, ApiKind
from fastgw.model.gateway import Gateway, Stage
from fastgw.model.place import Place
from fastgw.model.policy import PolicyKind
from fastgw.parts.auth.policy import compile_document
from fastgw.plan.access import arn_ops
from fastgw.plan.permission import permission_spec
from tests.support.door import Doors, looped, plan_of
from tests.support.policy import document, read, statement
from tests.unit.test_authorize import Oracle, guarded

ALLOW, DENY, SILENT = "allow", "deny", "silent"
BY_POLICY = "User: anonymous is not authorized to perform: execute-api:Invoke on resource: " \
            "arn:aws:execute-api:eu-west-1:********9012:abc/live/GET/a"
BY_AUTHORIZER = "User is not authorized to access this resource"
EXPLICIT = " with an explicit deny"


def answer(request: Request) -> Answer:
    return Answer(200, body=b"in")


def permission(policy: dict[str, Any] | None) -> dict[str, Any]:
    """As the plan compiler writes it, of an API abc in its stage live."""
    own = None if policy is None else read(policy)
    api = Api("a", "abc", ApiKind.REST, (), Place("x", 1, 1), policy=own)
    stage = Stage("a", "live")
    gateway = Gateway((api,), (stage,), (), account_id="123456789012", region="eu-west-1")
    return {"permission": permission_spec(gateway, api, stage), "arn": arn_ops(gateway, api, stage)}


def saying(word: str, kind: PolicyKind) -> dict[str, Any]:
    """A policy that allows, denies, or says nothing of GET /a."""
    elements = {"Resource": "arn:aws:execute-api:*:*:abc/live/GET/a"}
    if word == SILENT:
        elements["Resource"] = "arn:aws:execute-api:*:*:abc/live/GET/b"
    return document(statement("Deny" if word == DENY else "Allow", kind, **elements))


def served(oracle: Oracle, policy: dict[str, Any] | None) -> Doors:
    return Doors(plan_of({"/a": answer, "/b": answer}.items(), 10_000, auth=guarded(oracle), stage=permission(policy)))


def by(authorizer: str | None) -> Oracle:
    """One that answers a policy, or lets everybody in without one."""
    policy = None if authorizer is None else compile_document(saying(authorizer, PolicyKind.IDENTITY))
    return Oracle(policy=policy)


ROWS = (
    (ALLOW, ALLOW, None), (ALLOW, SILENT, None), (ALLOW, DENY, BY_POLICY + EXPLICIT),
    (SILENT, ALLOW, None), (SILENT, SILENT, BY_AUTHORIZER), (SILENT, DENY, BY_POLICY + EXPLICIT),
    (DENY, ALLOW, BY_AUTHORIZER + EXPLICIT), (DENY, SILENT, BY_AUTHORIZER + EXPLICIT),
    (DENY, DENY, BY_POLICY + EXPLICIT),
    (None, ALLOW, None), (None, SILENT, None), (None, DENY, BY_POLICY + EXPLICIT),
    (ALLOW, None, None), (SILENT, None, BY_AUTHORIZER), (DENY, None, BY_AUTHORIZER + EXPLICIT), (None, None, None),
)


@pytest.mark.parametrize(("authorizer", "policy", "refusal"), ROWS)
def test_an_authorizer_and_a_policy(authorizer: str | None, policy: str | None, refusal: str | None) -> None:
    @looped
    async def test() -> None:
        oracle = by(authorizer)
        async with served(oracle, None if policy is None else saying(policy, PolicyKind.RESOURCE)) as doors:
            client = await doors.client()
            for _ in range(2):      # asked, then found
                status, body = await client.ask("/a", "X-Token: me")
                if refusal is None:
                    assert (status, body) == (200, b"in")
                else:
                    assert (status, json.loads(body)) == (403, {"Message": refusal})
            assert len(oracle.asked) == (0 if policy == DENY else 1), "whom the policy denies nobody asks about"

    test()


@looped
async def test_a_kept_decision_is_held_against_each_resource() -> None:
    oracle = by(ALLOW)
    async with served(oracle, None) as doors:
        client = await doors.client()
        for path, status in (("/a", 200), ("/b", 403), ("/a", 200), ("/a/", 200)):
            assert (await client.ask(path, "X-Token: me"))[0] == status, path
        assert len(oracle.asked) == 1


@looped
async def test_who_has_no_identity_is_unknown_before_a_silent_policy() -> None:
    async with served(by(ALLOW), saying(SILENT, PolicyKind.RESOURCE)) as doors:
        assert (await (await doors.client()).ask("/a"))[0] == 401


@looped
async def test_a_policy_that_is_none_lets_nobody_in() -> None:
    async with served(Oracle(policy="Allow"), None) as doors:
        assert (await (await doors.client()).ask("/a", "X-Token: me"))[0] == 500


@looped
async def test_policies_leave_with_those_they_are_about() -> None:
    """A decision that lapses gives its policy back while requests are under way."""
    oracle = Oracle(policy=compile_document(saying(ALLOW, PolicyKind.IDENTITY)), ttl_seconds=0.01)
    async with served(oracle, saying(ALLOW, PolicyKind.RESOURCE)) as doors:
        client = await doors.client()
        for number in range(20):
            assert (await client.ask("/a", f"X-Token: t{number % 3}"))[0] == 200
            await asyncio.sleep(0.005)
        assert doors.engine.live()["decisions"] <= 3


def test_an_allowed_without_a_policy_is_told_apart_from_one_that_is_empty() -> None:
    with pytest.raises(Exception, match="a policy must have 1 to 1,000 statements"):
        compile_document({"Version": "2012-10-17", "Statement": []})
    assert Allowed().policy is None

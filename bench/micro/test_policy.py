"""What a look at a policy costs: ten statements, of which the last one that applies allows.

Run with: python -m pytest bench/micro/test_policy.py -s
"""

import statistics

import pytest

from fastgw._core.probe_policy import repeat
from tests.support.policy import compiled, document, facts, statement

TEN = document(
    *(statement("Deny", Resource=f"execute-api:/*/{verb}/admin/{name}/*")
      for verb in ("GET", "POST") for name in ("users", "keys", "plans")),
    statement("Deny", Condition={"StringLike": {"aws:UserAgent": ["*bot*", "*crawler*"]}}),
    statement("Deny", Condition={"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32", "10.0.0.0/8"]}}),
    statement("Deny", Condition={"Bool": {"aws:SecureTransport": "false"}}),
    statement(Resource="execute-api:/prod/*"),
)
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
BUDGET_NS = 1_000


@pytest.mark.parametrize(("name", "policy"), (
    ("ten statements", TEN), ("one statement", document(statement(Resource="execute-api:/*")))))
def test_a_policy(name: str, policy: dict[str, object]) -> None:
    request = facts("/prod/GET/pets/7", agent=AGENT, address="10.1.2.3", secure=True)
    ready = compiled(policy)
    found = statistics.median(repeat(ready, request, 100_000) for _ in range(9))
    print(f"{name}: {found:.0f} ns, {ready.bytes} bytes")
    assert found < BUDGET_NS

"""docs/conformance.md: feature by feature what is equal to the service, what differs, and why.

The recorded cases are replayed by tests/conformance/test_aws_recorded.py, which also holds the page in step.
"""

from collections import Counter

TOPICS = {
    "mock/passthrough": "MOCK: status by template, passthrough behaviours, overrides",
    "mapping-template": "Mapping templates in an exchange",
    "http-integration": "HTTP and HTTP_PROXY: what is sent, and what comes back",
    "header-remapping": "Headers dropped, renamed and refused",
    "integration-response-selection/lambda-custom": "Selection of integration responses",
    "lambda-proxy-event": "Events and replies of Lambda proxies",
    "binary-media": "Binary bodies: binaryMediaTypes and contentHandling",
    "aws-service-integration": "Services called directly",
    "request-validation": "Request validation by models",
    "routing": "Routing",
    "api-key/usage-plan": "API keys",
    "import-base-path": "Base paths at import",
    "canary": "Canary deployments",
    "other": "Other",
}
"""Topics of the recording, in the order of the page."""

_CANARY = "canary deployments come with stages as deployments; the definition that was recorded is the second one only"
DIFFERENT: dict[str, str] = {
    f"apigateway_canary::TestCanaryDeployments::test_invoking_canary_deployment#{number}": _CANARY for number in (1, 2)
}
"""Recorded cases that are not equal, and why."""

DECIDED = (
    ("MOCK with a fixed answer", "the request's media type is not looked at under WHEN_NO_MATCH",
     "the answer is compiled and never leaves the engine"),
    ("HTTP_PROXY without contentHandling", "bytes pass as they came, whatever binaryMediaTypes says",
     "it streams; the service makes text of them"),
    ("HTTP_PROXY with a chunked request", "stays chunked", "it streams; the service buffers and sends Content-Length"),
    ("Multi-value mappings", "are joined with commas", "one rule for headers and query"),
    ("X-HTTP-Method-Override", "does not make or unmake HEAD", "client and gateway must agree on who sends a body"),
    ("Reserved mappings", "are told by `fastgw validate`, and the route answers 500",
     "the service takes the definition and answers 500 too"),
    ("CloudFront-* and Via of edge-optimised endpoints", "are not made", "there is no content network in front"),
    ("Parent, Sampled and Lineage of X-Amzn-Trace-Id", "are not made", "no trace is kept; Root is"),
    ("A Lambda API that says 429", "503 with Retry-After", "the client may come again; the service answers 500"),
    ("Events: accountId, deploymentId, resourceId", "ids of the gateway's own", "there is no account"),
    ("A connection that cannot be made", "504 INTEGRATION_FAILURE", "as the developer guide says"),
)
"""(where, what fastgw does, why): differences that no recorded case shows."""

OTHERS = (
    ("Mapping templates (VTL)", "the texts that the service rendered", "`tests/conformance/test_rendered_vtl.py`"),
    ("HTTP/1.1 parsing", "Http11Probe and llhttp's strict cases", "`tests/conformance/test_http1_raw.py`"),
    ("JSON Schema", "JSON-Schema-Test-Suite, drafts 4 and 7", "`tests/conformance/test_jsonschema.py`"),
)


def page(cases: list[dict]) -> str:
    """The whole page."""
    equal: Counter[tuple[str, str]] = Counter()
    every: Counter[tuple[str, str]] = Counter()
    for case in cases:
        key = case["topic"], case["evidence"][0]
        every[key] += 1
        equal[key] += case["id"] not in DIFFERENT
    assert {topic for topic, _ in every} == set(TOPICS)
    lines = [
        "# Conformance",
        "",
        "Written by `UPDATE_GOLDEN=1 pytest tests/conformance/test_aws_recorded.py`, which replays every exchange",
        "recorded against Amazon API Gateway: the definition is served, the request sent, the backend played, and what",
        "the client and the backend got is compared. **A**: recorded on AWS; equal in all that its authors compared.",
        "**B**: an emulator's output under a test that holds on AWS; equal in status and in what the test asserts.",
        "",
        "| Feature | A equal | B equal |",
        "|---|---|---|",
    ]
    for topic, title in TOPICS.items():
        counts = [_share(equal[topic, kind], every[topic, kind]) for kind in "AB"]
        lines.append(f"| {title} | {counts[0]} | {counts[1]} |")
    totals = [_share(sum(equal[t, kind] for t in TOPICS), sum(every[t, kind] for t in TOPICS)) for kind in "AB"]
    lines += [f"| all | {totals[0]} | {totals[1]} |", "", "## What differs", "", "In recorded cases:", "",
              "| Case | Why |", "|---|---|"]
    lines += [f"| {name.partition('::')[2]} | {why} |" for name, why in DIFFERENT.items()]
    lines += ["", "Elsewhere, decided:", "", "| Where | What fastgw does | Why |", "|---|---|---|"]
    lines += [f"| {where} | {what} | {why} |" for where, what, why in DECIDED]
    lines += ["", "## Held to other sources", "", "| Feature | Cases | Test |", "|---|---|---|"]
    lines += [f"| {feature} | {what} | {test} |" for feature, what, test in OTHERS]
    return "\n".join(lines) + "\n"


def _share(equal: int, every: int) -> str:
    return f"{equal} of {every}" if every else ""

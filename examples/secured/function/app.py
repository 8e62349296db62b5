"""Two Lambda handlers: who says who came, and doorman who may come."""

import json

PASSES = {"front-door": "*/GET/function/hall", "all-doors": "*/GET/function/*"}


def who(event: dict, context: object) -> dict:
    told = event["requestContext"]
    return {
        "path": event["rawPath"],
        "from": told["http"]["sourceIp"],
        "authorizer": told.get("authorizer"),
        "certificate": (told.get("authentication") or {}).get("clientCert", {}).get("subjectDN"),
    }


def doorman(event: dict, context: object) -> dict:
    """The policy of a pass: the gateway keeps it, and holds every method that the pass is shown at against it."""
    allowed = PASSES.get(event["headers"].get("x-pass") or event["headers"].get("X-Pass", ""))
    if allowed is None:
        raise Exception("Unauthorized")
    api, _, _ = event["methodArn"].partition("/")
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{api}/{allowed}"}
    return {
        "principalId": "guest",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"pass": event["headers"].get("x-pass") or event["headers"].get("X-Pass")},
    }


if __name__ == "__main__":
    print(json.dumps(PASSES))

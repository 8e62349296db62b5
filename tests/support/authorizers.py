"""Definitions with authorizers that are functions, and a function that decides as the token says."""

import base64
import json

from tests.support.definition import INTEGRATION, openapi, proxy

AUTHORIZER = "x-amazon-apigateway-authorizer"

HANDLER = """\
import base64, json, os, time

def handler(event, context):
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    told = json.loads(base64.b64decode(event.get("authorizationToken") or headers["x-token"]))
    if "raise" in told:
        raise Exception(told["raise"])
    if "exit" in told:
        os._exit(1)
    if "sleep" in told:
        time.sleep(told["sleep"])
    if "text" in told:
        return told["text"]
    arn = event.get("methodArn") or event.get("routeArn")
    reply = json.loads(json.dumps(told["reply"]).replace("$arn", arn))
    if told.get("show"):
        reply["context"] = {"event": json.dumps(event)}
    return reply

def echo(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""

NODE = """\
exports.handler = async (event) => {
  if (event.authorizationToken === "who") throw new Error("Unauthorized");
  return {principalId: event.authorizationToken, context: {language: "node", count: 3, good: true},
          policyDocument: {Version: "2012-10-17", Statement: [
            {Action: "execute-api:Invoke", Effect: "Allow", Resource: event.methodArn}]}};
};
"""


def uri(function: str) -> str:
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"


def function_proxy(function: str, **more: object) -> dict:
    return {"responses": {}, INTEGRATION: {"type": "aws_proxy", "httpMethod": "POST", "uri": uri(function), **more}}


def token(told: object) -> str:
    """What tells the function what to do."""
    return base64.b64encode(json.dumps(told).encode()).decode()


def policy(effect: str = "Allow", resource: object = "$arn", **more: object) -> dict:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def allows(principal: str = "ann", resource: object = "$arn", **more: object) -> dict:
    return {"reply": {"principalId": principal, "policyDocument": policy("Allow", resource), **more}}


def scheme(kind: str, function: str = "auth", header: str = "X-Token", **more: object) -> dict:
    return {"type": "apiKey", "name": header, "in": "header", "x-amazon-apigateway-authtype": "custom",
            AUTHORIZER: {"type": kind, "authorizerUri": uri(function), **more}}


def asks(operation: dict, *names: str) -> dict:
    return {**operation, "security": [{name: [] for name in names}]}


def rest(url: str, **extensions: object) -> dict:
    """A REST API. /token and /request go to the upstream by an authorizer of each kind; /event tells its event."""
    mapped = {
        "header.X-User": "context.authorizer.principalId", "header.X-Age": "context.authorizer.age",
        "header.X-Old": "context.authorizer.old", "header.X-None": "context.authorizer.none",
    }
    backend = proxy(f"{url}/up", parameters=mapped)
    request = {"identitySource": "method.request.header.X-Token"}
    return openapi({
        "/token": {"get": asks(backend, "token"), "post": asks(backend, "token")},
        "/token/{id}": {"any": asks(backend, "token")},
        "/request": {"get": asks(backend, "request")},
        "/request/{id}": {"get": asks(backend, "request")},
        "/both": {"get": asks(backend, "both")},
        "/each": {"get": asks(backend, "each")},
        "/strict": {"get": asks(backend, "strict")},
        "/event": {"any": asks(function_proxy("echo"), "token")},
        "/node": {"get": asks(backend, "node")},
        "/lost": {"get": asks(backend, "lost")},
        "/open": {"get": backend},
        "/template": {"get": asks({"responses": {"200": {"description": ""}}, INTEGRATION: {
            "type": "mock", "requestTemplates": {"application/json": '{"statusCode": 200}'},
            "responses": {"default": {"statusCode": "200", "responseTemplates": {
                "application/json": "$context.authorizer.principalId $context.authorizer.age $context.authorizer.no"}}},
        }}, "token")},
    }, **extensions) | {"components": {"securitySchemes": {
        "token": scheme("token"),
        "request": scheme("request", **request),
        "both": scheme("request", identitySource="method.request.header.X-Token, method.request.querystring.q, "
                                                 "stageVariables.color, context.httpMethod"),
        "each": scheme("request", authorizerResultTtlInSeconds=0, **request),
        "strict": scheme("token", identityValidationExpression="^e[A-Za-z0-9+/]+=*$"),
        "node": scheme("token", "node"),
        "lost": scheme("token", "nowhere"),
    }}}


def http(url: str) -> dict:
    """An HTTP API: /simple, /policy and /old by authorizers of formats 2.0 and 1.0, /event2 and /event1 the same."""
    source = {"identitySource": "$request.header.X-Token"}
    backend = {"responses": {}, INTEGRATION: {
        "type": "HTTP_PROXY", "httpMethod": "ANY", "uri": f"{url}/up", "payloadFormatVersion": "1.0",
        "requestParameters": {"append:header.X-User": "$context.authorizer.principalId",
                              "append:header.X-Deep": "$context.authorizer.deep"}}}
    return {
        "openapi": "3.0.1", "info": {"title": "http", "version": "1"},
        "paths": {
            "/simple": {"get": asks(backend, "simple")},
            "/policy": {"get": asks(backend, "policy")},
            "/old": {"get": asks(backend, "old")},
            "/event2/{id}": {"get": asks(function_proxy("echo", payloadFormatVersion="2.0"), "simple")},
            "/event1": {"get": asks(function_proxy("echo", payloadFormatVersion="1.0"), "policy")},
        },
        "components": {"securitySchemes": {
            "simple": scheme("request", authorizerPayloadFormatVersion="2.0", enableSimpleResponses=True, **source),
            "policy": scheme("request", authorizerPayloadFormatVersion="2.0", **source),
            "old": scheme("request", authorizerPayloadFormatVersion="1.0", **source),
        }},
    }

"""Short ways to write OpenAPI definitions with integrations."""

from collections.abc import Mapping

INTEGRATION = "x-amazon-apigateway-integration"
ANY = "x-amazon-apigateway-any-method"


def proxy(
    uri: str,
    *,
    method: str = "ANY",
    parameters: Mapping[str, str] | None = None,
    timeout_ms: int | None = None,
) -> dict:
    """HTTP_PROXY. parameters without their "integration.request." prefix: {"header.X-A": "'one'"}."""
    integration: dict = {"type": "http_proxy", "httpMethod": method, "uri": uri}
    if parameters:
        integration["requestParameters"] = {
            f"integration.request.{name}": source for name, source in parameters.items()
        }
    if timeout_ms is not None:
        integration["timeoutInMillis"] = timeout_ms
    return {"responses": {}, INTEGRATION: integration}


def mock(status: int = 200, body: str | None = None, headers: Mapping[str, str] | None = None) -> dict:
    """MOCK with a fixed answer."""
    response: dict = {"statusCode": str(status)}
    if body is not None:
        response["responseTemplates"] = {"application/json": body}
    if headers:
        response["responseParameters"] = {
            f"method.response.header.{name}": source for name, source in headers.items()
        }
    return {
        "responses": {str(status): {"description": "fixed"}},
        INTEGRATION: {
            "type": "mock",
            "requestTemplates": {"application/json": f'{{"statusCode": {status}}}'},
            "responses": {"default": response},
        },
    }


def openapi(paths: Mapping[str, Mapping[str, dict]], **extensions: object) -> dict:
    """A document of routes: path -> method ("get", or "any") -> operation.

    Every {name} is declared. extensions: gateway_responses -> x-amazon-apigateway-gateway-responses.
    """
    document: dict = {"openapi": "3.0.1", "info": {"title": "wire", "version": "1"}, "paths": {}}
    for path, operations in paths.items():
        item: dict = {ANY if verb == "any" else verb: operation for verb, operation in operations.items()}
        names = [part[1:-1].rstrip("+") for part in path.split("/") if part.startswith("{")]
        if names:
            item["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
            ]
        document["paths"][path] = item
    for name, value in extensions.items():
        document[f"x-amazon-apigateway-{name.replace('_', '-')}"] = value
    return document


def pass_through(url: str, **options: object) -> dict:
    """Everything to one upstream, path and all."""
    return openapi(
        {
            "/": {"any": proxy(f"{url}/", **options)},  # type: ignore[arg-type]
            "/{proxy+}": {"any": proxy(f"{url}/{{proxy}}", **options)},  # type: ignore[arg-type]
        }
    )


def several(apis: Mapping[str, dict], **sections: object) -> dict:
    """A fastgw.yaml. apis: name -> its section; sections: domains, upstreams, settings ..."""
    return {"fastgw": 1, "apis": dict(apis), **sections}

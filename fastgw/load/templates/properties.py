"""What becomes of each property of the resources that are read.

Source of the names: AWS CloudFormation user guide, "AWS::ApiGateway" and "AWS::ApiGatewayV2" resource types, and the
SAM specification.
"""

from collections.abc import Mapping

from fastgw.load.problem import shown
from fastgw.load.reader import Reader
from fastgw.load.templates.stack import Resource

SERVED, HARMLESS = "served", "ignored"
"""Served: read into the model. Ignored: changes nothing about the traffic here. Else: what does not happen."""

_TLS = "the fastgw.yaml gives listeners their certificates and policies, under tls:"
_BACKENDS = "no certificate is shown to backends: the fastgw.yaml gives a stage its client_certificate"
_CANARY = "no request is sent to a canary"
_TRACING = "no trace is sent to the service"

_SERVERLESS = {
    "served": "DefinitionBody DefinitionUri Name StageName Auth Domain FailOnWarnings",
    "ignored": "AlwaysDeploy Description PropagateTags Tags",
}


def _table(served: str = "", ignored: str = "", **differs: str) -> dict[str, str]:
    return {**dict.fromkeys(served.split(), SERVED), **dict.fromkeys(ignored.split(), HARMLESS), **differs}


PROPERTIES: dict[str, dict[str, str]] = {
    "AWS::ApiGateway::RestApi": _table(
        "ApiKeySourceType BinaryMediaTypes Body BodyS3Location DisableExecuteApiEndpoint EndpointConfiguration "
        "FailOnWarnings MinimumCompressionSize Mode Name Parameters Policy SecurityPolicy EndpointAccessMode",
        "Description Tags", CloneFrom="nothing is cloned"),
    "AWS::ApiGateway::Resource": _table("ParentId PathPart RestApiId"),
    "AWS::ApiGateway::Method": _table(
        "ApiKeyRequired AuthorizationScopes AuthorizationType AuthorizerId HttpMethod Integration MethodResponses "
        "OperationName RequestModels RequestParameters RequestValidatorId ResourceId RestApiId"),
    "AWS::ApiGateway::Model": _table("Name RestApiId Schema", "ContentType Description"),
    "AWS::ApiGateway::RequestValidator": _table(
        "RestApiId ValidateRequestBody ValidateRequestParameters", "Name"),
    "AWS::ApiGateway::Authorizer": _table(
        "AuthType AuthorizerCredentials AuthorizerResultTtlInSeconds AuthorizerUri IdentitySource "
        "IdentityValidationExpression ProviderARNs RestApiId Type", "Name"),
    "AWS::ApiGateway::GatewayResponse": _table(
        "ResponseParameters ResponseTemplates ResponseType RestApiId StatusCode"),
    "AWS::ApiGateway::Deployment": _table(
        "RestApiId StageDescription StageName", "Description", DeploymentCanarySettings=_CANARY),
    "AWS::ApiGateway::Stage": _table(
        "AccessLogSetting CacheClusterEnabled MethodSettings RestApiId StageName Variables",
        "CacheClusterSize DeploymentId Description DocumentationVersion Tags",
        CanarySetting=_CANARY, ClientCertificateId=_BACKENDS, TracingEnabled=_TRACING),
    "AWS::ApiGateway::ApiKey": _table(
        "Enabled Name Value", "CustomerId Description GenerateDistinctId Tags", StageKeys="a usage plan opens stages"),
    "AWS::ApiGateway::UsagePlan": _table("ApiStages Quota Throttle", "Description Tags UsagePlanName"),
    "AWS::ApiGateway::UsagePlanKey": _table("KeyId KeyType UsagePlanId"),
    "AWS::ApiGateway::DomainName": _table(
        "DomainName MutualTlsAuthentication", "EndpointConfiguration RoutingMode Tags",
        CertificateArn=_TLS, RegionalCertificateArn=_TLS, SecurityPolicy=_TLS, OwnershipVerificationCertificateArn=_TLS,
        Policy="every caller may use the domain"),
    "AWS::ApiGateway::BasePathMapping": _table("BasePath DomainName RestApiId Stage", "Id"),
    "AWS::ApiGateway::VpcLink": _table("", "Description Name Tags TargetArns"),
    "AWS::ApiGatewayV2::Api": _table(
        "BasePath Body BodyS3Location CorsConfiguration CredentialsArn DisableExecuteApiEndpoint FailOnWarnings Name "
        "ProtocolType RouteKey Target",
        "ApiKeySelectionExpression Description DisableSchemaValidation IpAddressType RouteSelectionExpression Tags "
        "Version"),
    "AWS::ApiGatewayV2::Route": _table(
        "ApiId AuthorizationScopes AuthorizationType AuthorizerId OperationName RouteKey Target",
        "ApiKeyRequired ModelSelectionExpression RequestModels RequestParameters RouteResponseSelectionExpression"),
    "AWS::ApiGatewayV2::Integration": _table(
        "ApiId ConnectionId ConnectionType CredentialsArn IntegrationMethod IntegrationSubtype IntegrationType "
        "IntegrationUri PayloadFormatVersion RequestParameters ResponseParameters TimeoutInMillis TlsConfig",
        "ContentHandlingStrategy Description PassthroughBehavior RequestTemplates TemplateSelectionExpression"),
    "AWS::ApiGatewayV2::IntegrationResponse": _table("", "ApiId ContentHandlingStrategy IntegrationId "
                                                     "IntegrationResponseKey ResponseParameters ResponseTemplates "
                                                     "TemplateSelectionExpression"),
    "AWS::ApiGatewayV2::RouteResponse": _table("", "ApiId ModelSelectionExpression ResponseModels ResponseParameters "
                                               "RouteId RouteResponseKey"),
    "AWS::ApiGatewayV2::Authorizer": _table(
        "ApiId AuthorizerCredentialsArn AuthorizerPayloadFormatVersion AuthorizerResultTtlInSeconds AuthorizerType "
        "AuthorizerUri EnableSimpleResponses IdentitySource IdentityValidationExpression JwtConfiguration", "Name"),
    "AWS::ApiGatewayV2::Model": _table("", "ApiId ContentType Description Name Schema"),
    "AWS::ApiGatewayV2::Stage": _table(
        "AccessLogSettings ApiId DefaultRouteSettings RouteSettings StageName StageVariables",
        "AutoDeploy DeploymentId Description Tags", AccessPolicyId="every caller may use the stage",
        ClientCertificateId=_BACKENDS),
    "AWS::ApiGatewayV2::Deployment": _table("ApiId StageName", "Description"),
    "AWS::ApiGatewayV2::DomainName": _table(
        "DomainName MutualTlsAuthentication", "RoutingMode Tags", DomainNameConfigurations=_TLS),
    "AWS::ApiGatewayV2::ApiMapping": _table("ApiId ApiMappingKey DomainName Stage"),
    "AWS::ApiGatewayV2::VpcLink": _table("", "Name SecurityGroupIds SubnetIds Tags"),
    "AWS::Serverless::Api": _table(
        _SERVERLESS["served"] + " AccessLogSetting ApiKeySourceType BinaryMediaTypes CacheClusterEnabled Cors "
        "DisableExecuteApiEndpoint EndpointConfiguration GatewayResponses MethodSettings MinimumCompressionSize Models "
        "Policy SecurityPolicy EndpointAccessMode Variables MutualTlsAuthentication",
        _SERVERLESS["ignored"] + " CacheClusterSize MergeDefinitions Mode OpenApiVersion",
        CanarySetting=_CANARY, TracingEnabled=_TRACING),
    "AWS::Serverless::HttpApi": _table(
        _SERVERLESS["served"] + " AccessLogSettings CorsConfiguration DefaultRouteSettings DisableExecuteApiEndpoint "
        "RouteSettings StageVariables", _SERVERLESS["ignored"]),
}
"""Resource type -> property -> what becomes of it."""


def check(reader: Reader, resource: Resource) -> None:
    """Name the properties of a resource that have no effect here, and those that it has not."""
    known: Mapping[str, str] = PROPERTIES[resource.type]
    properties = resource.properties
    if properties is None:
        return
    reader.known_keys(properties, known, resource.type, strict=True)
    for name, view in properties.items():
        outcome = known.get(name, HARMLESS)
        if outcome not in (SERVED, HARMLESS):
            reader.problems.warning(view.key_place, "unserved", f"{shown(name)} of {resource.id} is not served yet: "
                                    f"{outcome}")

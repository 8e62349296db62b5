"""CloudFormation and SAM templates with an inline definition."""

from pathlib import Path

import pytest

from fastgw.model.api import ApiKind
from fastgw.model.integration import Unserved
from tests.support.load_files import Files, messages


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


TEMPLATE = """\
AWSTemplateFormatVersion: '2010-09-09'
Parameters:
  ShopHost: {Type: String, Default: shop.internal}
  Port: {Type: Number, Default: 9000}
Resources:
  Shop:
    Type: AWS::%s
    Properties:
      Name: shop
      %s:
        openapi: 3.0.1
        info: {title: !Sub 'Shop of ${AWS::StackName}'}
        paths:
          /pets:
            get:
              x-amazon-apigateway-integration: {$ref: '#/components/x-amazon-apigateway-integrations/shop'}
            post:
              x-amazon-apigateway-integration:
                type: aws_proxy
                uri: !Sub 'arn:aws:apigateway:${AWS::Region}:lambda:path/${Handler.Arn}/invocations'
        components:
          x-amazon-apigateway-integrations:
            shop:
              type: http_proxy
              uri: !Sub ['http://${Host}:${Port}/pets', {Host: !Ref ShopHost}]
"""


@pytest.mark.parametrize(
    ("resource", "field", "kind"),
    [
        ("ApiGateway::RestApi", "Body", ApiKind.REST),
        ("Serverless::Api", "DefinitionBody", ApiKind.REST),
        ("Serverless::HttpApi", "DefinitionBody", ApiKind.HTTP),
        ("ApiGatewayV2::Api", "Body", ApiKind.HTTP),
    ],
)
def test_inline_bodies(files: Files, resource: str, field: str, kind: ApiKind) -> None:
    loaded = files.load(TEMPLATE % (resource, field), "template.yaml")
    api = loaded.gateway.apis[0]
    assert (api.name, api.kind) == ("Shop of fastgw", kind)
    assert api.routes[0].integration.uri == "http://shop.internal:9000/pets"
    assert isinstance(api.routes[1].integration, Unserved)
    assert messages(loaded)[1] == (
        "warning: POST /pets: no value is given for Handler.Arn; "
        "nothing needs it while AWS_PROXY is not served"
    )
    assert str(api.routes[0].place).endswith("template.yaml:15:13")


def test_param_goes_before_a_default(files: Files) -> None:
    api = files.api(
        TEMPLATE % ("ApiGateway::RestApi", "Body"), "t.yaml", params={"ShopHost": "other", "Port": "1"}
    )
    assert api.routes[0].integration.uri == "http://other:1/pets"


def properties(text: str, more: str = "") -> str:
    return f"Resources:\n  Shop:\n    Type: AWS::Serverless::Api\n    Properties: {text}\n{more}"


BODY = "DefinitionBody: {openapi: 3.0.1, paths: {}}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (properties("{StageName: a}"), "without DefinitionBody it is put together from other resources"),
        (properties("{DefinitionUri: api.yaml}"), "its DefinitionUri is not followed; give that file itself"),
        (
            properties("{DefinitionBody: {Fn::Transform: {Name: AWS::Include}}}"),
            "Fn::Transform is not followed",
        ),
        (
            properties(
                f"{{{BODY}}}", f"  Other:\n    Type: AWS::Serverless::Api\n    Properties: {{{BODY}}}\n"
            ),
            "this template holds 2 definitions (Shop, Other)",
        ),
        (
            "Resources:\n  P:\n    Type: AWS::ApiGateway::Resource\n",
            "no inline OpenAPI body; AWS::ApiGateway::Resource",
        ),
        ("Resources:\n  P:\n    Type: AWS::S3::Bucket\n", "no inline OpenAPI body"),
        ("Resources: []\n", "Resources must be a mapping"),
        (properties(f"{{{BODY}, Auth: {{DefaultAuthorizer: a}}}}"), "--allow-unenforced authorizer"),
        (properties(f"{{{BODY}, Policy: {{}}}}"), "--allow-unenforced policy"),
    ],
)
def test_what_is_refused(files: Files, text: str, told: str) -> None:
    loaded = files.load(text, "template.yaml")
    assert loaded.gateway is None
    assert any(told in problem.message for problem in loaded.problems)


def test_what_is_left_out_is_named(files: Files) -> None:
    more = (
        "  Plan:\n    Type: AWS::ApiGateway::UsagePlan\n"
        "  Handler:\n    Type: AWS::Serverless::Function\n    Properties:\n      Events: {E: {Type: Api}}\n"
    )
    loaded = files.load(properties(f"{{{BODY}, CacheClusterEnabled: true, Name: x}}", more), "template.yaml")
    assert messages(loaded) == [
        'warning: "CacheClusterEnabled" of Shop is not served yet; it is ignored',
        "warning: AWS::ApiGateway::UsagePlan is not read: only the inline body of Shop is served",
        "warning: AWS::Serverless::Function is not read: only the inline body of Shop is served",
    ]

"""A template given to `fastgw run` as it stands: what clients meet is what the template says."""

import json
import sys

import pytest

from tests.support.client import get
from tests.support.process import Gateway
from tests.support.upstream import Upstream

VALUE = "acme-0123456789-0123456789"

TEMPLATE = """\
Parameters:
  Shop: {Type: String}
  Key: {Type: String, NoEcho: true}
Conditions:
  Never: !Equals [a, b]
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
  Pets:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: pets}
  Pet:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Api, ParentId: !Ref Pets, PathPart: '{id}'}
  GetPet:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !Ref Pet
      HttpMethod: GET
      ApiKeyRequired: true
      Integration:
        Type: HTTP_PROXY
        IntegrationHttpMethod: GET
        Uri: !Sub 'http://${Shop}/animals/{id}'
        RequestParameters:
          integration.request.path.id: method.request.path.id
          integration.request.header.X-Color: stageVariables.color
  ListPets:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !Ref Pets
      HttpMethod: GET
      Integration:
        Type: MOCK
        RequestTemplates: {application/json: '{"statusCode": 200}'}
        IntegrationResponses: [{StatusCode: 200, ResponseTemplates: {application/json: '["Rex"]'}}]
  DeletePets:
    Type: AWS::ApiGateway::Method
    Condition: Never
    Properties: {RestApiId: !Ref Api, ResourceId: !Ref Pets, HttpMethod: DELETE, Integration: {Type: MOCK}}
  Forbidden:
    Type: AWS::ApiGateway::GatewayResponse
    Properties:
      RestApiId: !Ref Api
      ResponseType: INVALID_API_KEY
      StatusCode: 401
      ResponseTemplates: {application/json: '{"who": "are you"}'}
  Live:
    Type: AWS::ApiGateway::Stage
    Properties:
      RestApiId: !Ref Api
      StageName: live
      Variables: {color: blue}
      MethodSettings:
        - {ResourcePath: /~1pets, HttpMethod: GET, ThrottlingRateLimit: 0, ThrottlingBurstLimit: 2}
  Gold:
    Type: AWS::ApiGateway::UsagePlan
    Properties:
      ApiStages: [{ApiId: !Ref Api, Stage: !Ref Live}]
      Quota: {Limit: 3, Period: MONTH}
  Acme: {Type: AWS::ApiGateway::ApiKey, Properties: {Name: acme, Enabled: true, Value: !Ref Key}}
  AcmeGold: {Type: AWS::ApiGateway::UsagePlanKey, Properties: {KeyId: !Ref Acme, UsagePlanId: !Ref Gold}}
"""


@pytest.fixture(scope="module")
def served():
    with Upstream() as stub:
        given = ("--param", f"Shop={stub.url.removeprefix('http://')}", "--param", f"Key={VALUE}")
        with Gateway({"template.yaml": TEMPLATE}, arguments=given) as gateway:
            gateway.stub = stub
            yield gateway


def test_a_method_of_a_template_goes_to_its_upstream(served):
    answer = served.fetch(get("/live/pets/7", f"x-api-key: {VALUE}"))
    assert answer.status == 200
    sent = served.stub.requests[-1].request
    assert sent.target == "/animals/7"
    assert sent.get("x-color") == "blue"


def test_its_key_its_quota_and_its_gateway_response(served):
    refused = served.fetch(get("/live/pets/7"))
    assert (refused.status, json.loads(refused.body)) == (401, {"who": "are you"})
    answers = [served.fetch(get("/live/pets/7", f"x-api-key: {VALUE}")).status for _ in range(4)]
    assert set(answers[:2]) <= {200, 429} and answers[-1] == 429, "three in a month, in all tests together"


def test_its_throttle(served):
    answers = [served.fetch(get("/live/pets")) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert json.loads(answers[0].body) == ["Rex"]


def test_what_its_conditions_leave_out_is_not_there(served):
    assert served.fetch(b"DELETE /live/pets HTTP/1.1\r\nHost: a\r\n\r\n").status == 403


def test_a_stage_that_it_does_not_have_is_not_there(served):
    assert served.fetch(get("/pets")).status == 403


# --- SAM

FUNCTION = """\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: provided.al2023, Handler: bootstrap, Environment: {Variables: {GREETING: hello}}}
Resources:
  Greeter:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code
      Events:
        Rest: {Type: Api, Properties: {Path: '/greet/{name}', Method: get}}
        Web: {Type: HttpApi, Properties: {Path: '/greet/{name}', Method: get}}
"""

BOOTSTRAP = f"""\
#!{sys.executable}
import json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as asked:
        event, id = json.load(asked), asked.headers["Lambda-Runtime-Aws-Request-Id"]
    said = {{"greeting": os.environ["GREETING"], "name": event["pathParameters"]["name"],
            "version": event.get("version", "rest"), "function": os.environ["AWS_LAMBDA_FUNCTION_NAME"]}}
    answer = json.dumps({{"statusCode": 200, "body": json.dumps(said)}}).encode()
    urllib.request.urlopen(urllib.request.Request(api + id + "/response", answer)).close()
"""


def test_a_function_of_a_sam_template_runs_as_it_stands():
    gateway = Gateway({"template.yaml": FUNCTION})
    code = gateway.folder / "code"
    code.mkdir()
    (code / "bootstrap").write_text(BOOTSTRAP)
    (code / "bootstrap").chmod(0o755)
    with gateway:
        for api, stage, version in (("serverlessrestapi", "/Prod", "rest"), ("serverlesshttpapi", "", "2.0")):
            answer = gateway.fetch(get(f"{stage}/greet/kim", host=f"{api}.execute-api.test"))
            assert answer.status == 200, answer.body
            assert json.loads(answer.body) == {
                "greeting": "hello", "name": "kim", "version": version, "function": "Greeter"}

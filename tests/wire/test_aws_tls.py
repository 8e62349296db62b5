"""AWS services over TLS: signed calls, and the roles that they are signed as, to an endpoint of a private authority."""

import json
from pathlib import Path

from tests.support.certificates import root, server
from tests.support.client import get
from tests.support.definition import openapi, several
from tests.support.process import Gateway
from tests.support.services import ENVIRONMENT, moto
from tests.wire.test_aws_services import aws

ROLE = "arn:aws:iam::123456789012:role/anybody"
PUT = '{"TableName": "T", "Item": {"id": {"S": "$input.params("id")"}, "value": {"S": "$input.path("$.value")"}}}'
READ = '{"TableName": "T", "Key": {"id": {"S": "$input.params("id")"}}}'


def test_a_signed_call_over_https(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(root().pem)
    with moto(*server().write(tmp_path, "moto"), trust=root().pem) as double:
        double.call("dynamodb", "CreateTable", TableName="T", BillingMode="PAY_PER_REQUEST",
                    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
        api = openapi({"/items/{id}": {
            "put": aws("dynamodb:action/PutItem", PUT, credentials=ROLE),
            "get": aws("dynamodb:action/GetItem", READ, credentials=ROLE),
        }})
        file = several({"a": {"definition": "api.json"}}, services={
            "default": {"endpoint": double.url, "region": "us-east-1"}})
        files = {"fastgw.yaml": file, "api.json": api}
        environment = {**ENVIRONMENT, "FASTGW_UPSTREAM_CA_FILE": str(tmp_path / "ca.pem")}
        with Gateway(files, env=environment) as gateway:
            assert gateway.fetch(get("/items/1", method="PUT", body=b'{"value": "kept"}')).status == 200
            answer = gateway.fetch(get("/items/1"))
            assert json.loads(answer.body)["Item"]["value"] == {"S": "kept"}
            assert gateway.metric("^fastgw_upstream_tls_handshakes_total") >= 1
        with Gateway(files, env=ENVIRONMENT) as gateway:
            assert gateway.fetch(get("/items/1")).status in (500, 502), "nobody vouches for it"

"""The notes as a Lambda function: what notes.yaml does by templates, in Python. It runs in Lambda as it stands."""

import json
import os
from urllib.parse import unquote

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE"])
"""Where the SDK finds DynamoDB is its own affair: AWS_ENDPOINT_URL, or the service itself."""


def answer(status, body):
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}


def page(found):
    body = {"notes": found["Items"]}
    if "LastEvaluatedKey" in found:
        body["next"] = {"author": found["LastEvaluatedKey"]["author"], "after": found["LastEvaluatedKey"]["id"]}
    return answer(200, body)


def pages(query):
    limit = query.get("limit", "25")
    asked = {"Limit": int(limit) if limit.isdigit() else 25}
    if query.get("after"):
        asked["ExclusiveStartKey"] = {"author": query["author"], "id": query["after"]}
    return asked


def get(key, body):
    found = TABLE.get_item(Key=key)
    return answer(200, found["Item"]) if "Item" in found else answer(404, {"message": "no such note"})


def put(key, body):
    TABLE.put_item(Item={**key, "text": body["text"]})
    return answer(200, {"message": "done"})


def patch(key, body):
    try:
        TABLE.update_item(Key=key, ConditionExpression=Attr("id").exists(), UpdateExpression="SET #t = :t",
                          ExpressionAttributeNames={"#t": "text"}, ExpressionAttributeValues={":t": body["text"]})
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return answer(404, {"message": "no such note"})
    return answer(200, {"message": "done"})


def delete(key, body):
    TABLE.delete_item(Key=key)
    return answer(200, {"message": "done"})


ONE = {"GET": get, "PUT": put, "PATCH": patch, "DELETE": delete}


def handler(event, context):
    query = event["queryStringParameters"] or {}
    if event["resource"] == "/everything":
        return page(TABLE.scan(**pages(query)))
    if event["resource"] == "/notes":
        return page(TABLE.query(KeyConditionExpression=Key("author").eq(query["author"]), **pages(query)))
    key = {"author": query["author"], "id": unquote(event["pathParameters"]["id"])}
    return ONE[event["httpMethod"]](key, json.loads(event["body"] or "{}"))

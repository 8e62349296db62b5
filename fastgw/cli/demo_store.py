"""The store of `fastgw demo notes`: DynamoDB, by moto or dynalite. python -m fastgw.cli.demo_store HOST PORT STORE"""

import http.client
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

DYNALITE = Path(__file__).resolve().parents[2] / ".venv" / "npm" / "node_modules" / "dynalite" / "cli.js"
"""Where `make doubles` puts it."""

TABLE = {
    "TableName": "Notes",
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "author", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": "author", "AttributeType": "S"},
                             {"AttributeName": "id", "AttributeType": "S"}],
}

ANYBODY = ("AWS4-HMAC-SHA256 Credential=anybody/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, "
           "Signature=0")


class Missing(Exception):
    """The message says what is not installed."""


def _command(store: str, host: str, port: str) -> list[str]:
    if store == "moto":
        return [sys.executable, "-m", "moto.server", "-H", host, "-p", port]
    node = shutil.which("node")
    if not node or not DYNALITE.is_file():
        raise Missing("dynalite is not installed: make doubles, with node and npm there")
    return [node, str(DYNALITE), "--host", host, "--port", port, "--createTableMs", "0"]


def _ask(host: str, port: int, action: str, body: object) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request("POST", "/", json.dumps(body).encode(), {
            "X-Amz-Target": f"DynamoDB_20120810.{action}", "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Date": "20260101T000000Z", "Authorization": ANYBODY})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _answers(process: subprocess.Popen, host: str, port: int) -> bool:
    """Waits until the store answers; False where it ended instead."""
    while process.poll() is None:
        try:
            _ask(host, port, "ListTables", {})
            return True
        except OSError:
            time.sleep(0.05)
    return False


def main(host: str, port: str, store: str) -> int:
    """Says "ready" on standard output once the table is there, and serves until standard input ends or SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        command = _command(store, host, port)
    except Missing as error:
        print(f"fastgw: {error}", file=sys.stderr)
        return 1
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        if not _answers(process, host, int(port)):
            print(f"fastgw: {store} does not start on {host}:{port}; is it installed, and the port free?",
                  file=sys.stderr)
            return 1
        status, body = _ask(host, int(port), "CreateTable", TABLE)
        if status != 200:
            print(f"fastgw: {store} makes no table: {body.decode('utf-8', 'replace')}", file=sys.stderr)
            return 1
        print("ready", flush=True)
        sys.stdin.buffer.read()
    finally:
        process.kill()
        process.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

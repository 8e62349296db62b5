"""AWS services of the test's own: moto in server mode, and dynalite."""

import http.client
import importlib.util
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from urllib.parse import urlencode

import pytest

from tests.support.client import eventually
from tests.support.process import ROOT
from tests.support.redis import free_port

DYNALITE = ROOT / ".venv" / "npm" / "node_modules" / "dynalite" / "cli.js"
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-test",
               "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}
"""Who a gateway under test is to services, whatever the machine that runs it knows."""

JSON = {"dynamodb": ("1.0", "DynamoDB_20120810"), "kinesis": ("1.1", "Kinesis_20131202"),
        "events": ("1.1", "AWSEvents"), "states": ("1.0", "AWSStepFunctions"), "ssm": ("1.1", "AmazonSSM"),
        "firehose": ("1.1", "Firehose_20150804"), "sqs": ("1.0", "AmazonSQS")}


class Double:
    """A program that answers as AWS services do. Use as a context manager. trust: PEM of who vouches for it, where it
    speaks TLS."""

    def __init__(self, *command: str, trust: bytes | None = None) -> None:
        self.port = free_port()
        self.url = f"{'http' if trust is None else 'https'}://127.0.0.1:{self.port}"
        self._tls = None if trust is None else ssl.create_default_context(cadata=trust.decode())
        self._command = [word.replace("PORT", str(self.port)) for word in command]
        self._folder = tempfile.TemporaryDirectory(prefix="fastgw-double-")
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "Double":
        log = Path(self._folder.name) / "log.txt"
        with log.open("wb") as out:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                             cwd=self._folder.name)

        def answers() -> bool:
            assert self._process and self._process.poll() is None, log.read_text()[-4000:]
            try:
                self.ask("GET", "/", {}, b"")
            except OSError:
                return False
            return True

        eventually(answers, f"{self._command[0]} answering")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._process and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
        self._folder.cleanup()

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        if self._tls is not None:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self._tls)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def call(self, service: str, action: str, **values: object) -> dict:
        """One action in JSON, as an administrator of the service."""
        version, target = JSON[service]
        status, body = self.ask("POST", "/", {
            "X-Amz-Target": f"{target}.{action}", "Content-Type": f"application/x-amz-json-{version}",
            "Authorization": _signature(service)}, json.dumps(values).encode())
        assert status == 200, body
        return json.loads(body or b"{}")

    def form(self, service: str, action: str, **values: str) -> str:
        """One action of a query service."""
        status, body = self.ask("POST", "/", {
            "Content-Type": "application/x-www-form-urlencoded", "Authorization": _signature(service)},
            urlencode({"Action": action, **values}).encode())
        assert status == 200, body
        return body.decode()


def _signature(service: str) -> str:
    return (f"AWS4-HMAC-SHA256 Credential=ADMIN/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, "
            "Signature=0000")


def moto(certificate: str = "", key: str = "", trust: bytes | None = None) -> Double:
    """Every service that moto knows; signatures are not checked. certificate and key: files, for one over TLS."""
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
        pytest.skip("moto is not installed (pip install .[dev])")
    tls = ("-s", "-c", certificate, "-k", key) if certificate else ()
    return Double(sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "PORT", *tls, trust=trust)


def dynalite() -> Double:
    """DynamoDB, stricter."""
    node = shutil.which("node")
    if not node:
        pytest.skip("node is not installed")
    if not DYNALITE.is_file():
        pytest.skip("dynalite is not installed (make doubles)")
    return Double(node, str(DYNALITE), "--host", "127.0.0.1", "--port", "PORT", "--createTableMs", "0")

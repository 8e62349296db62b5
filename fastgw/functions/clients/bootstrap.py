"""Runs a Python handler: a client of the Lambda Runtime API that needs nothing but the standard library.

python bootstrap.py MODULE.FUNCTION, in the directory of the code. Runs in the function's own interpreter, so it imports
nothing of the gateway. Errors have the words and shapes of awslambdaric's.
"""

import importlib
import json
import logging
import os
import socket
import sys
import time
import traceback
from types import SimpleNamespace

VERSION = "/2018-06-01/runtime/"


class Api:
    """One kept connection; the host sends every answer with a Content-Length."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.host = address
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers = self.socket.makefile("rb")

    def call(self, method, path, body=b"", field=""):
        """(header fields by lower-case name, body) of the answer."""
        head = f"{method} {VERSION}{path} HTTP/1.1\r\nHost: {self.host}\r\n{field}Content-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode("latin-1") + body)
        fields = {}
        if not self.answers.readline():
            sys.exit(0)     # the host has gone
        while (line := self.answers.readline().strip()):
            name, _, value = line.partition(b":")
            fields[name.lower().decode("latin-1")] = value.strip().decode("latin-1")
        return fields, self.answers.read(int(fields.get("content-length", 0)))


class Context:
    """What a handler is told of its invocation, by the service's own names."""

    def __init__(self, fields):
        env = os.environ
        self.aws_request_id = fields["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = fields.get("lambda-runtime-invoked-function-arn")
        self.function_name = env["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = env["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = env["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = env["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = SimpleNamespace(cognito_identity_id=None, cognito_identity_pool_id=None)
        client = fields.get("lambda-runtime-client-context")
        self.client_context = SimpleNamespace(**json.loads(client)) if client else None
        self._deadline_ms = int(fields["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self):
        return max(self._deadline_ms - int(time.time() * 1000), 0)


class Fault(Exception):
    """A handler that cannot be used: (error type, message)."""


def handler_of(name):
    """Raises Fault, or what the module raises."""
    module, dot, function = name.rpartition(".")
    if not dot:
        raise Fault("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack (expected 2, "
                    "got 1)")
    try:
        loaded = importlib.import_module(module.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module}': {error}") from error
    except SyntaxError as error:
        raise Fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module}': {error}") from error
    if not hasattr(loaded, function):
        raise Fault("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module}'")
    return getattr(loaded, function)


def report(error, request_id=""):
    """(error type, the error's document)."""
    if isinstance(error, Fault):
        kind, message = error.args
        stack = []
    else:
        kind, message = type(error).__name__, str(error)
        frames = traceback.extract_tb(error.__traceback__)
        stack = traceback.format_list([frame for frame in frames if frame.filename != __file__])
    print(f"[ERROR] {kind}: {message}\n{''.join(stack)}", file=sys.stderr, flush=True)
    document = {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": stack}
    return kind, json.dumps(document).encode()


def serve(api, handler):
    while True:
        fields, event = api.call("GET", "invocation/next")
        context = Context(fields)
        Log.request_id = context.aws_request_id
        if trace := fields.get("lambda-runtime-trace-id"):
            os.environ["_X_AMZN_TRACE_ID"] = trace
        path = f"invocation/{context.aws_request_id}/"
        try:
            answer = marshalled(handler(json.loads(event), context))
        except Exception as error:
            kind, document = report(error, context.aws_request_id)
            api.call("POST", path + "error", document, f"Lambda-Runtime-Function-Error-Type: {kind}\r\n")
        else:
            api.call("POST", path + "response", answer)


def marshalled(value):
    try:
        return json.dumps(value).encode()
    except (TypeError, ValueError) as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


class Log(logging.Formatter):
    """Lines of the root logger as the service's Python runtimes write them."""

    request_id = ""
    converter = time.gmtime

    def __init__(self):
        super().__init__("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S")

    def format(self, record):
        record.request_id = Log.request_id
        return super().format(record)


def main():
    sys.path[0] = os.getcwd()
    output = logging.StreamHandler()
    output.setFormatter(Log())
    logging.getLogger().addHandler(output)
    api = Api(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = handler_of(sys.argv[1])
    except Exception as error:
        kind, document = report(error)
        api.call("POST", "init/error", document, f"Lambda-Runtime-Function-Error-Type: {kind}\r\n")
        sys.exit(1)
    serve(api, handler)


if __name__ == "__main__":
    main()

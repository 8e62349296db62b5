"""Commands that start a gateway, speak to a running one, or show what it would be started with."""

import argparse
import http.client
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import fastgw
from fastgw.addresses import Address
from fastgw.cli import OK, PROBLEMS, CommandError
from fastgw.cli.options import load_options, setting_flags, settings, usable
from fastgw.settings import Settings, names, shown

CHECKOUT = Path(fastgw.__file__).parent.parent
"""Where examples/ and bench/ are when the package runs from a checkout."""

POST_SECONDS = 120.0
"""A reload of a large definition takes its time in every worker."""


def run(options: argparse.Namespace, when_ready: Callable[[list[str]], None] | None = None) -> int:
    """when_ready is called with the listeners' URLs once every worker serves."""
    from fastgw.runtime.request import RunRequest
    from fastgw.runtime.supervisor import run as run_gateway

    flags = setting_flags(options)
    settings(flags)
    return run_gateway(RunRequest(tuple(options.files), load_options(options), flags), when_ready)


def environ(options: argparse.Namespace) -> int:
    from fastgw.runtime.request import file_settings

    file = file_settings(usable(options)) if options.files else {}
    resolved = settings(setting_flags(options), file)
    rows = [
        (f"FASTGW_{name.upper()}", shown(name, getattr(resolved.settings, name)), resolved.origins[name])
        for name in names()
    ]
    name_width, value_width = (max(len(row[i]) for row in rows) for i in (0, 1))
    for name, value, origin in rows:
        print(f"{name.ljust(name_width)}  {value.ljust(value_width)}  {origin}")
    return OK


def post(options: argparse.Namespace) -> int:
    """reload and drain."""
    return _tell(options, f"/{options.action}")


def _tell(options: argparse.Namespace, path: str) -> int:
    """POST to the ops listener; what it says is printed."""
    status, text = ask(settings(setting_flags(options)).settings, "POST", path)
    done = status < 300
    print(text.strip(), file=sys.stdout if done else sys.stderr)
    return OK if done else PROBLEMS


def cache(options: argparse.Namespace) -> int:
    """flush: forget cached answers in every worker."""
    given = {name: getattr(options, name) for name in ("api", "stage") if getattr(options, name) is not None}
    return _tell(options, f"/cache/{options.action}?{urlencode(given)}")


def bench(options: argparse.Namespace) -> int:
    compare = CHECKOUT / "bench" / "compare"
    if not compare.exists():
        raise CommandError("fastgw: bench/compare is not installed; run it from a checkout of the project")
    return subprocess.call([sys.executable, "-m", "bench.compare", *options.rest], cwd=CHECKOUT)


def ask(given: Settings, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    """Status and text of the ops listener's answer. Raises CommandError where nobody answers."""
    if given.ops == "off":
        raise CommandError("fastgw: ops is off: there is no ops listener to ask", status=PROBLEMS)
    headers = {"Authorization": f"Bearer {given.ops_token}"} if given.ops_token else {}
    try:
        with closing(_connection(Address.parse(given.ops))) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        line = f"fastgw: no gateway answers at {given.ops}: {why.lower()}"
        raise CommandError(line, status=PROBLEMS) from None


def _connection(address: Address) -> http.client.HTTPConnection:
    if not address.path:
        return http.client.HTTPConnection(address.host, address.port, timeout=POST_SECONDS)
    connection = http.client.HTTPConnection("localhost", timeout=POST_SECONDS)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(POST_SECONDS)
    connection.sock.connect(address.path)
    return connection

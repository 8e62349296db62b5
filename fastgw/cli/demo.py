"""`fastgw demo`: an example gateway with a small backend behind it."""

import argparse
import subprocess
import sys
from pathlib import Path

from fastgw.cli import PROBLEMS, CommandError, parser
from fastgw.cli.gateway import CHECKOUT, run

BACKEND = ("127.0.0.1", "9000")
"""Where the integrations of examples/petstore point."""


def main(options: argparse.Namespace) -> int:
    """Serves the example until stopped; the backend ends with it."""
    folder = Path(options.example) if options.example else CHECKOUT / "examples" / "petstore"
    definition = folder / "fastgw.yaml"
    if not definition.is_file():
        raise CommandError(f"fastgw: {definition} does not exist; name an example with --example DIR")
    arguments = parser().parse_args(["run", str(definition)])
    for name in ("listen", "ops", "workers", "set"):
        setattr(arguments, name, getattr(options, name))
    # Its own process group: Ctrl-C is for the gateway, which may still need the backend while draining.
    backend = subprocess.Popen(
        [sys.executable, "-m", "fastgw.cli.demo_backend", *BACKEND],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=CHECKOUT, process_group=0,
    )
    try:
        if not backend.stdout.readline():
            raise CommandError("fastgw: the demo needs its backend", status=PROBLEMS)
        return run(arguments, when_ready=_print_curl_lines)
    finally:
        backend.stdin.close()
        backend.wait()
        backend.stdout.close()


LINES = (
    ("{url}/pets", "proxied to the backend"),
    ("{url}/health", "answered by the gateway itself"),
    ("{url}/admin", "refused: no such route"),
    ("{url}/shop/pets -H 'x-api-key: a-visitor-of-the-pet-shop'", "let in by its key, within its plan's limits"),
    ("{url}/shop/pets", "refused: no key"),
    ("{url}/pets --json '{{\"name\":\"Kim\",\"type\":\"dog\"}}'", "checked against its model, then proxied"),
    ("{url}/pets --json '{{\"name\":\"Kim\",\"type\":\"cow\"}}'", "refused: Invalid request body"),
)
"""What to try, and what it shows."""


def _print_curl_lines(urls: list[str]) -> None:
    calls = [call.format(url=urls[0]) for call, _ in LINES]
    width = max(map(len, calls))
    print("try:")
    for call, (_, meaning) in zip(calls, LINES, strict=True):
        print(f"  curl -i {call.ljust(width)}  # {meaning}")
    sys.stdout.flush()

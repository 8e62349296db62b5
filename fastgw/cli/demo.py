"""`fastgw demo`: an example gateway with what stands behind it."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fastgw.cli import PROBLEMS, CommandError, parser
from fastgw.cli.gateway import CHECKOUT, run
from fastgw.settings import lend_words

PETS = ("fastgw.cli.demo_backend", "127.0.0.1", "9000")
"""Where the integrations of examples/petstore point."""

STORE = ("fastgw.cli.demo_store", "127.0.0.1", "8000")
"""Where the services of examples/notes are."""

ANYBODY = {"AWS_ACCESS_KEY_ID": "anybody", "AWS_SECRET_ACCESS_KEY": "nothing", "AWS_EC2_METADATA_DISABLED": "true"}
"""Who the gateway is to a store that checks nobody, where the environment names no one."""

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

NOTES_LINES = (
    ("-X PUT '{url}/notes/1?author=kim' --json '{{\"text\":\"milk\"}}'", "PutItem"),
    ("-X PUT '{url}/notes/2?author=kim' --json '{{\"text\":\"bread\"}}'", "PutItem"),
    ("'{url}/notes/1?author=kim'", "GetItem"),
    ("'{url}/by-function/notes/1?author=kim'", "the same by a Lambda function"),
    ("'{url}/notes/1'", "refused: the author is required"),
    ("'{url}/notes?author=kim&limit=1'", "Query, a page with the key of the next"),
    ("-X PATCH '{url}/notes/1?author=kim' --json '{{\"text\":\"oat milk\"}}'", "UpdateItem"),
    ("-X PATCH '{url}/notes/9?author=kim' --json '{{\"text\":\"x\"}}'", "its condition fails: 404"),
    ("-X DELETE '{url}/notes/2?author=kim'", "DeleteItem"),
    ("'{url}/everything?limit=10'", "Scan"),
)


SECURED_LINES = (
    ("{url}/open", "everybody"),
    ("{url}/token", "refused: no token"),
    ("{url}/token -H \"Authorization: Bearer $(cat {keys}/token.txt)\"", "a JSON Web Token"),
    ("{url}/function/hall -H 'X-Pass: front-door'", "a Lambda authorizer, asked once"),
    ("{url}/function/cellar -H 'X-Pass: front-door'", "refused by the policy that it gave"),
    ("{url}/signed --aws-sigv4 aws:amz:us-east-1:execute-api --user \"AKIAALICEEXAMPLE:$(cat {keys}/alice.secret)\"",
     "a signature of IAM"),
    ("-X DELETE {url}/signed --aws-sigv4 aws:amz:us-east-1:execute-api "
     "--user \"AKIAALICEEXAMPLE:$(cat {keys}/alice.secret)\"", "refused by the user's policy"),
    ("{partners}/open --cert {keys}/partner.pem --key {keys}/partner.key", "a client's certificate"),
    ("'{url}/open?id=1%27%20OR%20%271%27=%271'", "refused by the firewall"),
)


@dataclass(frozen=True, slots=True)
class Example:
    """backend: module and arguments of what stands behind it, if anything does; lines: what to try, what it shows."""

    file: Path
    backend: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]


def main(options: argparse.Namespace) -> int:
    """Serves the example until stopped; the backend ends with it."""
    example = _example(options)
    if not example.file.is_file():
        raise CommandError(f"fastgw: {example.file} does not exist; name an example with --example DIR")
    arguments = parser().parse_args(["run", str(example.file)])
    for name in ("listen", "ops", "workers", "set"):
        setattr(arguments, name, getattr(options, name))
    lend_words(ANYBODY)
    if options.name == "secured":
        return _secured(example, arguments)
    # Its own process group: Ctrl-C is for the gateway, which may still need the backend while draining.
    backend = subprocess.Popen(
        [sys.executable, "-m", *example.backend],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=CHECKOUT, process_group=0,
    )
    try:
        if not backend.stdout.readline():
            raise CommandError("fastgw: the demo needs its backend", status=PROBLEMS)
        return run(arguments, when_ready=lambda urls: _print_lines(
            [(call.format(url=urls[0]), meaning) for call, meaning in example.lines]))
    finally:
        backend.stdin.close()
        backend.wait()
        backend.stdout.close()


def _secured(example: Example, arguments: argparse.Namespace) -> int:
    from fastgw.cli.demo_keys import make

    keys = example.file.parent / "keys"
    make(keys)

    def say(urls: list[str]) -> None:
        port = urls[0].rpartition(":")[2]
        places = {"url": f"https://localhost:{port}", "partners": f"https://partners.localhost:{port}", "keys": keys}
        _print_lines([(f"--cacert {keys}/ca.pem {call.format(**places)}", shows) for call, shows in example.lines])

    return run(arguments, when_ready=say)


def _example(options: argparse.Namespace) -> Example:
    folder = Path(options.example) if options.example else CHECKOUT / "examples" / options.name
    if options.name == "notes":
        file = "fastgw.yaml" if options.store == "moto" else "dynalite.yaml"
        return Example(folder / file, (*STORE, options.store), NOTES_LINES)
    if options.name == "secured":
        return Example(folder / "fastgw.yaml", (), SECURED_LINES)
    return Example(folder / "fastgw.yaml", PETS, LINES)


def _print_lines(lines: Sequence[tuple[str, str]]) -> None:
    """Calls of curl, and what they show."""
    width = max(len(call) for call, _ in lines)
    print("try:")
    for call, meaning in lines:
        print(f"  curl -i {call.ljust(width)}  # {meaning}")
    sys.stdout.flush()

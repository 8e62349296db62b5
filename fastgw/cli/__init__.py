"""The command line. Every heavy import stands inside a command: `fastgw --help` must be quick."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from fastgw import __version__

_Commands = "argparse._SubParsersAction[argparse.ArgumentParser]"

BENCH = "gateway.bench"

OK, PROBLEMS, USAGE = 0, 1, 2
"""Exit statuses: done; the answer is no; asked wrongly, or a file cannot be read."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status. An operator's mistake is one line on stderr for each problem, never a traceback."""
    parse = parser()
    options, rest = parse.parse_known_args(arguments)
    if options.command == BENCH:
        options.rest = rest         # bench/compare has options of its own
    elif rest:
        parse.error(f"unrecognized arguments: {' '.join(rest)}")
    module, _, function = options.command.partition(".")
    try:
        return getattr(importlib.import_module(f"fastgw.cli.{module}"), function)(options)
    except CommandError as error:
        print(*error.lines, sep="\n", file=sys.stderr)
        return error.status
    except BrokenPipeError:
        # The reader of our output has left (fastgw routes | head); silence the flush at exit too.
        sys.stdout = None
        return OK


class CommandError(Exception):
    """What went wrong, in lines, and the exit status for it."""

    def __init__(self, *lines: str, status: int = USAGE):
        super().__init__("\n".join(lines))
        self.lines = lines
        self.status = status


def parser() -> argparse.ArgumentParser:
    what = "Serve API definitions: OpenAPI, Swagger, or a fastgw.yaml that names them."
    top = argparse.ArgumentParser(prog="fastgw", description=what)
    top.add_argument("--version", action="version", version=f"fastgw {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    run = _command(commands, "run", "gateway.run", "start the gateway")
    _definition(run)
    _setting_flags(run)

    validate = _command(commands, "validate", "definition.validate", "check definitions")
    validate.epilog = "Exit status: 0 clean or warnings only, 1 errors, 2 a file that cannot be read."
    _definition(validate)
    validate.add_argument("--json", action="store_true", help="print the problems as JSON")

    _definition(_command(commands, "routes", "definition.routes", "print every route"))

    explain = _command(commands, "explain", "definition.explain", "say what a request would meet")
    _definition(explain)
    explain.add_argument("method", metavar="METHOD")
    explain.add_argument("url", metavar="URL", help="http://host/path?query, or /path")
    explain.add_argument("-H", dest="headers", action="append", default=[], metavar="'NAME: VALUE'")
    explain.add_argument("--from", dest="address", default="", metavar="ADDRESS", help="the client's")
    _setting_flags(explain)

    tested = _command(commands, "test-invoke", "invoke.run", "send one request and tell its story")
    tested.epilog = "No key is asked for, and no limit or cache takes part. Exit status: 1 for a server error."
    _definition(tested)
    tested.add_argument("method", metavar="METHOD")
    tested.add_argument("url", metavar="URL", help="http://host/path?query, or /path")
    tested.add_argument("-H", dest="headers", action="append", default=[], metavar="'NAME: VALUE'")
    tested.add_argument("-d", dest="data", default="", metavar="BODY", help="or @FILE")
    tested.add_argument("--json", action="store_true", help="status, headers, body, log and phases as JSON")
    _setting_flags(tested)

    taken = _command(commands, "import", "importing.run", "take definitions and templates over into a fastgw.yaml")
    _definition(taken)
    taken.add_argument("--output", metavar="DIR", help="where it is written; default: the current directory")
    taken.add_argument("--force", action="store_true", help="write over files that are there")
    taken.add_argument("--mode", choices=("merge", "overwrite"), help="all files are one API's: put together, or only "
                       "the last one counts; default: each is an API of its own")
    taken.add_argument("--fail-on-warnings", action="store_true", help="what would be a warning is an error")
    taken.add_argument("--report", action="store_true", help="say what becomes of each part; write only with --output")
    taken.add_argument("--json", action="store_true", help="the report as JSON")

    export = _command(commands, "export", "exporting.run", "print an API as an OpenAPI document with extensions")
    _definition(export)
    export.add_argument("--api", metavar="NAME", help="which one, where there are several; by name or id")
    export.add_argument("--of-stage", metavar="NAME", help="which stage is the base path; default: the first")
    export.add_argument("--format", choices=("oas30", "swagger"), default="oas30")
    export.add_argument("--extensions", default="apigateway", metavar="NAME[,NAME]",
                        help="none, integrations, authorizers, or apigateway: all of them")
    export.add_argument("--json", action="store_true", help="as JSON, not YAML")

    environ = _command(commands, "environ", "gateway.environ", "print every setting and its origin")
    environ.add_argument("files", nargs="*", metavar="FILE", help="fastgw.yaml whose settings count too")
    _reading(environ)
    _setting_flags(environ)

    _command(commands, "doctor", "doctor.run", "say which libraries are here, and what is off without them")

    _command(commands, "schema", "definition.schema", "print the JSON Schema of fastgw.yaml")

    for name, what in (("reload", "read its files again"), ("drain", "finish what it has in hand and end")):
        told = _command(commands, name, "gateway.post", f"tell the running gateway to {what}")
        told.set_defaults(action=name)
        _setting_flags(told)

    _key_commands(commands)
    _iam_commands(commands)

    cache = _command(commands, "cache", "gateway.cache", "tell the running gateway to forget cached answers")
    cache.add_argument("action", choices=("flush",))
    cache.add_argument("--api", metavar="NAME", help="only those of this API, by name or id")
    cache.add_argument("--stage", metavar="NAME", help="only those of this stage of the API")
    _setting_flags(cache)

    demo = _command(commands, "demo", "demo.main", "start an example gateway with a small backend")
    demo.add_argument("name", nargs="?", choices=("petstore", "notes", "secured"), default="petstore",
                      help="petstore (default): a proxied backend; notes: DynamoDB by templates alone; secured: each "
                           "way to let callers in, over TLS")
    demo.add_argument("--store", choices=("moto", "dynalite"), default="moto", help="what is DynamoDB for notes")
    demo.add_argument("--example", metavar="DIR", help="default: examples/petstore of the checkout")
    _setting_flags(demo)

    _template_commands(commands)

    _command(commands, "bench", BENCH, "run bench/compare of the checkout, with the options that it takes")
    return top


def _template_commands(commands: _Commands) -> None:
    vtl = commands.add_parser("vtl", help="render mapping templates and test them")
    actions = vtl.add_subparsers(title="actions", metavar="ACTION", required=True)
    render = _command(actions, "render", "vtl.render", "print what a mapping template makes of an event")
    render.add_argument("template", metavar="TEMPLATE", help="file; - is the standard input")
    render.add_argument("--event", metavar="FILE", help="JSON or YAML: body, pathParameters, queryStringParameters, "
                        "headers, requestContext, stageVariables")
    test = _command(actions, "test", "vtl.test", "render the templates of a file of cases and compare")
    test.add_argument("cases", nargs="+", metavar="CASES",
                      help="JSON or YAML: a list of template or file, event, expect")
    for command in (render, test):
        command.add_argument("--trace", action="store_true",
                             help="print the value of each reference and #set with its line")
        _setting_flags(command)


def _key_commands(commands: _Commands) -> None:
    keys = _command(commands, "keys", "keys.keys", "make, list, enable or disable API keys of the running gateway")
    actions = keys.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    new = actions.add_parser("new", help="make a key and print its value")
    new.add_argument("name", metavar="NAME")
    new.add_argument("--plan", action="append", default=[], metavar="PLAN", help="usage plan; may be given again")
    new.add_argument("--value-file", metavar="FILE", help="take the value from here instead of making one")
    _setting_flags(new)
    _setting_flags(actions.add_parser("list", help="print every key, without its value"))
    for name in ("enable", "disable"):
        switch = actions.add_parser(name, help=f"{name} a key at once, in every worker")
        switch.add_argument("name", metavar="NAME")
        _setting_flags(switch)

    _setting_flags(_command(commands, "plans", "keys.plans", "print the usage plans of the running gateway"))
    usage = _command(commands, "usage", "keys.usage", "print what a key has used and has left")
    usage.add_argument("key", metavar="KEY", help="name of the key")
    _setting_flags(usage)


def _iam_commands(commands: _Commands) -> None:
    iam = commands.add_parser("iam", help="who may sign requests: make the key, encrypt secrets, issue sessions")
    actions = iam.add_subparsers(title="actions", metavar="ACTION", required=True)
    key = _command(actions, "key", "iam.key", "make the key of the section iam")
    key.add_argument("file", metavar="FILE", help="where it is written; FASTGW_IAM_KEY_FILE names it to the gateway")
    encrypt = _command(actions, "encrypt", "iam.encrypt", "print the secret of an access key, encrypted")
    encrypt.add_argument("access_key", metavar="ID", help="of the access key; the text is good for no other")
    encrypt.add_argument("--secret-file", metavar="FILE", help="read the secret here, not from the standard input")
    _setting_flags(encrypt)
    session = _command(actions, "session", "iam.session", "issue a session of a role and print its credentials")
    session.add_argument("role", metavar="ROLE")
    _definition(session)
    session.add_argument("--name", default="fastgw", help="of the session")
    session.add_argument("--seconds", type=int, metavar="N", help="that it lasts; default: as long as the role lets it")
    session.add_argument("--json", action="store_true", help="as credential_process of the SDKs reads it")
    _setting_flags(session)


def _command(commands: _Commands, name: str, function: str, help: str) -> argparse.ArgumentParser:
    """function is "module.name" in this package, imported when the command is run."""
    command = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    command.set_defaults(command=function)
    return command


def _definition(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", nargs="+", metavar="FILE",
                         help="OpenAPI 3, Swagger 2, a CloudFormation or SAM template, or a fastgw.yaml")
    _reading(command)


def _reading(command: argparse.ArgumentParser) -> None:
    add = command.add_argument_group("how to read the definition").add_argument
    add("--stage", default="$default", help="name of the stage of a bare OpenAPI file")
    add("--param", action="append", default=[], metavar="NAME=VALUE", help="value of ${NAME}")
    add("--values", action="append", default=[], metavar="FILE", help="JSON or YAML file of such values, nested names")
    add("--kind", choices=("rest", "http"), help="kind of API where the file does not say")
    add("--basepath", choices=("ignore", "prepend", "split"), default="ignore",
        help="what to do with the definition's own base path")
    add("--upstream", metavar="URL", help="send routes that have no integration here")
    add("--validation", choices=("aws", "strict"), default="aws",
        help="how stages check requests that do not say so: as the service does, or all that the definition says")
    add("--allow-unenforced", action="append", default=[], metavar="CHECK[,CHECK]",
        help="serve although these checks of the definition are not made")


def _setting_flags(command: argparse.ArgumentParser) -> None:
    add = command.add_argument_group("settings (fastgw environ lists them)").add_argument
    add("--listen", metavar="ADDRESS[,ADDRESS]", help="host:port, [v6]:port or unix:/path")
    add("--ops", metavar="ADDRESS", help="address of the ops listener, or off")
    add("--workers", metavar="N", help="worker processes; 0 is one for each core")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="any setting")

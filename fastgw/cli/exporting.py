"""`fastgw export`: an API as an OpenAPI document."""

import argparse
import json
import sys

from fastgw.cli import OK, PROBLEMS, CommandError
from fastgw.cli.options import usable
from fastgw.load.exports import EXTENSIONS, ExportError, Options, export
from fastgw.load.problem import did_you_mean
from fastgw.model.api import Api
from fastgw.model.gateway import Gateway, Stage


def run(options: argparse.Namespace) -> int:
    gateway = usable(options).gateway
    api = _api(gateway, options.api)
    stage = _stage(gateway, api, options.of_stage)
    extensions = frozenset(name.strip() for name in options.extensions.split(",") if name.strip() not in ("", "none"))
    for name in extensions.difference(EXTENSIONS):
        raise CommandError(f"fastgw: --extensions {name}: allowed are none, {', '.join(EXTENSIONS)}"
                           f"{did_you_mean(name, EXTENSIONS)}")
    try:
        document = export(api, Options(options.format, extensions, stage.name, stage.validation))
    except ExportError as error:
        raise CommandError(*(f"fastgw: {line}" for line in error.lines), status=PROBLEMS) from None
    if options.json:
        json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
        print()
    else:
        from fastgw.load.yaml_write import write

        print(write(document), end="")
    return OK


def _api(gateway: Gateway, name: str | None) -> Api:
    names = [api.name for api in gateway.apis]
    if name is None and len(names) > 1:
        raise CommandError(f"fastgw: there are {len(names)} APIs; choose one with --api: {', '.join(names)}")
    for api in gateway.apis:
        if name in (None, api.name, api.id):
            return api
    raise CommandError(f"fastgw: no API is named {name}{did_you_mean(name, names)}")


def _stage(gateway: Gateway, api: Api, name: str | None) -> Stage:
    stages = [stage for stage in gateway.stages if stage.api == api.name]
    for stage in stages:
        if name in (None, stage.name):
            return stage
    names = [stage.name for stage in stages]
    raise CommandError(f"fastgw: {api.name} has no stage {name}; it has {', '.join(names)}{did_you_mean(name, names)}")

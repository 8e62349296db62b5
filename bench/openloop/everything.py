"""A gateway with everything on, two workers of it, and the request that meets all of it."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import openloop, origin
from bench.compare import check, works
from bench.compare.measure import START_SECONDS
from bench.compare.process import Process
from bench.compare.site import Site, free_port
from bench.compare.targets.fastgw import Fastgw

KEYS = 10_000
EVERYTHING = works.Work(
    "everything", "POST", f"{works.route_path(works.KEYED_ROUTES // 2)}/42", origin.POST_BODY, origin=True,
    body=works.ORDER, routes=works.KEYED_ROUTES, keys=KEYS,
    headers=((works.KEY_HEADER, works.key_value(KEYS // 2)),), wrong=works.WRONG_ORDER,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Served:
    """gateway has answered rightly; site is where."""

    gateway: Process
    site: Site
    origin_port: int


@contextlib.contextmanager
def serving(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Gateway and origin, on whichever cores there are. settings: FASTGW_* on top of what the comparison sets."""
    home = folder / "fastgw"
    home.mkdir()
    site = Site(home, free_port(), free_port(), free_port(), EVERYTHING)
    launch = Fastgw(workers=2).launch(site)
    environment = launch.environment | dict(settings or {})
    with (
        Process([str(origin.build(folder)), str(site.origin_port)], None, folder / "origin.log"),
        Process(launch.command, None, home / "log", environment) as gateway,
    ):
        check.ready(gateway, site.port, START_SECONDS)
        check.right(site, EVERYTHING)
        check.furnished(site, EVERYTHING)
        yield Served(gateway, site, site.origin_port)


def request(port: int) -> bytes:
    """The bytes of EVERYTHING for a listener on this port."""
    return openloop.request("POST", EVERYTHING.path, port, dict(EVERYTHING.headers), EVERYTHING.body)

"""fastgw: a generated definition, started as a user would start it."""

import importlib.util
import sys

import fastgw
from bench.compare import definition, works
from bench.compare import site as place
from bench.compare.works import Work


class Fastgw:
    """One worker; metrics are on, as always, and an access log of the preset json."""

    name = "fastgw"

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers

    works = frozenset(works.NAMES)

    def serves(self, work: Work) -> bool:
        return True

    def missing(self) -> str | None:
        if importlib.util.find_spec("fastgw._core.engine") is None:
            return "fastgw is not compiled (python setup.py build_ext --inplace)"
        return None

    def version(self) -> str:
        return fastgw.__version__

    def launch(self, site: place.Site) -> place.Launch:
        (site.folder / "openapi.json").write_text(definition.of(site.work, site.origin_port))
        if site.work.keys:
            (site.folder / "keys.csv").write_text(definition.key_file(site.work.keys))
        file = site.folder / "fastgw.yaml"
        file.write_text(definition.gateway(site.work, str(site.log)))
        command = [sys.executable, "-m", "fastgw", "run", str(file), "--workers", str(self.workers)]
        command += ["--listen", f"127.0.0.1:{site.port}", "--ops", f"127.0.0.1:{site.ops_port}"]
        return place.Launch(
            command,
            {
                "FASTGW_UPSTREAM_ALLOW_PRIVATE": "true",
                "FASTGW_UPSTREAM_CONNECTIONS": str(place.POOL),
                "FASTGW_UPSTREAM_POOL_IDLE": str(place.IDLE_SECONDS),
                "FASTGW_KEEPALIVE_TIMEOUT": str(place.IDLE_SECONDS),
                "FASTGW_KEEPALIVE_REQUESTS": str(place.REQUESTS),
                "FASTGW_DRAIN_TIMEOUT": "2",
            },
        )

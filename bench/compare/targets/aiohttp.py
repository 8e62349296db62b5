"""The plain Python proxy (python_proxy.py): what one gets without a gateway."""

import importlib.metadata
import importlib.util
import sys

from bench.compare import site as place
from bench.compare import works
from bench.compare.works import Work


class Aiohttp:
    name = "aiohttp"
    works = works.EVERYWHERE | {"validated"}

    def serves(self, work: Work) -> bool:
        return True

    def missing(self) -> str | None:
        needs = ("aiohttp", "uvloop", "orjson", "fastjsonschema")
        lack = [name for name in needs if importlib.util.find_spec(name) is None]
        return f"not installed: {', '.join(lack)} (pip install {' '.join(lack)})" if lack else None

    def version(self) -> str:
        return importlib.metadata.version("aiohttp")

    def launch(self, site: place.Site) -> place.Launch:
        module = "bench.compare.targets.python_proxy"
        return place.Launch([sys.executable, "-m", module, str(site.port), str(site.origin_port), str(site.log)])

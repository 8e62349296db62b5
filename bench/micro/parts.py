"""The parts of the engine that are measured one by one, and what each may cost.

python -m bench.micro.parts PROBE NAME TIMES runs one in a loop, for profilers; PROBE is what built() gives.
"""

import importlib.util
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.compare import definition, works
from fastgw.load import LoadOptions, load
from fastgw.plan.compiler import compile_plan
from fastgw.runtime.slots import Slots
from fastgw.settings import Settings

HERE = Path(__file__).parent
HOME = HERE.parents[1]
BUILD = HOME / "build" / "bench"

BARE = b"GET /fixed HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
BROWSER = (
    b"GET /pets/7?page=1 HTTP/1.1\r\n"
    b"Host: api.example.com\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    b"Accept: text/html,application/json;q=0.9,*/*;q=0.8\r\n"
    b"Accept-Language: en-US,en;q=0.5\r\n"
    b"Accept-Encoding: gzip, deflate, br\r\n"
    b"Connection: keep-alive\r\n"
    b"Cookie: session=0123456789abcdef0123456789abcdef\r\n"
    b"Cache-Control: no-cache\r\n"
    b"\r\n"
)
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"

Loop = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Part:
    """loop(module, engine) gives what runs it a number of times.

    nanoseconds    budget on a machine where the part "llhttp alone" takes its own budget
    instructions   budget in user mode, with gcc 12 on x86-64
    """

    name: str
    loop: Callable[[Any, Any], Loop]
    nanoseconds: float
    instructions: int


def request_write(head: bytes) -> Callable[[Any, Any], Loop]:
    def loop(_: Any, engine: Any) -> Loop:
        engine.route(head.replace(b"/fixed", b"/proxied"))
        return engine.write_request

    return loop


def answer_write(_: Any, engine: Any) -> Loop:
    engine.route(BARE)
    return engine.write_answer


def log_line(_: Any, engine: Any) -> Loop:
    engine.route(BROWSER)
    return engine.write_line


REFERENCE = Part("llhttp alone", lambda module, _: lambda times: module.reference(BROWSER, times), 300, 4900)
PARTS = (
    Part("head parse, bare", lambda _, engine: lambda times: engine.parse(BARE, times), 160, 2600),
    Part("head parse, browser", lambda _, engine: lambda times: engine.parse(BROWSER, times), 600, 10900),
    Part("request head write, bare", request_write(BARE), 170, 2050),
    Part("request head write, browser", request_write(BROWSER), 220, 2600),
    Part("answer head write", answer_write, 120, 1780),
    Part("access log line", log_line, 450, 5000),
    Part("pool release and acquire", lambda _, engine: lambda times: engine.pool(ANSWER, times), 600, 1350),
)


def built() -> Path:
    """The probe's shared object, compiled anew when it or a declaration it uses has changed."""
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    extension = Extension("probe", [str(HERE / "probe.pyx")], extra_compile_args=["-O3"])
    modules = cythonize(
        [extension],
        build_dir=str(BUILD),
        include_path=[str(HOME)],
        compiler_directives={"language_level": 3, "boundscheck": False, "wraparound": False},
        quiet=True,
    )
    distribution = Distribution({"name": "probe", "ext_modules": modules})
    command = distribution.get_command_obj("build_ext")
    command.build_lib = command.build_temp = str(BUILD)
    command.ensure_finalized()
    command.run()
    return BUILD / command.get_ext_filename("probe")


def probe(file: Path) -> tuple[ModuleType, Any]:
    """The probe's module, and its engine with one fixed answer and a greedy proxy route that is cached."""
    spec = importlib.util.spec_from_file_location("probe", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "openapi.json").write_text(definition.of(works.PROXY, 8080))
        main = Path(folder) / "fastgw.yaml"
        main.write_text("fastgw: 1\napis: {a: {definition: openapi.json, stages: {$default: {cache: {ttl: 3600}}}}}\n"
                        "log: {preset: json, file: \"-\"}\n")
        gateway = load([str(main)], LoadOptions()).gateway
    return module, module.Probe(compile_plan(gateway, Settings(), Slots().assign(gateway), logs={"-": 0}))


def main() -> None:
    file, name, times = sys.argv[1:]
    part = next(part for part in (REFERENCE, *PARTS) if part.name == name)
    part.loop(*probe(Path(file)))(int(times))


if __name__ == "__main__":
    main()

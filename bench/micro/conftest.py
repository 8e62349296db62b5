"""Build the probe (probe.pyx) against the engine of this checkout; it is no part of the package."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
HOME = HERE.parents[1]
BUILD = HOME / "build" / "bench"


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


@pytest.fixture(scope="session")
def probe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("probe", built())
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

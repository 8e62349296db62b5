"""How to compile fastgw/_core, and nothing else.

Environment switches for the developer:
  FASTGW_BUILD_DEBUG=1     -O0 -g
  FASTGW_BUILD_SANITIZE=1  AddressSanitizer and UndefinedBehaviorSanitizer
  FASTGW_BUILD_ANNOTATE=1  Cython's HTML annotation beside the generated C
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup


def switch(name: str) -> bool:
    return os.environ.get(f"FASTGW_BUILD_{name}", "") not in ("", "0")


sanitize = switch("SANITIZE")
debug = switch("DEBUG")
compile_args = ["-fvisibility=hidden", "-Wno-unused-function"]
link_args: list[str] = []
if sanitize:
    compile_args += ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined"]
    link_args += ["-fsanitize=address,undefined"]
elif debug:
    compile_args += ["-O0", "-g"]
else:
    compile_args += ["-O3", "-g1"]

extensions = [
    Extension(
        f"fastgw._core.{path.stem}",
        [str(path)],
        extra_compile_args=compile_args,
        extra_link_args=link_args,
    )
    for path in sorted(Path("fastgw/_core").glob("*.pyx"))
]

setup(
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
    ext_modules=cythonize(
        extensions,
        build_dir="build/cython",
        nthreads=os.cpu_count() or 1,
        annotate=switch("ANNOTATE"),
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
        },
    )
)

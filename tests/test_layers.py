"""Who may import whom (DESIGN.md section 2): .py by syntax tree, .pyx and .pxd by their import lines."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "fastgw"

PURE = ("parts.transform", "parts.aws.services", "parts.auth.jwks")
"""Parts that only compile and check: the loader refuses with them what it has to refuse."""

MAY_IMPORT = {
    "_core": {"_core"},
    "errors": set(),
    "model": {"model"},
    "load": {"load", "model", "errors", *PURE},
    "parts": {"parts", *PURE, "model", "_core", "errors"},
    "plan": {"plan", "model", "errors", "parts", *PURE, "_core"},
    "functions": {"functions", "model", "errors", "settings", "addresses", "_core"},
    "addresses": {"addresses"},
    "settings": {"settings", "addresses"},
    "observe": {"observe", "settings", "errors", "model"},
    "runtime": {"runtime", "plan", "load", "functions", "model", "errors", "_core", "settings", "addresses", "observe"},
}
"""Layer -> the layers it may import. control and cli may import everything."""

TOP = {"control", "cli"}
"""Nobody below them imports these."""

FACE = {"__main__"}
"""How the program is started: may import the top."""

AWS_WORDS = re.compile(r"amz|amazon|\baws|lambda|apigw|cognito|dynamo|x-amzn|cloudformation", re.IGNORECASE)

SOURCES = sorted(path for suffix in ("py", "pyx", "pxd", "pyi") for path in PACKAGE.rglob(f"*.{suffix}"))


def layer(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py") if first.endswith(".py") else first


def imports_of_python(path: Path) -> set[str]:
    """Names of our own modules that a file imports, written out in full."""
    package = ("fastgw", *path.relative_to(PACKAGE).parts[:-1])
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "fastgw"}


IMPORT_LINE = re.compile(r"^\s*(?:from\s+([\w.]+)\s+)?c?import\s+(.+)$")


def imports_of_cython(path: Path) -> set[str]:
    """The same for a .pyx or .pxd; a relative name stands in its own folder."""
    found: set[str] = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        match = IMPORT_LINE.match(line.split("#")[0])
        if not match:
            continue
        module, names = match.groups()
        for name in re.split(r"[,\s()]+", names):
            full = f"{module}.{name}" if module else name
            if full.startswith("."):
                full = "fastgw." + ".".join(path.relative_to(PACKAGE).parts[:-1]) + full
            found.add(full)
    return {name for name in found if name.split(".")[0] == "fastgw"}


def imported_layers(path: Path) -> set[str]:
    read = imports_of_python if path.suffix in (".py", ".pyi") else imports_of_cython
    return {_layer(name) for name in read(path) if name.count(".")}


def _layer(name: str) -> str:
    path = name.removeprefix("fastgw.") + "."
    return next((part for part in PURE if path.startswith(part + ".")), name.split(".")[1])


def names_of(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(PACKAGE)) for path in paths]


@pytest.mark.parametrize("path", SOURCES, ids=names_of(SOURCES))
def test_imports(path: Path) -> None:
    mine = layer(path)
    seen = imported_layers(path) - {"__version__"}
    if mine not in TOP | FACE | {"__init__"}:
        assert not seen & TOP, f"{mine} imports {seen & TOP}"
    if mine in MAY_IMPORT:
        assert seen <= MAY_IMPORT[mine], f"{mine} imports {seen - MAY_IMPORT[mine]}"


def test_model_imports_the_standard_library_only() -> None:
    import sys

    for path in (PACKAGE / "model").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module or ""]
            for module in modules:
                root = module.split(".")[0]
                assert root == "fastgw" or root in sys.stdlib_module_names, f"{path.name}: {module}"


CORE = [path for path in SOURCES if layer(path) == "_core"]


@pytest.mark.parametrize("path", CORE, ids=names_of(CORE))
def test_core_never_says_aws(path: Path) -> None:
    """The engine does HTTP. What the service's own names are, the plan tells it in bytes."""
    text = re.sub(r"\blambda( \w+(, \w+)*)?:", "", path.read_text(encoding="utf-8"))
    said = [line.strip() for line in text.splitlines() if AWS_WORDS.search(line)]
    assert not said


def test_the_readers_see_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This file's own readers find each form of import."""
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    (tmp_path / "load").mkdir()
    python = tmp_path / "load" / "a.py"
    python.write_text(
        "import fastgw.cli\nfrom fastgw.plan import x\nfrom ..control import ops\nfrom . import b\n"
    )
    assert imported_layers(python) == {"cli", "plan", "control", "load"}
    cython = tmp_path / "load" / "a.pyx"
    cython.write_text(
        "from fastgw._core.bytes cimport Span, Writer\ncimport fastgw.cli\nfrom .b cimport c\n"
        "from libc.string cimport memcpy\n"
    )
    assert imported_layers(cython) == {"_core", "cli", "load"}

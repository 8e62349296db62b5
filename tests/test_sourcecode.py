"""The tree keeps its own house rules: lint, file length, no machine paths, nothing left to do later."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SKIP = {".git", ".venv", "build", "dist", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis", ".benchmarks"}
CODE = {".py", ".pyx", ".pxd", ".pyi", ".toml", ".md", ".lua", ".sh", ".yaml", ".yml", ".json"}
LONGEST = 600
MACHINE = re.compile(r"(?<![\w.])/(?:work|home/\w+|Users/\w+|root|opt/pypi[\w-]*)/|(?<![\w.])/tmp/v\b")
LATER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")


def tree() -> list[Path]:
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in SKIP and not name.endswith(".egg-info")]
        found += [Path(folder) / name for name in names if Path(name).suffix in CODE or name == "Makefile"]
    return found


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


SOURCES = [path for path in tree() if path.suffix in (".py", ".pyx", ".pxd", ".pyi")]


def test_ruff() -> None:
    ruff = shutil.which("ruff") or shutil.which("ruff", path=str(Path(sys.executable).parent))
    if not ruff:
        pytest.skip("ruff is not installed (pip install .[dev])")
    run = subprocess.run(
        [ruff, "check", "--no-cache", "."], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stdout


def test_files_stay_short() -> None:
    long = {
        str(path.relative_to(ROOT)): count for path in SOURCES if (count := text(path).count("\n")) > LONGEST
    }
    assert not long


def test_no_machine_paths() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tree()
        if path != Path(__file__)
        for match in MACHINE.finditer(text(path))
    ]
    assert not found


def test_nothing_is_left_for_later() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in SOURCES
        if path != Path(__file__)
        for match in LATER.finditer(text(path))
    ]
    assert not found


def test_every_python_file_says_what_it_is_for() -> None:
    bare = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if path.suffix in (".py", ".pyx")
        and text(path).strip()
        and not re.match(r'(?:#[^\n]*\n|\s)*(?:r|b)?(?:"""|\'\'\')', text(path))
    ]
    assert not bare

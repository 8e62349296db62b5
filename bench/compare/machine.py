"""The machine line and the versions that every result carries."""

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.compare.site import Target


def machine() -> dict[str, Any]:
    """CPU model, cores, memory in MiB, kernel."""
    page = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count() or 1,
        "memory_mib": page // 2**20,
        "kernel": platform.release(),
        "architecture": platform.machine(),
    }


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return " ".join(value.split())
    return platform.machine()


def machine_class(facts: dict[str, Any]) -> str:
    """For file names: "2x-amd-epyc"."""
    model = re.sub(r"\(.*?\)|@.*|\b(CPU|Processor)\b", "", facts["cpu"])
    return f"{facts['cores']}x-{re.sub(r'[^a-z0-9]+', '-', model.lower()).strip('-')}"


def versions(targets: Iterable[Target]) -> dict[str, str]:
    """Of every target, of the load, and of what fastgw runs on."""
    found = {target.name: target.version() for target in targets}
    found["wrk"] = said(["wrk", "-v"], 1)
    found["gcc"] = said(["gcc", "-dumpfullversion"], 0)
    found["python"] = platform.python_version()
    for package in ("uvloop", "httptools", "Cython"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    found["commit"] = commit()
    return found


def said(command: list[str], word: int) -> str:
    """One word of what a command says about itself."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    return (done.stdout or done.stderr).split()[word]


def commit() -> str:
    """The commit measured, "-dirty" when the tree differs from it, "unknown" outside a repository."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    return done.stdout.strip() or "unknown"


def command_line() -> str:
    """The command to repeat the run."""
    return " ".join(["python -m bench.compare", *sys.argv[1:]])

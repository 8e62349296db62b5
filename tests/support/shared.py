"""The folder of outside material that lies beside the repository, where there is one."""

import json
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"


def load(relative: str) -> dict:
    """A JSON document of the shared folder; skips the asking module where it is absent."""
    path = SHARED / relative
    if not path.is_file():
        pytest.skip(f"{relative} is not beside the repository (../shared)", allow_module_level=True)
    return json.loads(path.read_text(encoding="utf-8"))

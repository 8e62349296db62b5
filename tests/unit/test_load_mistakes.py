"""Seeded mistakes and the exact messages they give; UPDATE_GOLDEN=1 writes the .expected files anew."""

import os
from pathlib import Path

import pytest

from fastgw.load import load

MISTAKES = Path(__file__).parent.parent / "golden" / "mistakes"
NAMES = sorted(path.name for path in MISTAKES.glob("*.yaml"))


def test_there_are_enough() -> None:
    assert len(NAMES) >= 30


@pytest.mark.parametrize("name", NAMES)
def test_messages(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(MISTAKES)
    loaded = load([name])
    told = "".join(f"{problem}\n" for problem in loaded.problems)
    expected = Path(name).with_suffix(".expected")
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(told)
    assert told == expected.read_text()
    assert loaded.gateway is None

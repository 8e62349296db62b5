"""Messages of the processes are one line each."""

import logging
import re

import pytest

from fastgw.runtime import log


@pytest.mark.parametrize("hostile", ["a\nb", "a\r\nb", "\x1b[2Ja", "a\u2028b", "a\0b", "a\x85b"])
def test_nothing_forges_a_line(hostile: str, capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("fastgw")
    before = logger.handlers[:], logger.propagate, logger.level
    log.start("test", "info")
    try:
        logger.warning("found %s", hostile)
    finally:
        logger.handlers[:], logger.propagate = before[:2]
        logger.setLevel(before[2])
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z test ", line)
    assert " test WARNING found " in line and line.isprintable()

"""What every test may use."""

from collections.abc import Iterator

import pytest

from tests.support.upstream import Upstream


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A recording upstream of the test's own; nothing unclean may have reached it."""
    with Upstream() as stub:
        yield stub
        assert stub.unclean == []

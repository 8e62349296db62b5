"""What every test may use."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.client import Wire
from tests.support.definition import pass_through
from tests.support.message import Response
from tests.support.process import Gateway
from tests.support.upstream import Upstream


@dataclass(frozen=True)
class Served:
    """A running gateway that passes everything to one upstream. Tests share it: use paths of your own."""

    gateway: Gateway
    upstream: Upstream

    def wire(self, **options: object) -> Wire:
        return self.gateway.wire(**options)

    def fetch(self, request: str | bytes, **options: object) -> Response:
        return self.gateway.fetch(request, **options)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A recording upstream of the test's own; nothing unclean may have reached it."""
    with Upstream() as stub:
        yield stub
        assert stub.unclean == []


@pytest.fixture(scope="session")
def _served() -> Iterator[Served]:
    with Upstream() as stub, Gateway({"api.json": pass_through(stub.url)}) as gateway:
        yield Served(gateway, stub)


@pytest.fixture
def served(_served: Served) -> Iterator[Served]:
    """The session's pass-through gateway with default settings."""
    yield _served
    assert _served.upstream.unclean == []

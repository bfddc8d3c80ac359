"""Desks to try pages on. One is shared by the pages that start nothing of their own."""

from collections.abc import Iterator

import pytest
from pages.collector import Collector, collecting
from pages.desk import COLLECTOR, MAKE_SERVE, Desk


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk on which `make serve` runs."""
    desk = Desk(tmp_path_factory.mktemp("shared"))
    try:
        desk.serve(MAKE_SERVE)
        yield desk
    finally:
        desk.close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Takes the spans of gateways on the test's desk."""
    with collecting() as collector:
        yield collector


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Desk]:
    """A desk of this test's own."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    desk.addresses[COLLECTOR] = collector.address
    yield desk
    desk.close()

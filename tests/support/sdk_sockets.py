"""Some SDKs leave their sockets to the garbage collector, which would warn amid a test that has nothing to do with them.

A `conftest.py` whose tests use such SDKs imports both names: they concern the tests of its folder alone.
"""

import gc
import warnings
from collections.abc import Iterator

import pytest

LEFT_OPEN = "ignore:unclosed:ResourceWarning"


@pytest.fixture(autouse=True)
def sockets_may_be_left(request: pytest.FixtureRequest) -> None:
    """Amid a test of an SDK."""
    request.applymarker(pytest.mark.filterwarnings(LEFT_OPEN))


@pytest.fixture(autouse=True, scope="module")
def sockets_are_let_go() -> Iterator[None]:
    """Behind the tests of a module."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()

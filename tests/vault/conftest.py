"""What tests of the vault share."""

from collections.abc import Iterator

import pytest
from kms import FakeKms


@pytest.fixture
def kms() -> Iterator[FakeKms]:
    one = FakeKms()
    yield one
    one.stop()

"""The console on a real database."""

from pathlib import Path

import pytest
from console_desk import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)

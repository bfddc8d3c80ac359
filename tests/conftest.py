"""Real servers, each started once in a run of pytest, when the first test asks for it."""

from collections.abc import Iterator

import pytest
from servers import Postgres, postgres_programs


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server; a test takes a database of its own from it."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("Postgres is not installed: apt-get install postgresql")
    server = Postgres(programs)
    yield server
    server.close()

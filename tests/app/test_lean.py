import subprocess
import sys

import pytest

KEPT = {
    "antiphon.agents",
    "antiphon.agents.background",
    "antiphon.agents.background_pieces",
    "antiphon.agents.documents",
    "antiphon.agents.journal",
    "antiphon.agents.outcomes",
    "antiphon.agents.settings",
    "antiphon.agents.documents.shelf",
}
"""Small words that a site is told by that there are none."""
LIBRARIES = {"croniter", "dateutil", "dbos", "docx", "jinja2", "mcp", "playwright", "psycopg", "sqlalchemy"}


def loaded_by(script: str) -> set[str]:
    code = f"import sys\n{script}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.processes
def test_a_gateway_without_agents_loads_nothing_of_them():
    loaded = loaded_by(
        "import antiphon.cli.serve\nfrom antiphon.config.load import load_text, built_in, Path\n"
        "load_text(built_in(), 'quickstart', Path(), {})"
    )
    rooms = ("antiphon.agents", "antiphon.knowledge", "antiphon.store.runs", "antiphon.wire.a2a", "antiphon.wire.mcp")
    assert {name for name in loaded if name.startswith(rooms)} == KEPT
    assert not LIBRARIES & loaded


@pytest.mark.processes
def test_a_gateway_without_an_admin_api_loads_nothing_of_it():
    loaded = loaded_by("import antiphon.cli.serve")
    assert {name for name in loaded if name.startswith("antiphon.admin.")} == {"antiphon.admin.settings"}


@pytest.mark.processes
def test_workers_that_take_requests_load_nothing_that_runs_agents():
    loaded = loaded_by("import antiphon.cli.serve, antiphon.app.agents, antiphon.app.agents_paths")
    assert (
        not {"antiphon.agents.engine.engine", "antiphon.agents.loop.driver", "antiphon.agents.triggers.cron"} & loaded
    )
    assert not LIBRARIES & loaded

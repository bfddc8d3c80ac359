import json
from pathlib import Path

import pytest

from antiphon.cli.exits import Exit

SOURCES = Path(__file__).parents[1] / "config" / "importing"


@pytest.mark.processes
@pytest.mark.parametrize(("kind", "file"), [("litellm", "production.yaml"), ("portkey", "portkey.json")])
def test_what_is_written_passes_the_check(antiphon, tmp_path, kind, file):
    out = tmp_path / "antiphon.yaml"

    ran = antiphon("config", "import", kind, SOURCES / file, "--out", out)

    assert (ran.code, ran.out) == (Exit.OK, "")
    assert "could not be carried" in ran.err
    named = ran.err.split("in its environment: ")[1].splitlines()[0].split(", ")
    variables = {name: "https://upstream.example" if name == "AZURE_API_BASE" else "a-value-0123" for name in named}
    checked = antiphon("config", "check", "--config", out, **variables)
    assert checked.code == Exit.OK, checked.err


@pytest.mark.processes
def test_a_file_that_is_there_is_not_overwritten(antiphon, tmp_path):
    out = tmp_path / "antiphon.yaml"
    out.write_text("mine")

    ran = antiphon("config", "import", "portkey", SOURCES / "portkey.json", "--out", out)

    assert ran.code == Exit.FAILED
    assert "is there already" in ran.err
    assert out.read_text() == "mine"


@pytest.mark.processes
def test_json_has_the_configuration_and_what_was_left(antiphon):
    ran = antiphon("config", "import", "litellm", SOURCES / "production.yaml", "--json")

    found = json.loads(ran.out)
    assert found["configuration"].startswith("# Made by")
    assert {"path": "mystery_section", "why": "it is not known here"} in found["left"]


@pytest.mark.processes
def test_a_file_that_is_not_there_is_told(antiphon, tmp_path):
    ran = antiphon("config", "import", "litellm", tmp_path / "none.yaml")

    assert ran.code == Exit.CONFIG
    assert "can't be read" in ran.err


@pytest.mark.processes
def test_a_file_without_models_is_told(antiphon, tmp_path):
    file, out = tmp_path / "config.yaml", tmp_path / "antiphon.yaml"
    file.write_text("litellm_settings: {drop_params: true}\n")

    ran = antiphon("config", "import", "litellm", file, "--out", out)

    assert (ran.code, ran.out, out.exists()) == (Exit.CONFIG, "", False)
    assert f"{file}:1: model_list: is missing; name the file that has it" in ran.err

"""Contracts of recipes in a whole configuration."""

import json
from pathlib import Path

import pytest

from antiphon.config.load import Loaded, load
from antiphon.core.error import ConfigError

MODELS = "providers: {lab: {lab: {models: {one: {}}}}}\nmodels: {one: {provider: lab}}\n"


def read(folder: Path, more: str) -> Loaded:
    file = folder / "antiphon.yaml"
    file.write_text(MODELS + more, "utf-8")
    return load(file, {})


def problems(folder: Path, more: str) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        read(folder, more)
    return [(one.path, one.wrong) for one in caught.value.problems]


def recipe(contract: str, more: str = "") -> str:
    return f"recipes:\n  careful:\n    single: {{}}\n    contract: {contract}\n{more}"


def test_a_schema_s_file_is_read_beside_the_configuration_and_counts_in_the_revision(tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    revisions = []
    for schema in ({"type": "object"}, {"type": "array"}):
        file.write_text(json.dumps(schema), "utf-8")
        loaded = read(tmp_path, recipe("{json_schema: {file: order.json}}"))
        contract = loaded.settings.recipes["careful"].contract
        assert contract is not None
        assert contract.json_schema is not None
        assert contract.json_schema.schema == schema
        revisions.append(loaded.revision.id)
    assert revisions[0] != revisions[1]


@pytest.mark.parametrize("text", [None, "[]", "not JSON"])
def test_a_file_without_a_schema_is_a_mistake_at_its_place(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "order.json").write_text(text, "utf-8")
    ((path, wrong),) = problems(tmp_path, recipe("{json_schema: {file: order.json}}"))
    assert path == "recipes.careful.contract.json_schema.file"
    assert "order.json" in wrong


def test_a_schema_in_a_file_that_can_not_be_used_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text('{"$ref": "https://example.org/"}', "utf-8")
    ((path, wrong),) = problems(tmp_path, recipe("{json_schema: {file: order.json}}"))
    assert path == "recipes.careful.contract.json_schema.schema"
    assert "leads out of the schema" in wrong


def test_a_tier_behind_refuse_is_a_mistake(tmp_path: Path) -> None:
    found = problems(tmp_path, "sandbox: {tiers: [monty, refuse, landlock]}\n")
    assert found == [("sandbox.tiers", "landlock stands behind refuse")]


def test_tests_that_no_sandbox_runs_are_a_mistake(tmp_path: Path) -> None:
    more = "sandbox: {tiers: [refuse]}\n"
    ((path, wrong),) = problems(tmp_path, recipe("{code: {tests: ['assert f()']}}", more))
    assert path == "recipes.careful.contract.code.tests"
    assert "can't run" in wrong


def test_the_sandbox_s_limits_are_what_the_configuration_says(tmp_path: Path) -> None:
    loaded = read(
        tmp_path, "sandbox: {cpu_s: 1, wall_s: 3, memory_bytes: 100000000, output_bytes: 2000, concurrency: 1}\n"
    )
    limits = loaded.settings.sandbox.limits()
    assert (limits.cpu_s, limits.wall_s, limits.memory_bytes, limits.output_bytes) == (1.0, 3.0, 100_000_000, 2000)

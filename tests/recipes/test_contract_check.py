"""Contracts that can't be kept, or ask for nothing, are mistakes of the configuration."""

import json
from pathlib import Path

import msgspec
import pytest

from antiphon.recipes.contract_check import loaded, mistakes
from antiphon.recipes.schema import BadSchema
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_contract import ContractSettings


def contract(**written) -> ContractSettings:
    return msgspec.convert(written, ContractSettings)


@pytest.mark.parametrize(
    "written",
    [
        {"choice": {"options": ["A", "B"], "labels": ["one", "two"]}},
        {"choice": {}},
        {"exact": {"type": "number", "tolerance": 0.01}},
        {"json_schema": {"schema": {"type": "object"}}},
        {"json_schema": {"from": "request"}},
        {"json_schema": {"file": "order.json"}},
        {"code": {"entry": "solve", "tests": ["assert solve(1) == 2"]}},
        {"citations": {"required": 2, "sources": "request"}},
        {"length": {"min_words": 3, "max_words": 3}},
        {"regex": "[a-z]+"},
    ],
)
def test_a_contract_that_can_be_kept_has_no_mistakes(written: dict) -> None:
    assert mistakes(contract(**written)) == []


@pytest.mark.parametrize(
    ("written", "path", "wrong"),
    [
        ({}, "", "it asks for nothing"),
        ({"choice": {"options": ["A", "a"]}}, "choice.options", "the same"),
        ({"choice": {"options": ["A"], "labels": ["x", "y"]}}, "choice.labels", "2 labels for 1 options"),
        ({"choice": {"options": ["a, b", "c"], "multiple": True}}, "choice.options", "comma"),
        ({"json_schema": {}}, "json_schema", "0 of its fields are set"),
        ({"json_schema": {"schema": {}, "from": "request"}}, "json_schema", "2 of its fields are set"),
        ({"json_schema": {"schema": {"type": "strin"}}}, "json_schema.schema", "can't be used"),
        (
            {"json_schema": {"schema": {"$ref": "https://example.org/"}}},
            "json_schema.schema",
            "leads out of the schema",
        ),
        ({"length": {"min_words": 4, "max_words": 3}}, "length.max_words", "3 is less than min_words, 4"),
        ({"code": {"compiles": False}}, "code", "asks for nothing of the program"),
        ({"regex": "("}, "regex", "no RE2 pattern"),
        ({"regex": "(?=a)b"}, "regex", "no RE2 pattern"),
    ],
)
def test_a_mistake_says_where_it_is_and_what_is_wrong(written: dict, path: str, wrong: str) -> None:
    ((where, said, remedy),) = mistakes(contract(**written))
    assert (where, bool(remedy)) == (path, True)
    assert wrong in said


def test_a_recipe_tells_the_mistakes_of_its_contract() -> None:
    recipe = msgspec.convert({"single": {}, "contract": {"regex": "("}}, RecipeSettings)
    assert [path for path, _, _ in recipe.check()] == ["contract.regex"]


@pytest.mark.parametrize("written", [{"render": "html"}, {"repairs": 9}, {"on_violation": "ignore"}, {"colour": "red"}])
def test_what_no_contract_has_is_refused(written: dict) -> None:
    with pytest.raises(msgspec.ValidationError):
        contract(**written)


def test_a_schema_may_stand_in_a_file(tmp_path: Path) -> None:
    schema = {"type": "object", "required": ["a"]}
    (tmp_path / "order.json").write_text(json.dumps(schema), "utf-8")
    found = loaded(contract(json_schema={"file": "order.json"}), tmp_path)
    assert found.json_schema is not None
    assert (found.json_schema.schema, found.json_schema.file) == (schema, "")
    assert mistakes(found) == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1, "a": 2}', "\udcff"])
def test_a_file_that_holds_no_schema_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "order.json").write_text(text, "utf-8", errors="surrogateescape")
    with pytest.raises(BadSchema, match=r"order\.json"):
        loaded(contract(json_schema={"file": "order.json"}), tmp_path)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadSchema, match="can't be read"):
        loaded(contract(json_schema={"file": "none.json"}), tmp_path)


def test_other_contracts_need_no_file(tmp_path: Path) -> None:
    other = contract(regex="a")
    assert loaded(other, tmp_path) is other

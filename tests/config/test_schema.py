from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from antiphon.config.load import built_in
from antiphon.config.schema import schema, schema_text
from antiphon.config.settings import Settings
from antiphon.config.walk import walk
from antiphon.wire.yaml import compose
from antiphon.wire.yaml_node import Items, Node, Scalar, Table

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
VALIDATOR = Draft7Validator(schema())
AFTER_DRAFT_7 = {"$defs", "prefixItems", "unevaluatedProperties", "dependentRequired", "dependentSchemas", "$anchor"}


def plain(node: Node | None) -> object:
    match node:
        case Table():
            return {entry.key: plain(entry.value) for entry in node.entries}
        case Items():
            return [plain(item) for item in node.nodes]
        case Scalar():
            return node.value
        case None:
            return {}


def parts(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parts(inner)


def errors(text: str) -> list[str]:
    node, problems = compose(text, "f")
    assert not problems
    return [error.message for error in VALIDATOR.iter_errors(plain(node))]


def test_the_committed_schema_is_current() -> None:
    committed = (ROOT / "examples" / "antiphon.schema.json").read_text()
    assert committed == schema_text(), "run `antiphon config schema > examples/antiphon.schema.json`"


def test_it_is_a_schema_of_draft_7() -> None:
    Draft7Validator.check_schema(schema())
    assert not [part for part in parts(schema()) if AFTER_DRAFT_7 & set(part)]
    assert not [part for part in parts(schema()) if "$ref" in part and len(part) > 1]


def test_every_reference_leads_somewhere() -> None:
    definitions = schema()["definitions"]
    assert isinstance(definitions, dict)
    for part in parts(schema()):
        if "$ref" in part:
            assert str(part["$ref"]).removeprefix("#/definitions/") in definitions


def test_no_section_takes_keys_that_do_not_exist() -> None:
    assert not [part for part in parts(schema()) if "properties" in part and part["additionalProperties"] is not False]


def test_every_setting_keeps_its_description() -> None:
    said = [part["description"] for part in parts(schema()) if "description" in part]
    assert [one.path for one in walk(Settings) if one.description not in said] == []


@pytest.mark.parametrize("file", [*EXAMPLES, ROOT / "bench" / "gateway.yaml"], ids=lambda file: file.name)
def test_every_example_is_valid_and_names_the_schema(file: Path) -> None:
    text = file.read_text()
    assert errors(text) == []
    name = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (file.parent / name).resolve() == ROOT / "examples" / "antiphon.schema.json"


def test_the_built_in_quickstart_is_valid() -> None:
    assert errors(built_in()) == []


@pytest.mark.parametrize(
    "text",
    [
        "server: {port: '${env:PORT:-8080}'}",
        "server: {insecure: '${env:INSECURE}'}",
        "server: {drain_timeout_s: '${file:/run/drain}'}",
        "telemetry: {log_level: '${env:LEVEL:-info}'}",
        "providers: {openai: {base_url: '${env:URL}', key: '${file:key}'}}",
        "models: {a: {provider: b, price: {input: '${env:PRICE}', output: 1}}}",
        "server: {tls: null}",
        "",
    ],
)
def test_what_load_takes_is_valid(text: str, loaded: Callable[..., object]) -> None:
    assert errors(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "server: {port: eighty}",
        "server: {port: 70000}",
        "server: {port: $PORT}",
        "server: {hots: a}",
        "telemetry: {log_level: loud}",
        "budgets: {}",
        "keys: [{name: a}]",
        "keys: {a: b}",
        "routes: {'a b': {}}",
        "models: {a: {model: b}}",
        "providers: {a: {base_url: ftp://x}}",
        "server: {tls: {min_version: 1.2, cert_file: a, key_file: b}}",
    ],
)
def test_what_load_refuses_is_invalid(text: str, mistakes: Callable[..., object]) -> None:
    assert errors(text)
    mistakes(text)

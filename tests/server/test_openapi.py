"""The description of what is served is whole, valid and true of what the codecs write."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from antiphon.core import error as errors
from antiphon.core.body import Body
from antiphon.core.error import AntiphonError, BadRequest, ConfigError
from antiphon.server import compact, counting, files, kept, paths, realtime, site
from antiphon.server.openapi import DOCUMENT, statuses
from antiphon.server.openapi_shapes import BODIES, ERRORS, FORMS
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS

SAID: dict[str, Any] = json.loads(DOCUMENT)
SERVED = {(method, path) for path, methods in SAID["paths"].items() for method in methods}
LONGER = "x" * 257


def resolved(value: Any) -> Any:
    """A value with every reference in it followed."""
    if isinstance(value, dict):
        if "$ref" in value:
            found: Any = SAID
            for step in value["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            return resolved(found)
        return {name: resolved(child) for name, child in value.items()}
    return [resolved(child) for child in value] if isinstance(value, list) else value


def test_every_model_call_is_described() -> None:
    assert {("post", path.decode()) for path in paths._FIXED} <= SERVED
    assert {("post", f"/v1beta/models/{{model}}:{action}") for action in paths._ACTIONS} <= SERVED


def test_every_page_is_described() -> None:
    source = re.findall(r'b"(/[a-z0-9./_]+)"', Path(site.__file__).read_text("utf-8"))
    found = set(source) - {path.decode() for path in site._API} - {"/openai", "/models/"}
    pages = {f"{path}{{id}}" if path.endswith("/") else path for path in found}

    assert pages >= {"/v1/models", "/openapi.json", "/v1/receipts/{id}"}
    assert {("get", path) for path in pages} <= SERVED


def test_everything_that_is_kept_counted_or_left_is_described() -> None:
    assert {(method.lower(), path) for method, path, _ in kept.PATHS} <= SERVED
    beside = (counting.MESSAGES, counting.RESPONSES, compact.COMPACT, files.FILES, files.BATCHES)
    assert {("post", path.decode()) for path in beside} <= SERVED
    assert ("get", "/v1/realtime") in SERVED
    assert b"/v1/realtime" in realtime.PATHS


def test_no_operation_has_the_name_of_another() -> None:
    names = [one["operationId"] for methods in SAID["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names))


def test_every_body_is_a_schema() -> None:
    for shape in (*BODIES.values(), *FORMS.values(), *ERRORS.values()):
        jsonschema.Draft202012Validator.check_schema(dict(shape))


def test_every_status_of_the_tree_of_errors_is_described() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AntiphonError)]
    assert set(statuses()) == {kind.status for kind in kinds if kind is not ConfigError}
    for _, path in SERVED:
        for operation in SAID["paths"][path].values():
            assert {str(status) for status in statuses()} <= operation["responses"].keys()


@pytest.mark.parametrize("path", [path for path, _ in paths.model_calls()])
def test_an_error_has_the_form_that_is_described(path: str) -> None:
    dialect = dict(paths.model_calls())[path]
    answers = SAID["paths"][path]["post"]["responses"]
    for status in statuses():
        error = BadRequest("wrong", status=status, param="model", retry_after_s=1.5)
        shape = resolved(answers[str(status)])["content"]["application/json"]["schema"]

        jsonschema.validate(json.loads(CODECS[dialect].error(error)), shape)


def refused(dialect: Any, body: Any) -> bool:
    codec, asked = CODECS[dialect], Asked(endpoint="/v1/some", model="m" if dialect.startswith("gemini") else "")
    try:
        codec.read(Body((json.dumps(body).encode(),)), asked)
    except BadRequest:
        return True
    return False


LEAST: dict[str, dict[str, Any]] = {
    "openai_chat": {"model": "m", "messages": []},
    "openai_responses": {"model": "m", "input": "x"},
    "anthropic_messages": {"model": "m", "messages": [], "max_tokens": 1},
    "gemini": {"contents": []},
    "openai_completions": {"model": "m", "prompt": "x"},
    "openai_embeddings": {"model": "m", "input": "x"},
    "gemini_embeddings": {"content": {"parts": [{"text": "x"}]}},
    "cohere_embeddings": {"model": "m", "texts": ["x"]},
    "cohere_rerank": {"model": "m", "query": "x", "documents": ["x"]},
    "openai_moderations": {"input": "x"},
    "openai_images": {"model": "m", "prompt": "x"},
    "openai_speech": {"model": "m", "input": "x"},
}


def test_every_dialect_in_json_is_tried() -> None:
    assert LEAST.keys() == BODIES.keys() - {"openai_transcription"}


def variants(dialect: str) -> list[dict[str, Any]]:
    """The least body, without each of its fields, and with a value of every kind in the place of each that is described."""
    least = LEAST[dialect]
    shape: dict[str, Any] = dict(BODIES[dialect])  # pyright: ignore[reportArgumentType]
    names = [*shape.get("properties", {}), *least]
    odd = (None, True, 0, 1, 1.5, -1, 10**10, "", "x", LONGER, [], ["x"], {}, {"a": 1})
    without = [{name: value for name, value in least.items() if name != gone} for gone in least]
    # What goes with a stream only is for a sentence to say: it is tried with one.
    streams = {"stream": True} if "stream_options" in names else {}
    return [least, *without, *({**least, **streams, name: value} for name in names for value in odd)]


@pytest.mark.parametrize("dialect", LEAST)
def test_what_is_described_is_what_is_checked(dialect: str) -> None:
    for body in variants(dialect):
        valid = jsonschema.Draft202012Validator(dict(BODIES[dialect])).is_valid(body)  # pyright: ignore[reportArgumentType]
        assert valid != refused(dialect, body), body


async def test_it_is_served_without_a_key(place: Callable[..., Any]) -> None:
    asked = await place().ask("GET", "/openapi.json", "")

    assert (asked.status, asked.headers["content-type"]) == (200, "application/json")
    assert asked.json["openapi"] == "3.1.1"

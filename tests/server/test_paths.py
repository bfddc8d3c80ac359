"""Which paths are model calls, and in which dialect."""

from typing import Any

import pytest
from fakes.exchange import Asked

from antiphon.server.ask import token_of
from antiphon.server.listed import Listed
from antiphon.server.paths import call_of

FIXED = {
    "/v1/chat/completions": "openai_chat",
    "/v1/responses": "openai_responses",
    "/v1/messages": "anthropic_messages",
    "/v1/completions": "openai_completions",
    "/v1/embeddings": "openai_embeddings",
    "/v2/embed": "cohere_embeddings",
    "/v1/rerank": "cohere_rerank",
    "/v2/rerank": "cohere_rerank",
    "/v1/moderations": "openai_moderations",
    "/v1/images/generations": "openai_images",
    "/v1/images/edits": "openai_images",
    "/v1/images/variations": "openai_images",
    "/v1/audio/speech": "openai_speech",
    "/v1/audio/transcriptions": "openai_transcription",
    "/v1/audio/translations": "openai_transcription",
}


def found(target: str) -> Any:
    return call_of(Asked("POST", target).exchange)


@pytest.mark.parametrize(("path", "dialect"), FIXED.items())
def test_a_path_is_a_dialect(path: str, dialect: str) -> None:
    call = found(path)

    assert (call.codec.name, call.endpoint, call.model, call.stream, call.wraps) == (dialect, path, "", False, None)


@pytest.mark.parametrize("path", [path for path in FIXED if path.startswith("/v1/")])
def test_azures_paths_are_the_same_calls(path: str) -> None:
    for other in (f"/openai{path}", f"/openai/deployments/my-gpt{path.removeprefix('/v1')}?api-version=2024-10-21"):
        assert found(other) is found(path)


@pytest.mark.parametrize("version", ["v1", "v1beta"])
@pytest.mark.parametrize("kind", ["models", "tunedModels"])
@pytest.mark.parametrize(
    ("action", "dialect", "stream"),
    [
        ("generateContent", "gemini", False),
        ("streamGenerateContent", "gemini", True),
        ("embedContent", "gemini_embeddings", False),
        ("batchEmbedContents", "gemini_embeddings", False),
    ],
)
def test_geminis_paths_name_the_model_and_what_is_asked_of_it(
    version: str, kind: str, action: str, dialect: str, stream: bool
) -> None:
    call = found(f"/{version}/{kind}/gem:{action}")

    assert (call.codec.name, call.model, call.stream) == (dialect, "gem", stream)
    assert call.endpoint == f"/{version}/models/{{model}}:{action}"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("a%2Fb", "a/b"),
        ("a/b", "a/b"),
        ("caf%C3%A9", "café"),
        ("a%3Ab", "a:b"),
        ("a%20b", "a b"),
        ("a.b-1_2@3", "a.b-1_2@3"),
    ],
)
def test_a_models_name_is_decoded(written: str, name: str) -> None:
    assert found(f"/v1beta/models/{written}:generateContent").model == name


@pytest.mark.parametrize(
    ("query", "listed"),
    [("", True), ("?alt=json", True), ("?alt=sse", False), ("?key=k&alt=sse", False), ("?alt=sse&alt=json", True)],
)
def test_geminis_streams_are_lists_unless_events_are_asked_for(query: str, listed: bool) -> None:
    assert found(f"/v1beta/models/gem:streamGenerateContent{query}").wraps is (Listed if listed else None)
    assert found(f"/v1beta/models/gem:generateContent{query}").wraps is None


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/models",
        "/v1/models/gem",
        "/v1/chat/completions/",
        "/v1/chat/completions/x",
        "/v2/chat/completions",
        "/v1beta/models/gem:countTokens",
        "/v1beta/models/gem:deleteAll",
        "/v1beta/models/:generateContent",
        "/v1beta/models/gem",
        "/v2beta/models/gem:generateContent",
        "/openai/deployments/x/chat",
        "/openai/deployments//chat/completions",
        "/openai/models",
        "/openai/v1/nothing",
        "/xopenai/v1/chat/completions",
        "/V1/chat/completions",
    ],
)
def test_another_path_is_no_model_call(path: str) -> None:
    assert found(path) is None


# --- the key


@pytest.mark.parametrize(
    ("headers", "query", "token"),
    [
        ({"authorization": "Bearer k"}, "", b"k"),
        ({"authorization": "bearer  k "}, "", b"k"),
        ({"x-api-key": "k"}, "", b"k"),
        ({"api-key": " k "}, "", b"k"),
        ({"x-goog-api-key": "k"}, "", b"k"),
        ({}, "?key=k", b"k"),
        ({}, "?alt=sse&key=a%2Bb", b"a+b"),
        ({}, "?monkey=k", None),
        ({}, "?key=", None),
        ({}, "", None),
        ({"authorization": "Basic eA=="}, "", None),
        ({"authorization": "Basic eA==", "x-api-key": "k"}, "", b"k"),
        ({"authorization": "Bearer a", "x-api-key": "b"}, "?key=c", b"a"),
        ({"x-api-key": "b"}, "?key=c", b"b"),
    ],
)
def test_a_key_comes_as_each_dialects_clients_send_it(headers: dict[str, str], query: str, token: bytes | None) -> None:
    assert token_of(Asked("POST", f"/v1/messages{query}", headers).exchange) == token

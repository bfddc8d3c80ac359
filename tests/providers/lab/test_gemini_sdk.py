"""The lab's Gemini API as Google's own SDK sees it."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from antiphon.providers.lab.run import running
from antiphon.providers.lab.settings import FaultSettings, LabModel, LabSettings

genai = pytest.importorskip("google.genai", reason="needs the package google-genai")
types = pytest.importorskip("google.genai.types", reason="needs the package google-genai")
errors = pytest.importorskip("google.genai.errors", reason="needs the package google-genai")
httpx = pytest.importorskip("httpx", reason="needs the package httpx")

WEATHER = {
    "name": "weather",
    "description": "tells the weather",
    "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]},
}
CLOCK = {"name": "clock", "description": "tells the time"}
TOOLS = [{"function_declarations": [WEATHER, CLOCK]}]


@asynccontextmanager
async def asking(*faults: FaultSettings) -> AsyncGenerator[Any]:
    models = {"lab": LabModel(tokens_per_s=1e6, faults=list(faults)), "small": LabModel(context_tokens=50)}
    async with running(LabSettings(models=models)) as lab, httpx.AsyncClient() as http:
        options = types.HttpOptions(base_url=lab.url, httpx_async_client=http)
        client = genai.Client(api_key="x", http_options=options)
        try:
            yield client.aio
        finally:
            client.close()


async def generate(client: Any, contents: Any = "Hello", **config: Any) -> Any:
    return await client.models.generate_content(model="lab", contents=contents, config=config or None)


async def post(client: Any, path: str, body: object) -> Any:
    """A request past the SDK, which would not write it so."""
    http = client._api_client._async_httpx_client
    return await http.post(f"{client._api_client._http_options.base_url}{path}", json=body)


async def test_an_answer_has_its_text_and_its_usage() -> None:
    async with asking() as client:
        answer = await generate(client, system_instruction="Be brief.")
    assert answer.text.startswith("[lab, a simulated model]")
    assert answer.candidates[0].finish_reason == "STOP"
    used = answer.usage_metadata
    assert used.prompt_token_count == 5
    assert used.total_token_count == used.prompt_token_count + used.candidates_token_count
    assert answer.model_version == "lab"


async def test_a_stream_says_what_the_whole_answer_says() -> None:
    async with asking() as client:
        whole = await generate(client)
        chunks = [chunk async for chunk in await client.models.generate_content_stream(model="lab", contents="Hello")]
        body = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
        told = await post(client, "/v1beta/models/lab:generateContent", body)
        array = await post(client, "/v1beta/models/lab:streamGenerateContent", body)
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    assert chunks[-1].usage_metadata == whole.usage_metadata
    assert chunks[-1].candidates[0].finish_reason == "STOP"
    texts = [item["candidates"][0]["content"]["parts"][0]["text"] for item in array.json()]
    assert "".join(texts) == told.json()["candidates"][0]["content"]["parts"][0]["text"]


async def test_functions_are_called_and_their_answers_read() -> None:
    question = types.Content(role="user", parts=[types.Part(text="call weather and clock")])
    async with asking() as client:
        called = await generate(client, [question], tools=TOOLS)
        calls = called.function_calls
        assert [(call.name, call.args) for call in calls] == [("weather", {"city": "lab"}), ("clock", {})]
        first, second = called.candidates[0].content.parts
        assert first.thought_signature.startswith(b"lab-sig-")
        assert second.thought_signature is None
        results = types.Content(
            role="user",
            parts=[types.Part.from_function_response(name=call.name, response={"result": "fine"}) for call in calls],
        )
        answer = await generate(client, [question, called.candidates[0].content, results], tools=TOOLS)
        assert '"result":"fine"' in answer.text
        for signature, says in ((b"lab-sig-wrong", "Corrupted"), (None, "missing a thought_signature")):
            changed = first.model_copy(update={"thought_signature": signature})
            model = types.Content(role="model", parts=[changed, second])
            with pytest.raises(errors.ClientError, match=says):
                await generate(client, [question, model, results], tools=TOOLS)
        dummy = first.model_copy(update={"thought_signature": b"skip_thought_signature_validator"})
        model = types.Content(role="model", parts=[dummy, second])
        assert (await generate(client, [question, model, results], tools=TOOLS)).text


async def test_thoughts_are_counted_apart_and_shown_when_asked() -> None:
    async with asking() as client:
        shown = await generate(client, thinking_config={"thinking_budget": 1024, "include_thoughts": True})
        hidden = await generate(client, thinking_config={"thinking_level": "low"})
    assert shown.candidates[0].content.parts[0].thought
    assert shown.usage_metadata.thoughts_token_count == hidden.usage_metadata.thoughts_token_count == 16
    assert len(hidden.candidates[0].content.parts) == 1


@pytest.mark.parametrize("form", ["response_schema", "response_json_schema"])
async def test_structured_output_is_json_of_the_schema(form: str) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    if form == "response_schema":
        schema = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
    async with asking() as client:
        answer = await generate(client, response_mime_type="application/json", **{form: schema})
    assert json.loads(answer.text) == {"city": "lab"}


async def test_images_are_counted_and_limits_kept() -> None:
    image = types.Part.from_bytes(data=b"\x89PNG", mime_type="image/png")
    async with asking() as client:
        answer = await generate(client, ["What is it?", image], max_output_tokens=4)
        counted = await client.models.count_tokens(model="lab", contents=["What is it?", image])
    assert answer.usage_metadata.prompt_token_count == counted.total_tokens == 3 + 256
    assert answer.candidates[0].finish_reason == "MAX_TOKENS"


async def test_embeddings_are_unit_vectors_of_the_size_that_was_asked_for() -> None:
    async with asking() as client:
        many = await client.models.embed_content(
            model="lab", contents=["one", "two"], config={"output_dimensionality": 8}
        )
        one = await post(
            client,
            "/v1beta/models/lab:embedContent",
            {"content": {"parts": [{"text": "one"}]}, "outputDimensionality": 8},
        )
    assert [len(found.values) for found in many.embeddings] == [8, 8]
    assert many.embeddings[0].values == pytest.approx(one.json()["embedding"]["values"])
    assert sum(value * value for value in many.embeddings[0].values) == pytest.approx(1)


async def test_vertex_paths_are_served_too() -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
    place = "/v1/projects/p/locations/l/publishers/google/models/lab"
    async with asking() as client:
        answer = await post(client, f"{place}:generateContent", body)
        vectors = await post(client, f"{place}:predict", {"instances": [{"content": "one"}], "parameters": {}})
    assert answer.json()["candidates"][0]["content"]["parts"][0]["text"].startswith("[lab")
    assert vectors.json()["predictions"][0]["embeddings"]["statistics"]["token_count"] == 1


def said(*parts: object, role: str = "user") -> dict[str, object]:
    return {"role": role, "parts": list(parts)}


HELLO = said({"text": "Hello"})
CALL = {"functionCall": {"name": "clock", "args": {}}, "thoughtSignature": "skip_thought_signature_validator"}
ANSWER = {"functionResponse": {"name": "clock", "response": {"time": "noon"}}}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"contents": []}, "contents is not specified"),
    ({"contents": [said()]}, "parts must not be empty"),
    ({"contents": [said({"text": "a"}, role="assistant")]}, "Please use a valid role"),
    ({"contents": [said({})]}, "required oneof field 'data'"),
    ({"contents": [HELLO], "seed": 1}, 'Unknown name "seed"'),
    ({"contents": [HELLO], "generationConfig": {"max_tokens": 1}}, "Unknown name \"maxTokens\" at 'generationConfig'"),
    ({"contents": [said(ANSWER)]}, "function response turn comes immediately after"),
    ({"contents": [said(CALL, role="model"), said(ANSWER)]}, "function call turn comes immediately after"),
    ({"contents": [HELLO, said(CALL, role="model"), HELLO]}, "number of function response parts is equal"),
    ({"contents": [HELLO, said(CALL, role="model")]}, "end with a user role"),
    ({"contents": [HELLO], "generationConfig": {"responseSchema": {"type": "OBJECT"}}}, "response_mime_type"),
    (
        {"contents": [HELLO], "tools": [{"functionDeclarations": [{"name": "a", "parameters": {"type": "OBJECT", "additionalProperties": False}}]}]},
        'Unknown name "additionalProperties"',
    ),
    ({"contents": [HELLO], "tools": [{"functionDeclarations": [{"name": "a b"}]}]}, "functionDeclarations.0.name"),
    (
        {"contents": [HELLO], "generationConfig": {"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}}},
        "only one of thinking budget and thinking level",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "says"), REFUSED)
async def test_what_the_real_one_refuses_is_refused(body: dict[str, Any], says: str) -> None:
    async with asking() as client:
        answer = await post(client, "/v1beta/models/lab:generateContent", body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]["message"]
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [
        ("rate_limited", 429, "RESOURCE_EXHAUSTED"),
        ("unauthorized", 400, "INVALID_ARGUMENT"),
        ("error_503", 503, "UNAVAILABLE"),
    ],
)
async def test_faults_are_errors_in_its_own_form(kind: Any, status: int, word: str) -> None:
    async with asking(FaultSettings(kind=kind)) as client:
        with pytest.raises(errors.APIError) as caught:
            await generate(client)
        with pytest.raises(errors.APIError):
            [chunk async for chunk in await client.models.generate_content_stream(model="lab", contents="Hello")]
    assert (caught.value.code, caught.value.status) == (status, word)


async def test_wrong_usage_is_wrong_in_its_own_words() -> None:
    async with asking(FaultSettings(kind="wrong_usage")) as client:
        assert (await generate(client)).usage_metadata.prompt_token_count == -7

"""The `google-genai` SDK, over every upstream."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from suite.leaving import assert_left
from suite.words import DEGREES, PIXEL, READ, UNCOUNTED, City, schema

from antiphon.providers.lab.run import Running
from rig.config import ALICE
from rig.gateway import Gateway

pytestmark = [pytest.mark.processes, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module")
def sdk(gateway: Gateway) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=gateway.url, retry_options=types.HttpRetryOptions(attempts=1))
    client = genai.Client(api_key=ALICE, http_options=options)
    yield client
    client.close()


def declared(name: str, *fields: str) -> types.FunctionDeclaration:
    return types.FunctionDeclaration(name=name, description=name, parameters_json_schema=schema(*fields))


TOOLS: Any = [types.Tool(function_declarations=[declared("get_weather", "city"), declared("get_time", "zone")])]


def test_a_whole_answer_and_its_usage(sdk: genai.Client, up: str) -> None:
    answer = sdk.models.generate_content(
        model=up,
        contents="Hello!",
        config=types.GenerateContentConfig(system_instruction="Be brief", max_output_tokens=500),
    )

    assert "I read 2 messages" in (answer.text or "")
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert answer.usage_metadata is not None
    assert (answer.usage_metadata.total_token_count or 0) > 0


def test_a_stream(sdk: genai.Client, up: str) -> None:
    chunks = list(sdk.models.generate_content_stream(model=up, contents="Hello!"))

    assert READ in "".join(chunk.text or "" for chunk in chunks)
    assert chunks[-1].usage_metadata is not None
    assert chunks[-1].candidates is not None
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP


def test_the_sdks_own_loop_of_tools(sdk: genai.Client, up: str) -> None:
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"{DEGREES} in {city}"

    answer = sdk.models.generate_content(
        model=up, contents="call get_weather", config=types.GenerateContentConfig(tools=[get_weather])
    )

    assert DEGREES in (answer.text or "")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_parallel_calls_and_both_results(sdk: genai.Client, up: str, stream: bool) -> None:
    config = types.GenerateContentConfig(tools=TOOLS)
    said: Any = [types.Content(role="user", parts=[types.Part(text="call get_weather and get_time")])]
    ask: Any = {"model": up, "contents": said, "config": config}
    answers = list(sdk.models.generate_content_stream(**ask)) if stream else [sdk.models.generate_content(**ask)]
    parts = [part for answer in answers for part in answer.parts or () if part.function_call is not None]
    assert [part.function_call.name for part in parts if part.function_call] == ["get_weather", "get_time"]

    results = [
        types.Part(
            function_response=types.FunctionResponse(
                id=part.function_call.id, name=part.function_call.name, response={"result": DEGREES}
            )
        )
        for part in parts
        if part.function_call
    ]
    said += [types.Content(role="model", parts=parts), types.Content(role="user", parts=results)]
    assert (sdk.models.generate_content(model=up, contents=said, config=config).text or "").count(DEGREES) == 2


def test_an_answer_parsed_into_a_model(sdk: genai.Client, up: str) -> None:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=City)
    answer = sdk.models.generate_content(model=up, contents="A city", config=config)

    assert isinstance(answer.parsed, City)


def test_an_image_is_seen(sdk: genai.Client, up: str) -> None:
    image = types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png")

    assert "1 image" in (sdk.models.generate_content(model=up, contents=["Look", image]).text or "")


def test_thoughts_are_told(sdk: genai.Client, up: str) -> None:
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_level=types.ThinkingLevel.LOW)
    config = types.GenerateContentConfig(thinking_config=thinking)
    answer = sdk.models.generate_content(model=up, contents="Think", config=config)

    thoughts = [part.text or "" for part in answer.parts or () if part.thought]
    assert thoughts
    assert thoughts[0].startswith("Simulated reasoning")
    assert answer.usage_metadata is not None
    assert up in UNCOUNTED or (answer.usage_metadata.thoughts_token_count or 0) > 0


def test_errors_are_those_of_gemini(sdk: genai.Client, up: str) -> None:
    with pytest.raises(errors.ClientError) as refused:
        sdk.models.generate_content(model=f"{up}-small", contents="word " * 400)
    with pytest.raises(errors.ClientError) as limited:
        sdk.models.generate_content(model=f"{up}-limited", contents="Hello!")
    with pytest.raises(errors.ServerError):
        sdk.models.generate_content(model=f"{up}-broken", contents="Hello!")
    with pytest.raises(errors.ClientError) as nobody:
        sdk.models.generate_content(model="nobody", contents="Hello!")

    assert (refused.value.code, refused.value.status) == (400, "INVALID_ARGUMENT")
    assert (limited.value.code, limited.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert (nobody.value.code, nobody.value.status) == (404, "NOT_FOUND")


def test_tokens_are_counted(sdk: genai.Client, up: str) -> None:
    assert (sdk.models.count_tokens(model=up, contents="Hello there, how are you?").total_tokens or 0) > 3


def test_texts_are_embedded(sdk: genai.Client) -> None:
    answer = sdk.models.embed_content(model="embed-v4.0", contents=["One", "Two"])

    assert [bool(one.values) for one in answer.embeddings or ()] == [True, True]


def test_leaving_amid_a_stream_ends_the_upstreams_work(sdk: genai.Client, up: str, lab: Running) -> None:
    stream = sdk.models.generate_content_stream(model=f"{up}-slow", contents="Hello!")
    next(stream)
    stream.close()

    assert_left(lab, up)

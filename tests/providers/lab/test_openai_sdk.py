"""The lab's other endpoints of OpenAI's, as OpenAI's own SDK sees them."""

import base64
import io
import json
import wave
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from antiphon.providers.lab.openai.media import tone, wav
from antiphon.providers.lab.run import running
from antiphon.providers.lab.settings import FaultSettings, LabModel, LabSettings

openai = pytest.importorskip("openai", reason="needs the package openai")


@asynccontextmanager
async def asking(*faults: FaultSettings, azure: bool = False) -> AsyncGenerator[Any]:
    model = LabModel(tokens_per_s=1e6, faults=list(faults))
    async with running(LabSettings(models={"lab": model, "omni-moderation-latest": model})) as lab:
        if azure:
            made = openai.AsyncAzureOpenAI(azure_endpoint=lab.url, api_key="x", api_version="2024-10-21", max_retries=0)
        else:
            made = openai.AsyncOpenAI(base_url=f"{lab.url}/v1", api_key="x", max_retries=0)
        async with made as client:
            yield client


async def test_embeddings_are_the_same_in_both_encodings() -> None:
    async with asking() as client:
        packed = await client.embeddings.create(model="lab", input=["one", "two"], dimensions=8)
        plain = await client.embeddings.create(model="lab", input=["one", "two"], dimensions=8, encoding_format="float")
    assert [len(found.embedding) for found in packed.data] == [8, 8]
    assert packed.data[1].embedding == pytest.approx(plain.data[1].embedding, abs=1e-6)
    assert packed.usage.prompt_tokens == 2


@pytest.mark.parametrize("azure", [False, True])
async def test_chats_are_served_on_azures_paths_too(azure: bool) -> None:
    async with asking(azure=azure) as client:
        made = await client.chat.completions.create(model="lab", messages=[{"role": "user", "content": "Hello"}])
    assert made.choices[0].message.content.startswith("[lab, a simulated model]")


async def test_an_older_completion_whole_and_as_a_stream_says_the_same() -> None:
    async with asking() as client:
        whole = await client.completions.create(model="lab", prompt="Hello", echo=True)
        stream = await client.completions.create(
            model="lab", prompt="Hello", echo=True, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    assert whole.choices[0].text.startswith("Hello[lab, a simulated model]")
    assert "".join(chunk.choices[0].text for chunk in chunks[:-1]) == whole.choices[0].text
    assert whole.usage.completion_tokens == 16
    assert chunks[-1].usage == whole.usage


async def test_a_text_is_flagged_when_it_says_so() -> None:
    async with asking() as client:
        made = await client.moderations.create(input=["fine", "lab:flag-me"])
    assert [found.flagged for found in made.results] == [False, True]


async def test_pictures_are_real_ones() -> None:
    async with asking() as client:
        made = await client.images.generate(model="lab", prompt="a house", n=2)
        linked = await client.images.generate(model="lab", prompt="a house", response_format="url")
        png = base64.b64decode(made.data[0].b64_json)
        edited = await client.images.edit(model="lab", prompt="a roof", image=("a.png", png, "image/png"))
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert made.usage.output_tokens == 2 * 272
    assert linked.data[0].url.startswith("https://lab.invalid/")
    assert edited.usage.input_tokens == 2 + 256


async def test_speech_is_a_real_recording_and_can_be_written_down() -> None:
    async with asking() as client:
        spoken = await client.audio.speech.create(model="lab", voice="alloy", input="Hello", response_format="wav")
        with wave.open(io.BytesIO(spoken.content)) as sound:
            assert (sound.getframerate(), sound.getnframes()) == (24_000, 6_000)
        file = ("a.wav", spoken.content, "audio/wav")
        written = await client.audio.transcriptions.create(model="lab", file=file)
        plain = await client.audio.transcriptions.create(model="lab", file=file, response_format="text")
        verbose = await client.audio.transcriptions.create(model="lab", file=file, response_format="verbose_json")
        stream = await client.audio.transcriptions.create(model="lab", file=file, stream=True)
        events = [event async for event in stream]
    assert written.text.startswith("[lab, a simulated model]")
    assert plain == f"{written.text}\n"
    assert (verbose.duration, verbose.usage.seconds) == (0.25, 0.25)
    assert events[-1].text == written.text
    assert spoken.content == wav(tone(0.25))


async def test_files_are_kept_listed_and_deleted() -> None:
    async with asking() as client:
        made = await client.files.create(file=("a.jsonl", b"{}\r\n--not the end\r\n"), purpose="batch")
        content = await client.files.content(made.id)
        assert content.content == b"{}\r\n--not the end\r\n"
        assert [file.id async for file in client.files.list()] == [made.id]
        await client.files.delete(made.id)
        with pytest.raises(openai.NotFoundError, match="No such File"):
            await client.files.retrieve(made.id)


async def test_a_batch_asks_its_lines_at_once() -> None:
    def line(place: int, **body: object) -> dict[str, object]:
        return {"custom_id": f"line-{place}", "method": "POST", "url": "/v1/chat/completions", "body": body}

    hello = [{"role": "user", "content": "Hello"}]
    lines = [line(1, model="lab", messages=hello), line(2, model="other", messages=hello)]
    async with asking(FaultSettings(kind="error_500")) as client:
        text = "\n".join(json.dumps(one) for one in lines).encode()
        file = await client.files.create(file=("in.jsonl", text), purpose="batch")
        made = await client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        found = await client.batches.retrieve(made.id)
        output = json.loads((await client.files.content(found.output_file_id)).content)
        errors = json.loads((await client.files.content(found.error_file_id)).content)
        assert [batch.id async for batch in client.batches.list()] == [made.id]
        assert (await client.batches.cancel(made.id)).status == "completed"
    assert (found.request_counts.completed, found.request_counts.failed) == (1, 1)
    assert output["custom_id"] == "line-1"
    assert output["response"]["body"]["choices"][0]["message"]["content"].startswith("[lab")
    assert errors["response"]["status_code"] == 404


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("embeddings", {"input": []}, "must not be empty"),
    ("embeddings", {"input": "x", "extra_body": {"top_k": 1}}, "Unknown parameter: 'top_k'"),
    ("completions", {"prompt": "x", "n": 1000}, "Invalid value for 'n'"),
]


@pytest.mark.parametrize(("endpoint", "given", "says"), REFUSED)
async def test_what_the_real_one_refuses_is_refused(endpoint: str, given: dict[str, Any], says: str) -> None:
    async with asking() as client:
        with pytest.raises(openai.BadRequestError, match=says):
            await getattr(client, endpoint).create(model="lab", **given)


async def test_faults_are_met_on_every_path() -> None:
    async with asking(FaultSettings(kind="rate_limited")) as client:
        with pytest.raises(openai.RateLimitError):
            await client.embeddings.create(model="lab", input="x")
        with pytest.raises(openai.RateLimitError):
            await client.audio.speech.create(model="lab", voice="alloy", input="Hello")

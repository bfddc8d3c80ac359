"""The state of OpenAI's Responses by the real SDK, over an upstream that speaks them and over one that doesn't."""

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import openai
import pytest
from anthropic import Anthropic
from google import genai
from openai import OpenAI
from vocabularies import vocabularies

from antiphon.control.counting import A_MESSAGE, A_REPLY
from antiphon.providers.lab.run import Running
from rig.config import ALICE, BOB, KEYS
from rig.fixtures import Start
from rig.gateway import Answer, Config, Gateway
from rig.sdk import client
from rig.upstream import Upstream, whole
from rig.wait import until

pytestmark = pytest.mark.processes

MODELS = ["native", "claude"]
"""One whose upstream speaks Responses, and one whose upstream speaks Anthropic's Messages."""
SECRET = "XYLOPHONE-OF-ACME"


def config(lab: Running, **storage: Any) -> Config:
    at = {"native": ("openai", "v1"), "claude": ("anthropic", "v1"), "gemini": ("gemini", "v1beta")}
    return {
        "server": {"workers": 2},
        "keys": [*KEYS[:1], {"name": "bob", "key": BOB, "tenant": "globex"}],
        "providers": {
            name: {"profile": profile, "base_url": f"{lab.url}/{path}", "key": "sk-upstream-key"}
            for name, (profile, path) in at.items()
        },
        "models": {name: {"provider": name, "model": "chat"} for name in at},
        "storage": {"ship_interval_s": 0.05, **storage},
    }


@pytest.fixture(scope="module")
def house(lab: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway of two workers, so that what one of them kept is often asked of the other."""
    one = Gateway(tmp_path_factory.mktemp("state"), config(lab), key=ALICE)
    try:
        yield one.start()
    finally:
        one.close()


@pytest.fixture(scope="module")
def sdk(house: Gateway) -> Iterator[OpenAI]:
    with client(house) as one:
        yield one


@pytest.fixture(scope="module")
def bob(house: Gateway) -> Iterator[OpenAI]:
    with client(house, BOB) as one:
        yield one


def rows(gateway: Gateway) -> int:
    """Entries in the database that hold anything."""
    with closing(sqlite3.connect(f"file:{gateway.data / 'antiphon.db'}?mode=ro", uri=True)) as database:
        return database.execute("SELECT count(*) FROM kept WHERE length(sealed) > 0").fetchone()[0]


def files_with(directory: Path, text: str) -> list[Path]:
    return [file for file in directory.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


@pytest.mark.parametrize("model", MODELS)
def test_a_chain_is_gone_on_from_whole_and_streamed(sdk: OpenAI, model: str) -> None:
    first = sdk.responses.create(model=model, input="one", instructions="be nice", metadata={"a": "b"})
    assert (first.store, first.previous_response_id, first.instructions) == (True, None, "be nice")
    assert first.metadata == {"a": "b"}
    assert sdk.responses.retrieve(first.id) == first

    second = sdk.responses.create(model=model, input="two", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    assert "I read 3 messages" in second.output_text, "and without the instructions of the first"

    with sdk.responses.stream(model=model, input="three", previous_response_id=second.id) as stream:
        told = [event.response.previous_response_id for event in stream if hasattr(event, "response")]
        third = stream.get_final_response()
    assert set(told) == {second.id}
    assert "I read 5 messages" in third.output_text
    assert sdk.responses.retrieve(third.id).output_text == third.output_text


@pytest.mark.parametrize("model", MODELS)
def test_a_kept_response_is_told_again_as_the_sdk_reads_streams(sdk: OpenAI, model: str) -> None:
    made = sdk.responses.create(model=model, input="tell me")

    told = list(sdk.responses.retrieve(made.id, stream=True))
    assert "".join(one.delta for one in told if one.type == "response.output_text.delta") == made.output_text
    assert told[-1].type == "response.completed"
    assert told[-1].response == made
    after = told[3].sequence_number
    assert list(sdk.responses.retrieve(made.id, stream=True, starting_after=after)) == told[4:]


def test_the_items_of_an_input_are_listed(sdk: OpenAI) -> None:
    asked: Any = [{"role": "user", "content": text} for text in ("a", "b", "c")]
    made = sdk.responses.create(model="claude", input=asked)

    listed = [item.content[0].text for item in sdk.responses.input_items.list(made.id, order="asc", limit=2)]
    assert listed == ["a", "b", "c"], "the SDK asks for the second page by itself"
    newest = sdk.responses.input_items.list(made.id, limit=1)
    assert (newest.data[0].content[0].text, newest.has_more) == ("c", True)


@pytest.mark.parametrize("model", MODELS)
def test_what_is_deleted_is_gone_and_so_is_what_went_on_from_it(sdk: OpenAI, model: str) -> None:
    first = sdk.responses.create(model=model, input="one")
    second = sdk.responses.create(model=model, input="two", previous_response_id=first.id)

    sdk.responses.delete(first.id)

    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve(first.id)
    with pytest.raises(openai.BadRequestError) as raised:
        sdk.responses.create(model=model, input="three", previous_response_id=second.id)
    assert raised.value.code == "previous_response_not_found"
    assert sdk.responses.retrieve(second.id) == second


def test_a_response_that_does_not_run_in_the_background_is_not_cancelled(sdk: OpenAI) -> None:
    made = sdk.responses.create(model="claude", input="one")

    with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
        sdk.responses.cancel(made.id)


@pytest.mark.parametrize("model", MODELS)
def test_another_tenant_sees_none_of_it(sdk: OpenAI, bob: OpenAI, model: str) -> None:
    made = sdk.responses.create(model=model, input="one")
    talk = sdk.conversations.create(items=[{"role": "user", "content": "mine"}])

    for ask in (
        lambda: bob.responses.retrieve(made.id),
        lambda: bob.responses.delete(made.id),
        lambda: bob.responses.input_items.list(made.id),
        lambda: bob.conversations.retrieve(talk.id),
        lambda: bob.conversations.items.list(talk.id),
        lambda: bob.responses.create(model=model, input="x", conversation=talk.id),
    ):
        with pytest.raises(openai.NotFoundError):
            ask()
    with pytest.raises(openai.BadRequestError) as raised:
        bob.responses.create(model=model, input="x", previous_response_id=made.id)
    assert raised.value.code == "previous_response_not_found"
    with pytest.raises(openai.NotFoundError) as of_receipts:
        bob.conversations.retrieve(talk.id)
    assert of_receipts.value.response.headers["x-antiphon-receipt"]


@pytest.mark.parametrize("model", MODELS)
def test_a_conversation_grows_with_every_turn(sdk: OpenAI, model: str) -> None:
    talk = sdk.conversations.create(metadata={"topic": "tea"}, items=[{"role": "user", "content": "I like tea"}])
    assert sdk.conversations.retrieve(talk.id) == talk

    one = sdk.responses.create(model=model, input="So?", conversation=talk.id)
    assert one.conversation is not None
    assert one.conversation.id == talk.id
    with sdk.responses.stream(model=model, input="And?", conversation=talk.id, store=False) as stream:
        two = stream.get_final_response()
    assert (
        "I read 4 messages" in two.output_text or "I read 3 messages" in two.output_text
    )  # Anthropic's turns alternate
    texts = [item.content[0].text for item in sdk.conversations.items.list(talk.id, order="asc", limit=2)]
    assert texts == ["I like tea", "So?", one.output_text, "And?", two.output_text]

    added = sdk.conversations.items.create(talk.id, items=[{"role": "user", "content": "more"}]).data[0]
    assert sdk.conversations.items.retrieve(added.id, conversation_id=talk.id) == added
    assert sdk.conversations.items.delete(added.id, conversation_id=talk.id) == talk
    changed = sdk.conversations.update(talk.id, metadata={"topic": "coffee"})
    assert sdk.conversations.retrieve(talk.id) == changed
    assert sdk.conversations.delete(talk.id).deleted
    for ask in (
        lambda: sdk.conversations.items.list(talk.id),
        lambda: sdk.responses.create(model=model, input="x", conversation=talk.id),
    ):
        with pytest.raises(openai.NotFoundError):
            ask()


def test_calls_of_one_conversation_at_once_all_add_to_it(sdk: OpenAI) -> None:
    talk = sdk.conversations.create()

    with ThreadPoolExecutor(8) as crowd:
        made = list(
            crowd.map(
                lambda number: sdk.responses.create(model="claude", input=f"t{number}", conversation=talk.id), range(16)
            )
        )

    texts = [item.content[0].text for item in sdk.conversations.items.list(talk.id, order="asc", limit=100)]
    assert sorted(texts) == sorted([*(f"t{number}" for number in range(16)), *(one.output_text for one in made)])
    for number, one in enumerate(made):
        assert texts[texts.index(f"t{number}") + 1] == one.output_text, "a turn stays together"


def test_nothing_can_be_read_at_rest_and_all_of_it_survives_a_kill(start: Start, lab: Running) -> None:
    gateway = start(config(lab))
    with client(gateway) as sdk:
        talk = sdk.conversations.create(metadata={"of": SECRET}, items=[{"role": "user", "content": SECRET}])
        first = sdk.responses.create(model="claude", input=SECRET)
        until(lambda: rows(gateway) == 3, "three entries in the database")
        last = sdk.responses.create(model="native", input=SECRET, previous_response_id=first.id)
        gateway.kill()

    assert files_with(gateway.data, SECRET) == []
    assert files_with(gateway.data, last.id) == []
    with client(gateway.start()) as sdk:
        assert sdk.responses.retrieve(last.id) == last
        assert sdk.conversations.items.list(talk.id).data[0].content[0].text == SECRET
        again = sdk.responses.create(model="claude", input="and?", previous_response_id=last.id)
        assert "I read 5 messages" in again.output_text


def test_what_is_deleted_leaves_the_database_and_what_is_over_is_gone(start: Start, lab: Running) -> None:
    gateway = start(config(lab))
    with client(gateway) as sdk:
        kept = sdk.responses.create(model="claude", input="a")
        talk = sdk.conversations.create(items=[{"role": "user", "content": "a"}])
        until(lambda: rows(gateway) == 3, "all of it in the database")
        sdk.responses.delete(kept.id)
        sdk.conversations.delete(talk.id)
        until(lambda: rows(gateway) == 0, "nothing in the database")
        short = {**config(lab)["storage"], "keep": {"days": 0.00001}}
        gateway.stop()
        gateway.write({**config(lab), "storage": short})
        gateway.start()
    with client(gateway) as sdk:
        brief = sdk.responses.create(model="claude", input="a")

        def gone() -> bool:
            try:
                sdk.responses.retrieve(brief.id)
            except openai.NotFoundError:
                return True
            return False

        until(gone, "the end of its time")


@pytest.mark.parametrize("model", MODELS)
def test_a_compacted_conversation_goes_on(sdk: OpenAI, bob: OpenAI, model: str) -> None:
    first = sdk.responses.create(model=model, input="My cat is Tom")

    short = sdk.responses.compact(model=model, input="My dog is Rex", previous_response_id=first.id)

    assert (short.object, short.usage.input_tokens > 0) == ("response.compaction", True)
    assert [item.type for item in short.output] == ["message", "message", "compaction"]
    items: Any = [json.loads(item.model_dump_json(exclude_none=True, warnings=False)) for item in short.output]
    assert "Tom" not in items[2]["encrypted_content"]
    after = sdk.responses.create(model=model, input=[*items, {"role": "user", "content": "and?"}])
    assert after.output_text
    with pytest.raises(openai.BadRequestError) as raised:
        bob.responses.create(model=model, input=items)
    assert raised.value.param == "input[2].encrypted_content"


def test_tokens_are_counted_by_the_provider_or_estimated_and_said_so(sdk: OpenAI, house: Gateway) -> None:
    said = {"model": "claude", "messages": [{"role": "user", "content": "How many tokens may this be?"}]}
    with Anthropic(base_url=house.url, api_key=ALICE, max_retries=0) as own:
        counted = own.messages.with_raw_response.count_tokens(**said)
        estimated = own.messages.with_raw_response.count_tokens(**{**said, "model": "native"})
    assert "x-antiphon-estimated" not in counted.headers
    assert estimated.headers["x-antiphon-estimated"] == "true"
    assert 0.5 < counted.parse().input_tokens / estimated.parse().input_tokens < 2
    receipts = [house.receipt(raw.headers["x-antiphon-receipt"]) for raw in (counted, estimated)]
    assert [len(one.get("attempts", [])) for one in receipts] == [1, 0]
    assert {(one["outcome"], one["endpoint"]) for one in receipts} == {("ok", "/v1/messages/count_tokens")}

    google = genai.Client(api_key=ALICE, http_options={"base_url": house.url})
    for model in ("gemini", "claude"):
        assert google.models.count_tokens(model=model, contents="How many?").total_tokens
    first = sdk.responses.create(model="claude", input="word " * 200)
    alone = sdk.responses.input_tokens.count(model="claude", input="and?").input_tokens
    behind = sdk.responses.input_tokens.count(model="claude", input="and?", previous_response_id=first.id).input_tokens
    assert behind > alone + 200
    with pytest.raises(openai.NotFoundError) as raised:
        sdk.responses.input_tokens.count(model="nobody", input="a")
    assert raised.value.code == "model_not_found"


COUNTS = [
    ("openai", "/v1/responses/input_tokens", {"input": "hi"}, {"object": "response.input_tokens", "input_tokens": 7}),
    ("anthropic", "/v1/messages/count_tokens", {"messages": [{"role": "user", "content": "hi"}]}, {"input_tokens": 7}),
    ("gemini", "/v1beta/models/m:countTokens", {"contents": [{"parts": [{"text": "hi"}]}]}, {"totalTokens": 7}),
]


@pytest.mark.parametrize(("profile", "path", "body", "said"), COUNTS, ids=[row[0] for row in COUNTS])
def test_a_provider_that_counts_is_asked_and_one_that_fails_is_stood_in_for(
    start: Start, up: Upstream, profile: str, path: str, body: dict[str, Any], said: dict[str, Any]
) -> None:
    provider = {"profile": profile, "base_url": up.url, "key": "sk-upstream-key"}
    models = {name: {"provider": "up", "model": "up-1"} for name in ("m", "bob-m")}
    gateway = start({"keys": KEYS, "providers": {"up": provider}, "models": models})
    asked = json.dumps(body if profile == "gemini" else {"model": "m", **body}).encode()

    up.script = whole(json.dumps(said).encode())
    counted = gateway.ask("POST", path, asked)
    assert (counted.status, counted.json) == (200, said)
    assert "x-antiphon-estimated" not in counted.headers
    assert up.last.line.split(" ")[1] == path.replace("/v1beta/models/m:", "/v1/models/up-1:")
    sent = json.loads(up.last.body)
    assert sent == ({**body, "model": "up-1"} if profile != "gemini" else body)

    up.script = whole(b'{"error":{"message":"busy"}}', status=b"500 Oh")
    estimated = gateway.ask("POST", path, asked)
    assert (estimated.status, estimated.headers["x-antiphon-estimated"]) == (200, "true")
    receipt = gateway.receipt(estimated)
    assert receipt["outcome"] == "ok"
    assert receipt["notes"] == ["count: (up) answered 500"]
    assert [one["error"] for one in receipt["attempts"]] == ["upstream_error"]

    up.script = whole(b'{"error":{"message":"no such part"}}', status=b"400 Bad")
    refused = gateway.ask("POST", path, asked)
    assert (refused.status, refused.error["message"]) == (400, "no such part")
    assert gateway.ask("POST", path, asked, key="sk-nobody-00").status == 401
    assert gateway.ask("POST", path, b"[]").status == 400
    assert gateway.ask("POST", path.replace("m:", "nobody:"), asked.replace(b'"m"', b'"nobody"')).status == 404
    assert gateway.ask("POST", path, asked, key=BOB).status == 403


@pytest.mark.parametrize(("profile", "path", "body", "said"), COUNTS, ids=[row[0] for row in COUNTS])
def test_what_no_provider_counts_is_cut_by_the_models_own_vocabulary(
    start: Start, up: Upstream, profile: str, path: str, body: dict[str, Any], said: dict[str, Any]
) -> None:
    pytest.importorskip("tiktoken", reason="the extra `tokenizers` is not installed")
    provider = {"profile": "compatible", "base_url": up.url}
    models = {"m": {"provider": "up", "model": "gpt-4o"}, "other": {"provider": "up", "model": "else"}}
    settings = {"keys": KEYS[:1], "providers": {"up": provider}, "models": models}
    gateway = start({**settings, "tokenizers": {"dir": str(vocabularies())}})

    def ask(model: str) -> Answer:
        asked = body if profile == "gemini" else {"model": model, **body}
        return gateway.ask("POST", path.replace("/m:", f"/{model}:"), json.dumps(asked).encode())

    exact, estimated = ask("m"), ask("other")

    words = 1  # "hi"
    assert exact.json == {name: words + A_MESSAGE + A_REPLY if value == 7 else value for name, value in said.items()}
    assert (exact.headers["x-antiphon-estimated"], exact.headers["x-antiphon-tokenizer"]) == ("true", "o200k_base")
    assert "x-antiphon-tokenizer" not in estimated.headers


@pytest.mark.parametrize(("profile", "path", "body", "said"), COUNTS, ids=[row[0] for row in COUNTS])
def test_a_long_request_is_counted_too_and_refused_with_its_mistake(
    start: Start, up: Upstream, profile: str, path: str, body: dict[str, Any], said: dict[str, Any]
) -> None:
    gateway = start(
        {
            "keys": KEYS[:1],
            "providers": {"up": {"profile": "compatible", "base_url": up.url}},
            "models": {"m": {"provider": "up"}},
        }
    )
    asked = json.dumps(body if profile == "gemini" else {"model": "m", **body})

    long = gateway.ask("POST", path, asked.replace("hi", "word " * 100_000).encode())
    broken = gateway.ask("POST", path, asked.replace("hi", "word " * 100_000 + r"\ud800").encode())

    (name,) = [name for name, value in said.items() if value == 7]
    assert 90_000 < long.json[name] < 150_000
    assert broken.status == 400
    assert "half a surrogate pair" in broken.error["message"]

"""What an answer hangs on."""

import json
from typing import Any

import pytest
from bodies import JSON, request
from fakes.caches import asks
from hypothesis import given

from antiphon.core.request import Request
from antiphon.wire.bounds import LONG_BYTES
from antiphon.wire.recall import LEFT_OUT, recall

SAYS = [{"role": "user", "content": "hi"}]


def chat(**fields: Any) -> Request:
    return request(json.dumps({"model": "fast", "messages": SAYS, **fields}).encode())


def responses(**fields: Any) -> Request:
    said = {"model": "fast", "input": "hi", "store": False, **fields}
    return asks(json.dumps(said).encode(), "openai_responses", "/v1/responses")


def gemini(**fields: Any) -> Request:
    said = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], **fields}
    return asks(json.dumps(said).encode(), "gemini", "/v1beta/models/fast:generateContent", model="fast")


def claude(**fields: Any) -> Request:
    said = {"model": "fast", "max_tokens": 10, "messages": SAYS, **fields}
    return asks(json.dumps(said).encode(), "anthropic_messages", "/v1/messages")


def test_the_order_of_keys_and_white_space_say_nothing() -> None:
    one = request(b'{"model":"fast","messages":[{"role":"user","content":"hi"}],"temperature":0}')
    other = request(b'{ "model": "fast", "temperature": 0, "messages": [ {"content": "hi", "role": "user"} ] }')

    assert recall(one).digest == recall(other).digest


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses", "anthropic_messages", "gemini"])
def test_fields_that_change_no_answer_are_left_out(dialect: Any) -> None:
    made = {"openai_chat": chat, "openai_responses": responses, "anthropic_messages": claude, "gemini": gemini}[dialect]
    plain = recall(made())
    for name in LEFT_OUT[dialect]:
        value: Any = False if name == "store" else {"a": "b"} if name in ("metadata", "labels") else "word"
        assert recall(made(**{name: value})) == plain, name


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"role": "user", "content": "hi "}]},
        {"messages": [{"role": "system", "content": "be brief"}, *SAYS]},
        {"temperature": 0},
        {"max_tokens": 5},
        {"n": 2},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": {"type": "json_object"}},
        {"unheard_of": 1},
    ],
)
def test_everything_else_changes_it(fields: dict[str, Any]) -> None:
    assert recall(chat(**fields)).digest != recall(chat()).digest


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (chat(temperature=0), None),
        (chat(), None),
        (chat(temperature=0.7), "sampling"),
        (chat(temperature=0.7, seed=3), None),
        (chat(temperature=1, top_p=0), None),
        (gemini(generationConfig={"temperature": 1}), "sampling"),
        (gemini(generationConfig={"temperature": 0}), None),
        (claude(temperature=1), "sampling"),
        (chat(store=True), "state"),
        (chat(web_search_options={}), "web_search"),
        (claude(mcp_servers=[{"type": "url", "url": "https://x", "name": "x"}]), "server_tools"),
        (claude(tools=[{"type": "web_search_20250305", "name": "web_search"}]), "web_search"),
        (gemini(tools=[{"codeExecution": {}}]), "server_tools"),
        (gemini(cachedContent="cachedContents/1"), "state"),
        (responses(), None),
        (responses(store=None), "state"),
        (responses(store=True), "state"),
        (responses(previous_response_id="resp_1"), "state"),
        (responses(conversation="conv_1"), "state"),
        (responses(prompt={"id": "pmpt_1"}), "state"),
        (responses(tools=[{"type": "code_interpreter", "container": {"type": "auto"}}]), "server_tools"),
        (responses(input=[{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]), "files"),
    ],
)
def test_what_is_not_kept_and_why(asked: Request, why: str | None) -> None:
    assert recall(asked).why_not == why


def test_embeddings_hang_on_no_chance() -> None:
    asked = asks(b'{"model":"fast","input":"hi"}', "openai_embeddings", "/v1/embeddings")

    found = recall(asked, apart=True)

    assert (found.why_not, found.around) == (None, b"")


def test_images_are_made_anew_each_time() -> None:
    asked = asks(b'{"model":"fast","prompt":"a cat"}', "openai_images", "/v1/images/generations")

    assert recall(asked).why_not == "endpoint"


def test_a_long_body_is_told_by_its_bytes_and_still_judged() -> None:
    long = "x" * LONG_BYTES
    one, same = chat(user=long), chat(user=long)

    assert recall(one).digest == recall(same).digest != b""
    assert recall(chat(user=long, temperature=1)).why_not == "sampling"
    assert recall(chat(user=long, store=True)).why_not == "state"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (chat(), chat(messages=[{"role": "user", "content": "hello"}])),
        (
            chat(messages=[{"role": "user", "content": [{"type": "text", "text": "hi"}]}]),
            chat(messages=[{"role": "user", "content": [{"type": "text", "text": "hello"}]}]),
        ),
        (claude(), claude(messages=[{"role": "user", "content": "hello"}])),
        (responses(), responses(input="hello")),
        (gemini(), gemini(contents=[{"role": "user", "parts": [{"text": "hello"}]}])),
    ],
)
def test_requests_that_differ_in_what_was_said_last_alone_are_alike_around_it(one: Request, other: Request) -> None:
    first, second = recall(one, apart=True), recall(other, apart=True)

    assert (first.text, second.text, first.turns) == ("hi", "hello", 1)
    assert first.around == second.around != b""
    assert first.digest != second.digest


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"role": "system", "content": "be brief"}, *SAYS]},
        {"temperature": 0},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"messages": [*SAYS, {"role": "assistant", "content": "yes?"}, {"role": "user", "content": "hi"}]},
    ],
)
def test_requests_that_differ_in_anything_else_are_not(fields: dict[str, Any]) -> None:
    assert recall(chat(**fields), apart=True).around != recall(chat(), apart=True).around


@pytest.mark.parametrize(
    "messages",
    [
        [*SAYS, {"role": "assistant", "content": "yes?"}],
        [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
        [{"role": "tool", "tool_call_id": "1", "content": "2"}],
        [],
    ],
)
def test_where_the_last_word_is_no_users_text_there_is_nothing_to_compare(messages: list[Any]) -> None:
    assert recall(chat(messages=messages), apart=True).around == b""


@given(JSON)
def test_nothing_a_body_may_hold_breaks_it(value: Any) -> None:
    found = recall(chat(extra=value, temperature=0), apart=True)

    assert found.why_not is None
    assert len(found.digest) == len(found.around) == 32

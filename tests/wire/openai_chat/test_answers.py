from typing import Any

import pytest

from antiphon.core.content import Audio, Reasoning, Text, ToolCall
from antiphon.core.error import UpstreamError, UpstreamMalformed
from antiphon.core.response import ToolCallDelta
from antiphon.core.usage import Usage
from antiphon.wire.openai_chat.answers import decode_response, encode_response
from antiphon.wire.openai_chat.events import decode_event, encode_event


def answer(message: Any, **fields: Any) -> dict[str, Any]:
    return {
        "id": "a1",
        "object": "chat.completion",
        "created": 5,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        **fields,
    }


def chunk(delta: Any, **choice: Any) -> dict[str, Any]:
    return {
        "id": "a1",
        "object": "chat.completion.chunk",
        "created": 5,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": None, **choice}],
    }


def test_an_answer_is_read_into_its_words() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    body = answer(
        {"role": "assistant", "content": "hi", "reasoning_content": "hm"}, usage=usage, system_fingerprint="fp"
    )

    response = decode_response(body)

    assert (response.id, response.model, response.created_s, response.fingerprint) == ("a1", "m", 5, "fp")
    assert response.usage == Usage(input_tokens=3, output_tokens=2)
    assert response.usage_raw == {}
    assert response.choices[0].message.parts == (Reasoning(text="hm"), Text(text="hi"))
    assert response.choices[0].finish_reason == "stop"


def test_a_spoken_answer_is_read() -> None:
    spoken = {"id": "s1", "data": "AA", "transcript": "hello", "expires_at": 9}

    response = decode_response(answer({"role": "assistant", "content": None, "audio": spoken}))

    assert response.choices[0].message.parts == (
        Audio(id="s1", data="AA", transcript="hello", extra={"expires_at": 9}),
    )


def test_the_upstreams_own_word_for_an_end_is_kept() -> None:
    body = answer({"role": "assistant", "content": "x"})
    body["choices"][0]["finish_reason"] = "eos"

    choice = decode_response(body).choices[0]

    assert (choice.finish_reason, choice.finish_raw) == ("other", "eos")
    assert encode_response(decode_response(body)) == body


ODD_MESSAGES: list[Any] = [
    None,
    {"role": "assistant", "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
    {"role": "assistant", "content": ["a", "b"]},
    {"role": "assistant", "content": {"text": "a"}},
    {"role": "assistant", "content": 5},
    {"role": "assistant", "content": [], "tool_calls": []},
    {"role": "assistant", "content": None, "tool_calls": None},
    {"role": "assistant", "tool_calls": "none"},
    {"role": "assistant", "tool_calls": ["x"]},
    {
        "role": "assistant",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}],
    },
    {"role": "assistant", "tool_calls": [{"id": "c", "type": "builtin_function", "function": {"name": "$web"}}]},
    {"role": "assistant", "refusal": 7, "function_call": "f", "audio": {"data": "AA"}, "name": 1},
    {"role": "assistant", "reasoning": {"summary": "x"}, "reasoning_details": [{"type": "reasoning.text"}]},
    {"role": "assistant", "reasoning": "a", "reasoning_content": "b"},
]


@pytest.mark.parametrize("message", ODD_MESSAGES)
def test_what_is_odd_in_an_answer_is_carried(message: Any) -> None:
    body = answer(message)

    assert encode_response(decode_response(body)) == body


@pytest.mark.parametrize(
    "fields",
    [
        {"usage": None},
        {"usage": []},
        {"usage": {"prompt_tokens": -1, "completion_tokens": 2}},
        {"usage": {"prompt_tokens": 3, "completion_tokens": 2}},
        {"usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cost": 0.1}},
        {"usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11, "prompt_cache_hit_tokens": 4}},
        {"object": "text_completion"},
        {"created": 5.5},
        {"system_fingerprint": None, "x_groq": {"id": "r"}},
        {"choices": []},
    ],
)
def test_odd_fields_of_an_answer_are_carried(fields: dict[str, Any]) -> None:
    body = answer({"role": "assistant", "content": "x"}, **fields)

    assert encode_response(decode_response(body)) == body


def test_a_message_that_does_not_say_its_role_is_the_assistants() -> None:
    response = decode_response(answer({"content": "x"}))

    assert response.choices[0].message.role == "assistant"


def test_a_call_that_lacks_its_id_is_read() -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": "{}"}}

    response = decode_response(answer({"role": "assistant", "tool_calls": [call]}))

    assert response.choices[0].message.parts == (ToolCall(id="", name="f", arguments="{}"),)


@pytest.mark.parametrize("body", [{}, {"choices": None}, {"choices": {}}, {"choices": ["x"]}, {"id": "a"}])
def test_an_answer_without_choices_is_malformed(body: dict[str, Any]) -> None:
    with pytest.raises(UpstreamMalformed, match="no list of choices"):
        decode_response(body)


@pytest.mark.parametrize(
    ("error", "said"),
    [({"message": "overloaded", "code": 5}, "overloaded"), ("no luck", "no luck"), ({"code": 5}, "'code': 5")],
)
def test_an_error_in_the_place_of_an_answer_is_raised(error: Any, said: str) -> None:
    for read in (decode_response, decode_event):
        with pytest.raises(UpstreamError, match=said):
            read({"error": error})


@pytest.mark.parametrize("error", [None, {}])
def test_no_error_beside_an_answer_is_none(error: Any) -> None:
    body = answer({"role": "assistant", "content": "x"}, error=error)

    assert encode_response(decode_response(body)) == body


def test_a_chunk_is_read_into_its_words() -> None:
    call = {"index": 1, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}

    delta = decode_event(chunk({"role": "assistant", "content": "", "tool_calls": [call]})).deltas[0]

    assert (delta.role, delta.text, delta.reasoning) == ("assistant", "", None)
    assert delta.tool_calls == (ToolCallDelta(index=1, id="c1", name="f", arguments="", kind="function"),)
    assert delta.extra == {"finish_reason": None}


def test_the_usage_chunk_has_no_deltas() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    body = chunk({}) | {"choices": [], "usage": usage}

    event = decode_event(body)

    assert event.deltas == ()
    assert event.usage == Usage(input_tokens=3, output_tokens=2)
    assert encode_event(event) == body


ODD_DELTAS: list[Any] = [
    {},
    None,
    {"content": None, "role": None, "tool_calls": None, "refusal": None},
    {"content": [{"type": "thinking", "thinking": []}]},
    {"reasoning_content": "a"},
    {"reasoning": "a"},
    {"reasoning": "a", "reasoning_content": None},
    {"reasoning": None, "reasoning_content": "a"},
    {"reasoning": "a", "reasoning_content": "b", "reasoning_details": [{"index": 0}]},
    {"tool_calls": []},
    {"tool_calls": [{"index": 0, "function": {}}]},
    {"tool_calls": [{"index": 0, "function": None}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": None, "name": None}}]},
    {"tool_calls": [{"index": 0, "id": "c", "type": "custom", "custom": {"name": "f", "input": ""}}]},
    {"tool_calls": [{"index": 0, "custom": {"input": "x"}}]},
    {"tool_calls": [{"index": 0, "type": "custom"}]},
    {"function_call": {"arguments": "{"}},
    {"function_call": None, "audio": {"expires_at": 9}},
]


@pytest.mark.parametrize("delta", ODD_DELTAS)
def test_what_is_odd_in_a_chunk_is_carried(delta: Any) -> None:
    body = chunk(delta)

    assert encode_event(decode_event(body)) == body

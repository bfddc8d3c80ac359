"""A request has the same facts, whichever dialect says it."""

from typing import Any

import pytest
from asking import chat, facts_of, request_of, value_of

from antiphon.core.request import Dialect
from antiphon.signals.catalogue import BUILT_IN
from antiphon.signals.said import said

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SYSTEM = "You help with orders."
FIRST = "Wo ist meine Bestellung 4471? 我很着急 🙏"
ARGUMENTS = {"order": 4471}
RESULT = "shipped on Monday"
ANSWER = "It was shipped on Monday."
LAST = "No, I meant the other order. Please delete all of it, see the picture:\n- shoes\n- socks"
SCHEMA = {"type": "object", "properties": {"order": {"type": "integer"}}, "required": ["order"]}
DESCRIPTION = "Looks an order up."

OPENAI: dict[str, Any] = {
    "model": "auto",
    "temperature": 0.5,
    "max_tokens": 300,
    "tools": [
        {"type": "function", "function": {"name": "lookUp", "description": DESCRIPTION, "parameters": SCHEMA}},
    ],
    "tool_choice": "required",
    "messages": [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": FIRST},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "lookUp", "arguments": '{"order":4471}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": RESULT},
        {"role": "assistant", "content": ANSWER},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": LAST},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
            ],
        },
    ],
}
RESPONSES: dict[str, Any] = {
    "model": "auto",
    "temperature": 0.5,
    "max_output_tokens": 300,
    "instructions": SYSTEM,
    "tools": [
        {"type": "function", "name": "lookUp", "description": DESCRIPTION, "parameters": SCHEMA, "strict": False}
    ],
    "tool_choice": "required",
    "input": [
        {"role": "user", "content": FIRST},
        {"type": "function_call", "call_id": "c1", "name": "lookUp", "arguments": '{"order":4471}'},
        {"type": "function_call_output", "call_id": "c1", "output": RESULT},
        {"role": "assistant", "content": ANSWER},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": LAST},
                {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"},
            ],
        },
    ],
}
ANTHROPIC: dict[str, Any] = {
    "model": "auto",
    "temperature": 0.5,
    "max_tokens": 300,
    "system": SYSTEM,
    "tools": [{"name": "lookUp", "description": DESCRIPTION, "input_schema": SCHEMA}],
    "tool_choice": {"type": "any"},
    "messages": [
        {"role": "user", "content": FIRST},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "lookUp", "input": ARGUMENTS}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": RESULT}]},
        {"role": "assistant", "content": ANSWER},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": LAST},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
            ],
        },
    ],
}
GEMINI: dict[str, Any] = {
    "generationConfig": {"temperature": 0.5, "maxOutputTokens": 300},
    "systemInstruction": {"parts": [{"text": SYSTEM}]},
    "tools": [
        {"functionDeclarations": [{"name": "lookUp", "description": DESCRIPTION, "parametersJsonSchema": SCHEMA}]}
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    "contents": [
        {"role": "user", "parts": [{"text": FIRST}]},
        {"role": "model", "parts": [{"functionCall": {"name": "lookUp", "args": ARGUMENTS}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "lookUp", "response": {"output": RESULT}}}]},
        {"role": "model", "parts": [{"text": ANSWER}]},
        {"role": "user", "parts": [{"text": LAST}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}]},
    ],
}
SAME: dict[Dialect, dict[str, Any]] = {
    "openai_responses": RESPONSES,
    "anthropic_messages": ANTHROPIC,
    "gemini": GEMINI,
}
OWN = {"request.bytes", "request.dialect"}
"""What tells of the bytes, not of what they say."""
ABOUT = {"context.tokens", "context.share"}


@pytest.mark.parametrize("dialect", SAME)
def test_the_facts_are_those_of_the_openai_chat(dialect: Dialect) -> None:
    theirs = facts_of(SAME[dialect], dialect=dialect, window_tokens=8000)
    ours = facts_of(OPENAI, window_tokens=8000)
    names = BUILT_IN.keys() - OWN - ABOUT
    assert {name: theirs.value(name) for name in names} == {name: ours.value(name) for name in names}
    tokens = theirs.value("context.tokens"), ours.value("context.tokens")
    assert tokens[0] == pytest.approx(tokens[1], rel=0.03)  # a tool's result is wrapped in some dialects


def test_the_facts_tell_what_it_says() -> None:
    facts = facts_of(OPENAI)
    told = {
        "request.images": 1,
        "request.temperature": 0.5,
        "request.output_tokens": 300,
        "tools.names": ("lookUp",),
        "tools.required": True,
        "tools.results": 1,
        "talk.turns": 2,
        "talk.correction": True,
        "talk.system": True,
        "text.lists": 2,
        "stakes.impact": "high",
        "stakes.words": ("deletion",),
        "task.name": "agentic",
    }
    assert {name: facts.value(name) for name in told} == told


def test_a_completion_s_prompt_is_what_a_user_said() -> None:
    facts = facts_of({"model": "auto", "prompt": "Traduis ce texte en anglais : bonjour"}, "openai_completions")
    assert (facts.value("text.language"), facts.value("talk.turns"), facts.value("task.name")) == ("fr", 1, "transform")


def test_what_is_to_be_embedded_is_what_was_said() -> None:
    facts = facts_of({"model": "auto", "input": ["eins", "zwei drei"]}, "openai_embeddings")
    assert facts.value("text.words") == 3


def test_a_request_without_texts_says_why_its_texts_are_unknown() -> None:
    fact = facts_of({"model": "auto", "prompt": "a cat"}, "openai_images").fact("text.words")
    assert fact.value is None
    assert fact.why == "openai_images has no texts that are looked at"


def test_a_body_that_another_reader_has_to_read_says_why() -> None:
    fact = facts_of({"model": "auto", "prompt": ["a", "b"]}, "openai_completions").fact("task.name")
    assert fact.value is None
    assert fact.why.startswith("the request can't be read: ")


@pytest.mark.parametrize(
    "more",
    [
        {"functions": [{"name": "lookUp", "description": DESCRIPTION, "parameters": SCHEMA}]},
        {"tool_choice": {"type": "function", "function": {"name": "lookUp"}}, "tools": OPENAI["tools"]},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}},
    ],
)
def test_both_ways_of_reading_an_openai_chat_say_the_same(more: dict[str, Any]) -> None:
    """One that has something unusual is read by way of its canonical form; a mark in it has both ways say the same."""
    plain = {**OPENAI, "tools": None, "tool_choice": None} | more
    odd = {**plain, "messages": [*plain["messages"], {"role": "assistant", "content": "x", "audio": {"id": "a"}}]}
    quick, slow = said(request_of(plain)), said(request_of(odd))
    assert (quick.tools, quick.required, quick.shape, quick.ask) == (slow.tools, slow.required, slow.shape, slow.ask)
    assert quick.definitions == slow.definitions
    assert slow.turns == [*quick.turns, ("assistant", "x")]


def test_the_last_that_the_user_said_is_looked_at_whatever_follows() -> None:
    body = chat(("system", "s"), "first", ("assistant", "a"), "second", "third", ("assistant", "b"), ("tool", "c"))
    assert facts_of(body).ask == "second\nthird"
    assert value_of("talk.turns", body) == 2
    assert facts_of(chat(("system", "only this"))).ask == "only this"

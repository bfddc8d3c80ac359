"""Tools, their choice and the form of the answer, as they go to Anthropic of requests that came in OpenAI's dialect."""

from typing import Any

import pytest
from anthropic_said import effects, from_openai, sent

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


def test_tools_and_their_choice_are_written() -> None:
    out, losses = sent(
        from_openai(
            tools=[TOOL, {"type": "function", "function": {"name": "g"}}],
            tool_choice={"type": "function", "function": {"name": "f"}},
            parallel_tool_calls=False,
            max_tokens=9,
        )
    )

    empty = {"type": "object", "properties": {}}
    assert out["tools"] == [{"name": "f", "input_schema": empty}, {"name": "g", "input_schema": empty}]
    assert out["tool_choice"] == {"type": "tool", "name": "f", "disable_parallel_tool_use": True}
    assert losses == ()


@pytest.mark.parametrize(("word", "kind"), [("auto", "auto"), ("none", "none"), ("required", "any")])
def test_words_for_the_choice_of_tools(word: str, kind: str) -> None:
    out, _ = sent(from_openai(tools=[TOOL], tool_choice=word))

    assert out["tool_choice"] == {"type": kind}


def test_the_search_of_the_web_is_a_tool() -> None:
    out, losses = sent(from_openai(web_search_options={"search_context_size": "low"}, max_tokens=9))

    assert out["tools"] == [{"type": "web_search_20250305", "name": "web_search"}]
    assert set(effects(losses)) <= {
        "web_search_options",
        "web_search_options.search_context_size",
        "tools[0]",
        "tools[0].search_context_size",
    }
    assert losses


def test_a_tool_of_free_text_gets_one_field() -> None:
    out, losses = sent(from_openai(tools=[{"type": "custom", "custom": {"name": "c"}}], max_tokens=9))

    assert out["tools"][0]["input_schema"]["required"] == ["input"]
    assert losses[0].adapted


SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}


def test_the_form_of_an_answer_is_its_schema() -> None:
    shape = {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA, "strict": True}}

    out, losses = sent(from_openai(response_format=shape, max_tokens=9))

    assert out["output_config"] == {
        "format": {
            "type": "json_schema",
            "schema": {
                "type": "object",
                "properties": {"n": {"type": "integer", "description": "{minimum: 1}"}},
                "required": ["n"],
                "additionalProperties": False,
            },
        }
    }
    assert [(loss.field, loss.adapted) for loss in losses] == [("response_format.json_schema.schema", True)]


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        ("claude-sonnet-4-5", {"type": "json_object"}),
        ("claude-3-5-haiku-20241022", {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA}}),
    ],
)
def test_a_form_that_can_only_be_asked_for_is_an_instruction(model: str, shape: Any) -> None:
    out, losses = sent(from_openai(response_format=shape, max_tokens=9), model)

    assert "output_config" not in out
    assert "JSON" in out["system"]
    assert [(loss.field, loss.adapted) for loss in losses] == [("response_format", True)]


def test_a_strict_tool_is_strict_where_the_model_knows_it() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": True}}

    new, _ = sent(from_openai(tools=[tool]))
    old, losses = sent(from_openai(tools=[tool]), "claude-3-5-haiku-20241022")

    assert new["tools"][0]["strict"] is True
    assert new["tools"][0]["input_schema"]["additionalProperties"] is False
    assert old["tools"][0] == {"name": "f", "input_schema": SCHEMA}
    assert "tools[0].strict" in effects(losses)


def test_a_choice_among_tools_that_are_not_sent_is_left_out() -> None:
    choice = {"type": "function", "function": {"name": "gone"}}

    out, losses = sent(from_openai(tools=[TOOL], tool_choice=choice))

    assert "tool_choice" not in out
    assert effects(losses)["tool_choice"] == "left out"

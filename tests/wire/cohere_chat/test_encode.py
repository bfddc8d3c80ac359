"""Golden bodies for Cohere's chat, and what is said of what they leave out."""

from typing import Any

import msgspec
import pytest

from antiphon.core.content import (
    Audio,
    Cache,
    Content,
    File,
    Image,
    Limits,
    Message,
    Part,
    Reasoning,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
)
from antiphon.core.error import BadRequest
from antiphon.wire.codec import Terms
from antiphon.wire.cohere_chat.codec import CohereChat
from antiphon.wire.losses import Losses

ASK = Message(role="user", form="text", parts=(Text(text="Hi"),))
THINKS, FAST = "command-a-reasoning-08-2025", "command-r-08-2024"
F, G = Tool(name="f", parameters={"type": "object"}), Tool(name="g", parameters={"type": "object"})


def says(*messages: Message, **more: Any) -> Content:
    return Content(dialect="openai_chat", messages=messages or (ASK,), **more)


def turn(role: str, *parts: Part, **more: Any) -> Message:
    return Message(role=role, parts=parts, **more)


def encoded(content: Content, model: str = THINKS, **terms: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The body, and each loss's effect by its field."""
    losses = Losses()
    body = msgspec.json.decode(CohereChat().encode(content, Terms(model=model, **terms), losses))
    return body, {loss.field: loss.effect for loss in losses.told()}


def test_a_conversation_with_tools_is_written_byte_for_byte() -> None:
    content = says(
        turn("developer", Text(text="Be brief.")),
        turn("user", Text(text="Look"), Image(url="https://x/y.png", detail="low")),
        turn("assistant", Reasoning(text="hm"), ToolCall(id="c1", name="f", arguments='{"x": 1.10}')),
        turn("tool", Text(text="no"), tool_call_id="c1"),
        turn("assistant", Reasoning(text="so"), Text(text="Ah")),
        ASK,
        tools=(Tool(name="f", description="d", parameters={"type": "object"}, strict=True),),
        tool_choice=ToolChoice(mode="required"),
        sampling=Sampling(temperature=0.5, top_p=0.9, top_k=5, seed=7, stop="END", logprobs=True, reasoning_tokens=99),
        limits=Limits(output_tokens=100),
    )
    losses = Losses()
    assert CohereChat().encode(content, Terms(model=THINKS, stream=True), losses) == (
        b'{"model":"command-a-reasoning-08-2025","stream":true,"messages":['
        b'{"role":"system","content":"Be brief."},'
        b'{"role":"user","content":[{"type":"text","text":"Look"},'
        b'{"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}}]},'
        b'{"role":"assistant","tool_calls":[{"id":"c1","type":"function",'
        b'"function":{"name":"f","arguments":"{\\"x\\": 1.10}"}}],"tool_plan":"hm"},'
        b'{"role":"tool","tool_call_id":"c1","content":"no"},'
        b'{"role":"assistant","content":[{"type":"thinking","thinking":"so"},{"type":"text","text":"Ah"}]},'
        b'{"role":"user","content":"Hi"}],'
        b'"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],'
        b'"strict_tools":true,"tool_choice":"REQUIRED","max_tokens":100,"stop_sequences":["END"],'
        b'"temperature":0.5,"seed":7,"p":0.9,"k":5,"logprobs":true,'
        b'"thinking":{"type":"enabled","token_budget":99}}'
    )
    assert losses.told() == ()


def test_the_terms_put_a_prompt_before_all_and_the_start_of_an_answer_behind() -> None:
    body, losses = encoded(says(), prompt="First", so_far="Once ")
    assert body["messages"][0] == {"role": "system", "content": "First"}
    assert body["messages"][-1] == {"role": "assistant", "content": "Once "}
    assert losses == {}


@pytest.mark.parametrize(
    ("choice", "said", "tools", "losses"),
    [
        (ToolChoice(mode="auto"), None, ["f", "g"], {}),
        (ToolChoice(mode="none"), "NONE", ["f", "g"], {}),
        (ToolChoice(mode="named", name="g"), "REQUIRED", ["g"], {"tool_choice": "the others are left out"}),
        (ToolChoice(mode="auto", names=("f",)), None, ["f"], {"tool_choice": "the others are left out"}),
        (ToolChoice(mode="other", raw="x"), None, ["f", "g"], {"tool_choice": "left out"}),
    ],
)
def test_the_choice_of_a_tool_is_written(
    choice: ToolChoice, said: str | None, tools: list[str], losses: dict[str, str]
) -> None:
    body, told = encoded(says(tools=(F, G), tool_choice=choice))
    assert body.get("tool_choice") == said
    assert [tool["function"]["name"] for tool in body["tools"]] == tools
    assert told == losses


def test_a_form_is_sent_natively_or_beside_tools_as_an_instruction() -> None:
    form = ResponseFormat(kind="json_schema", name="n", schema={"type": "object"})
    body, losses = encoded(says(response_format=form))
    assert body["response_format"] == {"type": "json_object", "json_schema": {"type": "object"}}
    assert losses == {}
    body, losses = encoded(says(response_format=form, tools=(F,)))
    assert body["messages"][0]["content"].endswith('nothing else: {"type":"object"}')
    assert losses == {"response_format": "sent as an instruction"}


@pytest.mark.parametrize(
    ("model", "sampling", "thinking", "losses"),
    [
        (THINKS, Sampling(reasoning_effort="none"), {"type": "disabled"}, {}),
        (THINKS, Sampling(reasoning_tokens=-1), {"type": "enabled"}, {}),
        (
            THINKS,
            Sampling(reasoning_effort="low"),
            {"type": "enabled", "token_budget": 2048},
            {"reasoning_effort": "sent as 2048 tokens"},
        ),
        (FAST, Sampling(reasoning_effort="low"), None, {"reasoning_effort": "left out"}),
        (FAST, Sampling(reasoning_effort="none"), None, {}),
    ],
)
def test_thinking_is_written(
    model: str, sampling: Sampling, thinking: dict[str, Any] | None, losses: dict[str, str]
) -> None:
    body, told = encoded(says(sampling=sampling), model)
    assert body.get("thinking") == thinking
    assert told == losses


def test_what_is_out_of_bounds_is_brought_in_and_said() -> None:
    sampling = Sampling(top_p=1, top_k=900, frequency_penalty=-1, stop=("1", "2", "3", "4", "5", "6"))
    body, losses = encoded(says(sampling=sampling))
    assert (body["p"], body["k"], body["frequency_penalty"]) == (0.99, 500, 0)
    assert len(body["stop_sequences"]) == 5
    assert losses == {
        "top_p": "sent as 0.99",
        "top_k": "sent as 500",
        "frequency_penalty": "sent as 0",
        "stop": "the first 5 are sent",
    }


def test_texts_in_files_go_among_the_documents() -> None:
    part = File(data="data:text/plain;base64,aGk=", name="n.txt")
    content = says(turn("user", Text(text="See"), part), extra={"documents": ["own"], "safety_mode": "OFF", "store": 1})
    body, losses = encoded(content)
    assert body["documents"] == ["own", {"id": "document_0", "data": {"title": "n.txt", "text": "hi"}}]
    assert body["safety_mode"] == "OFF"
    assert losses == {"messages[0].content[1]": "sent among documents", "store": "left out"}


def test_what_cohere_has_no_place_for_is_said() -> None:
    content = says(
        turn("user", Text(text="Hi", cache=Cache()), name="n"),
        turn("assistant", Reasoning(text="", signature="s", signed_by="gemini", redacted=True), Text(text="a")),
        turn("tool", Text(text="1"), tool_call_id="c", failed=True),
        tools=(Tool(name="web_search", kind="web_search"), F, Tool(name="g", strict=True)),
        parallel_tool_calls=False,
        user="u",
        metadata={"a": "b"},
        service_tier="flex",
        cache_key="k",
        sampling=Sampling(n=2, logit_bias={"1": 1}, top_logprobs=2),
    )
    _, losses = encoded(content)
    assert set(losses) == {
        "messages[0].content[0].cache_control",
        "messages[0].name",
        "messages[1].reasoning_content",
        "messages[2].is_error",
        "tools[0]",
        "tools.function.strict",
        "parallel_tool_calls",
        "user",
        "metadata",
        "service_tier",
        "prompt_cache_key",
        "n",
        "logit_bias",
        "top_logprobs",
    }


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (says(turn("user", Audio(data="aGk=", format="wav"))), "messages[0].content[0]"),
        (says(turn("user", File(data="aGk=", media_type="application/pdf"))), "messages[0].content[0]"),
        (says(turn("user", File(url="https://x/y.txt"))), "messages[0].content[0]"),
        (says(turn("user", Image(id="file-1"))), "messages[0].content[0]"),
        (says(ASK, turn("tool", Text(text="1"))), "messages[1].tool_call_id"),
        (says(turn("user", Text(text=""))), "messages"),
        (says(turn("user", File(text="x"))), "messages"),
        (says(limits=Limits(output_tokens=0)), "max_tokens"),
    ],
)
def test_what_can_not_be_sent_is_refused_naming_the_field(content: Content, param: str) -> None:
    with pytest.raises(BadRequest, match="send") as refused:
        encoded(content)
    assert refused.value.param == param

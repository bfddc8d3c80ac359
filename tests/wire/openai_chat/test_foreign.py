"""Requests of other dialects, written for upstreams that speak Chat Completions."""

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.content import (
    Audio,
    Cache,
    Citation,
    Content,
    File,
    Image,
    Limits,
    Message,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    Unknown,
)
from antiphon.core.error import BadRequest
from antiphon.wire.codec import Quirks, Terms
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.codec import OpenAIChat
from antiphon.wire.openai_chat.foreign_messages import MAX_ID, short_id
from antiphon.wire.openai_chat.foreign_tools import is_closed

CODEC = OpenAIChat()
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
LOOSE: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
PNG = "data:image/png;base64,iVBORw0KGgo="


class Sent:
    """What an upstream gets, and what was told."""

    def __init__(self, content: Content, *, stream: bool = False, quirks: dict[str, Any] | None = None, **terms: Any):
        losses = Losses()
        made = Terms(model="up", stream=stream, quirks=Quirks(**(quirks or {})), **terms)
        self.body: dict[str, Any] = json.loads(CODEC.encode(content, made, losses))
        self.losses = losses.told()

    @property
    def lost(self) -> list[str]:
        return [loss.field for loss in self.losses if not loss.adapted]

    @property
    def adapted(self) -> dict[str, str]:
        return {loss.field: loss.effect for loss in self.losses if loss.adapted}


def sent(*messages: Message, who: str = "", quirks: dict[str, Any] | None = None, **fields: Any) -> Sent:
    said = {"dialect": "anthropic_messages", **fields}
    return Sent(Content(messages=messages, **said), quirks={"who": who, **(quirks or {})})


def user(*parts: Part, **fields: Any) -> Message:
    return Message(role="user", parts=parts, **fields)


def model(*parts: Part, **fields: Any) -> Message:
    return Message(role="assistant", parts=parts, **fields)


def result(call: str, *parts: Part, **fields: Any) -> Message:
    return Message(role="tool", tool_call_id=call, parts=parts, **fields)


def call(name: str = "look", call_id: str = "c1", **fields: Any) -> ToolCall:
    return ToolCall(id=call_id, name=name, arguments='{"a":1}', **fields)


HI = user(Text(text="hi"))


# --- messages


def test_a_plain_conversation_is_sent_as_it_is_and_nothing_is_lost() -> None:
    told = sent(
        Message(role="system", parts=(Text(text="Be brief."),)),
        user(Text(text="a"), Text(text="b"), name="eve"),
        model(Text(text="c"), Text(text="d")),
        HI,
        limits=Limits(output_tokens=5),
    )

    assert told.body == {
        "model": "up",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "a\nb", "name": "eve"},
            {"role": "assistant", "content": "cd"},
            {"role": "user", "content": "hi"},
        ],
        "max_completion_tokens": 5,
    }
    assert told.losses == ()


def test_an_agents_turn_loses_nothing_that_would_change_its_answer() -> None:
    thought = Reasoning(text="Hm.", signature="c2ln", signed_by="anthropic_messages", extra={"index": None})
    hidden = Reasoning(text="", signature="eHg=", signed_by="anthropic_messages", redacted=True)
    signed = call(signature="c2ln", signed_by="gemini", cache=Cache(ttl="1h"))
    cited = Text(text="See.", citations=(Citation(kind="url", url="https://a.example"),), signature="c2ln")
    told = sent(
        user(Text(text="hi", cache=Cache())),
        model(thought, hidden, cited, signed),
        result("c1", Text(text="no"), failed=True, cache=Cache()),
        tools=(Tool(name="look", parameters=LOOSE, cache=Cache()),),
    )

    assert told.lost == []
    assert told.body["messages"][1] == {
        "role": "assistant",
        "content": "See.",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}}],
    }
    assert told.body["messages"][2] == {"role": "tool", "content": "no", "tool_call_id": "c1"}
    assert set(told.adapted) == {
        "messages[0].content[0].cache_control",
        "messages[1].content[0]",
        "messages[1].content[1]",
        "messages[1].content[2].signature",
        "messages[1].content[2].citations",
        "messages[1].content[3].signature",
        "messages[1].content[3].cache_control",
        "messages[2].cache_control",
        "messages[2].is_error",
        "tools[0].cache_control",
    }


def test_thoughts_go_back_to_who_has_a_field_for_them() -> None:
    hidden = Reasoning(text="", signature="eHg=", redacted=True)
    told = sent(
        HI, model(Reasoning(text="Hm.", signature="c2ln"), hidden, call()), quirks={"thoughts": "reasoning_content"}
    )

    assert told.body["messages"][1]["reasoning_content"] == "Hm."
    assert told.body["messages"][1]["tool_calls"][0]["id"] == "c1"
    assert told.lost == []
    assert set(told.adapted) == {"messages[1].content[0].signature", "messages[1].content[1]"}


@pytest.mark.parametrize(
    ("who", "role"), [("openai", "developer"), ("azure", "developer"), ("vllm", "system"), ("", "system")]
)
def test_a_developer_is_the_system_to_who_may_not_know_one(who: str, role: str) -> None:
    told = sent(Message(role="developer", parts=(Text(text="Be brief."),)), HI, who=who)

    assert told.body["messages"][0] == {"role": role, "content": "Be brief."}
    assert told.adapted == ({} if role == "developer" else {"messages[0].role": "sent as system"})


def test_an_operators_prompt_stands_before_all_and_a_start_of_the_answer_behind() -> None:
    told = Sent(Content(dialect="gemini", messages=(HI,)), prompt="Be kind.", so_far="Hel")

    assert [one["role"] for one in told.body["messages"]] == ["system", "user", "assistant"]
    assert (told.body["messages"][0]["content"], told.body["messages"][2]["content"]) == ("Be kind.", "Hel")


@pytest.mark.parametrize("role", ["user", "assistant", "tool", "system"])
def test_a_message_that_says_nothing_has_an_empty_text(role: str) -> None:
    for parts in ((), (Text(text=""),)):
        told = sent(Message(role=role, parts=parts))
        assert told.body["messages"] == [{"role": role, "content": ""}]


def test_a_refusal_goes_back_as_one() -> None:
    assert sent(HI, model(Refusal(text="No."))).body["messages"][1] == {"role": "assistant", "refusal": "No."}


def test_what_a_message_or_a_part_says_beside_is_named() -> None:
    told = sent(
        user(
            Text(text="a", extra={"x": 1}), Unknown(kind="search_result", raw={"type": "search_result"}), extra={"y": 1}
        ),
        extra={"container": "c", "mcp_servers": [], "store": False},
    )

    assert told.lost == ["container", "messages[0].y", "messages[0].content[0].x", "messages[0].content[1]"]
    assert told.body["messages"] == [{"role": "user", "content": "a"}]


# --- calls and their results


@given(st.text(max_size=80), st.text(max_size=80))
def test_an_id_is_cut_to_what_openai_takes_and_stays_apart_from_others(one: str, other: str) -> None:
    assert len(short_id(one)) <= MAX_ID
    assert (short_id(one) == one) == (len(one) <= MAX_ID)
    assert (short_id(one) == short_id(other)) == (one == other)


def test_a_long_id_is_the_same_in_the_call_and_in_its_result() -> None:
    told = sent(model(call(call_id="toolu_" + "x" * 60)), result("toolu_" + "x" * 60, Text(text="1")))

    said, answer = told.body["messages"]
    assert said["tool_calls"][0]["id"] == answer["tool_call_id"]
    assert len(answer["tool_call_id"]) == MAX_ID


@pytest.mark.parametrize(("kind", "key", "arguments"), [("function", "arguments", "{}"), ("custom", "input", "")])
def test_no_arguments_are_an_empty_object_to_functions_alone(kind: str, key: str, arguments: str) -> None:
    told = sent(model(ToolCall(id="c1", name="look", arguments="", kind=kind)))

    assert told.body["messages"][0]["tool_calls"] == [
        {"id": "c1", "type": kind, kind: {"name": "look", key: arguments}}
    ]


def test_a_call_of_another_kind_is_left_out_together_with_its_result() -> None:
    other = ToolCall(id="c2", name="", arguments="", kind="computer_call", extra={"action": "click"})
    told = sent(model(call(), other), result("c1", Text(text="1")), result("c2", Text(text="2")))

    assert [one["role"] for one in told.body["messages"]] == ["assistant", "tool"]
    assert [one["id"] for one in told.body["messages"][0]["tool_calls"]] == ["c1"]
    assert {"messages[0].content[1]", "messages[2]"} <= set(told.lost)


def test_pictures_of_results_come_behind_all_results_and_say_whose_they_are() -> None:
    told = sent(
        model(call(call_id="c1"), call(call_id="c2")),
        result("c1", Text(text="one"), Image(url=PNG)),
        result("c2", Image(url="https://a.example/b.png", detail="low")),
        user(Text(text="and?")),
    )

    assert [one["role"] for one in told.body["messages"]] == ["assistant", "tool", "tool", "user", "user"]
    assert [one["content"] for one in told.body["messages"][1:3]] == ["one", ""]
    assert told.body["messages"][3]["content"] == [
        {"type": "text", "text": "From the result of the tool call c1:"},
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "text", "text": "From the result of the tool call c2:"},
        {"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}},
    ]
    assert told.adapted == {
        "messages[1].content": "media sent in a user's message",
        "messages[2].content": "media sent in a user's message",
    }


def test_pictures_of_the_last_result_are_not_forgotten() -> None:
    told = sent(model(call()), result("c1", Image(url=PNG)))

    assert [one["role"] for one in told.body["messages"]] == ["assistant", "tool", "user"]


# --- media


def test_a_users_media_stand_in_their_order() -> None:
    told = sent(
        user(
            Text(text="a"),
            Image(url=PNG),
            Text(text="b"),
            Audio(data="UklG", format="mp3"),
            File(data="JVBERi0=", media_type="application/pdf", name="a.pdf"),
            File(data="JVBERi0="),
            File(text="Once.", name="tale.txt"),
            File(data="data:text/csv;base64," + b64encode("ä,b".encode()).decode()),
        )
    )

    assert told.body["messages"][0]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "text", "text": "b"},
        {"type": "input_audio", "input_audio": {"data": "UklG", "format": "mp3"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "file.pdf"}},
        {"type": "text", "text": "tale.txt:\nOnce."},
        {"type": "text", "text": "ä,b"},
    ]
    assert told.lost == []
    assert told.adapted == {"messages[0].content[6]": "sent as text", "messages[0].content[7]": "sent as text"}


def test_a_file_of_text_alone_makes_a_message_of_text() -> None:
    assert sent(user(File(text="Once."), Text(text="Go on."))).body["messages"] == [
        {"role": "user", "content": "Once.\nGo on."}
    ]


@pytest.mark.parametrize(
    "part",
    [
        Image(id="file-1"),
        Image(url="gs://bucket/a.png"),
        Audio(url="https://a.example/a.wav"),
        File(url="https://a.example/a.pdf"),
        File(id="file-1"),
        File(data="AAAA", media_type="video/mp4"),
    ],
)
@pytest.mark.parametrize("role", ["user", "tool"])
def test_what_can_not_be_read_is_refused_with_its_place(part: Part, role: str) -> None:
    with pytest.raises(BadRequest) as caught:
        sent(HI, Message(role=role, tool_call_id="c1" if role == "tool" else None, parts=(Text(text="a"), part)))

    assert caught.value.param == "messages[1].content[1]"
    assert OpenAIChat.name not in caught.value.message


def test_an_assistants_media_are_left_out_but_for_what_it_said() -> None:
    told = sent(HI, model(Image(url=PNG), Audio(data="UklG", transcript="Hello."), Audio(data="UklG")))

    assert told.body["messages"][1] == {"role": "assistant", "content": "Hello."}
    assert (told.lost, list(told.adapted)) == (
        ["messages[1].content[0]", "messages[1].content[2]"],
        ["messages[1].content[1]"],
    )


# --- tools

LOOK, SEE = Tool(name="look", parameters=LOOSE), Tool(name="see", kind="custom")
SEARCH = Tool(name="search", kind="web_search", extra={"max_uses": 3})


@pytest.mark.parametrize(("who", "takes"), [("openai", True), ("openrouter", True), ("vllm", False)])
def test_a_search_of_the_web_is_asked_for_where_there_is_one(who: str, takes: bool) -> None:
    told = sent(HI, tools=(SEARCH,), tool_choice=ToolChoice(mode="auto"), parallel_tool_calls=True, who=who)

    assert told.body.get("web_search_options") == ({} if takes else None)
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & told.body.keys()
    assert (told.lost, list(told.adapted)) == (([], ["tools[0]"]) if takes else (["tools[0]"], []))


def test_a_tool_that_a_provider_runs_is_left_out() -> None:
    told = sent(
        HI, tools=(LOOK, Tool(name="bash", kind="computer"), Tool(name="", kind="function")), parallel_tool_calls=False
    )

    assert [tool["function"]["name"] for tool in told.body["tools"]] == ["look"]
    assert told.body["parallel_tool_calls"] is False
    assert told.lost == ["tools[1]", "tools[2]"]


CHOSEN = {"type": "function", "function": {"name": "look"}}
AMONG = {"mode": "required", "tools": [CHOSEN, {"type": "custom", "custom": {"name": "see"}}]}


@pytest.mark.parametrize(
    ("choice", "tools", "who", "written", "lost"),
    [
        (ToolChoice(mode="auto"), (LOOK,), "", "auto", []),
        (ToolChoice(mode="none"), (LOOK,), "", "none", []),
        (ToolChoice(mode="required"), (LOOK,), "", "required", []),
        (ToolChoice(mode="named", name="look"), (LOOK,), "", CHOSEN, []),
        (ToolChoice(mode="named", name="see"), (SEE,), "", {"type": "custom", "custom": {"name": "see"}}, []),
        (ToolChoice(mode="named", name="gone"), (LOOK,), "", None, ["tool_choice"]),
        (ToolChoice(mode="named", name="search"), (SEARCH, LOOK), "openai", None, ["tool_choice"]),
        (
            ToolChoice(mode="named", name="bash"),
            (Tool(name="bash", kind="computer"),),
            "",
            None,
            ["tools[0]", "tool_choice"],
        ),
        (ToolChoice(mode="required"), (Tool(name="bash", kind="computer"),), "", None, ["tools[0]", "tool_choice"]),
        (ToolChoice(mode="auto"), (Tool(name="bash", kind="computer"),), "", None, ["tools[0]"]),
        (ToolChoice(mode="other", raw={"type": "mcp"}), (LOOK,), "", None, ["tool_choice"]),
        (ToolChoice(mode="auto", extra={"x": 1}), (LOOK,), "", "auto", ["tool_choice.x"]),
        (
            ToolChoice(mode="required", names=("look", "see", "gone")),
            (LOOK, SEE),
            "openai",
            {"type": "allowed_tools", "allowed_tools": AMONG},
            [],
        ),
        (ToolChoice(mode="auto", names=("gone",)), (LOOK,), "openai", "none", ["tool_choice"]),
        (None, (LOOK,), "", None, []),
    ],
)
def test_a_choice_is_sent_as_far_as_what_it_means_is(
    choice: ToolChoice | None, tools: tuple[Tool, ...], who: str, written: object, lost: list[str]
) -> None:
    told = sent(HI, tools=tools, tool_choice=choice, who=who)

    assert told.body.get("tool_choice") == written
    assert told.lost == lost


def test_who_can_not_be_told_what_is_allowed_gets_no_other_tools() -> None:
    told = sent(HI, tools=(LOOK, SEE), tool_choice=ToolChoice(mode="required", names=("look",)), who="vllm")

    assert [tool[tool["type"]]["name"] for tool in told.body["tools"]] == ["look"]
    assert (told.body["tool_choice"], told.lost) == ("required", [])
    assert told.adapted == {"tool_choice": "the other tools are left out"}


@pytest.mark.parametrize(
    ("schema", "closed"),
    [
        ({}, True),
        (SCHEMA, True),
        (LOOSE, False),
        ({**SCHEMA, "required": []}, False),
        ({**SCHEMA, "additionalProperties": True}, False),
        ({"type": "array", "items": LOOSE}, False),
        ({"anyOf": [SCHEMA, LOOSE]}, False),
        ({"$defs": {"b": LOOSE}, **SCHEMA}, False),
        ({**SCHEMA, "properties": {"a": {"enum": [{"type": "object"}]}}}, True),
        ({**SCHEMA, "properties": {"type": SCHEMA}, "required": ["type"]}, True),
        ({**SCHEMA, "properties": {"enum": LOOSE}, "required": ["enum"]}, False),
    ],
)
def test_a_strict_schema_is_kept_where_openai_would_take_it(schema: dict[str, Any], closed: bool) -> None:
    assert is_closed(schema) is closed
    form = ResponseFormat(kind="json_schema", schema=schema, strict=True)
    tools = (Tool(name="look", parameters=schema, strict=True),)

    told = sent(HI, tools=tools, response_format=form)
    alike = sent(HI, tools=tools, response_format=form, dialect="openai_responses")

    assert told.body["tools"][0]["function"].get("strict") == (True if closed else None)
    assert told.body["response_format"]["json_schema"].get("strict") == (True if closed else None)
    assert told.lost == ([] if closed else ["tools[0].strict", "response_format.strict"])
    assert alike.body["tools"][0]["function"]["strict"] is True
    assert alike.lost == []


# --- the rest of a request


@pytest.mark.parametrize(
    ("form", "written", "lost"),
    [
        (ResponseFormat(kind="text"), {"type": "text"}, []),
        (ResponseFormat(kind="json_object"), {"type": "json_object"}, []),
        (
            ResponseFormat(kind="json_schema", schema=SCHEMA),
            {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}},
            [],
        ),
        (
            ResponseFormat(kind="json_schema", name="n", schema=LOOSE, strict=False, extra={"x": 1}),
            {"type": "json_schema", "json_schema": {"name": "n", "schema": LOOSE, "strict": False}},
            ["response_format.x"],
        ),
        (ResponseFormat(kind="other", extra={"type": "grammar"}), None, ["response_format"]),
    ],
)
def test_the_answers_form_is_asked_for(form: ResponseFormat, written: object, lost: list[str]) -> None:
    told = sent(HI, response_format=form)

    assert (told.body.get("response_format"), told.lost) == (written, lost)


@pytest.mark.parametrize(
    ("sampling", "effort", "adapted"),
    [
        (Sampling(reasoning_effort="low"), "low", []),
        (Sampling(reasoning_effort="max"), "xhigh", ["reasoning_effort"]),
        (Sampling(reasoning_tokens=0), "none", ["reasoning_tokens"]),
        (Sampling(reasoning_tokens=-1), "medium", ["reasoning_tokens"]),
        (Sampling(reasoning_tokens=9000), "medium", ["reasoning_tokens"]),
        (Sampling(reasoning_tokens=9000, reasoning_effort="high"), "high", ["reasoning_tokens"]),
        (Sampling(reasoning_tokens=90_000), "xhigh", ["reasoning_tokens", "reasoning_effort"]),
    ],
)
def test_a_budget_of_thoughts_is_an_effort(sampling: Sampling, effort: str, adapted: list[str]) -> None:
    told = sent(HI, sampling=sampling, dialect="gemini")

    assert told.body["reasoning_effort"] == effort
    assert "thinking" not in told.body
    assert (told.lost, list(told.adapted)) == ([], adapted)


@pytest.mark.parametrize(("shown", "lost"), [(True, ["reasoning_shown"]), (False, []), (None, [])])
def test_thoughts_that_are_asked_for_and_cannot_be_are_lost(shown: bool | None, lost: list[str]) -> None:
    told = sent(HI, sampling=Sampling(reasoning_shown=shown))

    assert (told.lost, list(told.adapted)) == (lost, [])


@pytest.mark.parametrize(("who", "takes"), [("openai", False), ("vllm", True), ("lab", True), ("", False)])
def test_top_k_goes_to_who_takes_it(who: str, takes: bool) -> None:
    told = sent(HI, sampling=Sampling(top_k=5), who=who)

    assert (told.body.get("top_k"), told.lost) == ((5, []) if takes else (None, ["top_k"]))


@pytest.mark.parametrize(("who", "most"), [("openai", 4), ("azure", 4), ("vllm", 5)])
def test_openai_stops_at_four_texts(who: str, most: int) -> None:
    stops = ("a", "b", "c", "d", "e")
    told = sent(HI, sampling=Sampling(stop=stops), who=who)

    assert told.body["stop"] == list(stops[:most])
    assert told.lost == ([] if most == 5 else ["stop"])


@pytest.mark.parametrize(
    ("sampling", "written"),
    [
        (Sampling(top_logprobs=2), {"logprobs": True, "top_logprobs": 2}),
        (Sampling(logprobs=True, top_logprobs=2), {"logprobs": True, "top_logprobs": 2}),
        (Sampling(logprobs=False, top_logprobs=2), {"logprobs": False}),
        (Sampling(logprobs=True), {"logprobs": True}),
    ],
)
def test_how_many_chances_are_told_is_said_with_that_they_are(sampling: Sampling, written: dict[str, Any]) -> None:
    body = sent(HI, sampling=sampling).body

    assert {name: value for name, value in body.items() if "logprobs" in name} == written


@pytest.mark.parametrize(("who", "takes"), [("openai", False), ("azure", False), ("lab", True)])
def test_metadata_goes_to_who_takes_it_of_an_answer_that_is_not_stored(who: str, takes: bool) -> None:
    told = sent(HI, metadata={"a": "b"}, who=who, dialect="openai_responses")

    assert told.body.get("metadata") == ({"a": "b"} if takes else None)
    assert (told.lost, list(told.adapted)) == ([], [] if takes else ["metadata"])


@pytest.mark.parametrize(
    ("tier", "written"), [("auto", "auto"), ("standard_only", "default"), ("priority", "priority"), ("batch", None)]
)
def test_a_tier_is_sent_where_there_is_one_like_it(tier: str, written: str | None) -> None:
    told = sent(HI, service_tier=tier)

    assert told.body.get("service_tier") == written
    assert told.lost == ([] if written else ["service_tier"])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("asks", [False, True])
def test_a_streams_usage_is_asked_for_where_it_must_be(stream: bool, asks: bool) -> None:
    told = Sent(Content(dialect="gemini", messages=(HI,)), stream=stream, quirks={"asks_usage": asks})

    assert told.body.get("stream") == (stream or None)
    assert told.body.get("stream_options") == ({"include_usage": True} if stream and asks else None)


def test_a_provider_with_one_name_for_the_limit_is_told_by_that_name() -> None:
    told = sent(HI, limits=Limits(output_tokens=7, legacy=True), quirks={"output_limit_field": "max_tokens"})

    assert (told.body["max_tokens"], "max_completion_tokens" in told.body) == (7, False)


def test_what_a_provider_refuses_is_left_out_and_told() -> None:
    told = sent(
        HI,
        sampling=Sampling(seed=1, logprobs=True),
        cache_key="k",
        who="X",
        quirks={"rejects": ("seed", "logprobs", "stop")},
    )

    assert not {"seed", "logprobs"} & told.body.keys()
    assert (told.body["prompt_cache_key"], told.lost) == ("k", ["seed", "logprobs"])
    assert told.losses[0].why == "X refuses it"

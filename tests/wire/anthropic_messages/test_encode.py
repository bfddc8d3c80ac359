"""What goes to Anthropic of requests that came in OpenAI's dialect."""

from typing import Any

import pytest
from anthropic_said import REFUSES, USER, body, content, effects, from_openai, sent, turns

from antiphon.core.content import Cache, Content, File, Image, Message, Reasoning, Sampling, Text, Tool
from antiphon.core.error import BadRequest

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
USE = {"type": "tool_use", "id": "c1", "name": "f", "input": {"x": 1}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
PNG = "data:image/png;base64,iVBO"


def test_a_plain_request_is_written_so() -> None:
    out, losses = sent(
        from_openai({"role": "system", "content": "S"}, USER, max_tokens=5, temperature=0.5, stop="END", user="u"),
        stream=True,
    )

    assert out == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 5,
        "system": "S",
        "messages": [USER],
        "temperature": 0.5,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u"},
        "stream": True,
    }
    assert losses == ()


@pytest.mark.parametrize(("terms", "limit"), [({}, 8192), ({"output_tokens": 64000}, 64000)], ids=["unknown", "known"])
def test_a_bound_that_is_not_given_is_that_of_the_model(terms: dict[str, Any], limit: int) -> None:
    out, losses = sent(from_openai(), **terms)

    assert out["max_tokens"] == limit
    assert [(loss.field, loss.adapted) for loss in losses] == [("max_tokens", True)]


@pytest.mark.parametrize(
    ("fields", "lost"),
    [
        ({"seed": 0}, "seed"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"logit_bias": {"1": 2}}, "logit_bias"),
        ({"logprobs": True}, "logprobs"),
        ({"n": 2}, "n"),
        ({"verbosity": "low"}, "verbosity"),
        ({"metadata": {"a": "b"}}, "metadata"),
        ({"store": True}, "store"),
        ({"stop": [" ", "x"]}, "stop"),
        ({"tool_choice": "required"}, "tool_choice"),
    ],
)
def test_what_anthropic_lacks_is_told(fields: dict[str, Any], lost: str) -> None:
    assert lost in turns(**fields)[1]


@pytest.mark.parametrize("fields", [{"n": 1}, {"logprobs": False}, {"presence_penalty": 0}, {"tool_choice": "auto"}])
def test_what_says_nothing_is_no_loss(fields: dict[str, Any]) -> None:
    assert turns(**fields)[1] == {}


@pytest.mark.parametrize(
    ("model", "fields", "out", "lost"),
    [
        ("claude-sonnet-4-5", {"temperature": 1.7}, {"temperature": 1.0}, {"temperature"}),
        ("claude-sonnet-4-5", {"temperature": 0.2, "top_p": 0.9}, {"temperature": 0.2}, {"top_p"}),
        ("claude-3-5-haiku-20241022", {"temperature": 0.2, "top_p": 0.9}, {"temperature": 0.2, "top_p": 0.9}, set()),
        ("claude-opus-4-7", {"temperature": 0.2, "top_p": 0.9}, {}, {"temperature", "top_p"}),
        ("claude-sonnet-4-6", {"temperature": 0.2}, {"temperature": 0.2}, set()),
        ("claude-sonnet-4-5", {"temperature": 0.2, "reasoning_effort": "low"}, {}, {"temperature", "reasoning_effort"}),
    ],
)
def test_sampling_is_what_the_model_takes(model: str, fields: Any, out: Any, lost: set[str]) -> None:
    body_, losses = sent(from_openai(max_tokens=9000, **fields), model)

    assert {name: body_[name] for name in ("temperature", "top_p") if name in body_} == out
    assert {loss.field for loss in losses} == lost


@pytest.mark.parametrize(
    ("model", "sampling", "thinking", "effort"),
    [
        ("claude-sonnet-4-5", Sampling(reasoning_effort="high"), {"type": "enabled", "budget_tokens": 24576}, None),
        ("claude-sonnet-4-5", Sampling(reasoning_effort="none"), None, None),
        ("claude-sonnet-4-5", Sampling(reasoning_tokens=100), {"type": "enabled", "budget_tokens": 1024}, None),
        ("claude-sonnet-4-5", Sampling(reasoning_tokens=-1), {"type": "enabled", "budget_tokens": 8192}, None),
        ("claude-opus-5", Sampling(reasoning_effort="high"), {"type": "adaptive"}, "high"),
        ("claude-opus-5", Sampling(reasoning_effort="minimal"), {"type": "adaptive"}, "low"),
        ("claude-opus-5", Sampling(reasoning_effort="xhigh"), {"type": "adaptive"}, "xhigh"),
        ("claude-opus-4-6", Sampling(reasoning_effort="xhigh"), {"type": "adaptive"}, "high"),
        ("claude-opus-5", Sampling(reasoning_effort="none"), {"type": "disabled"}, None),
        ("claude-mythos-preview", Sampling(reasoning_effort="none"), None, None),
        ("claude-opus-5", Sampling(reasoning_tokens=9000), {"type": "adaptive"}, "medium"),
        ("claude-opus-5", Sampling(reasoning_tokens=-1), {"type": "adaptive"}, None),
        (
            "claude-opus-5",
            Sampling(reasoning_effort="low", reasoning_shown=True),
            {"type": "adaptive", "display": "summarized"},
            "low",
        ),
    ],
)
def test_how_deep_to_think_is_said_as_the_model_knows_it(
    model: str, sampling: Sampling, thinking: Any, effort: str | None
) -> None:
    asked = Content(dialect="gemini", messages=(Message(role="user", parts=(Text(text="x"),)),), sampling=sampling)

    out, _ = sent(asked, model)

    assert out.get("thinking") == thinking
    assert out.get("output_config", {}).get("effort") == effort


def test_a_budget_stays_below_the_bound_on_output() -> None:
    out, losses = sent(from_openai(reasoning_effort="high", max_tokens=2000))

    assert out["thinking"] == {"type": "enabled", "budget_tokens": 1999}
    assert effects(losses)["reasoning_tokens"] == "sent as 1999"


@pytest.mark.parametrize(
    "asked",
    [
        from_openai(reasoning_effort="high", max_tokens=1000),
        from_openai(reasoning_effort="high", tools=[TOOL], tool_choice="required"),
        from_openai(USER, {"role": "assistant", "content": "A"}, reasoning_effort="high"),
        from_openai(
            USER,
            {"role": "assistant", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "r"},
            reasoning_effort="high",
        ),
    ],
    ids=["too few tokens", "forced tool", "prefill", "calls without thoughts"],
)
def test_no_thinking_where_anthropic_refuses_it(asked: Content) -> None:
    out, losses = sent(asked)

    assert "thinking" not in out
    assert effects(losses)["reasoning_effort"] is not None


def test_turns_alternate_and_results_come_first_in_the_users() -> None:
    messages, lost = turns(
        USER,
        {"role": "user", "content": "Hi again"},
        {"role": "assistant", "content": "A", "tool_calls": [CALL, {**CALL, "id": "c2"}]},
        {"role": "tool", "tool_call_id": "c1", "content": "r1"},
        {"role": "user", "content": "between"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "r2"}]},
        {"role": "user", "content": "after"},
    )

    assert messages == [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "Hi again"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "A"}, USE, {**USE, "id": "c2"}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "r1"},
                {"type": "tool_result", "tool_use_id": "c2", "content": "r2"},
                {"type": "text", "text": "between"},
                {"type": "text", "text": "after"},
            ],
        },
    ]
    assert lost == {}


def test_calls_of_two_messages_in_a_row_keep_their_results() -> None:
    messages, lost = turns(
        USER,
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "assistant", "tool_calls": [{**CALL, "id": "c2"}]},
        {"role": "tool", "tool_call_id": "c1", "content": "r1"},
        {"role": "tool", "tool_call_id": "c2", "content": "r2"},
    )

    assert [block["tool_use_id"] for block in messages[2]["content"]] == ["c1", "c2"]
    assert lost == {}


def test_a_call_without_a_result_gets_an_empty_one() -> None:
    messages, lost = turns(USER, {"role": "assistant", "tool_calls": [CALL]}, USER)

    assert messages[2]["content"][0] == {
        "type": "tool_result",
        "tool_use_id": "c1",
        "content": "No result was given.",
        "is_error": True,
    }
    assert messages[2]["content"][1] == {"type": "text", "text": "Hi"}
    assert list(lost.values()) == ["an empty one is put in"]


def test_a_result_of_no_call_is_sent_as_text() -> None:
    messages, lost = turns(USER, {"role": "tool", "tool_call_id": "nope", "content": "r"})

    assert messages == [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "r"}]}]
    assert lost == {"messages[1]": "sent as the user's"}


def test_ids_that_anthropic_refuses_are_mapped_alike_for_call_and_result() -> None:
    odd = {**CALL, "id": "call:1/é"}
    said = (
        USER,
        {"role": "assistant", "tool_calls": [odd]},
        {"role": "tool", "tool_call_id": odd["id"], "content": "r"},
    )

    messages, lost = turns(*said)

    call_id = messages[1]["content"][0]["id"]
    assert messages[2]["content"][0]["tool_use_id"] == call_id
    assert call_id.isascii()
    assert call_id.replace("_", "").isalnum()
    assert turns(*said)[0] == messages
    assert lost == {}


def test_an_id_that_comes_twice_is_made_two() -> None:
    said = [{"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c1", "content": "r"}]

    messages, _ = turns(USER, *said, *said)

    assert [messages[1]["content"][0]["id"], messages[3]["content"][0]["id"]] == ["c1", "c1_2"]
    assert [messages[2]["content"][0]["tool_use_id"], messages[4]["content"][0]["tool_use_id"]] == ["c1", "c1_2"]


def test_legacy_calls_and_their_results_find_each_other_by_name() -> None:
    messages, _ = turns(
        USER,
        {"role": "assistant", "function_call": {"name": "f", "arguments": ""}},
        {"role": "function", "name": "f", "content": "r"},
    )

    assert messages[1]["content"][0] == {**USE, "id": "call_0", "input": {}}
    assert messages[2]["content"][0]["tool_use_id"] == "call_0"


@pytest.mark.parametrize(("text", "given"), [("", {}), ("[1]", {"_raw": "[1]"}), ("{", {"_raw": "{"})])
def test_arguments_that_are_no_object_are_wrapped(text: str, given: Any) -> None:
    call = {**CALL, "function": {"name": "f", "arguments": text}}

    messages, lost = turns(USER, {"role": "assistant", "tool_calls": [call]})

    assert messages[1]["content"][0]["input"] == given
    assert ("messages[1].content[0].arguments" in lost) == bool(text)


def test_a_conversation_that_the_assistant_begins_gets_a_turn_before_it() -> None:
    messages, lost = turns({"role": "assistant", "content": "A"}, USER)

    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert "messages[0]" in lost


def test_instructions_alone_are_sent_as_the_users() -> None:
    messages, lost = turns({"role": "system", "content": "S"})

    assert messages == [{"role": "user", "content": "S"}]
    assert lost == {"messages": "sent as the user's"}


def test_instructions_amid_a_conversation_are_sent_as_the_users() -> None:
    messages, lost = turns(USER, {"role": "assistant", "content": "A"}, {"role": "developer", "content": "D"})

    assert messages[2] == {"role": "user", "content": "D"}
    assert lost == {"messages[2]": "sent as the user's"}


@pytest.mark.parametrize("messages", [[{"role": "user", "content": " "}], [{"role": "assistant", "content": ""}]])
def test_nothing_to_send_is_refused(messages: list[dict[str, Any]]) -> None:
    with pytest.raises(BadRequest):
        turns(*messages)


def test_empty_texts_are_left_out_and_a_last_text_ends_clean() -> None:
    messages, lost = turns(
        {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "x"}]},
        {"role": "assistant", "content": "A \n"},
    )

    assert messages == [{"role": "user", "content": "x"}, {"role": "assistant", "content": "A"}]
    assert lost == {}


def test_the_prompt_and_the_start_of_an_answer_are_put_in() -> None:
    out, _ = sent(from_openai({"role": "system", "content": "S"}, USER, max_tokens=9), prompt="P", so_far="So ")

    assert out["system"] == [{"type": "text", "text": "P"}, {"type": "text", "text": "S"}]
    assert out["messages"] == [USER, {"role": "assistant", "content": "So"}]


def part_of(part: dict[str, Any], role: str = "user") -> tuple[list[Any], dict[str, str]]:
    messages, lost = turns({"role": "user", "content": "x"}, {"role": role, "content": [part]})
    blocks = [block for message in messages for block in message["content"] if block != {"type": "text", "text": "x"}]
    return [block for block in blocks if isinstance(block, dict)], lost


def test_images_go_as_bytes_or_by_url() -> None:
    by_bytes, lost = part_of({"type": "image_url", "image_url": {"url": PNG}})
    by_url, _ = part_of({"type": "image_url", "image_url": {"url": "https://a/b"}})

    assert by_bytes == [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}]
    assert by_url == [{"type": "image", "source": {"type": "url", "url": "https://a/b"}}]
    assert lost == {}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/bmp;base64,AA"}},
        {"type": "image_url", "image_url": {"url": "gs://b/o"}},
        {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
        {"type": "file", "file": {"file_data": "data:video/mp4;base64,AA"}},
        {"type": "video_url", "video_url": {}},
    ],
)
def test_a_part_that_anthropic_takes_in_no_form_is_told(part: dict[str, Any]) -> None:
    assert part_of(part) == ([], {"messages[1].content[0]": "left out", "messages[1].content": "left out"})


def test_a_file_that_another_provider_keeps_is_refused() -> None:
    with pytest.raises(BadRequest, match="another provider keeps") as refused:
        part_of({"type": "file", "file": {"file_id": "file-1"}})

    assert refused.value.param == "messages[1].content[0]"


@pytest.mark.parametrize(
    ("file", "source"),
    [
        (
            File(data="data:application/pdf;base64,JVBE"),
            {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
        ),
        (File(data="JVBE", name="a.pdf"), {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}),
        (File(data="SGkh", name="a.txt"), {"type": "text", "media_type": "text/plain", "data": "Hi!"}),
        (File(text="T"), {"type": "text", "media_type": "text/plain", "data": "T"}),
        (File(url="https://a/b.pdf"), {"type": "url", "url": "https://a/b.pdf"}),
    ],
)
def test_files_go_as_documents(file: File, source: dict[str, str]) -> None:
    asked = Content(dialect="openai_responses", messages=(Message(role="user", parts=(file,)),))

    out, _ = sent(asked)

    document = out["messages"][0]["content"][0]
    assert document["source"] == source
    assert document.get("title") == file.name


def test_cache_marks_go_along() -> None:
    marked = Message(
        role="user",
        parts=(Text(text="a", cache=Cache(ttl="1h")), Image(url=PNG, cache=Cache())),
    )
    tool = Tool(name="f", parameters={"type": "object", "properties": {}}, cache=Cache())

    out, _ = sent(Content(dialect="openai_chat", messages=(marked,), tools=(tool,)))

    assert [block["cache_control"] for block in out["messages"][0]["content"]] == [
        {"type": "ephemeral", "ttl": "1h"},
        {"type": "ephemeral"},
    ]
    assert out["tools"][0]["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize(
    ("thought", "blocks"),
    [
        (
            Reasoning(text="t", signature="s", signed_by="anthropic_messages"),
            [{"type": "thinking", "thinking": "t", "signature": "s"}],
        ),
        (
            Reasoning(text="", signature="s", signed_by="anthropic_messages", redacted=True),
            [{"type": "redacted_thinking", "data": "s"}],
        ),
        (Reasoning(text="t", signature="s", signed_by="gemini"), []),
        (Reasoning(text="t"), []),
    ],
)
def test_only_thoughts_that_anthropic_signed_go_back_to_it(thought: Reasoning, blocks: list[Any]) -> None:
    asked = Content(
        dialect="openai_chat",
        messages=(
            Message(role="user", parts=(Text(text="q"),)),
            Message(role="assistant", parts=(thought, Text(text="a"))),
            Message(role="user", parts=(Text(text="q"),)),
        ),
    )

    out, losses = sent(asked)

    said = out["messages"][1]["content"]
    assert (said if blocks else [{"type": "text", "text": said}]) == [*blocks, {"type": "text", "text": "a"}]
    assert ("messages[1].content[0]" in effects(losses)) == (not blocks)


def test_fields_that_the_upstream_refuses_are_left_out() -> None:
    out, losses = sent(from_openai(temperature=0.1, max_tokens=9), quirks=REFUSES)

    assert "temperature" not in out
    assert losses[0].why == "Acme refuses it"


def test_a_request_of_its_own_dialect_takes_the_terms_too() -> None:
    out, losses = sent(content(body(system="S", top_k=4)), "up", prompt="P", so_far="x", stream=True)

    assert out == {
        "model": "up",
        "max_tokens": 9,
        "top_k": 4,
        "stream": True,
        "system": [{"type": "text", "text": "P"}, {"type": "text", "text": "S"}],
        "messages": [USER, {"role": "assistant", "content": "x"}],
    }
    assert losses == ()

"""Answers of other dialects, whole and streamed, written for callers of Chat Completions."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from antiphon.core.content import (
    Audio,
    Citation,
    Extra,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Unknown,
)
from antiphon.core.request import Head
from antiphon.core.response import Choice, Delta, Event, FinishReason, Response, ToolCallDelta
from antiphon.core.usage import Usage
from antiphon.wire.fields import Fields
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.codec import OpenAIChat
from antiphon.wire.openai_chat.thinking import decode_blocks

CODEC = OpenAIChat()
USAGE = Usage(input_tokens=10, output_tokens=5, cached_tokens=4, reasoning_tokens=2)
WEB = Citation(kind="url", url="https://a.example", title="A", start=1, end=3)
often = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def head(*, wants_usage: bool = True, stream: bool = False) -> Head:
    return Head(
        model="m", dialect="openai_chat", endpoint="/v1/chat/completions", stream=stream, wants_usage=wants_usage
    )


def answer(*parts: Part, finish: FinishReason = "stop", extra: Extra | None = None, **fields: Any) -> Response:
    message = Message(role="assistant", parts=parts)
    choice = Choice(index=0, message=message, finish_reason=finish, extra=extra or {})
    said = {"dialect": "gemini", "id": "r1", "model": "gem", "created_s": 7, "usage": USAGE, **fields}
    return Response(**{"choices": (choice,), **said})


def whole(response: Response) -> tuple[dict[str, Any], Losses]:
    losses = Losses()
    said = json.loads(CODEC.encode_answer(response, head(), losses))
    ChatCompletion.model_validate(said)
    return said, losses


def message_of(*parts: Part, **fields: Any) -> dict[str, Any]:
    said, _ = whole(answer(*parts, **fields))
    return said["choices"][0]["message"]


def event(*deltas: Delta, **fields: Any) -> Event:
    return Event(**{"dialect": "gemini", "id": "r1", "model": "gem", "created_s": 7, "deltas": deltas, **fields})


def chunks(*events: Event, wants_usage: bool = True, losses: Losses | None = None) -> list[dict[str, Any]]:
    encoder = CODEC.encoder(head(wants_usage=wants_usage, stream=True), losses or Losses())
    encoder.created_s = 99
    out = b"".join([*(encoder.event(one) for one in events), encoder.end()])
    *said, done, rest = out.split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    assert all(one.startswith(b"data: {") for one in said)
    return [json.loads(one[6:]) for one in said]


def deltas(*events: Event) -> list[dict[str, Any]]:
    return [choice for chunk in chunks(*events) for choice in chunk["choices"]]


def lost(losses: Losses) -> list[str]:
    return [loss.field for loss in losses.told() if not loss.adapted]


# --- whole


def test_a_whole_answer_has_openais_form() -> None:
    said, losses = whole(answer(Text(text="a"), Text(text="b"), fingerprint="fp"))

    assert said == {
        "id": "r1",
        "object": "chat.completion",
        "created": 7,
        "model": "gem",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "ab"}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
        "system_fingerprint": "fp",
    }
    assert losses.told() == ()


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
        ("other", "stop"),
    ],
)
def test_an_answer_ends_with_openais_word(reason: FinishReason, word: str) -> None:
    choice = Choice(index=0, message=Message(role="assistant"), finish_reason=reason, finish_raw="MALFORMED")
    said, losses = whole(answer(choices=(choice,)))
    streamed_losses = Losses()
    (piece, *_) = chunks(event(Delta(finish_reason=reason, finish_raw="MALFORMED")), losses=streamed_losses)

    assert said["choices"][0]["finish_reason"] == piece["choices"][0]["finish_reason"] == word
    assert lost(losses) == lost(streamed_losses) == (["answer.finish_reason"] if reason == "other" else [])


def test_thoughts_are_told_as_blocks_with_their_proofs_and_all_together_as_a_text() -> None:
    said = message_of(
        Reasoning(text="One. ", signature="c2ln", signed_by="anthropic_messages"),
        Reasoning(text="", signature="eHg=", signed_by="anthropic_messages", redacted=True),
        Reasoning(text="Two. "),
        Reasoning(text="Three.", signature="Z2Vt", signed_by="gemini"),
        Text(text="hi"),
    )

    assert said["reasoning_content"] == "One. Two. Three."
    assert said["thinking_blocks"] == [
        {"type": "thinking", "thinking": "One. ", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "eHg="},
        {"type": "thinking", "thinking": "Three.", "signature": "gemini:Z2Vt"},
    ]
    assert said["content"] == "hi"


def test_thoughts_of_which_only_the_proof_is_told_have_an_empty_block() -> None:
    thought = Reasoning(text="", signature="c2ln", signed_by="anthropic_messages")
    said = message_of(thought, Text(text="hi"))
    first, _, _ = deltas(
        event(Delta(role="assistant", signature="c2ln", signed_by="anthropic_messages")),
        event(Delta(text="hi")),
        event(Delta(finish_reason="stop")),
    )

    block = {"type": "thinking", "thinking": "", "signature": "c2ln"}
    assert said["thinking_blocks"] == [block]
    assert first["delta"]["thinking_blocks"] == [{**block, "index": 0}]


def test_a_block_that_comes_back_from_a_stream_is_read_as_one_from_a_whole_answer() -> None:
    block = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    hidden = {"type": "redacted_thinking", "data": "eHg="}

    assert decode_blocks(Fields({"thinking_blocks": [{**block, "index": 0}, {**hidden, "index": 1}]})) == decode_blocks(
        Fields({"thinking_blocks": [block, hidden]})
    )


def test_calls_carry_the_proof_of_the_thoughts_that_led_to_them() -> None:
    call = ToolCall(
        id="c1", name="look", arguments="", signature="Z2Vt", signed_by="gemini", extra={"caller": {"type": "direct"}}
    )
    said, losses = whole(answer(call, finish="tool_calls"))

    assert said["choices"][0]["message"] == {
        "role": "assistant",
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "look", "arguments": "{}"},
                "extra_content": {"google": {"thought_signature": "Z2Vt"}},
            }
        ],
    }
    assert losses.told() == ()


def test_places_of_sources_are_counted_over_all_texts() -> None:
    said = message_of(Text(text="abc"), Text(text="def", citations=(WEB,)))

    assert said["content"] == "abcdef"
    assert said["annotations"] == [
        {
            "type": "url_citation",
            "url_citation": {"url": "https://a.example", "title": "A", "start_index": 4, "end_index": 6},
        }
    ]


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (Text(text="a", citations=(Citation(kind="document", document=0),)), "answer.citations"),
        (
            Text(text="a", citations=(msgspec.structs.replace(WEB, quoted="q"),)),
            "answer.citations.quoted",
        ),
        (Text(text="a", extra={"x": 1}), "answer.choices[0].content[0].x"),
        (File(data="AAAA"), "answer.file"),
        (Unknown(kind="executableCode", raw={"executableCode": {}}), "answer.executableCode"),
    ],
)
def test_what_can_not_be_told_is_named(part: Part, field: str) -> None:
    said, losses = whole(answer(part))

    assert lost(losses) == [field]
    assert said["choices"][0]["message"]["role"] == "assistant"


def test_what_an_answer_says_beside_is_named_where_it_says_something() -> None:
    said, losses = whole(answer(Text(text="a"), extra={"safetyRatings": [], "avgLogprobs": -0.1}))

    assert lost(losses) == ["answer.choices[0].avgLogprobs"]
    assert "avgLogprobs" not in said["choices"][0]


def test_images_and_sound_stand_beside_the_text() -> None:
    url = "data:image/png;base64,AAAA"
    said, losses = whole(
        answer(Text(text="Look."), Image(url=url), Audio(data="UklG", format="pcm16", transcript="Hi."))
    )

    message = said["choices"][0]["message"]
    assert message["content"] == "Look."
    assert message["images"] == [{"type": "image_url", "image_url": {"url": url}}]
    assert message["audio"] == {"id": "audio_0", "data": "UklG", "transcript": "Hi.", "expires_at": 0}
    assert lost(losses) == []


def test_several_answers_are_told_apart() -> None:
    choices = tuple(
        Choice(index=index, message=Message(role="assistant", parts=(Text(text=text),)), finish_reason="stop")
        for index, text in enumerate("ab")
    )
    said, _ = whole(answer(choices=choices))

    assert [(one["index"], one["message"]["content"]) for one in said["choices"]] == [(0, "a"), (1, "b")]


# --- streamed


def test_a_stream_is_chunks_of_one_answer_and_its_end() -> None:
    first, second, last, usage = chunks(
        event(Delta(role="assistant", text="")),
        event(Delta(text='a"\n')),
        event(Delta(finish_reason="stop"), usage=USAGE),
    )

    alike = {"id": "r1", "object": "chat.completion.chunk", "created": 7, "model": "gem"}
    assert first == {
        **alike,
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
    }
    assert second == {**alike, "choices": [{"index": 0, "delta": {"content": 'a"\n'}, "finish_reason": None}]}
    assert last == {**alike, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    assert usage == {**alike, "choices": [], "usage": whole(answer())[0]["usage"]}


def test_a_streams_usage_comes_to_who_asked_for_it() -> None:
    told = chunks(event(Delta(text="a", finish_reason="stop")), event(usage=USAGE), wants_usage=False)
    none = chunks(event(Delta(text="a", finish_reason="stop")), wants_usage=True)

    assert all("usage" not in chunk for chunk in (*told, *none))
    assert len(told) == len(none) == 1


def test_a_stream_that_does_not_say_when_it_began_began_when_it_was_asked() -> None:
    (chunk,) = chunks(event(Delta(text="a"), created_s=0))

    assert chunk["created"] == 99


def test_an_event_that_says_nothing_is_no_chunk() -> None:
    assert chunks(event(), event(Delta()), event(usage=USAGE), wants_usage=False) == []


def test_pieces_of_several_answers_and_calls_keep_their_places() -> None:
    said = deltas(
        event(Delta(index=1, role="assistant", tool_calls=(ToolCallDelta(index=0, id="c1", name="look"),))),
        event(Delta(index=1, tool_calls=(ToolCallDelta(index=0, arguments='{"a'),))),
        event(Delta(index=1, tool_calls=(ToolCallDelta(index=0, arguments='":1}'),))),
        event(
            Delta(index=0, text="x"),
            Delta(index=1, tool_calls=(ToolCallDelta(index=1, id="c2", name="see", arguments=""),)),
        ),
        event(Delta(index=1, finish_reason="tool_calls"), Delta(index=0, finish_reason="length")),
    )

    calls = [one for choice in said for one in choice["delta"].get("tool_calls", ())]
    assert calls == [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "look"}},
        {"index": 0, "function": {"arguments": '{"a'}},
        {"index": 0, "function": {"arguments": '":1}'}},
        {"index": 1, "id": "c2", "type": "function", "function": {"name": "see", "arguments": ""}},
        {"index": 1, "function": {"arguments": "{}"}},
    ]
    assert [(one["index"], one["finish_reason"]) for one in said[-2:]] == [(1, "tool_calls"), (0, "length")]


def test_a_call_of_free_text_stays_empty() -> None:
    said = deltas(
        event(Delta(tool_calls=(ToolCallDelta(index=0, id="c1", name="see", custom=True),))),
        event(Delta(finish_reason="tool_calls")),
    )

    assert said[0]["delta"]["tool_calls"] == [{"index": 0, "id": "c1", "type": "custom", "custom": {"name": "see"}}]
    assert "tool_calls" not in said[1]["delta"]


def test_a_proof_of_a_text_is_no_block_of_thoughts() -> None:
    losses = Losses()
    said = chunks(
        event(Delta(reasoning="Hm.")), event(Delta(text="a", signature="Z2Vt", signed_by="gemini")), losses=losses
    )

    assert all("thinking_blocks" not in choice["delta"] for chunk in said for choice in chunk["choices"])
    assert [(loss.field, loss.adapted) for loss in losses.told()] == [("answer.signature", True)]


def test_sound_is_named_once_and_its_pieces_follow() -> None:
    said = deltas(
        event(Delta(audio=Audio(id="a1", data="AA"))), event(Delta(audio=Audio(id="a1", data="BB", transcript="Hi.")))
    )

    first = {"id": "a1", "data": "AA", "transcript": "", "expires_at": 0}
    assert [one["delta"]["audio"] for one in said] == [first, {"data": "BB", "transcript": "Hi."}]


def test_an_image_in_a_stream_is_told_as_in_a_whole_answer() -> None:
    losses = Losses()
    inline = Unknown(kind="inlineData", raw={"inlineData": {"mimeType": "image/png", "data": "AAAA"}})
    other = Unknown(kind="inlineData", raw={"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}})
    (chunk,) = chunks(event(Delta(unknown=(inline, other, inline))), losses=losses)

    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert chunk["choices"][0]["delta"]["images"] == [{**image, "index": 0}, {**image, "index": 1}]
    assert lost(losses) == ["answer.inlineData"]


def test_what_events_say_beside_is_named() -> None:
    losses = Losses()
    beside = Delta(text="a", extra={"x": 1, "safetyRatings": []}, delta_extra={"y": 1}, stop_sequence="END")
    chunks(event(beside, Delta(index=1), extra={"z": 1}), losses=losses)

    assert set(lost(losses)) == {
        "answer.z",
        "answer.choices[0].x",
        "answer.choices[0].message.y",
        "answer.stop_sequence",
    }


# --- the same whole and streamed


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
PLACES = st.none() | st.integers(0, 20)
CITED = st.builds(Citation, kind=st.just("url"), url=st.none() | TEXTS, title=TEXTS, start=PLACES, end=PLACES)
SIGNED = st.builds(
    Reasoning,
    text=TEXTS.filter(bool),
    signature=st.text("abc=", min_size=1),
    signed_by=st.sampled_from(["gemini", "anthropic_messages"]),
) | st.builds(
    Reasoning,
    text=st.just(""),
    signature=st.text("abc=", min_size=1),
    signed_by=st.just("anthropic_messages"),
    redacted=st.just(True),
)
THOUGHTS = st.lists(SIGNED, max_size=3) | st.lists(st.builds(Reasoning, text=TEXTS.filter(bool)), max_size=3)
CALLS = st.lists(
    st.builds(ToolCall, id=TEXTS, name=TEXTS, arguments=st.sampled_from(["", "{}", '{"a": "é"}', '{"b":[1,2]}'])),
    max_size=3,
)
REASONS: st.SearchStrategy[FinishReason] = st.sampled_from(["stop", "length", "tool_calls", "content_filter", "other"])


@st.composite
def responses(draw: st.DrawFn) -> Response:
    choices: list[Choice] = []
    for index in range(draw(st.integers(1, 2))):
        text = draw(st.none() | st.builds(Text, text=TEXTS, citations=st.lists(CITED, max_size=2).map(tuple)))
        refusal = draw(st.none() | st.builds(Refusal, text=TEXTS))
        parts = [*draw(THOUGHTS), *([text] if text else []), *([refusal] if refusal else []), *draw(CALLS)]
        message = Message(role="assistant", parts=tuple(parts))
        choices.append(Choice(index=index, message=message, finish_reason=draw(REASONS)))
    return Response(
        dialect="anthropic_messages",
        id="r1",
        model="gem",
        created_s=7,
        choices=tuple(choices),
        usage=draw(st.none() | st.just(USAGE)),
    )


def cut(draw: st.DrawFn, text: str) -> list[str]:
    at = draw(st.integers(0, len(text)))
    return [text[:at], text[at:]]


def streamed(response: Response, draw: st.DrawFn) -> list[Event]:
    """The events by which some upstream would say a whole answer."""
    out: list[Event] = []
    for choice in response.choices:
        index, calls, made = choice.index, 0, list[Delta]()
        for part in choice.message.parts:
            match part:
                case Reasoning():
                    made += [Delta(index=index, reasoning=piece) for piece in cut(draw, part.text) if piece]
                    if part.signature:
                        proof = {"signature": part.signature, "signed_by": part.signed_by}
                        made.append(Delta(index=index, redacted=part.redacted, **proof))
                case Text():
                    made += [Delta(index=index, text=piece) for piece in cut(draw, part.text)]
                    made += [Delta(index=index, citations=(one,)) for one in part.citations]
                case Refusal():
                    made += [Delta(index=index, refusal=piece) for piece in cut(draw, part.text)]
                case ToolCall():
                    made.append(
                        Delta(index=index, tool_calls=(ToolCallDelta(index=calls, id=part.id, name=part.name),))
                    )
                    for piece in cut(draw, part.arguments):
                        made.append(Delta(index=index, tool_calls=(ToolCallDelta(index=calls, arguments=piece),)))
                    calls += 1
                case _:
                    raise AssertionError(part)
        made = [Delta(index=index, role="assistant"), *made, Delta(index=index, finish_reason=choice.finish_reason)]
        out += [event(one, dialect=response.dialect) for one in made]
    return [*out, event(usage=response.usage, dialect=response.dialect)]


def bare(value: Any) -> Any:
    """Without what the SDK adds, and the places of what stands in lists, which only streams tell."""
    if isinstance(value, dict):
        return {
            name: bare(one)
            for name, one in value.items()
            if one is not None and name not in {"index", "object", "parsed", "parsed_arguments"}
        }
    return [bare(one) for one in value] if isinstance(value, list) else value


@often
@given(st.data())
def test_a_stream_put_together_by_openais_sdk_says_what_the_whole_answer_says(data: st.DataObject) -> None:
    response = data.draw(responses())
    events = data.draw(st.composite(lambda draw: streamed(response, draw))())
    told_whole, told_stream = Losses(), Losses()
    said = json.loads(CODEC.encode_answer(response, head(), told_whole))
    state = ChatCompletionStreamState()
    for chunk in chunks(*events, losses=told_stream):
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))

    final = json.loads(state.current_completion_snapshot.model_dump_json())

    assert bare(final) == bare(said)
    assert {loss.field for loss in told_stream.told()} == {loss.field for loss in told_whole.told()}

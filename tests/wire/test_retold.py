"""A whole answer told as a stream says the same."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.content import Audio, Citation, Message, Reasoning, Refusal, Text, ToolCall, Unknown
from antiphon.core.request import Dialect, Head
from antiphon.core.response import Choice, Event, Response
from antiphon.core.usage import Usage
from antiphon.wire.codecs import CODECS
from antiphon.wire.losses import Losses
from antiphon.wire.retold import TEXT_CHARACTERS, retold

CHATS: tuple[Dialect, ...] = ("openai_chat", "openai_responses", "anthropic_messages", "gemini")


def answer(
    *parts: Text | Reasoning | ToolCall | Refusal | Audio | Unknown, dialect: Dialect = "openai_chat"
) -> Response:
    finish = "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "stop"
    choice = Choice(index=0, message=Message(role="assistant", parts=parts), finish_reason=finish)
    usage = Usage(input_tokens=7, output_tokens=11)
    return Response(dialect=dialect, id="r1", model="m", created_s=5, choices=(choice,), usage=usage)


def streamed(said: Response, dialect: Dialect) -> tuple[list[Event], bool]:
    """What a client of a dialect reads of an answer that is told as a stream, and whether it came to its end."""
    codec = CODECS[dialect]
    head = Head(dialect=dialect, endpoint="/x", model="m", stream=True, wants_usage=True)
    encoder = codec.encoder(head, Losses())
    out = b"".join(encoder.event(event) for event in retold(said)) + encoder.end()
    decoder = codec.decoder()
    events = [*decoder.feed(out)]
    events += decoder.end()
    return events, decoder.failure is None


def text_of(events: list[Event]) -> str:
    return "".join(delta.text or "" for event in events for delta in event.deltas)


@pytest.mark.parametrize("dialect", CHATS)
@pytest.mark.parametrize("text", ["Hello, world", "你好，世界 🌍", "x" * (TEXT_CHARACTERS * 2 + 3), "line\nline"])
def test_a_text_told_as_a_stream_is_the_same_text(dialect: Dialect, text: str) -> None:
    events, done = streamed(answer(Text(text=text), dialect=dialect), dialect)

    assert text_of(events) == text
    assert done
    assert any(delta.finish_reason == "stop" for event in events for delta in event.deltas)
    assert [event.usage for event in events if event.usage is not None][-1] == Usage(input_tokens=7, output_tokens=11)


@pytest.mark.parametrize("dialect", CHATS)
def test_a_tool_call_told_as_a_stream_keeps_its_name_and_arguments(dialect: Dialect) -> None:
    call = ToolCall(id="call_1", name="weather", arguments='{"city": "Köln"}')

    events, done = streamed(answer(call, dialect=dialect), dialect)

    pieces = [piece for event in events for delta in event.deltas for piece in delta.tool_calls]
    assert [piece.name for piece in pieces if piece.name] == ["weather"]
    assert json.loads("".join(piece.arguments or "" for piece in pieces)) == {"city": "Köln"}
    assert done


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic_messages", "gemini"])
def test_thoughts_come_before_the_answer(dialect: Dialect) -> None:
    events, _ = streamed(answer(Reasoning(text="hm"), Text(text="yes"), dialect=dialect), dialect)

    kinds = [
        kind
        for event in events
        for delta in event.deltas
        for kind, said in (("thought", delta.reasoning), ("text", delta.text))
        if said
    ]
    assert kinds == ["thought", "text"]


def test_a_refusal_citations_and_what_has_no_word_are_told() -> None:
    cited = Text(text="so", citations=(Citation(kind="url", url="https://x.example"),))
    events = list(retold(answer(Refusal(text="no"), cited, Unknown(kind="image", raw={"a": 1}), Audio(data="AA=="))))

    deltas = [delta for event in events for delta in event.deltas]
    assert [delta.refusal for delta in deltas if delta.refusal] == ["no"]
    assert [delta.citations for delta in deltas if delta.citations] == [cited.citations]
    assert [delta.unknown[0].kind for delta in deltas if delta.unknown] == ["image"]
    assert [delta.audio for delta in deltas if delta.audio] == [Audio(data="AA==")]


def test_every_choice_has_its_own_end() -> None:
    said = answer(Text(text="a"))
    both = Response(
        dialect="openai_chat",
        id="r",
        model="m",
        created_s=1,
        choices=(said.choices[0], Choice(index=1, message=said.choices[0].message, finish_reason="length")),
    )

    events = list(retold(both))

    assert [(delta.index, delta.finish_reason) for delta in events[-1].deltas] == [(0, "stop"), (1, "length")]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9000))
def test_no_character_is_cut_in_two(text: str) -> None:
    events, _ = streamed(answer(Text(text=text)), "openai_chat")

    assert text_of(events) == text

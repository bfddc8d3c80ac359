import json
from collections.abc import Sequence
from typing import Any

import pytest
from guarded import ASKED, Broken, Longest, Mails, Words, guard, token
from hypothesis import given, settings
from hypothesis import strategies as st
from streamed import Heard, calling, pieces, through

from antiphon.core.error import GuardBlocked, GuardFailed
from antiphon.core.finding import Side
from antiphon.core.response import Delta
from antiphon.guards.gate import Gate
from antiphon.guards.gate_flow import MOST_HELD
from antiphon.guards.port import Asked, Guard, Match, Text
from antiphon.wire.sse import SseReader, data_of

ANN, MASKED = "ann@mail.org", token("email", "ann@mail.org")
GUARDS = [guard(Mails()), guard(Words("zebra", "animal"), "block", name="z")]


def event(fields: object, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(fields, separators=(',', ':'))}\n\n".encode()


def chunk(delta: object, finish: str | None = None, *, index: int = 0, **beside: Any) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish, **beside}
    return event({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})


DONE = b"data: [DONE]\n\n"


def gate(dialect: str = "openai_chat", guards: Sequence[Guard] = GUARDS, **words: Any) -> Gate:
    return Gate(dialect, guards, ASKED, token, **words)


def read(stream: bytes) -> list[Any]:
    found = [data_of(one) for one in SseReader().feed(stream)]
    return [json.loads(one) for one in found if one and one != b"[DONE]"]


def said(stream: bytes, field: str = "content", index: int = 0) -> str:
    choices = [choice for one in read(stream) for choice in one.get("choices", ()) if choice["index"] == index]
    return "".join(choice["delta"].get(field) or "" for choice in choices)


# --- Chat Completions


def test_what_is_held_goes_before_the_end_of_the_answer() -> None:
    out = through(gate(), [chunk({"content": "to ann@mail"}), chunk({"content": ".org"}), chunk({}, "stop"), DONE])

    kinds = [(one["choices"][0]["delta"], one["choices"][0]["finish_reason"]) for one in read(out)]
    assert kinds == [({"content": "to "}, None), ({"content": MASKED}, None), ({}, "stop")]
    assert out.endswith(DONE)


def test_the_end_may_come_with_words_or_not_at_all() -> None:
    with_words = through(gate(), [chunk({"content": "to ann@mail"}), chunk({"content": ".org"}, "stop"), DONE])
    no_end = through(gate(), [chunk({"content": "to ann@mail.org"}), DONE])
    no_mark = through(gate(), [chunk({"content": "to ann@mail.org"})])

    assert said(with_words) == said(no_end) == said(no_mark) == f"to {MASKED}"
    assert read(with_words)[-1]["choices"][0]["finish_reason"] == "stop"


def test_answers_of_one_stream_are_apart() -> None:
    stream = [chunk({"content": "ann@"}), chunk({"content": "x@"}, index=1), chunk({"content": "mail.org"})]
    stream += [chunk({"content": "y.de"}, index=1), chunk({}, "stop"), chunk({}, "stop", index=1)]
    one = gate()

    out = through(one, stream)

    assert (said(out), said(out, index=1)) == (MASKED, token("email", "x@y.de"))
    assert [finding.where for finding in one.findings] == ["choices[0].content", "choices[1].content"]


@pytest.mark.parametrize("field", ["content", "refusal", "reasoning_content", "reasoning"])
def test_every_text_of_a_delta_is_a_lane(field: str) -> None:
    out = through(gate(), [chunk({field: "ann@"}), chunk({field: "mail.org"}), chunk({}, "stop")])

    assert said(out, field) == MASKED


def test_probabilities_say_no_text_that_was_edited() -> None:
    chances = {"content": [{"token": "ann@", "bytes": [97], "top_logprobs": []}]}
    out = through(
        gate(),
        [*(chunk({"content": text}, logprobs=chances) for text in ("fine ", "ann@", "mail.org")), chunk({}, "stop")],
    )

    assert [one["choices"][0].get("logprobs") for one in read(out)[:-1]] == [chances, None]


def test_other_forms_of_words() -> None:
    stream = [
        chunk({"content": [{"type": "text", "text": "ann@"}]}),
        chunk({"content": [{"type": "text", "text": "mail.org "}]}),
        chunk({"audio": {"id": "a", "data": "UklGRg==" * 20, "transcript": "to ann@mail"}}),
        chunk({"audio": {"transcript": ".org now"}}),
        chunk({"thinking_blocks": [{"type": "thinking", "thinking": "of ann@mail.org", "signature": "Er+"}]}),
        chunk({"somebodys_own": {"words": "ann@mail.org"}}),
        chunk({}, "stop"),
    ]

    out = through(gate(), stream)

    assert ANN.encode() not in out
    deltas = [one["choices"][0]["delta"] for one in read(out)]
    assert {"audio": {"id": "a", "data": "UklGRg==" * 20, "transcript": "to "}} in deltas
    assert {"audio": {"transcript": "now"}} in deltas
    blocks = [{"type": "thinking", "thinking": f"of {MASKED}", "signature": "Er+"}]
    assert {"thinking_blocks": blocks} in deltas


def test_calls_are_held_until_they_are_whole() -> None:
    first = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
    stream = [chunk({"role": "assistant", "tool_calls": [first]})]
    stream += [chunk({"tool_calls": [{"index": 0, "function": {"arguments": text}}]}) for text in ('{"t":"an', '"}')]
    one = gate()

    held = b"".join(map(one.feed, stream))
    out = one.feed(chunk({}, "tool_calls"))

    assert read(held) == [json.loads(chunk({"role": "assistant"})[6:])]
    calls = [one["choices"][0]["delta"]["tool_calls"][0] for one in read(out)[:-1]]
    assert calls[0] == first
    assert "".join(call["function"]["arguments"] for call in calls) == '{"t":"an"}'


def test_a_call_of_the_older_kind_and_one_of_free_text() -> None:
    older = [
        chunk({"function_call": {"name": "f", "arguments": '{"a":"ann@'}}),
        chunk({"function_call": {"arguments": 'mail.org"}'}}),
    ]
    custom = [
        chunk({"tool_calls": [{"index": 0, "id": "c", "type": "custom", "custom": {"name": "f", "input": "ann@"}}]})
    ]
    custom.append(chunk({"tool_calls": [{"index": 0, "custom": {"input": "mail.org!"}}]}))

    out = read(through(gate(), [*older, chunk({}, "function_call")]))
    free = read(through(gate(), [*custom, chunk({}, "tool_calls")]))

    assert json.loads(out[0]["choices"][0]["delta"]["function_call"]["arguments"]) == {"a": MASKED}
    assert free[0]["choices"][0]["delta"]["tool_calls"][0]["custom"] == {"name": "f", "input": f"{MASKED}!"}


def test_arguments_that_could_be_read_in_two_ways_end_the_stream() -> None:
    *stream, last = pieces("openai_chat", calling(0, "f", ['{"a": "ann\\u0040mail.org", "a": 1}']), "tool_calls")[:-1]
    one = gate()
    for piece in stream:
        one.feed(piece)

    with pytest.raises(GuardFailed):
        one.feed(last)


def test_calls_that_are_too_long_to_be_held_end_the_stream() -> None:
    piece = {"index": 0, "function": {"arguments": "x" * (MOST_HELD // 2)}}
    one = gate()
    one.feed(chunk({"tool_calls": [piece]}))

    with pytest.raises(GuardFailed):
        one.feed(chunk({"tool_calls": [piece]}))


def test_a_guard_may_block_what_a_tool_is_called_with() -> None:
    *stream, last = pieces("openai_chat", calling(0, "f", ['{"a": "ze', 'bra"}']), "tool_calls")[:-1]
    one = gate()
    out = b"".join(map(one.feed, stream))

    with pytest.raises(GuardBlocked) as caught:
        one.feed(last)
    out += one.cut(caught.value)

    assert b"tool_calls" not in out
    assert read(out)[-1]["choices"][0]["finish_reason"] == "content_filter"
    assert caught.value.reasons == ("animal.zebra",)


def test_what_came_before_in_the_same_piece_goes_with_the_cut() -> None:
    one = gate()

    with pytest.raises(GuardBlocked) as caught:
        one.feed(chunk({"content": "fine "}) + chunk({"content": "zebra "}))

    assert said(one.cut(caught.value)) == "fine "


def test_an_event_that_cannot_be_read_ends_the_stream() -> None:
    with pytest.raises(GuardFailed):
        gate().feed(b'data: {"choices":[\n\n')


# --- the quick way


EVENTS = st.lists(
    st.one_of(
        st.sampled_from(
            ["a", "ann@", "mail.org", " ", "\\n", '\\"', "\\u0040", "é", "\\ud83d\\ude00", "x\ny", 'x"y', "\\", "\\x"]
        ),
        st.text('ab@.\\"\n ', max_size=5),
    ).map(
        lambda text: (
            f'data: {{"id":"c","choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}]}}\n\n'.encode()
        )
    ),
    min_size=3,
    max_size=8,
)


@given(stream=EVENTS)
@settings(max_examples=200, deadline=None)
def test_the_quick_way_gives_what_reading_gives(stream: list[bytes]) -> None:
    quick, slow = gate(), gate()
    for piece in stream:
        slow._talk.quick = None
        try:
            expected = slow.feed(piece)
        except GuardFailed:
            with pytest.raises(GuardFailed):
                quick.feed(piece)
            return
        got = quick.feed(piece)
        assert got == expected or read(got) == read(expected)
    assert quick.end() == slow.end()
    assert quick.findings == slow.findings


def test_events_that_differ_in_counts_and_padding_are_read_quickly_too() -> None:
    def one(number: int, text: str) -> bytes:
        fields = {"type": "response.output_text.delta", "sequence_number": number, "item_id": "i", "output_index": 0}
        return event({**fields, "content_index": 0, "delta": text, "logprobs": [], "obfuscation": "x" * (number % 5)})

    stream = [one(number, text) for number, text in enumerate(["Write ", "to ", "an", "n@mail", ".org", " or ", "not"])]
    gated = gate("openai_responses")
    out = b"".join(gated.feed(piece) for piece in stream[:-1])
    quick = gated._talk.quick
    out += gated.feed(stream[-1]) + gated.end()

    assert quick is not None
    assert quick.read(stream[-1]) == "not"
    assert "".join(found["delta"] for found in read(out)) == f"Write to {MASKED} or not"
    numbers = [found["sequence_number"] for found in read(out)]
    assert numbers == list(range(len(numbers)))


def test_a_guard_that_has_to_know_whose_text_it_is_is_told() -> None:
    heard: list[tuple[str, str, str]] = []

    class Telling(Words):
        def find_for(self, text: Text, asked: Asked, side: Side) -> Sequence[Match]:
            heard.append((text.channel, text.where, asked.tenant))
            return self.find(text.text)

    one = gate(guards=[guard(Telling("owl"), "rewrite")])
    out = through(one, [chunk({"reasoning_content": "an owl. "}), chunk({"content": "no owl. "}), chunk({}, "stop")])

    assert (said(out), said(out, "reasoning_content")) == ("no ~. ", "an ~. ")
    assert heard == [
        ("reasoning", "choices[0].reasoning_content", "acme"),
        ("assistant", "choices[0].content", "acme"),
    ]


# --- Anthropic


def test_blocks_are_closed_and_their_order_is_kept() -> None:
    stream = [
        event({"type": "message_start", "message": {"id": "m", "content": []}}, "message_start"),
        event(
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "thinking", "thinking": "", "signature": ""},
            },
            "content_block_start",
        ),
        event(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "thinking_delta", "thinking": "of ann@mail.org"},
            },
            "content_block_delta",
        ),
        event(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "Er+"}},
            "content_block_delta",
        ),
        event({"type": "content_block_stop", "index": 0}, "content_block_stop"),
        event(
            {
                "type": "content_block_start",
                "index": 1,
                "content_block": {
                    "type": "web_search_tool_result",
                    "tool_use_id": "t",
                    "content": [{"type": "web_search_result", "title": ANN, "encrypted_content": "Ab=="}],
                },
            },
            "content_block_start",
        ),
        event({"type": "content_block_stop", "index": 1}, "content_block_stop"),
        event(
            {"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": "at "}},
            "content_block_start",
        ),
        event(
            {
                "type": "content_block_delta",
                "index": 2,
                "delta": {"type": "citations_delta", "citation": {"type": "char_location", "cited_text": ANN}},
            },
            "content_block_delta",
        ),
        event(
            {"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "zeb"}},
            "content_block_delta",
        ),
    ]
    one = gate("anthropic_messages")
    out = b"".join(map(one.feed, stream))

    with pytest.raises(GuardBlocked) as caught:
        one.feed(
            event(
                {"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "ra "}},
                "content_block_delta",
            )
        )
    cut = one.cut(caught.value)

    thinking = [
        found["delta"]["type"] for found in read(out) if found["type"] == "content_block_delta" and found["index"] == 0
    ]
    assert thinking == ["thinking_delta", "thinking_delta", "signature_delta"]
    assert ANN.encode() not in out
    assert out.count(MASKED.encode()) == 3
    assert [found["type"] for found in read(cut)] == ["content_block_stop", "message_delta", "message_stop"]
    assert read(cut)[0]["index"] == 2
    assert read(cut)[1]["delta"] == {"stop_reason": "refusal", "stop_sequence": None}


def test_a_cut_before_anything_was_said_is_a_message_all_the_same() -> None:
    cut = gate("anthropic_messages").cut(GuardBlocked("no", reasons=("a",)))

    assert [found["type"] for found in read(cut)] == ["message_start", "message_delta", "message_stop"]


# --- Responses


def test_whole_texts_that_come_again_are_edited_alike_and_told_of_once() -> None:
    one = gate("openai_responses")
    stream = pieces("openai_responses", [Delta(text="to ann@"), Delta(text="mail.org")])

    out = through(one, stream)

    assert ANN.encode() not in out
    assert len(one.findings) == 1
    assert [found["sequence_number"] for found in read(out)] == list(range(len(read(out))))
    done = {found["type"]: found for found in read(out)}
    assert done["response.output_text.done"]["text"] == f"to {MASKED}"
    assert done["response.output_item.done"]["item"]["content"][0]["text"] == f"to {MASKED}"
    assert done["response.completed"]["response"]["output"][0]["content"][0]["text"] == f"to {MASKED}"


def test_a_repeat_that_says_something_else_is_looked_at_by_itself() -> None:
    stream = [
        event(
            {
                "type": "response.output_text.delta",
                "item_id": "i",
                "output_index": 0,
                "content_index": 0,
                "delta": "fine",
            }
        ),
        event(
            {
                "type": "response.output_text.done",
                "item_id": "i",
                "output_index": 0,
                "content_index": 0,
                "text": "ann@mail.org",
            }
        ),
    ]

    assert [found.get("text") for found in read(through(gate("openai_responses"), stream))] == [None, MASKED]


# --- Gemini


def part(*parts: object, finish: str | None = None, index: int = 0) -> bytes:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": index}
    if finish:
        candidate["finishReason"] = finish
    return (
        b"data: %b\r\n\r\n"
        % json.dumps({"candidates": [candidate], "modelVersion": "m"}, separators=(",", ":")).encode()
    )


def test_a_call_whose_arguments_come_by_and_by() -> None:
    stream = [
        part({"functionCall": {"name": "f", "willContinue": True}, "thoughtSignature": "Ab=="}),
        part({"functionCall": {"partialArgs": [{"jsonPath": "$.to", "stringValue": "ann@"}], "willContinue": True}}),
        part(
            {"functionCall": {"partialArgs": [{"jsonPath": "$.to", "stringValue": "mail.org"}], "willContinue": True}}
        ),
        part({"functionCall": {}}),
        part({"text": "ok"}, finish="STOP"),
    ]

    out = read(through(gate("gemini"), stream))

    parts = [one for found in out for one in found["candidates"][0]["content"]["parts"]]
    assert parts == [
        {"functionCall": {"name": "f", "args": {"to": MASKED}}, "thoughtSignature": "Ab=="},
        {"text": "ok"},
    ]


def test_sources_and_probabilities_of_an_answer() -> None:
    grounded = {"content": {"parts": [{"text": "ann@mail.org x"}]}, "groundingMetadata": {"webSearchQueries": [ANN]}}
    grounded |= {"logprobsResult": {"chosenCandidates": [{"token": ANN}]}, "finishReason": "STOP"}

    (out,) = read(through(gate("gemini"), [b"data: %b\r\n\r\n" % json.dumps({"candidates": [grounded]}).encode()]))

    assert out["candidates"][0]["groundingMetadata"] == {"webSearchQueries": [MASKED]}
    assert "logprobsResult" not in out["candidates"][0]
    assert "".join(one["text"] for one in out["candidates"][0]["content"]["parts"]) == f"{MASKED} x"


# --- other streams


def test_transcripts() -> None:
    stream = [event({"type": "transcript.text.delta", "delta": text}) for text in ("to ann@", "mail", ".org")]
    stream.append(event({"type": "transcript.text.done", "text": "to ann@mail.org", "usage": {"seconds": 1}}))

    out = read(through(gate("openai_transcription"), stream))

    assert "".join(found.get("delta", "") for found in out) == out[-1]["text"] == f"to {MASKED}"


@pytest.mark.parametrize(
    ("dialect", "fields"),
    [
        ("openai_images", {"type": "image_generation.partial_image", "b64_json": "iVBORw0KGgo" * 20, "size": "1x1"}),
        ("openai_speech", {"type": "speech.audio.delta", "audio": "UklGRiQAAABX" * 20}),
        ("openai_realtime", {"type": "response.output_audio.delta", "delta": "UklG", "event_id": "e"}),
    ],
)
def test_media_pass_as_they_are(dialect: str, fields: object) -> None:
    assert through(gate(dialect), [event(fields)]) == event(fields)


def test_messages_of_a_realtime_session() -> None:
    one = gate("openai_realtime")
    place = {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0}
    first = json.dumps(
        {"type": "response.output_audio_transcript.delta", **place, "delta": "to ann@"}, indent=1
    ).encode()
    second = json.dumps({"type": "response.output_audio_transcript.delta", **place, "delta": "mail.org"}).encode()
    done = json.dumps(
        {"type": "response.output_audio_transcript.done", **place, "transcript": "to ann@mail.org"}
    ).encode()
    other = json.dumps({"type": "session.created", "session": {"id": "s"}}, indent=2).encode()

    out = [message for frame in (other, first, second, done) for message in one.frame(frame)]

    assert out[0] == other
    assert [json.loads(message).get("delta") for message in out[1:]] == ["to ", MASKED, None]
    assert json.loads(out[-1])["transcript"] == f"to {MASKED}"
    (cut,) = one.cut_frames(GuardBlocked("no", reasons=("a.b",)))
    assert json.loads(cut)["error"]["reasons"] == ["a.b"]


def test_what_a_caller_said_aloud_is_read_back_masked() -> None:
    one, place = gate("openai_realtime"), {"item_id": "i", "content_index": 0}
    kind = "conversation.item.input_audio_transcription"
    frames = [{"type": f"{kind}.delta", **place, "delta": text} for text in ("I am ann@", "mail.org")]
    frames.append({"type": f"{kind}.completed", **place, "transcript": "I am ann@mail.org"})

    out = [json.loads(message) for frame in frames for message in one.frame(json.dumps(frame).encode())]

    assert "".join(found.get("delta", "") for found in out) == out[-1]["transcript"] == f"I am {MASKED}"
    assert len(one.findings) == 1


COHERE = [
    event({"type": "message-start", "id": "x", "delta": {"message": {"role": "assistant"}}}, "message-start"),
    event(
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"text": "", "type": "text"}}}},
        "content-start",
    ),
    event(
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "to ann@"}}}}, "content-delta"
    ),
    event(
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "mail.org"}}}}, "content-delta"
    ),
    event({"type": "content-end", "index": 0}, "content-end"),
]


def test_a_stream_of_no_known_dialect() -> None:
    out = through(gate("somebody"), COHERE)

    texts = [found["delta"]["message"]["content"]["text"] for found in read(out) if found["type"] == "content-delta"]
    assert "".join(texts) == f"to {MASKED}"
    assert read(out)[-1]["type"] == "content-end"
    assert out.startswith(COHERE[0])


def test_a_stream_shows_its_dialect_by_its_first_event() -> None:
    stream = pieces("openai_chat", [Delta(text="to ann@"), Delta(text="mail.org")])

    assert Heard("openai_chat", through(gate("passthrough"), stream)).text == f"to {MASKED}"


def test_words_that_are_no_json() -> None:
    out = through(gate("somebody"), [b": ping\n\n", b"data: ask ann@mail.org\n\n"])

    assert out == b": ping\n\n" + f"data: ask {MASKED}\n\n".encode()


# --- guards that see more than spans


def test_a_guard_of_sentences_holds_no_more_than_one() -> None:
    guards = [guard(Words("bad owl", "bird", "sentence"), "rewrite"), guard(Mails(), name="m")]
    one = gate(guards=guards)

    out = [said(one.feed(chunk({"content": text}))) for text in ("Hi. A bad", " owl came. And ", "ann@mail.org went")]
    last = said(one.feed(chunk({}, "stop")))

    assert out == ["Hi. ", "A ~ came. ", ""]
    assert last == f"And {MASKED} went"
    assert [finding.rule for finding in one.findings] == ["bird.bad owl", "pii.email"]


def test_a_guard_of_whole_texts_holds_all_of_one_that_it_could_block() -> None:
    guards = [guard(Words("owl", "bird", "whole"), "block")]
    flags = [guard(Words("owl", "bird", "whole"), "flag")]
    one, other = gate(guards=guards), gate(guards=flags)

    held = [one.feed(chunk({"content": text})) for text in ("an ", "ow", "l")]
    free = [said(other.feed(chunk({"content": text}))) for text in ("an ", "ow", "l")]
    other.feed(chunk({}, "stop"))

    assert held == [b"", b"", b""]
    assert free == ["an ", "ow", "l"]
    assert [finding.rule for finding in other.findings] == ["bird.owl"]
    with pytest.raises(GuardBlocked):
        one.feed(chunk({}, "stop"))


def test_a_guard_of_length_holds_nothing_and_lets_nothing_more_pass() -> None:
    cuts = gate(guards=[guard(Longest(5), "rewrite", kind="length"), guard(Mails())])
    blocks = gate(guards=[guard(Longest(5), "block", kind="length")])
    flags = gate(guards=[guard(Longest(5), "flag", kind="length")])

    out = [said(cuts.feed(chunk({"content": text}))) for text in ("a b ", "c d ", "ann@mail.org ", "e")]

    assert out == ["a b ", "c", "", ""]
    assert said(cuts.feed(chunk({}, "stop"))) == ""
    assert [finding.kind for finding in cuts.findings] == ["length", "email"]
    assert said(blocks.feed(chunk({"content": "a b "}))) == "a b "
    with pytest.raises(GuardBlocked):
        blocks.feed(chunk({"content": "c d"}))
    assert (
        said(through(flags, [chunk({"content": "a b "}), chunk({"content": "c d"}), chunk({"content": "e"})]))
        == "a b c de"
    )
    assert len(flags.findings) == 1


# --- failures, tokens, taps


def test_a_guard_that_fails_ends_the_stream_or_is_told_of() -> None:
    with pytest.raises(GuardFailed):
        through(gate(guards=[guard(Broken(), name="b"), guard(Mails())]), [chunk({"content": "hi ann@mail.org "})])
    one = gate(guards=[guard(Broken(), name="b", closed="never"), guard(Mails())])

    out = through(one, [chunk({"content": "hi ann@mail.org "}), chunk({"content": "and b@c.io "}), chunk({}, "stop")])

    assert "hi [[EMAIL_" in said(out)
    assert [finding.rule for finding in one.findings][:1] == ["guard.failed"]


def test_tokens_are_put_back_wherever_they_are_cut() -> None:
    restore = {MASKED: "ann@mail.org"}
    for size in range(1, len(MASKED)):
        text = f"to {MASKED} [[or not"
        cut = [text[at : at + size] for at in range(0, len(text), size)]
        one = gate(restore=restore)
        stream = [*(chunk({"content": piece}) for piece in cut), chunk({}, "stop")]
        assert said(through(one, stream)) == "to ann@mail.org [[or not"
        assert not one.findings


def test_tokens_that_come_to_be_known_amid_a_session_are_put_back() -> None:
    one = gate("openai_realtime", restore={"[[A_00000001]]": "a"})
    place = {"response_id": "r", "output_index": 0, "content_index": 0}

    def hear(item: str, text: str) -> str:
        fields = {"type": "response.output_text.delta", "item_id": item, **place, "delta": text}
        return "".join(json.loads(message)["delta"] for message in one.frame(json.dumps(fields).encode()))

    assert hear("i", "[[B_00000002]] [[A_00000001]] ") == "[[B_00000002]] a "
    one.know({"[[B_00000002]]": "b"})
    assert hear("j", "[[B_00000002]] [[A_00000001]] ") == "b a "


def test_what_is_put_back_is_not_masked_again_and_a_tap_sees_the_token() -> None:
    heard: list[tuple[str, str]] = []

    class Tap:
        def text(self, lane: str, text: str) -> None:
            heard.append((lane, text))

        def ended(self, lane: str) -> None:
            heard.append((lane, "end"))

    one = gate(restore={MASKED: "ann@mail.org"}, tap=Tap())
    through(one, [chunk({"content": f"to {MASKED} and b@c.io."}), chunk({}, "stop")])

    assert "".join(text for _, text in heard) == f"to {MASKED} and {token('email', 'b@c.io')}.end"
    assert {lane for lane, _ in heard} == {"choices[0].content"}
    assert one.tokens == {token("email", "b@c.io"): "b@c.io"}

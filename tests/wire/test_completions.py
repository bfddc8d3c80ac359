"""Legacy completions: passed on to upstreams that have them, and answered by any chat model."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Completion
from operations import asked, compact, event, passed, refusing, sent, survives

from antiphon.core.content import Message, Reasoning, Refusal, Text
from antiphon.core.error import BadRequest, UpstreamBroken, UpstreamError, UpstreamMalformed
from antiphon.core.request import Head
from antiphon.core.response import Choice, Delta, Event, FinishReason, Response
from antiphon.core.usage import Usage
from antiphon.wire.codec import NO_QUIRKS, Terms
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.codec import OpenAIChat
from antiphon.wire.openai_completions.codec import OpenAICompletions
from antiphon.wire.translated import Translated

CODEC, CHAT = OpenAICompletions(), OpenAIChat()
BODY = {
    "model": "m",
    "prompt": "Once",
    "max_tokens": 9,
    "temperature": 0.5,
    "top_p": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0.5,
    "seed": 3,
    "stop": ["\n", "."],
    "logit_bias": {"50256": -100},
    "logprobs": 2,
    "n": 2,
    "user": "u",
    "suffix": "end",
    "echo": True,
    "best_of": 3,
}
USAGE = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
HEAD = Head(dialect="openai_completions", endpoint="/v1/completions", model="m", stream=True, wants_usage=True)
SAID = {"id": "c", "created": 1, "model": "x"}


def chunk(text: str, reason: str | None = None, **more: Any) -> bytes:
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": reason}
    return event(**SAID, object="text_completion", choices=[choice], **more)


@pytest.mark.parametrize("cut", [0, 1, 40])
def test_only_the_model_is_changed_on_the_way(cut: int) -> None:
    request = asked(CODEC, BODY, cut=cut)
    head = request.head
    assert (head.model, head.answers, head.output_tokens, head.user) == ("m", 3, 9, "u")
    assert head.needs == {"logprobs", "multiple_answers"}
    assert sent(CODEC, request).body.whole() == compact({**BODY, "model": "up"})


@pytest.mark.parametrize("cut", [0, 3])
@pytest.mark.parametrize(
    ("prompt", "answers"),
    [("a", 2), (["a", "b,", 'c"]'], 6), ([1, 2, 3], 2), ([[1, 2], [3]], 4), ([], 2), (None, 2)],
)
def test_every_prompt_gets_its_answers(prompt: Any, answers: int, cut: int) -> None:
    assert asked(CODEC, {"model": "m", "prompt": prompt, "n": 2}, cut=cut).head.answers == max(answers, 2 if cut else 0)


@pytest.mark.parametrize(
    ("fields", "ask", "hides"),
    [
        ({"stream": True}, True, True),
        ({"stream": True, "stream_options": {"include_usage": True}}, False, False),
        ({"stream": True, "stream_options": {}}, True, True),
        ({}, False, False),
    ],
)
def test_the_usage_of_a_stream_is_asked_for(fields: dict[str, Any], ask: bool, hides: bool) -> None:
    put = sent(CODEC, asked(CODEC, {"model": "m", "prompt": "a", **fields}))
    out = json.loads(put.body.whole())
    assert put.hides_usage is hides
    assert bool(out.get("stream_options")) is (ask or "stream_options" in fields)
    silent = sent(CODEC, asked(CODEC, {"model": "m", "prompt": "a", **fields}), quirks=refusing("echo"))
    assert silent.losses == ()


def test_a_system_message_and_a_started_answer_go_around_the_prompt() -> None:
    request = asked(CODEC, {"prompt": 'say "x"', "model": "m"})
    put = sent(CODEC, request, prompt="Be\nbrief.", so_far=' "y')
    assert json.loads(put.body.whole()) == {"prompt": 'Be\nbrief.\n\nsay "x" "y', "model": "up"}
    assert [(loss.field, loss.adapted) for loss in put.losses] == [("prompt", True)]
    with pytest.raises(BadRequest, match="one text"):
        sent(CODEC, asked(CODEC, {"prompt": ["a", "b"], "model": "m"}), so_far="x")


@pytest.mark.parametrize("cut", [0, 2])
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": 3}, "prompt"),
        ({"model": None}, "model"),
        ({"stream": 1}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"n": "2"}, "n"),
        ({"logprobs": True}, "logprobs"),
    ],
)
def test_what_is_wrong_in_the_head_is_named(fields: dict[str, Any], param: str, cut: int) -> None:
    with pytest.raises(BadRequest) as caught:
        asked(CODEC, {"model": "m", "prompt": "a", **fields}, cut=cut)
    assert caught.value.param == param


def test_what_is_read_comes_out_as_it_was() -> None:
    losses = Losses()
    out = CODEC.encode(CODEC.decode(asked(CODEC, BODY)), Terms(model="m"), losses)
    assert json.loads(out) == BODY
    assert losses.told() == ()


def test_a_chat_model_gets_the_prompt_as_the_message_of_a_user() -> None:
    losses = Losses()
    content = CODEC.decode(asked(CODEC, BODY))
    out = json.loads(CHAT.encode(content, Terms(model="up"), losses))
    assert out["messages"] == [{"role": "user", "content": "Once"}]
    assert {name: out[name] for name in ("temperature", "seed", "stop", "n", "logprobs", "top_logprobs", "user")} == {
        "temperature": 0.5,
        "seed": 3,
        "stop": ["\n", "."],
        "n": 2,
        "logprobs": True,
        "top_logprobs": 2,
        "user": "u",
    }
    assert out.get("max_tokens", out.get("max_completion_tokens")) == 9
    assert not {"prompt", "suffix", "echo", "best_of"} & out.keys()
    assert {"suffix", "echo", "best_of"} <= {loss.field for loss in losses.told()}


@pytest.mark.parametrize("prompt", [["a", "b"], [1, 2], [[1]], None, []])
def test_several_prompts_or_tokens_are_no_chat(prompt: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        CODEC.decode(asked(CODEC, {"model": "m", "prompt": prompt}))
    assert caught.value.param == "prompt"
    assert "send" in caught.value.message


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"stop": [1]}, "stop[0]"), ({"stop": 1}, "stop"), ({"logit_bias": {"1": "x"}}, "logit_bias.1")],
)
def test_what_is_wrong_further_in_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        CODEC.decode(asked(CODEC, {"model": "m", "prompt": ["a"], **fields}))
    assert caught.value.param == param


def test_a_conversation_is_no_completion() -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    content = CHAT.decode(asked(CHAT, {"model": "m", "messages": messages}))
    with pytest.raises(BadRequest, match="one text"):
        CODEC.encode(content, Terms(model="up"), Losses())


def test_one_message_can_be_completed_and_what_is_lost_is_told() -> None:
    losses = Losses()
    body = {"model": "m", "messages": [{"role": "user", "content": "a"}], "reasoning_effort": "low", "x": 1}
    out = CODEC.encode(CHAT.decode(asked(CHAT, body)), Terms(model="up", stream=True), losses)
    assert json.loads(out) == {
        "model": "up",
        "prompt": "a",
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert [loss.field for loss in losses.told()] == ["reasoning_effort", "x"]


LOGPROBS = {
    "tokens": ["a", "é"],
    "token_logprobs": [-0.5, -1.0],
    "top_logprobs": [{"a": -0.5, "b": -2.0}, {}],
    "text_offset": [0, 1],
}


def test_an_answer_comes_out_as_it_was_and_the_sdk_reads_it() -> None:
    choice = {"text": "aé", "index": 0, "logprobs": LOGPROBS, "finish_reason": "length", "x": 1}
    body = {**SAID, "object": "text_completion", "choices": [choice], "usage": USAGE, "system_fingerprint": "f"}
    Completion.model_validate(body)
    answer, facts = CODEC.decode_answer(compact(body))
    assert (facts.model, facts.fingerprint, facts.usage) == ("x", "f", Usage(input_tokens=2, output_tokens=3))
    assert CODEC.facts(compact(body)) == facts
    losses = Losses()
    assert json.loads(CODEC.encode_answer(answer, HEAD, losses)) == body
    assert losses.told() == ()


def test_a_chats_answer_becomes_a_completions() -> None:
    parts = (Reasoning(text="hm"), Text(text="a"), Refusal(text=" no"))
    answer = Response(
        dialect="anthropic_messages",
        id="i",
        model="x",
        created_s=1,
        choices=(Choice(index=0, message=Message(role="assistant", parts=parts), finish_reason="tool_calls"),),
        usage=Usage(input_tokens=2, output_tokens=3),
        extra={"container": "c"},
    )
    losses = Losses()
    out = json.loads(CODEC.encode_answer(answer, HEAD, losses))
    Completion.model_validate(out)
    assert out == {
        "id": "i",
        "object": "text_completion",
        "created": 1,
        "model": "x",
        "choices": [{"text": "a no", "index": 0, "logprobs": None, "finish_reason": "stop"}],
        "usage": USAGE,
    }
    assert {loss.field for loss in losses.told()} == {"answer.reasoning", "answer.refusal", "answer.container"}


STREAM = chunk("a") + chunk("b") + chunk("", "stop") + event(**SAID, object="text_completion", choices=[], usage=USAGE)
END = b"data: [DONE]\n\n"


@pytest.mark.parametrize("cut", [1, 7, 10_000])
def test_a_stream_passes_byte_for_byte(cut: int) -> None:
    relay = CODEC.relay(hides_usage=False)
    assert passed(relay, STREAM + END, cut) == STREAM + END
    assert (relay.usage, relay.model, relay.content_seen, relay.done) == (
        Usage(input_tokens=2, output_tokens=3),
        "x",
        True,
        True,
    )


@pytest.mark.parametrize("cut", [1, 10_000])
def test_a_usage_that_only_we_asked_for_is_kept_back(cut: int) -> None:
    relay = CODEC.relay(hides_usage=True)
    whole = chunk("a", usage=None) + chunk("", "stop", usage=USAGE) + event(**SAID, choices=[], usage=USAGE) + END
    out = passed(relay, whole, cut)
    assert b"usage" not in out
    assert out.count(b"data:") == 3
    assert relay.usage == Usage(input_tokens=2, output_tokens=3)


def test_a_stream_that_breaks_off_is_broken() -> None:
    for relay in (CODEC.relay(hides_usage=False), CODEC.decoder()):
        relay.feed(chunk("a"))
        with pytest.raises(UpstreamBroken):
            relay.end()


def test_an_error_amid_a_stream_is_a_failure() -> None:
    for relay in (CODEC.relay(hides_usage=False), CODEC.decoder()):
        relay.feed(chunk("a") + event(error={"message": "no"}))
        assert isinstance(relay.failure, UpstreamError)


@pytest.mark.parametrize("cut", [1, 10_000])
def test_a_stream_that_is_read_and_written_says_the_same(cut: int) -> None:
    losses = Losses()
    relay = Translated(CODEC.decoder(), CODEC.encoder(HEAD, losses), losses)
    first = event(
        **SAID,
        object="text_completion",
        choices=[{"text": "aé", "index": 0, "logprobs": LOGPROBS, "finish_reason": None}],
    )
    out = passed(relay, first + STREAM + END, cut)
    assert [json.loads(one[6:]) for one in out.split(b"\n\n")[:-2]] == [
        json.loads(one[6:]) for one in (first + STREAM).split(b"\n\n")[:-1]
    ]
    assert out.endswith(END)
    assert relay.usage == Usage(input_tokens=2, output_tokens=3)


def test_a_chats_stream_becomes_a_completions() -> None:
    losses = Losses()
    encoder = CODEC.encoder(HEAD, losses)
    encoder.created_s = 7
    chance = {"content": [{"token": "b", "logprob": -1.0, "bytes": [98], "top_logprobs": []}], "refusal": None}

    def said(*deltas: Delta, usage: Usage | None = None) -> bytes:
        return encoder.event(Event(dialect="gemini", id="i", model="x", created_s=0, deltas=deltas, usage=usage))

    assert said(Delta(role="assistant")) == b""
    assert said(Delta(reasoning="hm")) == b""
    out = said(Delta(text="é")) + said(Delta(text="b", logprobs=chance)) + said(Delta(text="b", logprobs=chance))
    out += said(Delta(finish_reason="length"), usage=Usage(input_tokens=2, output_tokens=3)) + encoder.end()
    *events, done, rest = out.split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    read = [Completion.construct(**json.loads(one[6:])) for one in events]  # as the SDK reads a stream
    assert [choice.text for one in read for choice in one.choices] == ["é", "b", "b", ""]
    assert [one.created for one in read] == [7] * 5
    offsets = [choice.logprobs.text_offset for one in read for choice in one.choices if choice.logprobs]
    assert offsets == [[0], [1]]
    assert read[3].choices[0].finish_reason == "length"
    assert read[4].usage is not None
    assert read[4].usage.total_tokens == 5
    assert [loss.field for loss in losses.told()] == ["answer.reasoning"]


def test_a_caller_who_did_not_ask_for_usage_gets_none() -> None:
    encoder = CODEC.encoder(Head(dialect="openai_completions", endpoint="/", model="m", stream=True), Losses())
    encoder.event(Event(dialect="gemini", id="i", model="x", created_s=0, usage=Usage(input_tokens=1)))
    assert encoder.end() == END


def test_the_operators_own_text_is_an_answer() -> None:
    whole = CODEC.last_resort("sorry", "r", 1, stream=False)
    assert Completion.model_validate_json(whole).choices[0].text == "sorry"
    assert CODEC.last_resort("sorry", "r", 1, stream=True) == b"data: %b\n\n%b" % (whole, END)


def test_a_chat_may_answer_it() -> None:
    assert (CODEC.operation, CODEC.served_by) == ("completions", "chat")
    assert NO_QUIRKS.asks_usage


@pytest.mark.parametrize("body", [b"", b"{}", b'{"choices":3}', b'{"choices":[1]}'])
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        CODEC.decode_answer(body)


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["model", "prompt", "choices", "text", "index", "logprobs", "usage", "n", "tokens"]),
                inner,
                max_size=5,
            )
        ),
        max_leaves=10,
    ).map(compact)
)
def test_any_bytes_are_taken_or_refused(body: bytes) -> None:
    survives(CODEC, body)
    survives(CODEC, b'{"model":"m","prompt":%b}' % body)
    for stream in (body, b"data: %b\n\n" % body):
        decoder = CODEC.decoder()
        try:
            decoder.feed(stream)
            decoder.end()
        except UpstreamError:
            pass


@pytest.mark.parametrize(
    ("reason", "losses_told"), [("other", ["answer.finish_reason"]), ("tool_calls", []), ("stop", [])]
)
def test_a_reason_that_has_no_word_is_a_loss(reason: FinishReason, losses_told: list[str]) -> None:
    whole, streamed = Losses(), Losses()
    choice = Choice(index=0, message=Message(role="assistant"), finish_reason=reason, finish_raw="MALFORMED")
    answer = Response(dialect="gemini", id="i", model="x", created_s=1, choices=(choice,))
    out = json.loads(CODEC.encode_answer(answer, HEAD, whole))
    delta = Delta(finish_reason=reason, finish_raw="MALFORMED")
    told = CODEC.encoder(HEAD, streamed).event(Event(dialect="gemini", id="i", model="x", created_s=0, deltas=(delta,)))

    assert out["choices"][0]["finish_reason"] == "stop"
    assert b'"finish_reason":"stop"' in told
    assert [loss.field for loss in whole.told()] == [loss.field for loss in streamed.told()] == losses_told

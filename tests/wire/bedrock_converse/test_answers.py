"""Whole answers of Converse, and what its errors say."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.core.content import Citation, Image, Reasoning, Text, ToolCall, Unknown
from antiphon.core.error import UpstreamError, UpstreamMalformed, UpstreamRefused
from antiphon.core.usage import Usage
from antiphon.wire.bedrock_converse.codec import BedrockConverse

often = settings(max_examples=200, deadline=None)
CODEC = BedrockConverse()


def answer(*content: Any, **more: Any) -> bytes:
    return msgspec.json.encode(
        {
            "output": {"message": {"role": "assistant", "content": list(content)}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8},
            "metrics": {"latencyMs": 12},
            **more,
        }
    )


def test_every_kind_of_block_is_read() -> None:
    body = answer(
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "aGk="}},
        {"text": "Hi"},
        {
            "citationsContent": {
                "content": [{"text": "It "}, {"text": "is"}],
                "citations": [
                    {"title": "T", "sourceContent": [{"text": "q"}], "location": {"web": {"url": "https://x"}}},
                    {"location": {"documentChar": {"documentIndex": 1, "start": 2, "end": 3}}},
                ],
            }
        },
        {"image": {"format": "png", "source": {"bytes": "aGk="}}},
        {"toolUse": {"toolUseId": "c", "name": "f", "input": {"x": 1.10}}},
        {"toolUse": {"toolUseId": "s", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}},
        {"later": {"x": 1}},
    )
    response, facts = CODEC.decode_answer(body)
    location = {"documentChar": {"documentIndex": 1, "start": 2, "end": 3}}
    assert response.choices[0].message.parts == (
        Reasoning(text="hm", signature="s", signed_by="bedrock_converse"),
        Reasoning(text="", signature="aGk=", signed_by="bedrock_converse", redacted=True),
        Text(text="Hi"),
        Text(
            text="It is",
            citations=(
                Citation(kind="url", url="https://x", title="T", quoted="q"),
                Citation(kind="document", document=1, extra={"location": location}),
            ),
        ),
        Image(url="data:image/png;base64,aGk="),
        ToolCall(id="c", name="f", arguments='{"x":1.1}'),
        Unknown(
            kind="toolUse",
            raw={"toolUse": {"toolUseId": "s", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}},
        ),
        Unknown(kind="later", raw={"later": {"x": 1}}),
    )
    assert (response.dialect, response.model, response.extra) == ("bedrock_converse", "", {})
    assert facts.usage == response.usage == Usage(input_tokens=3, output_tokens=5)


def test_an_answers_id_is_the_same_for_the_same_bytes_only() -> None:
    one, same, other = (CODEC.decode_answer(answer({"text": text}))[0].id for text in ("a", "a", "b"))
    assert one == same != other
    assert one.startswith("bedrock-")


@pytest.mark.parametrize(
    ("word", "reason", "raw"),
    [
        ("end_turn", "stop", None),
        ("tool_use", "tool_calls", None),
        ("max_tokens", "length", None),
        ("stop_sequence", "stop", "stop_sequence"),
        ("guardrail_intervened", "content_filter", "guardrail_intervened"),
        ("content_filtered", "content_filter", None),
        ("model_context_window_exceeded", "length", "model_context_window_exceeded"),
        ("malformed_tool_use", "other", "malformed_tool_use"),
        ("new_word", "other", "new_word"),
    ],
)
def test_reasons_are_read(word: str, reason: str, raw: str | None) -> None:
    choice = CODEC.decode_answer(answer({"text": "a"}, stopReason=word))[0].choices[0]
    assert (choice.finish_reason, choice.finish_raw) == (reason, raw)


def test_the_stop_sequence_is_read_from_the_models_own_fields_and_the_rest_is_kept() -> None:
    fields = {"stop_sequence": "END", "other": 1}
    response, _ = CODEC.decode_answer(answer({"text": "a"}, additionalModelResponseFields=fields))
    assert response.choices[0].stop_sequence == "END"
    assert response.extra == {"additionalModelResponseFields": {"other": 1}}


def test_only_what_is_unusual_is_kept_beside_the_answer() -> None:
    usual = {"serviceTier": {"type": "default"}, "performanceConfig": {"latency": "standard"}, "trace": {}}
    assert CODEC.decode_answer(answer({"text": "a"}, **usual))[0].extra == {}
    unusual = {"serviceTier": {"type": "flex"}, "performanceConfig": {"latency": "optimized"}, "trace": {"x": 1}}
    assert CODEC.decode_answer(answer({"text": "a"}, **unusual))[0].extra == unusual


@pytest.mark.parametrize(
    ("said", "usage", "note"),
    [
        (
            {
                "inputTokens": 4,
                "outputTokens": 5,
                "totalTokens": 39,
                "cacheReadInputTokens": 10,
                "cacheWriteInputTokens": 20,
                "cacheDetails": [{"ttl": "1h", "inputTokens": 15}, {"ttl": "5m", "inputTokens": 5}],
            },
            Usage(input_tokens=34, output_tokens=5, cached_tokens=10, cache_write_tokens=20, cache_write_1h_tokens=15),
            "",
        ),
        ({"inputTokens": -1, "outputTokens": 5}, None, "no count"),
        ({"inputTokens": 10**12, "outputTokens": 5}, None, "no count"),
        ({"inputTokens": 1.5, "outputTokens": 5}, None, "can't be read"),
        ({"outputTokens": 5}, None, "can't be read"),
        ({"inputTokens": 1, "outputTokens": 1, "cacheDetails": [{"ttl": "1h", "inputTokens": 2}]}, None, "an hour"),
        (7, None, "can't be read"),
    ],
)
def test_usage_is_read_with_the_cache_in_it_or_not_believed(said: Any, usage: Usage | None, note: str) -> None:
    response, facts = CODEC.decode_answer(answer({"text": "a"}, usage=said))
    assert response.usage == facts.usage == usage
    assert note in facts.usage_note
    assert bool(facts.usage_note) is (usage is None)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"output":{}}', b'"\xff"', b"[" * 100_000, answer(7)])
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        CODEC.decode_answer(body)


def test_an_error_that_came_as_an_answer_is_one() -> None:
    with pytest.raises(UpstreamError, match="no such thing") as failed:
        CODEC.decode_answer(b'{"message":"no such thing"}')
    assert failed.value.noted == "the upstream answered an error"


@pytest.mark.parametrize("body", [b'{"message":"why"}', b'{"Message":"why"}'])
def test_the_reason_of_a_refusal_is_passed_on(body: bytes) -> None:
    error = UpstreamRefused("refused")
    CODEC.pass_on(error, body)
    assert error.message == "why"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"message":7}', b"\xff", b"[" * 100_000])
def test_a_refusal_that_says_nothing_leaves_the_message(body: bytes) -> None:
    error = UpstreamRefused("refused")
    CODEC.pass_on(error, body)
    assert error.message == "refused"


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["text", "toolUse", "input", "reasoningContent", "citationsContent", "citations", "location", "image"]
            ),
            inner,
            max_size=2,
        )
    ),
    max_leaves=6,
)


@often
@given(st.binary(max_size=30) | JSON.map(msgspec.json.encode) | st.lists(JSON, max_size=3).map(lambda c: answer(*c)))
def test_arbitrary_bodies_raise_nothing_but_upstream_errors(body: bytes) -> None:
    try:
        CODEC.decode_answer(body)
    except UpstreamError:
        return

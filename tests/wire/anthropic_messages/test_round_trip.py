"""What the canonical form says survives being written and read again; and nothing that comes in breaks the readers."""

from typing import Any

import msgspec
from anthropic_said import ASKED, CODEC, body, content, request
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from antiphon.core.body import Body
from antiphon.core.content import Content
from antiphon.core.error import BadRequest, UpstreamError
from antiphon.core.request import Request
from antiphon.wire.codec import Terms
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.decode import decode as decode_openai

often = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
TEXT = st.text(max_size=5)
JSON: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=2)
CACHE = st.fixed_dictionaries({"type": st.just("ephemeral")}, optional={"ttl": st.sampled_from(["5m", "1h"])})
MEDIA = st.sampled_from(["image/png", "application/pdf", "a;b", ""])


def block(kind: str, needed: dict[str, Any], **optional: Any) -> SearchStrategy[dict[str, Any]]:
    known = {"cache_control": CACHE, "x_one": JSON, **optional}
    return st.fixed_dictionaries({"type": st.just(kind), **needed}, optional=known)


SOURCE = st.one_of(
    st.fixed_dictionaries({"type": st.just("base64"), "media_type": MEDIA, "data": TEXT}),
    st.fixed_dictionaries({"type": st.just("url"), "url": TEXT | st.just("data:image/png;base64,AA")}),
    st.fixed_dictionaries({"type": st.just("file"), "file_id": TEXT}, optional={"x_two": JSON}),
    st.fixed_dictionaries({"type": st.just("new"), "what": JSON}),
)
DOCUMENT = SOURCE | st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "media_type": st.just("text/plain"), "data": TEXT}),
    st.fixed_dictionaries({"type": st.just("content"), "content": TEXT | st.lists(OBJECT, max_size=2)}),
)
TEXTS = block("text", {"text": TEXT}, citations=st.none() | st.lists(OBJECT, max_size=2))
IMAGES = block("image", {"source": SOURCE})
BLOCKS = st.one_of(
    TEXTS,
    IMAGES,
    block("document", {"source": DOCUMENT}, title=st.none() | TEXT, context=TEXT, citations=OBJECT),
    block("search_result", {"source": TEXT, "title": TEXT, "content": st.lists(OBJECT, max_size=2)}),
    st.fixed_dictionaries({"type": st.just("thinking"), "thinking": TEXT, "signature": TEXT | st.just("gemini:x")}),
    st.fixed_dictionaries({"type": st.just("redacted_thinking"), "data": TEXT}),
    block("tool_use", {"id": TEXT, "name": TEXT, "input": OBJECT}, caller=OBJECT),
    block("server_tool_use", {"id": TEXT, "name": TEXT, "input": OBJECT}),
)
RESULTS = block(
    "tool_result",
    {"tool_use_id": TEXT},
    content=st.none() | TEXT | st.lists(TEXTS | IMAGES, max_size=2),
    is_error=st.booleans(),
)
CONTENTS = TEXT | st.lists(BLOCKS | RESULTS, max_size=4)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "user", "assistant", "system"]), "content": CONTENTS},
        optional={"x_one": JSON},
    ),
    max_size=4,
)
FORMAT = st.fixed_dictionaries({"type": st.just("json_schema"), "schema": OBJECT}, optional={"x_one": JSON})
THINKING = st.one_of(
    st.fixed_dictionaries({"type": st.just("enabled"), "budget_tokens": st.integers(1, 9000)}),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["adaptive", "disabled", "between_tools"])},
        optional={"display": st.sampled_from(["summarized", "omitted", "new"]), "x_one": JSON},
    ),
)
CHOICE = st.fixed_dictionaries(
    {"type": st.sampled_from(["auto", "any", "tool", "none", "new"]), "name": TEXT},
    optional={"disable_parallel_tool_use": st.booleans(), "x_one": JSON},
)
TOOLS = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"name": TEXT, "input_schema": OBJECT},
            optional={"description": TEXT, "strict": st.booleans(), "cache_control": CACHE, "type": st.just("custom")},
        ),
        st.fixed_dictionaries(
            {"type": st.sampled_from(["web_search_20250305", "bash_20250124", "mcp_toolset"])},
            optional={"name": TEXT, "max_uses": st.integers(0, 9), "cache_control": CACHE},
        ),
    ),
    max_size=2,
)
BODIES = st.fixed_dictionaries(
    {"model": st.just("other"), "max_tokens": st.integers(0, 99), "messages": MESSAGES},
    optional={
        "system": TEXT | st.lists(TEXTS, max_size=2),
        "tools": TOOLS,
        "tool_choice": CHOICE,
        "thinking": THINKING,
        "output_config": st.fixed_dictionaries({}, optional={"effort": TEXT, "format": FORMAT, "x_one": JSON}),
        "output_format": FORMAT,
        "stop_sequences": st.lists(TEXT, max_size=2),
        "temperature": st.floats(0, 1),
        "top_p": st.integers(0, 1),
        "top_k": st.integers(0, 99),
        "metadata": st.fixed_dictionaries({}, optional={"user_id": st.none() | TEXT, "x_one": JSON}),
        "service_tier": TEXT,
        "context_management": OBJECT,
    },
)


def own(asked: Content) -> bool:
    """Whether no thought in it is another provider's: those are left out on purpose."""
    return not any(getattr(part, "signed_by", "") == "gemini" for message in asked.messages for part in message.parts)


@often
@given(said=BODIES)
def test_what_is_written_of_a_request_is_read_as_the_same(said: dict[str, Any]) -> None:
    asked = content(said)
    losses = Losses()

    out = CODEC.encode(asked, Terms(model="other"), losses)

    if own(asked):
        assert content(msgspec.json.decode(out)) == asked
        assert losses.told() == ()


ANSWERS = st.fixed_dictionaries(
    {
        "id": TEXT,
        "type": st.just("message"),
        "role": st.just("assistant"),
        "model": TEXT,
        "content": st.lists(BLOCKS, max_size=3),
        "stop_reason": st.sampled_from(["end_turn", "tool_use", "stop_sequence", "pause_turn", "new"]),
        "stop_sequence": st.none() | TEXT,
        "usage": st.fixed_dictionaries({"input_tokens": st.integers(-1, 9), "output_tokens": st.integers(0, 9)}),
    },
    optional={"container": OBJECT, "stop_details": OBJECT},
)


@often
@given(said=ANSWERS)
def test_what_is_written_of_an_answer_is_read_as_the_same(said: dict[str, Any]) -> None:
    response, _ = CODEC.decode_answer(msgspec.json.encode(said))

    out = CODEC.encode_answer(response, request(body()).head, Losses())

    assert CODEC.decode_answer(out)[0] == response


WORD = st.sampled_from(
    [
        "text", "image", "document", "tool_use", "tool_result", "thinking", "enabled", "auto", "tool", "user", "assistant",
        "system", "custom", "base64", "url", "content", "json_schema", "ephemeral", "search_result", "message",
        "message_start", "content_block_start", "content_block_delta", "message_delta", "text_delta", "citations_delta",
    ]
)  # fmt: skip
NAME = st.sampled_from(
    [
        "type", "text", "source", "content", "role", "id", "name", "input", "tool_use_id", "cache_control", "citations",
        "data", "media_type", "url", "thinking", "signature", "title", "index", "delta", "content_block", "message",
        "usage", "input_tokens", "output_tokens", "is_error", "ttl", "error", "cache_creation", "user_id",
    ]
)  # fmt: skip
WILD: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | TEXT | WORD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAME, inner, max_size=5),
    max_leaves=12,
)
FIELD = st.sampled_from(
    [
        "model", "max_tokens", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "output_format",
        "stop_sequences", "metadata", "stream", "temperature", "service_tier", "mcp_servers",
    ]
)  # fmt: skip
TURN = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system"]), "content": st.lists(WILD)})


@often
@given(fields=st.dictionaries(FIELD, WILD, max_size=4), messages=st.lists(TURN, max_size=3) | WILD)
@example(fields={"thinking": {"type": []}}, messages=[])
def test_whatever_a_caller_sends_is_read_or_refused(fields: dict[str, Any], messages: Any) -> None:
    raw = Body((msgspec.json.encode(body(messages=messages) | fields),))
    try:
        head, spots = CODEC.read(raw, ASKED)
        *_, found = CODEC.read_long(raw, ASKED)
        assert found is not None
        asked = Request(head=head, body=raw, spots=spots, digest="")
        CODEC.put(asked, Terms(model="claude", prompt="P", so_far="x"))
        CODEC.encode(CODEC.decode(asked), Terms(model="claude"), Losses())
    except BadRequest:
        return


@often
@given(said=WILD | st.fixed_dictionaries({"content": st.lists(WILD)}, optional={"usage": WILD, "id": WILD}))
def test_whatever_an_upstream_answers_is_read_or_its_failure(said: Any) -> None:
    text = msgspec.json.encode(said)
    try:
        CODEC.facts(text)
        response, _ = CODEC.decode_answer(text)
        CODEC.encode_answer(response, request(body()).head, Losses())
    except UpstreamError:
        return


EVENT = st.fixed_dictionaries(
    {"type": WORD},
    optional={"index": WILD, "delta": WILD, "content_block": WILD, "message": WILD, "usage": WILD, "error": WILD},
)


@often
@given(events=st.lists(EVENT | WILD, max_size=5), size=st.integers(1, 99))
def test_whatever_an_upstream_streams_is_read_or_its_failure(events: list[Any], size: int) -> None:
    stream = b"".join(
        [b"event: content_block_delta\ndata: " + msgspec.json.encode(event) + b"\n\n" for event in events]
    )
    decoder, relay = CODEC.decoder(), CODEC.relay(hides_usage=False)
    encoder = CODEC.encoder(request(body()).head, Losses())
    try:
        for at in range(0, len(stream), size):
            relay.feed(stream[at : at + size])
            for event in decoder.feed(stream[at : at + size]):
                encoder.event(event)
        encoder.end()
        relay.end()
        decoder.end()
    except UpstreamError:
        return


OPENAI = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool", "function", "odd"])},
    optional={
        "content": st.none()
        | TEXT
        | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXT}), max_size=2),
        "tool_call_id": st.sampled_from(["a", "b", "ü:"]),
        "tool_calls": st.lists(
            st.fixed_dictionaries(
                {
                    "id": st.sampled_from(["a", "b", "ü:"]),
                    "type": st.just("function"),
                    "function": st.fixed_dictionaries({"name": TEXT, "arguments": TEXT | st.just('{"x":1}')}),
                }
            ),
            min_size=1,
            max_size=2,
        ),
    },
)


@often
@given(messages=st.lists(OPENAI, max_size=6), effort=st.sampled_from([None, "low", "high"]))
def test_any_conversation_becomes_one_that_anthropic_takes(messages: list[Any], effort: str | None) -> None:
    asked = decode_openai({"model": "m", "messages": messages, "reasoning_effort": effort})
    try:
        out = msgspec.json.decode(CODEC.encode(asked, Terms(model="claude-sonnet-4-5"), Losses()))
    except BadRequest:
        return

    turns = out["messages"]
    assert [turn["role"] for turn in turns] == [["user", "assistant"][index % 2] for index in range(len(turns))]
    used: list[str] = []
    before: list[str] = []
    for turn in turns:
        said = turn["content"]
        blocks = said if isinstance(said, list) else [{"type": "text", "text": said}]
        assert blocks
        assert all(block["text"].strip() for block in blocks if block["type"] == "text")
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        assert sorted(results) == sorted(before), "every call has its result in the next turn"
        assert [block["type"] for block in blocks[: len(results)]] == ["tool_result"] * len(results)
        before = [block["id"] for block in blocks if block["type"] == "tool_use"]
        used += before
    assert before == []
    assert len(set(used)) == len(used)
    if out.get("thinking"):
        assert out["thinking"]["budget_tokens"] < out["max_tokens"]

"""What the canonical form says survives being written and read again."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from msgspec.structs import replace

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
from antiphon.core.response import Choice, Delta, Event, Response, ToolCallDelta
from antiphon.core.usage import Usage
from antiphon.wire.openai_chat.answers import decode_response, encode_response
from antiphon.wire.openai_chat.decode import decode
from antiphon.wire.openai_chat.encode import encode
from antiphon.wire.openai_chat.events import decode_event, encode_event

often = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))

TEXT = st.text(max_size=5)
NAME = st.sampled_from(["x_one", "x_two", "é"])
JSON: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
EXTRA = st.dictionaries(NAME, JSON, max_size=2)
OBJECT = st.dictionaries(TEXT, JSON, max_size=2)
FLAG = st.booleans()
COUNT = st.integers(0, 1000)


CACHE = st.none() | st.builds(Cache, ttl=st.sampled_from(["", "5m", "1h"]), extra=EXTRA)
PROOF = st.text("abc=", min_size=1, max_size=5)


def maybe(strategy: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.none() | strategy


def extra_of(*inner: str) -> SearchStrategy[dict[str, Any]]:
    """Leftovers, also of inner objects."""
    below = st.dictionaries(NAME, JSON, min_size=1, max_size=1)
    return st.builds(
        lambda own, deep: {**own, **deep}, EXTRA, st.fixed_dictionaries({}, optional=dict.fromkeys(inner, below))
    )


INLINE: SearchStrategy[Part] = st.one_of(
    st.builds(Text, text=TEXT, cache=CACHE, extra=EXTRA),
    st.builds(Refusal, text=TEXT, inline=st.just(True), extra=EXTRA),
    st.builds(Image, url=TEXT, cache=CACHE, detail=maybe(TEXT), extra=extra_of("image_url")),
    st.builds(Audio, cache=CACHE, data=maybe(TEXT), format=maybe(TEXT), extra=extra_of("input_audio")),
    st.builds(File, cache=CACHE, data=maybe(TEXT), id=maybe(TEXT), name=maybe(TEXT), extra=extra_of("file")),
    EXTRA.map(lambda fields: Unknown(kind="video_url", raw={"type": "video_url", **fields})),
)
CALLS = st.lists(
    st.one_of(
        st.builds(ToolCall, id=TEXT, name=TEXT, arguments=TEXT, extra=extra_of("function")),
        st.builds(
            ToolCall,
            id=TEXT,
            name=TEXT,
            arguments=TEXT,
            signature=PROOF,
            signed_by=st.sampled_from(["gemini", "openai_responses"]),
            extra=extra_of("function"),
        ),
        st.builds(ToolCall, id=TEXT, name=TEXT, arguments=TEXT, kind=st.just("custom"), extra=extra_of("custom")),
        st.builds(ToolCall, id=TEXT, name=st.just(""), arguments=st.just(""), kind=st.just("x_kind"), extra=EXTRA),
    ),
    max_size=2,
)


SIGNED = st.builds(
    Reasoning,
    text=TEXT,
    signature=PROOF,
    signed_by=st.sampled_from(["anthropic_messages", "gemini"]),
) | st.builds(
    Reasoning, text=st.just(""), signature=PROOF, signed_by=st.just("anthropic_messages"), redacted=st.just(True)
)
THOUGHTS: SearchStrategy[list[Any]] = (
    st.lists(st.builds(Reasoning, text=TEXT, label=st.sampled_from(["", "reasoning"])), max_size=1)
    | st.lists(SIGNED, min_size=1, max_size=2)
    | st.lists(SIGNED, min_size=1, max_size=2).map(
        lambda some: [replace(one, label="reasoning_content") for one in some]
    )
)
CITATIONS = st.lists(
    st.builds(Citation, kind=st.just("url"), url=TEXT)
    | st.builds(Citation, kind=st.just("url"), url=TEXT, title=TEXT, start=COUNT, end=COUNT),
    max_size=2,
).map(tuple)


@st.composite
def messages(draw: DrawFn, role: SearchStrategy[str]) -> Message:
    form = draw(st.sampled_from(["text", "parts", "none"]))
    content: dict[str, SearchStrategy[list[Part]]] = {
        "text": st.builds(Text, text=TEXT, citations=CITATIONS).map(lambda part: [part]),
        "parts": st.lists(INLINE, max_size=3),
        "none": st.just([]),
    }
    asides: list[SearchStrategy[Any]] = [
        st.builds(Refusal, text=TEXT),
        st.builds(Audio, id=TEXT, data=maybe(TEXT), transcript=maybe(TEXT), extra=EXTRA),
    ]
    legacy = st.builds(ToolCall, id=st.just(""), name=TEXT, arguments=TEXT, legacy=st.just(True), extra=EXTRA)
    parts = [
        *draw(THOUGHTS),
        *draw(content[form]),
        *[part for aside in asides for part in draw(st.lists(aside, max_size=1))],
        *draw(CALLS),
        *draw(st.lists(legacy, max_size=1)),
    ]
    return Message(
        role=draw(role),
        parts=tuple(parts),
        form=form,
        name=draw(maybe(TEXT)),
        tool_call_id=draw(maybe(TEXT)),
        cache=draw(CACHE),
        extra=draw(EXTRA),
    )


TOOL = st.one_of(
    st.builds(
        Tool,
        name=TEXT,
        description=maybe(TEXT),
        parameters=maybe(OBJECT),
        strict=maybe(FLAG),
        cache=CACHE,
        extra=extra_of("function"),
    ),
    st.builds(Tool, name=TEXT, kind=st.just("custom"), description=maybe(TEXT), extra=extra_of("custom")),
    st.builds(Tool, name=st.just(""), kind=st.just("web_search"), extra=EXTRA),
)
LEGACY_TOOL = st.builds(
    Tool, name=TEXT, description=maybe(TEXT), parameters=maybe(OBJECT), legacy=st.just(True), extra=EXTRA
)
SEARCH = st.builds(Tool, name=st.just("web_search"), kind=st.just("web_search"), extra=EXTRA)
TOOLS = st.builds(
    lambda new, old, search: (*new, *old, *search) or None,
    st.lists(TOOL, max_size=2),
    st.lists(LEGACY_TOOL, max_size=1),
    st.lists(SEARCH, max_size=1),
)
CHOICE = st.one_of(
    st.builds(ToolChoice, mode=st.sampled_from(["none", "auto", "required"]), legacy=FLAG),
    st.builds(ToolChoice, mode=st.just("named"), name=TEXT, extra=extra_of("function")),
    st.builds(ToolChoice, mode=st.just("named"), name=TEXT, kind=st.just("custom"), extra=extra_of("custom")),
    st.builds(ToolChoice, mode=st.just("named"), name=TEXT, legacy=st.just(True), extra=EXTRA),
    st.builds(ToolChoice, mode=st.just("other"), raw=st.just("any"), legacy=FLAG),
    EXTRA.map(lambda fields: ToolChoice(mode="other", raw={"type": "allowed_tools", **fields})),
)
FORMAT = st.one_of(
    st.builds(ResponseFormat, kind=st.sampled_from(["text", "json_object"]), extra=EXTRA),
    st.builds(
        ResponseFormat,
        kind=st.just("json_schema"),
        name=maybe(TEXT),
        description=maybe(TEXT),
        schema=maybe(OBJECT),
        strict=maybe(FLAG),
        extra=extra_of("json_schema"),
    ),
    EXTRA.map(lambda fields: ResponseFormat(kind="other", extra={"type": "grammar", **fields})),
)
NUMBER = st.floats(-2, 2) | st.integers(-2, 2)
SAMPLING = st.builds(
    Sampling,
    temperature=maybe(NUMBER),
    top_p=maybe(NUMBER),
    top_k=maybe(COUNT),
    frequency_penalty=maybe(NUMBER),
    presence_penalty=maybe(NUMBER),
    seed=maybe(COUNT),
    stop=maybe(TEXT | st.lists(TEXT, max_size=2).map(tuple)),
    logit_bias=maybe(st.dictionaries(TEXT, st.integers(-100, 100), max_size=2)),
    logprobs=maybe(FLAG),
    top_logprobs=maybe(COUNT),
    n=maybe(COUNT),
    reasoning_effort=maybe(TEXT),
    reasoning_tokens=maybe(COUNT),
    verbosity=maybe(TEXT),
)
ROLES = st.sampled_from(["system", "developer", "user", "assistant", "tool", "function", "x_role"])
CONTENT = st.builds(
    Content,
    dialect=st.just("openai_chat"),
    messages=st.lists(messages(ROLES), max_size=3).map(tuple),
    tools=TOOLS,
    tool_choice=maybe(CHOICE),
    parallel_tool_calls=maybe(FLAG),
    response_format=maybe(FORMAT),
    sampling=SAMPLING,
    limits=st.just(Limits()) | st.builds(Limits, output_tokens=COUNT, legacy=FLAG),
    metadata=maybe(st.dictionaries(TEXT, TEXT, max_size=2)),
    user=maybe(TEXT),
    service_tier=maybe(TEXT),
    cache_key=maybe(TEXT),
    extra=EXTRA,
)


@st.composite
def usages(draw: DrawFn) -> Usage:
    cached, written, fresh = draw(COUNT), draw(COUNT), draw(COUNT)
    prompt, output = cached + written + fresh, draw(COUNT)
    return Usage(
        input_tokens=prompt,
        output_tokens=output,
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=draw(st.integers(0, output)),
        output_audio_tokens=draw(st.integers(0, output)),
        input_audio_tokens=draw(st.integers(0, prompt)),
        input_image_tokens=draw(st.integers(0, prompt)),
    )


@st.composite
def said(draw: DrawFn, kind: Any, **fields: SearchStrategy[Any]) -> Any:
    """A response or event: their usage is one that was believed, one that was not, or none."""
    usage: dict[str, Any] = draw(
        st.sampled_from([{}, {"usage_raw": {"prompt_tokens": -1}}]) | usages().map(lambda usage: {"usage": usage})
    )
    return kind(
        dialect="openai_chat",
        id=draw(TEXT),
        model=draw(TEXT),
        created_s=draw(COUNT),
        fingerprint=draw(maybe(TEXT)),
        extra=draw(EXTRA),
        **usage,
        **{name: draw(strategy) for name, strategy in fields.items()},
    )


FINISH = st.sampled_from(
    [{}, {"finish_reason": "other", "finish_raw": "eos"}]
    + [{"finish_reason": word} for word in ("stop", "length", "tool_calls", "content_filter", "function_call")]
)
CHOICES = st.builds(
    lambda finish, **fields: Choice(**fields, **finish),
    finish=FINISH,
    index=COUNT,
    message=messages(st.just("assistant")),
    logprobs=maybe(OBJECT),
    extra=EXTRA,
)
CALL_DELTA = st.one_of(
    st.builds(
        ToolCallDelta,
        index=COUNT,
        id=maybe(TEXT),
        name=maybe(TEXT),
        arguments=maybe(TEXT),
        kind=maybe(st.sampled_from(["function", "x_kind"])),
        extra=extra_of("function"),
    ),
    st.builds(
        ToolCallDelta,
        index=COUNT,
        arguments=TEXT,
        kind=maybe(st.just("custom")),
        custom=st.just(True),
        extra=extra_of("custom"),
    ),
)
LEGACY_DELTA = st.builds(
    ToolCallDelta, index=st.just(0), name=maybe(TEXT), arguments=maybe(TEXT), legacy=st.just(True), extra=EXTRA
)
THOUGHT = st.just({}) | st.builds(
    lambda text, label: {"reasoning": text, "reasoning_label": label}, TEXT, st.sampled_from(["", "reasoning"])
)
DELTAS = st.builds(
    lambda finish, thought, **fields: Delta(**fields, **finish, **thought),
    finish=FINISH,
    thought=THOUGHT,
    index=COUNT,
    role=maybe(TEXT),
    text=maybe(TEXT),
    refusal=maybe(TEXT),
    audio=maybe(st.builds(Audio, id=maybe(TEXT), data=maybe(TEXT), transcript=maybe(TEXT), extra=EXTRA)),
    tool_calls=st.builds(
        lambda calls, legacy: (*calls, *legacy), st.lists(CALL_DELTA, max_size=2), st.lists(LEGACY_DELTA, max_size=1)
    ),
    logprobs=maybe(OBJECT),
    extra=EXTRA,
    delta_extra=EXTRA,
)


@often
@given(CONTENT)
def test_a_request_survives_being_written_and_read(content: Content) -> None:
    assert decode(encode(content, model="m", stream=True, stream_options={"include_usage": True})) == content


@often
@given(said(Response, choices=st.lists(CHOICES, max_size=2).map(tuple)))
def test_an_answer_survives_being_written_and_read(response: Response) -> None:
    assert decode_response(encode_response(response)) == response


@often
@given(said(Event, deltas=st.lists(DELTAS, max_size=2).map(tuple)))
def test_an_event_survives_being_written_and_read(event: Event) -> None:
    assert decode_event(encode_event(event)) == event


@often
@given(CONTENT)
def test_writing_changes_nothing_in_what_is_written(content: Content) -> None:
    before = repr(content)

    encode(content, model="m")

    assert repr(content) == before

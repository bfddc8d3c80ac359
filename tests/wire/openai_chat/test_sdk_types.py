"""Every field of the pinned SDK's types goes through the canonical form and comes out as it was.

The types are walked, not listed: a field that a new SDK brings is in the samples at once, and
`test_what_has_a_word_is_not_a_leftover` fails until somebody has decided where it belongs.
"""

import types
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
import typing_extensions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai._types import SequenceNotStr
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from pydantic import BaseModel

from antiphon.wire.openai_chat.answers import decode_response, encode_response
from antiphon.wire.openai_chat.decode import decode
from antiphon.wire.openai_chat.encode import encode
from antiphon.wire.openai_chat.events import decode_event, encode_event

REQUESTS = (CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming)
MARKS = (Required, NotRequired, typing_extensions.Required, typing_extensions.NotRequired)
MOST_LITERALS = 10
"""The names of models are more; one shows the field."""
LISTS = (list, Iterable, SequenceNotStr)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
UNKNOWN = {"x_unknown": {"deep": [1, None, {"deeper": "é"}]}}


def listed(tp: Any) -> bool:
    origin = get_origin(tp)
    return origin in LISTS or (isinstance(origin, type) and issubclass(origin, Iterable) and origin is not dict)


def fields_of(tp: Any) -> dict[str, tuple[Any, bool]] | None:
    """Field types of a TypedDict or model, and whether each must be there; None of any other type."""
    if isinstance(tp, type) and issubclass(tp, BaseModel):
        return {name: (field.annotation, field.is_required()) for name, field in tp.model_fields.items()}
    if not typing_extensions.is_typeddict(tp):
        return None
    out: dict[str, tuple[Any, bool]] = {}
    for name, hint in get_type_hints(tp, include_extras=True).items():
        needed = name in tp.__required_keys__
        kind = hint
        while get_origin(kind) in MARKS:
            needed = needed or get_origin(kind) in {Required, typing_extensions.Required}
            kind = get_args(kind)[0]
        out[name] = (kind, needed)
    return out


def samples(tp: Any) -> list[Any]:
    """Values of a type that show each of its fields, union members and literals at least once."""
    origin, arguments = get_origin(tp), get_args(tp)
    fields = fields_of(tp)
    if fields is not None:
        return objects(fields)
    if origin is Annotated:
        return samples(arguments[0])
    if origin in {Union, types.UnionType}:
        return [value for member in arguments for value in samples(member)]
    if origin is Literal:
        return list(arguments) if len(arguments) <= MOST_LITERALS else [arguments[0]]
    if origin is dict:
        return [{f"key{index}": value for index, value in enumerate(samples(arguments[1]))}, {}]
    if listed(tp):
        return [samples(arguments[0]), []]
    simple: dict[Any, list[Any]] = {
        str: ["text", "", "é\n\u2028😀"],
        int: [3, 0],
        float: [0.5, 1, 0],
        bool: [True, False],
        type(None): [None],
        object: [{"any": [1, None, {"deep": "x"}]}, "text", 1.5, True, None],
    }
    assert tp in simple, f"the walk does not know {tp!r}"
    return simple[tp]


def objects(fields: dict[str, tuple[Any, bool]]) -> list[dict[str, Any]]:
    """As many full objects as the field with the most samples needs, and the barest one."""
    drawn = {name: samples(kind) for name, (kind, _) in fields.items()}
    most = max((len(values) for values in drawn.values()), default=1)
    full = [{name: values[index % len(values)] for name, values in drawn.items()} for index in range(most)]
    return [*full, {name: drawn[name][0] for name, (_, needed) in fields.items() if needed}]


def strategy(tp: Any) -> st.SearchStrategy[Any]:
    """Values of a type, with unknown fields among those of every object."""
    origin, arguments = get_origin(tp), get_args(tp)
    fields = fields_of(tp)
    if fields is not None:
        known = st.fixed_dictionaries(
            {name: strategy(kind) for name, (kind, needed) in fields.items() if needed},
            optional={name: strategy(kind) for name, (kind, needed) in fields.items() if not needed},
        )
        unknown = st.dictionaries(st.sampled_from(["x_one", "x_two"]), JSON, max_size=1)
        return st.builds(lambda one, two: {**one, **two}, known, unknown)
    if origin is Annotated:
        return strategy(arguments[0])
    if origin in {Union, types.UnionType}:
        return st.one_of([strategy(member) for member in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is dict:
        return st.dictionaries(st.text(max_size=3), strategy(arguments[1]), max_size=2)
    if listed(tp):
        return st.lists(strategy(arguments[0]), max_size=3)
    return {
        str: st.text(max_size=5),
        int: st.integers(0, 2**31),
        float: st.floats(-2, 2) | st.integers(-2, 2),
        bool: st.booleans(),
        type(None): st.none(),
        object: JSON,
    }[tp]


def through(body: dict[str, Any]) -> dict[str, Any]:
    """A request decoded and encoded again."""
    return encode(
        decode(body), model=body["model"], stream=body.get("stream"), stream_options=body.get("stream_options")
    )


def answer_through(body: dict[str, Any]) -> dict[str, Any]:
    return encode_response(decode_response(body))


def chunk_through(body: dict[str, Any]) -> dict[str, Any]:
    return encode_event(decode_event(body))


WAYS: list[tuple[str, Any, Callable[[dict[str, Any]], dict[str, Any]]]] = [
    *((tp.__name__, tp, through) for tp in REQUESTS),
    ("ChatCompletion", ChatCompletion, answer_through),
    ("ChatCompletionChunk", ChatCompletionChunk, chunk_through),
]
BODIES = {tp: strategy(tp) for _, tp, _ in WAYS}
ways = pytest.mark.parametrize(("tp", "way"), [way[1:] for way in WAYS], ids=[way[0] for way in WAYS])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all objects in a body, less the two that hold nothing but texts and numbers."""
    if isinstance(value, dict):
        if path[-1:] not in {("metadata",), ("logit_bias",)}:
            yield path
        for name, child in value.items():
            yield from places(child, (*path, name))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from places(child, (*path, index))


def with_unknown(body: dict[str, Any], paths: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    copy = msgspec.json.decode(msgspec.json.encode(body))
    for path in paths:
        node = copy
        for step in path:
            node = node[step]
        node.update(UNKNOWN)
    return copy


@ways
def test_every_field_of_the_sdk_comes_out_as_it_went_in(tp: Any, way: Callable[..., Any]) -> None:
    for body in samples(tp):
        before = msgspec.json.encode(body)

        assert way(body) == body
        assert msgspec.json.encode(body) == before, "the body that was read is not changed"


@ways
def test_unknown_fields_travel_on_at_every_level(tp: Any, way: Callable[..., Any]) -> None:
    for body in samples(tp):
        everywhere = with_unknown(body, places(body))

        assert way(everywhere) == everywhere


@ways
def test_an_unknown_field_travels_on_from_each_place_alone(tp: Any, way: Callable[..., Any]) -> None:
    body = samples(tp)[0]
    for path in places(body):
        one = with_unknown(body, [path])

        assert way(one) == one, path


@ways
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_body_that_the_sdk_types_allow_comes_out_as_it_went_in(
    tp: Any, way: Callable[..., Any], data: st.DataObject
) -> None:
    body = data.draw(BODIES[tp])

    assert way(body) == body


def leftovers(value: Any) -> Iterator[str]:
    """`Struct.field` of everything in a canonical value that has no word."""
    if isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            child = getattr(value, field)
            if field in {"extra", "delta_extra"}:
                yield from (f"{type(value).__name__}.{name}" for name in named(child))
            else:
                yield from leftovers(child)
    elif isinstance(value, tuple):
        for child in value:
            yield from leftovers(child)


def named(extra: dict[str, Any], inner: tuple[str, ...] = ("function", "custom", "json_schema")) -> Iterator[str]:
    for name, value in extra.items():
        if name in inner and isinstance(value, dict):
            yield from (f"{name}.{below}" for below in named(value, ()))
        elif value not in (None, [], {}):
            yield name


REQUEST_LEFTOVERS = {
    # about the service rather than about what is said
    "Content.moderation",
    "Content.prompt_cache_options",
    "Content.prompt_cache_retention",
    "Content.safety_identifier",
    "Content.store",
    # of OpenAI alone
    "Content.audio",
    "Content.modalities",
    "Tool.search_context_size",
    "Tool.user_location",
    "Content.prediction",
    # the older of two names, given beside the newer
    "Content.function_call",
    "Content.max_tokens",
    "Text.prompt_cache_breakpoint",
    "Image.prompt_cache_breakpoint",
    "Audio.prompt_cache_breakpoint",
    "File.prompt_cache_breakpoint",
    "Tool.custom.format",
}
ANSWER_LEFTOVERS = {
    "Response.metadata",
    "Response.moderation",
    "Response.service_tier",
    "Message.annotations",  # one whose text came as parts, or none
    "Audio.expires_at",
}
CHUNK_LEFTOVERS = {"Event.moderation", "Event.obfuscation", "Event.service_tier", "Audio.expires_at"}


@pytest.mark.parametrize(
    ("tp", "read", "expected"),
    [
        (CompletionCreateParamsStreaming, decode, REQUEST_LEFTOVERS),
        (ChatCompletion, decode_response, ANSWER_LEFTOVERS),
        (ChatCompletionChunk, decode_event, CHUNK_LEFTOVERS),
    ],
    ids=["request", "answer", "chunk"],
)
def test_what_has_a_word_is_not_a_leftover(tp: Any, read: Callable[..., Any], expected: set[str]) -> None:
    found = {name for body in samples(tp) for name in leftovers(read(body))}

    assert found == expected, "decide whether a new field has a word; if not, list it here"


def test_the_walk_reaches_every_depth_of_the_sdk() -> None:
    body = samples(CompletionCreateParamsStreaming)[0]
    messages = body["messages"]
    parts = [part for message in messages for part in message.get("content") or () if type(part) is dict]

    assert {part["type"] for part in parts} == {"text", "image_url", "input_audio", "file", "refusal"}
    assert {message["role"] for message in messages} == {
        "developer",
        "system",
        "user",
        "assistant",
        "tool",
        "function",
    }
    assert {tool["type"] for tool in body["tools"]} == {"function", "custom"}
    assert max(len(path) for path in places(body)) >= 6

"""Reads the head of an OpenAI Chat Completions request, and finds where edits can be made."""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.request import Field, Head, Need, Spots
from antiphon.wire.bounds import MAX_COUNT, MAX_NAME
from antiphon.wire.head_checks import count_of, flag_of, model_name, text_of
from antiphon.wire.json import loads, twice
from antiphon.wire.places import MODEL_FIRST, first_byte, model_spot, scan, spots_of
from antiphon.wire.slices import escaped, marked, scanned, values

_HEAD_FIELDS = (
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "user",
    "response_format",
    "reasoning_effort",
    "logprobs",
    "tools",
    "functions",
    "web_search_options",
)
_PART_NEEDS: Mapping[str, Need] = {"image_url": "images", "input_audio": "audio", "file": "files"}
MARK_BYTES = 80
"""At least the length of any mark, each letter escaped."""


_PART_MARKS: tuple[tuple[re.Pattern[bytes], Need], ...] = tuple(
    (re.compile(escaped(kind).encode()), need) for kind, need in _PART_NEEDS.items()
)


class _Said(Struct, gc=False, forbid_unknown_fields=True):
    """A message that is text alone."""

    role: str
    content: str


class _Plain(Struct, gc=False, forbid_unknown_fields=True):
    """A request that asks nothing special of a model: most are so. A body that doesn't fit is read field by field."""

    model: str
    messages: list[_Said]
    stream: bool | UnsetType = UNSET
    temperature: float | UnsetType = UNSET
    top_p: float | UnsetType = UNSET
    max_tokens: int | UnsetType = UNSET
    max_completion_tokens: int | UnsetType = UNSET
    seed: int | UnsetType = UNSET
    user: str | UnsetType = UNSET

    def keys(self) -> int:
        """Keys of the body, those of its messages included."""
        others = (
            (self.stream is not UNSET)
            + (self.temperature is not UNSET)
            + (self.top_p is not UNSET)
            + (self.max_tokens is not UNSET)
            + (self.max_completion_tokens is not UNSET)
            + (self.seed is not UNSET)
            + (self.user is not UNSET)
        )
        return 2 + others + 2 * len(self.messages)


_plain = msgspec.json.Decoder(_Plain)


def read(body: Body, endpoint: str) -> tuple[Head, Spots]:
    """Read a body of ordinary length. Raises: BadRequest."""
    text = body.whole()
    return _read_plain(text, endpoint) or _read(text, body, endpoint)


def _read_plain(text: bytes, endpoint: str) -> tuple[Head, Spots] | None:
    """Read a plain body quickly; None when there is anything about it that needs a closer look."""
    try:
        plain = _plain.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    model, user = plain.model, plain.user
    limit = plain.max_tokens if plain.max_completion_tokens is UNSET else plain.max_completion_tokens
    first = MODEL_FIRST.match(text)
    if (
        first is None
        or not 0 < len(model) <= MAX_NAME
        or not (limit is UNSET or 1 <= limit <= MAX_COUNT)
        or twice(text, plain.keys())
    ):
        return None
    head = Head(
        dialect="openai_chat",
        endpoint=endpoint,
        model=model,
        stream=plain.stream is True,
        output_tokens=None if limit is UNSET else limit,
        user="" if user is UNSET else user[:MAX_NAME],
    )
    return head, Spots(model=first.span(1))


def _read(text: bytes, body: Body, endpoint: str) -> tuple[Head, Spots]:
    fields = loads(text)
    needs = _needs(fields)
    return _head(fields, endpoint, needs), _spots(text, body, fields)


def read_long(body: Body, endpoint: str) -> Iterator[tuple[Head, Spots] | None]:
    """Read a long body in slices: yields None between them, and what `read` returns at the end.

    Raises: BadRequest.
    """
    found = yield from scanned(body)
    fields = values(body, found, _HEAD_FIELDS)
    messages = found.get("messages")
    fields["messages"] = [] if messages and first_byte(body, messages.start)[1] == b"[" else None
    needs = _needs(fields)
    if messages is not None:
        needs |= yield from marked(body, messages, MARK_BYTES, _marks)
    yield _head(fields, endpoint, needs), spots_of(found)


def _marks(piece: bytes) -> Iterator[Need]:
    return (need for mark, need in _PART_MARKS if mark.search(piece))


def _head(fields: Mapping[str, Any], endpoint: str, needs: frozenset[Need]) -> Head:
    model = model_name(fields.get("model"))
    if type(fields.get("messages")) is not list:
        raise BadRequest("`messages` must be a list of messages", param="messages")
    stream = flag_of(fields, "stream")
    options = fields.get("stream_options")
    if options is not None and type(options) is not dict:
        raise BadRequest("`stream_options` must be an object", param="stream_options")
    if options is not None and not stream:
        raise BadRequest("`stream_options` goes with `stream: true` only; leave it out", param="stream_options")
    limit = "max_tokens" if fields.get("max_completion_tokens") is None else "max_completion_tokens"
    return Head(
        dialect="openai_chat",
        endpoint=endpoint,
        model=model,
        stream=bool(stream),
        wants_usage=bool(options and options.get("include_usage")),
        output_tokens=count_of(fields, limit),
        answers=count_of(fields, "n") or 1,
        needs=needs,
        user=text_of(fields, "user")[:MAX_NAME],
    )


def _needs(fields: Mapping[str, Any]) -> frozenset[Need]:
    needs: set[Need] = set()
    messages = fields.get("messages")
    for message in messages if type(messages) is list else ():
        content = message.get("content") if type(message) is dict else None
        if type(content) is list:
            needs.update(
                _PART_NEEDS[part["type"]]
                for part in content
                if type(part) is dict and type(part.get("type")) is str and part["type"] in _PART_NEEDS
            )
    if fields.get("tools") or fields.get("functions"):
        needs.add("tools")
    shape = fields.get("response_format")
    if type(shape) is dict and shape.get("type") in ("json_schema", "json_object"):
        needs.add("structured_output")
    if fields.get("reasoning_effort"):
        needs.add("reasoning")
    if fields.get("logprobs"):
        needs.add("logprobs")
    if fields.get("web_search_options") is not None:
        needs.add("web_search")
    if type(fields.get("n")) is int and fields["n"] > 1:
        needs.add("multiple_answers")
    return frozenset(needs)


def _spots(text: bytes, body: Body, fields: Mapping[str, Any]) -> Spots:
    """Where `model`, `stream_options` and `messages` stand; scanned only where short cuts prove nothing."""
    span = None if "stream_options" in fields else model_spot(text)
    return spots_of(scan(body)) if span is None else Spots(model=span)


def messages_spot(body: Body, messages: Field) -> tuple[int, bool]:
    """Offset just behind the bracket that opens `messages`, and whether the list is empty."""
    bracket, _ = first_byte(body, messages.start)
    return bracket + 1, first_byte(body, bracket + 1)[1] == b"]"

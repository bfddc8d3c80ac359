"""Reads the head of a Responses request, and finds where edits can be made. Source: openai-python 3.52.0,
`types/responses/response_create_params.py`.
"""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.request import Head, Spots
from antiphon.wire.bounds import MAX_COUNT, MAX_NAME
from antiphon.wire.codec import Asked
from antiphon.wire.head_checks import count_of, flag_of, model_name
from antiphon.wire.json import loads, twice
from antiphon.wire.openai_responses.needs import needs_of
from antiphon.wire.places import MODEL_FIRST, model_spot, scan, spots_of

BACKGROUND = (
    "nothing runs in the background here; set `agents: {enabled: true}`, or leave `background` out and read the answer as a"
    " stream"
)


class _Said(Struct, gc=False, forbid_unknown_fields=True):
    """A message that is text alone."""

    role: str
    content: str
    type: UnsetType | str = UNSET


class _Plain(Struct, gc=False, forbid_unknown_fields=True):
    """A request that asks nothing special of a model. A body that doesn't fit is read field by field."""

    model: str
    input: str | list[_Said]
    instructions: str | UnsetType = UNSET
    stream: bool | UnsetType = UNSET
    store: bool | UnsetType = UNSET
    temperature: float | UnsetType = UNSET
    top_p: float | UnsetType = UNSET
    max_output_tokens: int | UnsetType = UNSET
    user: str | UnsetType = UNSET

    def keys(self) -> int:
        """Keys of the body, those of its messages included."""
        others = (
            (self.instructions is not UNSET)
            + (self.stream is not UNSET)
            + (self.store is not UNSET)
            + (self.temperature is not UNSET)
            + (self.top_p is not UNSET)
            + (self.max_output_tokens is not UNSET)
            + (self.user is not UNSET)
        )
        said = self.input
        if isinstance(said, str):
            return 2 + others
        return 2 + others + 2 * len(said) + sum([message.type is not UNSET for message in said])


_plain = msgspec.json.Decoder(_Plain)


def read(body: Body, asked: Asked) -> tuple[Head, Spots]:
    """Read a body of ordinary length. Raises: BadRequest."""
    text = body.whole()
    plain = _read_plain(text, asked)
    if plain is not None:
        return plain
    fields = loads(text)
    head = head_of(fields, asked)
    span = model_spot(text)
    return head, spots_of(scan(body)) if span is None else Spots(model=span)


def _read_plain(text: bytes, asked: Asked) -> tuple[Head, Spots] | None:
    """Read a plain body quickly; None when there is anything about it that needs a closer look."""
    try:
        plain = _plain.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    model, user, limit = plain.model, plain.user, plain.max_output_tokens
    first = MODEL_FIRST.match(text)
    if (
        first is None
        or not 0 < len(model) <= MAX_NAME
        or not (limit is UNSET or 1 <= limit <= MAX_COUNT)
        or twice(text, plain.keys())
    ):
        return None
    stream = plain.stream is True
    head = Head(
        dialect="openai_responses",
        endpoint=asked.endpoint,
        model=model,
        stream=stream,
        wants_usage=stream,
        output_tokens=None if limit is UNSET else limit,
        user="" if user is UNSET else user[:MAX_NAME],
    )
    return head, Spots(model=first.span(1))


def head_of(fields: Mapping[str, Any], asked: Asked) -> Head:
    """Check what the head needs. Raises: BadRequest."""
    model = model_name(fields.get("model"))
    check_input(fields)
    if fields.get("background"):
        raise BadRequest(BACKGROUND, param="background")
    stream = flag_of(fields, "stream")
    user = fields.get("user")
    if user is None:
        user = fields.get("safety_identifier")
    if user is not None and type(user) is not str:
        raise BadRequest("`user` and `safety_identifier` must be texts", param="user")
    return Head(
        dialect="openai_responses",
        endpoint=asked.endpoint,
        model=model,
        stream=bool(stream),
        wants_usage=bool(stream),
        output_tokens=count_of(fields, "max_output_tokens"),
        needs=needs_of(fields),
        user=(user or "")[:MAX_NAME],
    )


def check_input(fields: Mapping[str, Any]) -> None:
    """There is something to answer: an input, or what the provider or gateway keeps of it. Raises: BadRequest."""
    said = fields.get("input")
    if said is None and not any(fields.get(name) for name in ("previous_response_id", "conversation", "prompt")):
        raise BadRequest("`input` is missing; send a text or a list of items", param="input")
    if said is not None and type(said) is not str and type(said) is not list:
        raise BadRequest("`input` must be a text or a list of items", param="input")

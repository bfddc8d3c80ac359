"""What the answer to a request hangs on: for who keeps answers. JSON is compared by what it means: the order of keys and white
space say nothing.
"""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Literal

import msgspec
from msgspec import Struct

from antiphon.core.request import Dialect, Need, Request
from antiphon.wire.bounds import LONG_BYTES
from antiphon.wire.codecs import CODECS
from antiphon.wire.places import named

WhyNot = Literal[
    "endpoint", "unread", "server_tools", "web_search", "files", "audio", "state", "background", "sampling"
]  # fmt: skip
"""Why an answer is not kept."""

_OPENAI = (
    "user",
    "metadata",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "service_tier",
    "store",
)
LEFT_OUT: Mapping[Dialect, tuple[str, ...]] = MappingProxyType(
    {
        "openai_chat": _OPENAI,
        "openai_responses": _OPENAI,
        "openai_completions": ("user",),
        "anthropic_messages": ("metadata", "service_tier"),
        "gemini": ("labels", "store", "serviceTier", "service_tier"),
        "openai_embeddings": ("user",),
        "cohere_rerank": ("priority",),
        "cohere_embeddings": ("priority",),
    }
)
"""Top-level fields that say who asks, how the provider books it, or how soon it is served: not what is answered."""
_KEPT_FOR = frozenset({"chat", "completions", "embeddings", "rerank", "moderations"})
_NEEDS: Mapping[Need, WhyNot] = {
    "server_tools": "server_tools",
    "web_search": "web_search",
    "files": "files",
    "audio_output": "audio",
}
_STATE = ("previous_response_id", "conversation", "prompt", "cachedContent", "cached_content", "container")
_DECIDING = (*_STATE, "store", "background", "mcp_servers", "temperature", "top_p", "seed")
"""What is read of a long body. `prompt` is state in the Responses API alone."""
_CONFIG = ("generationConfig", "generation_config")
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Recalled(Struct, frozen=True, gc=False, kw_only=True):
    """What of a request its answer hangs on."""

    why_not: WhyNot | None = None
    """Why its answer is not kept, whatever an operator says; `sampling`, unless they say otherwise."""
    digest: bytes = b""
    """Over everything that changes the answer."""
    around: bytes = b""
    """The same without the text that the user said last; empty: there is no such text, or it isn't looked for."""
    text: str = ""
    """That text."""
    turns: int = 0
    """Messages of users, that one included."""


def recall(request: Request, *, apart: bool = False) -> Recalled:
    """Look at a request.

    Args:
        apart: Also look for the text that the user said last.
    """
    head = request.head
    codec = CODECS[head.dialect]
    if codec.operation not in _KEPT_FOR:
        return Recalled(why_not="endpoint")
    for need, barred in _NEEDS.items():
        if need in head.needs:
            return Recalled(why_not=barred)
    long = request.body.size_bytes >= LONG_BYTES
    try:
        fields = _some(request, head.dialect) if long else _decode(request.body.whole())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Recalled(why_not="unread")
    why = _why_not(head.dialect, fields)
    if why is not None and why != "sampling":
        return Recalled(why_not=why)
    if long:  # to read all of it would hold others up
        return Recalled(why_not=why, digest=bytes.fromhex(request.digest))
    matters = {name: value for name, value in fields.items() if name not in LEFT_OUT.get(head.dialect, ())}
    digest = _digest(matters)
    if not apart or codec.operation not in ("chat", "completions"):
        return Recalled(why_not=why, digest=digest)
    text, turns, rest = _last_said(matters, codec.opening, head.dialect)
    around = b"" if rest is None else _digest({**matters, codec.opening: rest})
    return Recalled(why_not=why, digest=digest, around=around, text=text, turns=turns)


def _digest(fields: Mapping[str, Any]) -> bytes:
    return sha256(msgspec.json.encode(fields, order="sorted")).digest()


def _some(request: Request, dialect: Dialect) -> dict[str, Any]:
    """The fields that decide whether an answer may be kept. Raises: MsgspecError, UnicodeDecodeError, RecursionError."""
    names = (*_DECIDING, *_CONFIG)
    fields = named(request, names)
    found: dict[str, Any] = {}
    for name in names:
        if name not in fields or (name == "prompt" and dialect != "openai_responses"):
            continue
        field = fields[name]
        if field.end - field.start > LONG_BYTES // 4:
            raise msgspec.DecodeError(f"{name} is long")
        found[name] = msgspec.json.decode(request.body.slice(field.start, field.end))
    return found


def _why_not(dialect: Dialect, fields: Mapping[str, Any]) -> WhyNot | None:
    if fields.get("background"):
        return "background"
    if fields.get("mcp_servers"):
        return "server_tools"
    states = _STATE if dialect == "openai_responses" else tuple(name for name in _STATE if name != "prompt")
    stores = fields.get("store") is not False if dialect == "openai_responses" else bool(fields.get("store"))
    if stores or any(fields.get(name) is not None for name in states):
        return "state"
    return "sampling" if CODECS[dialect].chance and _samples(fields) else None


def _samples(fields: Mapping[str, Any]) -> bool:
    """Whether the caller asks for chance: a temperature above 0, without a seed and without `top_p: 0`.

    A request that names no temperature asks for none.
    """
    said = next((fields[name] for name in _CONFIG if type(fields.get(name)) is dict), fields)
    top_p = said.get("topP", said.get("top_p"))
    heat = said.get("temperature")
    return heat is not None and heat != 0 and top_p != 0 and type(said.get("seed")) is not int


def _last_said(fields: Mapping[str, Any], opening: str, dialect: Dialect) -> tuple[str, int, object]:
    """The text that the user said last, messages of users, and the conversation without the text.

    Returns: None in the last place, where the last word is no user's, or is more than a text.
    """
    said = fields.get(opening)
    if dialect in ("openai_responses", "openai_completions") and type(said) is str:
        return said, 1, True
    messages = said if type(said) is list else [said]
    last = messages[-1] if messages else None
    if type(last) is not dict or last.get("role", "user" if dialect == "gemini" else "") != "user":
        return "", 0, None
    turns = sum(type(one) is dict and one.get("role", "user") == "user" for one in messages)
    name = "parts" if dialect == "gemini" else "content"
    content = last.get(name)
    if type(content) is str:
        return content, turns, [*messages[:-1], {**last, name: True}]
    if type(content) is list and len(content) == 1 and type(content[0]) is dict:
        text = content[0].get("text")
        if type(text) is str:
            return text, turns, [*messages[:-1], {**last, name: [{**content[0], "text": True}]}]
    return "", 0, None

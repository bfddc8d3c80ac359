"""The canonical call: a small head that is always read, and a body that stays raw."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from antiphon.core.body import Body, Edit
from antiphon.core.data_class import DataClass

Operation = Literal["chat", "completions", "embeddings", "rerank", "moderations", "images", "speech", "transcription"]
"""What is asked of a model: requests of one kind can be put in each other's dialects."""
Dialect = Literal[
    "openai_chat",
    "openai_responses",
    "anthropic_messages",
    "gemini",
    "bedrock_converse",
    "cohere_chat",
    "openai_completions",
    "openai_embeddings",
    "gemini_embeddings",
    "cohere_embeddings",
    "cohere_rerank",
    "openai_moderations",
    "openai_images",
    "openai_speech",
    "openai_transcription",
]
Need = Literal[
    "tools",
    "images",
    "audio",
    "files",
    "structured_output",
    "reasoning",
    "logprobs",
    "multiple_answers",
    "audio_output",
    "web_search",
    "server_tools",
]
"""`server_tools`: tools that the provider itself runs, but for the search of the web."""


class Trace(Struct, frozen=True, gc=False, kw_only=True):
    """W3C trace context: 32 and 16 hexadecimal digits. Source: W3C Trace Context, level 1."""

    trace_id: str
    parent_id: str
    sampled: bool = False
    state: str = ""


class Lineage(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What larger thing the request belongs to, as its headers say."""

    session: str = ""
    run: str = ""
    step: str = ""
    parent: str = ""


NO_LINEAGE = Lineage()


class Head(Struct, frozen=True, gc=False, kw_only=True):
    """What routing needs of a request, read from its body and headers."""

    dialect: Dialect
    endpoint: str
    """Path that it came in on."""
    model: str
    """Public name that was asked for."""
    stream: bool = False
    wants_usage: bool = False
    """The caller asked for the usage event of a stream."""
    output_tokens: int | None = None
    answers: int = 1
    needs: frozenset[Need] = frozenset()
    user: str = ""
    """End user that the caller names: the first 256 characters."""


class Field(Struct, frozen=True, gc=False):
    """Where a field of an object stands: byte offsets."""

    key: int
    """Of the key's first quote."""
    start: int
    """Of the value, just behind the colon."""
    end: int
    """Of the comma or bracket behind the value."""


class Spots(Struct, frozen=True, gc=False, kw_only=True):
    """Where in the body an edit can be made: byte offsets."""

    model: tuple[int, int]
    """The value of `model`, quotes included; (0, 0) where the body doesn't name it."""
    stream_options: tuple[int, int] | None = None
    """The value of `stream_options`."""
    fields: Mapping[str, Field] | None = None
    """Every top-level field in order of place; None: they were not looked for."""


class Request(Struct, frozen=True, gc=False, kw_only=True):
    """One model call."""

    head: Head
    body: Body
    spots: Spots
    digest: str
    """SHA-256 of the body as it came, 64 hexadecimal digits."""
    lineage: Lineage = NO_LINEAGE
    trace: Trace | None = None
    lines: bytes = b""
    """Header lines of the caller's that go on to upstreams of its own dialect."""
    data_class: DataClass | None = None
    """What was kept and it goes on from is of this class; None: nothing is known of that."""
    tainted: bool = False
    """Strangers may have written some of it, in whichever message it stands: its sender knows."""


__all__ = [
    "NO_LINEAGE",
    "Body",
    "Dialect",
    "Edit",
    "Field",
    "Head",
    "Lineage",
    "Need",
    "Operation",
    "Request",
    "Spots",
    "Trace",
]

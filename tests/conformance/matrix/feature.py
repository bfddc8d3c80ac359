"""One thing that callers ask for or are told, and how it is seen that it arrived."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from antiphon.core.request import Dialect
from matrix.match import Witness

Json = dict[str, Any]
Word = Literal["exact", "adapted", "lost", "refused", "-"]

CHAT: Dialect = "openai_chat"
RESPONSES: Dialect = "openai_responses"
MESSAGES: Dialect = "anthropic_messages"
GEMINI: Dialect = "gemini"
COMPLETIONS: Dialect = "openai_completions"
CONVERSE: Dialect = "bedrock_converse"
COHERE: Dialect = "cohere_chat"
CLIENTS: tuple[Dialect, ...] = (CHAT, RESPONSES, MESSAGES, GEMINI, COMPLETIONS)
UPSTREAMS: tuple[Dialect, ...] = (CHAT, RESPONSES, MESSAGES, GEMINI, CONVERSE, COHERE)
EMBED_OPENAI: Dialect = "openai_embeddings"
EMBED_GEMINI: Dialect = "gemini_embeddings"
EMBED_COHERE: Dialect = "cohere_embeddings"
EMBEDDINGS: tuple[Dialect, ...] = (EMBED_OPENAI, EMBED_GEMINI, EMBED_COHERE)
Sought = Witness | tuple[Witness, ...]
"""Any of several will do."""


class Answer(Struct, frozen=True, kw_only=True):
    """What an upstream answers, in its own words."""

    whole: Any
    events: tuple[Any, ...] = ()
    """Of a stream; none: it is never streamed."""


class Failure(Struct, frozen=True, kw_only=True):
    """An upstream's error: in the words of the lab's fault of this kind, or those for a bad request."""

    status: int
    fault: str = ""
    headers: Mapping[bytes, bytes] = {}


class Feature(Struct, frozen=True, kw_only=True):
    """A row of the matrix.

    A caller asks in its own words; what reaches the upstream must hold a witness in the upstream's words; and the answer
    that the caller gets must hold a witness in the caller's.
    """

    name: str
    group: str
    asks: Mapping[Dialect, Json]
    """Fields of a request by the caller's dialect. One that isn't named has no words for it."""
    asks_streamed: Mapping[Dialect, Json] = {}
    """Fields beside these where a stream is asked for."""
    arrives: Mapping[Dialect, Sought] = {}
    """What the upstream's body must hold. One that isn't named has no words for it."""
    shows: Mapping[Dialect, Sought] = {}
    """What the caller's whole answer must hold."""
    streams: Mapping[Dialect, Sought] = {}
    """What the list of the events of its stream must hold."""
    answers: Mapping[Dialect, Answer] = {}
    """What the upstream answers, where the lab has no such answer. One that isn't named never says so."""
    fails: Failure | None = None
    """The upstream answers with this error. `shows` is then about its `status`, `retry_after_s`, `said` and `body`."""
    told: bool = False
    """It is about the answer alone: an upstream of which nothing is known in `answers` has no such thing."""

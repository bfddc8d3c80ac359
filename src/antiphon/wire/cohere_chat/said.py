"""The shapes of answers, whole and streamed, as far as they are read.

Source: cohere 7.3.1, `v2/types/v2chat_response.py`, `v2/types/v2chat_stream_response.py` and `types/`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from antiphon.core.content import Citation, Extra
from antiphon.core.usage import Usage
from antiphon.wire.counts import Implausible, believed, count
from antiphon.wire.fields import as_object

OWN = "cohere_chat"


class Source(Struct, gc=False):
    type: str = "document"
    id: str | None = None
    document: dict[str, Any] | None = None
    tool_output: dict[str, Any] | None = None


class Cited(Struct, gc=False):
    """What of an answer comes from where: `text` is the answer's own words from `start` to `end`."""

    start: int | None = None
    end: int | None = None
    text: str | None = None
    sources: list[Source] | None = None
    content_index: int | None = None
    type: str | None = None

    @property
    def of_text(self) -> bool:
        """It is of the answer, not of the thoughts before it."""
        return self.type in (None, "TEXT_CONTENT")

    def citations(self) -> tuple[Citation, ...]:
        """One for each source."""
        return tuple(self._of(source) for source in self.sources or [Source(type="")])

    def _of(self, source: Source) -> Citation:
        said = source.document or source.tool_output or {}
        url, title, quoted = (_text(said, *names) for names in (("url",), ("title",), ("snippet", "text", "content")))
        extra: Extra = {"id": source.id} if source.id is not None else {}
        kind = "url" if url else "document" if source.type == "document" else "other"
        return Citation(kind=kind, url=url, title=title, quoted=quoted, start=self.start, end=self.end, extra=extra)


def _text(said: Mapping[str, Any], *names: str) -> str | None:
    return next((value for name in names if isinstance(value := said.get(name), str) and value), None)


class LogProb(Struct, gc=False):
    text: str | None = None
    logprobs: list[float] | None = None


def encode_logprobs(items: Sequence[LogProb]) -> dict[str, Any] | None:
    """As OpenAI has them. A piece of several tokens is one there: Cohere tells the text of pieces only."""
    content = [
        {
            "token": item.text or "",
            "logprob": sum(item.logprobs or ()),
            "bytes": list((item.text or "").encode()),
            "top_logprobs": [],
        }
        for item in items
    ]
    return {"content": content} if content else None


def usage_of(value: object) -> tuple[Usage | None, str]:
    """Read a `usage` object: `tokens` are what was read and written, `billed_units` what of it is paid for.

    Source: docs.cohere.com/docs/how-does-cohere-pricing-work, 2026-11. Counts come as numbers with a point, too.
    """
    return believed(_usage, value)


def _usage(said: Mapping[str, Any]) -> Usage:
    billed = as_object(said.get("billed_units")) or {}
    tokens = as_object(said.get("tokens")) or billed
    read, written = count(tokens, "input_tokens"), count(tokens, "output_tokens")
    if read is None and written is None:
        raise Implausible("usage has no tokens")
    cached = count(said, "cached_tokens") or 0
    if cached > (read or 0):
        raise Implausible(f"usage says {cached} cached_tokens of {read or 0}")
    searches = count(billed, "search_units") or 0
    return Usage(input_tokens=read or 0, output_tokens=written or 0, cached_tokens=cached, searches=searches)

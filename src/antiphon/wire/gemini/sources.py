"""Where an answer comes from: `groundingMetadata` and `citationMetadata` to citations, and back.

Gemini counts places in bytes of UTF-8, citations in characters. Source: google-genai 3.6.1, `types.Segment`.
"""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterable, Sequence
from typing import Any

from antiphon.core.content import Citation
from antiphon.wire.fields import as_list, as_object, present

_PLACES = ("web", "retrievedContext", "maps")


def grounded(metadata: object, text: str, part: int = 0, *, alone: bool = True) -> tuple[Citation, ...]:
    """Citations of a text.

    Args:
        metadata: `groundingMetadata`; anything odd in it is passed over.
        part: Place of the text among the answer's parts.
        alone: There is no other text, so that one support which names no part is about this.
    """
    fields = as_object(metadata)
    if fields is None:
        return ()
    chunks = [_source(chunk) for chunk in as_list(fields.get("groundingChunks")) or ()]
    raw = text.encode(errors="replace")
    out: list[Citation] = []
    for support in as_list(fields.get("groundingSupports")) or ():
        said = as_object(support)
        if said is None:
            continue
        segment = as_object(said.get("segment")) or {}
        where = segment.get("partIndex")
        if where != part and not (where is None and (alone or part == 0)):
            continue
        start, end = _place(raw, segment.get("startIndex"), 0), _place(raw, segment.get("endIndex"), None)
        for index in as_list(said.get("groundingChunkIndices")) or ():
            if type(index) is int and 0 <= index < len(chunks):
                url, title, quoted = chunks[index]
                out.append(Citation(kind="url", url=url, title=title, quoted=quoted, start=start, end=end))
    return tuple(out)


def _source(chunk: object) -> tuple[str | None, str | None, str | None]:
    """Address, title and words of a chunk."""
    fields = as_object(chunk) or {}
    for name in _PLACES:
        place = as_object(fields.get(name))
        if place is not None:
            return _text(place, "uri"), _text(place, "title"), _text(place, "text")
    return None, None, None


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return value if type(value) is str else None


def _place(raw: bytes, at: object, otherwise: int | None) -> int | None:
    """A place in characters, of one in bytes."""
    if type(at) is not int or at < 0:
        return otherwise
    return len(raw[:at].decode(errors="ignore"))


def quoted(metadata: object, text: str) -> tuple[Citation, ...]:
    """Citations of what an answer says in others' words: `citationMetadata`."""
    fields = as_object(metadata)
    if fields is None:
        return ()
    raw = text.encode(errors="replace")
    items = as_list(fields.get("citations")) or as_list(fields.get("citationSources")) or ()
    return tuple(
        Citation(
            kind="url",
            url=_text(item, "uri"),
            title=_text(item, "title"),
            start=_place(raw, item.get("startIndex"), 0),
            end=_place(raw, item.get("endIndex"), None),
        )
        for item in map(as_object, items)
        if item is not None
    )


def grounding(found: Iterable[tuple[int, str, Sequence[Citation]]]) -> dict[str, Any]:
    """Write `groundingMetadata` for the citations of an answer's texts; empty where there are none.

    Args:
        found: Place of each text among the answer's parts, the text, and its citations.
    """
    chunks: list[dict[str, Any]] = []
    known: dict[tuple[str | None, str | None], int] = {}
    supports: list[dict[str, Any]] = []
    for part, text, citations in found:
        for citation in citations:
            source = citation.url, citation.title
            if source not in known:
                known[source] = len(chunks)
                chunks.append({"web": present(uri=citation.url, title=citation.title)})
            segment = _segment(part, text, citation)
            supports.append({"segment": segment, "groundingChunkIndices": [known[source]]})
    return {"groundingChunks": chunks, "groundingSupports": supports} if chunks else {}


def _segment(part: int, text: str, citation: Citation) -> dict[str, Any]:
    out: dict[str, Any] = {"partIndex": part} if part else {}
    start, end = citation.start or 0, citation.end
    if start:
        out["startIndex"] = len(text[:start].encode(errors="replace"))
    if end is not None:
        out["endIndex"] = len(text[:end].encode(errors="replace"))
        out["text"] = text[start:end]
    return out


def searches(metadata: object) -> int:
    """How many searches of the web a candidate's `groundingMetadata` tells of."""
    fields = as_object(metadata)
    return len(as_list(fields.get("webSearchQueries")) or ()) if fields else 0

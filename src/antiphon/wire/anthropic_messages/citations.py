"""Citations of a text, both ways. Source: anthropic 2.14.0, `types/text_citation.py` (2026-11)."""

from collections.abc import Mapping
from typing import Any, Literal

from antiphon.core.content import Citation
from antiphon.wire.fields import Fields, as_object, merged, present

_KINDS: Mapping[str, Literal["url", "document"]] = {
    "web_search_result_location": "url",
    "char_location": "document",
    "page_location": "document",
    "content_block_location": "document",
}


def decode_citation(fields: Fields) -> Citation:
    """Read one. Places within the source stay in `extra`, as does the type. Raises: BadRequest."""
    kind = _KINDS.get(str(fields.peek("type")))
    if kind is None:
        return Citation(kind="other", extra=fields.left())
    document = fields.whole("document_index") if kind == "document" else None
    return Citation(
        kind=kind,
        url=fields.text("url") if kind == "url" else None,
        title=fields.text("title" if kind == "url" else "document_title"),
        quoted=fields.text("cited_text"),
        document=document,
        file_id=fields.text("file_id") if kind == "document" else None,
        extra=fields.left(),
    )


def citation_of(value: object) -> Citation | None:
    """Read what an upstream sent as one; None when it is no object."""
    shape = as_object(value)
    return None if shape is None else decode_citation(Fields(shape, strict=False))


def encode_citation(citation: Citation) -> dict[str, Any]:
    """Write one that came in this dialect."""
    if citation.kind == "url":
        out = present(url=citation.url, title=citation.title, cited_text=citation.quoted)
    else:
        out = present(
            document_index=citation.document,
            document_title=citation.title,
            cited_text=citation.quoted,
            file_id=citation.file_id,
        )
    return merged(out, citation.extra)


def shown_citation(citation: Citation) -> dict[str, Any] | None:
    """Write one of another dialect for a caller; None where this dialect has no such thing."""
    if citation.kind != "url" or not citation.url:
        return None
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title,
        "cited_text": citation.quoted or "",
        "encrypted_index": "",
    }

"""Annotations of a text, both ways. Source: openai-python 3.52.0, `types/responses/response_output_text.py`."""

from typing import Any

from antiphon.core.content import Citation
from antiphon.wire.fields import Fields, merged, present
from antiphon.wire.losses import Losses

_FILE_KINDS = ("file_citation", "container_file_citation", "file_path")


def decode_citation(fields: Fields) -> Citation:
    """Read one annotation; one of an unknown kind is carried whole."""
    kind = fields.peek("type")
    if kind == "url_citation":
        fields.drop("type")
        return Citation(
            kind="url",
            url=fields.text("url"),
            title=fields.text("title"),
            start=fields.whole("start_index"),
            end=fields.whole("end_index"),
            extra=fields.left(),
        )
    if kind in _FILE_KINDS:
        if kind == "file_citation":
            fields.drop("type")
        return Citation(
            kind="file",
            file_id=fields.text("file_id"),
            title=fields.text("filename"),
            start=fields.whole("start_index"),
            end=fields.whole("end_index"),
            extra=fields.left(),
        )
    return Citation(kind="other", extra=dict(fields.value))


def encode_citation(citation: Citation) -> dict[str, Any]:
    """Write what `decode_citation` read."""
    span = present(start_index=citation.start, end_index=citation.end)
    if citation.kind == "url":
        words = {"type": "url_citation", **present(url=citation.url, title=citation.title), **span}
        return merged(words, citation.extra)
    if citation.kind == "file":
        words = {"type": "file_citation", **present(file_id=citation.file_id, filename=citation.title), **span}
        return merged(words, citation.extra)
    return dict(citation.extra)


def foreign_citation(citation: Citation, length: int, path: str, losses: Losses) -> dict[str, Any] | None:
    """Write one that came in another dialect; None where this one has no such thing.

    Args:
        length: Of the text that it stands behind, in characters: where it doesn't say, it stands behind all of it.
    """
    if citation.kind == "url" and citation.url:
        if citation.quoted:
            losses.add(f"{path}.quoted", "OpenAI's annotations have no words of the source")
        return {
            "type": "url_citation",
            "url": citation.url,
            "title": citation.title or "",
            "start_index": citation.start or 0,
            "end_index": length if citation.end is None else citation.end,
        }
    if citation.file_id:
        return {
            "type": "file_citation",
            "file_id": citation.file_id,
            "filename": citation.title or "",
            "index": length if citation.end is None else citation.end,
        }
    losses.add(path, "OpenAI's annotations name URLs and files only")
    return None

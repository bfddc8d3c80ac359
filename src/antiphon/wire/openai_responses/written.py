"""Parts of a message's content, written: this dialect's own as they came, others' as near as they can be."""

from typing import Any

from antiphon.core.content import Audio, Cache, File, Image, Part, Refusal, Text, Unknown
from antiphon.core.error import BadRequest
from antiphon.wire.fields import merged, present
from antiphon.wire.losses import Losses
from antiphon.wire.openai_responses.citations import encode_citation, foreign_citation
from antiphon.wire.openai_responses.kept import kept
from antiphon.wire.openai_responses.parts import BREAKPOINT, PART
from antiphon.wire.rules import no_cache_mark

WHO = "OpenAI Responses"


def encode_part(part: Part, *, spoken: bool) -> dict[str, Any]:
    """Write what `decode_part` read.

    Args:
        spoken: An assistant said it.
    """
    match part:
        case Text():
            words: dict[str, Any] = {"type": "output_text" if spoken else "input_text", "text": part.text}
            if spoken:
                words["annotations"] = [encode_citation(citation) for citation in part.citations]
            return merged(words | _cache(part.cache), kept(part.extra)[1])
        case Refusal():
            return merged({"type": "refusal", "refusal": part.text}, kept(part.extra)[1])
        case Image():
            words = present(image_url=part.url or None, file_id=part.id, detail=part.detail)
            return merged({"type": "input_image", **words, **_cache(part.cache)}, part.extra)
        case Audio():
            sound = present(data=part.data, format=part.format)
            return merged({"type": "input_audio", "input_audio": sound}, part.extra)
        case File():
            words = present(file_data=part.data, file_id=part.id, filename=part.name, file_url=part.url)
            return merged({"type": "input_file", **words, **_cache(part.cache)}, part.extra)
        case Unknown():
            return part.raw
        case _:
            raise AssertionError(f"{part!r} is an item of its own")


def _cache(cache: Cache | None) -> dict[str, Any]:
    if cache is None:
        return {}
    return {BREAKPOINT: merged({"mode": "explicit", **present(ttl=cache.ttl or None)}, cache.extra)}


def foreign_part(part: Part, path: str, losses: Losses, *, spoken: bool) -> dict[str, Any] | None:
    """Write a part that came in another dialect; None where this one has no such thing. Raises: BadRequest."""
    _told(part, path, losses)
    match part:
        case Text():
            return _text(part, path, losses, spoken=spoken)
        case Refusal():
            return {"type": "refusal", "refusal": part.text} if spoken else {"type": "input_text", "text": part.text}
        case Image() if spoken:
            losses.add(path, f"{WHO} takes no images of an assistant")
            return None
        case Image():
            return _image(part, path, losses)
        case Audio():
            return _audio(part, path, losses, spoken=spoken)
        case File() if spoken:
            losses.add(path, f"{WHO} takes no files of an assistant")
            return None
        case File():
            return _file(part, path, losses)
        case Unknown():
            losses.add(path, f"{WHO} has no part of the kind {part.kind}")
            return None
        case _:
            raise AssertionError(f"{part!r} is an item of its own")


def _told(part: Part, path: str, losses: Losses) -> None:
    """Note what is beside a part's words."""
    if not isinstance(part, Refusal | Unknown) and getattr(part, "cache", None) is not None:
        no_cache_mark(losses, path, WHO)
    if not isinstance(part, Unknown):
        losses.all_of(
            [name for name, value in part.extra.items() if value is not None], path, f"{WHO} has no such field"
        )


def _text(part: Text, path: str, losses: Losses, *, spoken: bool) -> dict[str, Any]:
    if not spoken:
        if part.citations:
            losses.add(f"{path}.citations", f"{WHO} has citations in answers only")
        return {"type": "input_text", "text": part.text}
    written = [foreign_citation(citation, len(part.text), f"{path}.citations", losses) for citation in part.citations]
    return {"type": "output_text", "text": part.text, "annotations": [one for one in written if one is not None]}


def _image(part: Image, path: str, losses: Losses) -> dict[str, Any] | None:
    if not part.url and part.id is None:
        losses.add(path, f"{WHO} needs an image's URL or id")
        return None
    return {
        "type": "input_image",
        "detail": part.detail or "auto",
        **present(image_url=part.url or None, file_id=part.id),
    }


def _audio(part: Audio, path: str, losses: Losses, *, spoken: bool) -> dict[str, Any] | None:
    if part.data is not None and not spoken:
        kind = part.format or "wav"
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": kind}}
    if part.transcript is not None:
        losses.add(path, f"{WHO} has no spoken answers", "its transcript sent as text", adapted=True)
        return {"type": "output_text" if spoken else "input_text", "text": part.transcript} | (
            {"annotations": []} if spoken else {}
        )
    losses.add(path, f"{WHO} takes sound by its bytes only")
    return None


def _file(part: File, path: str, losses: Losses) -> dict[str, Any] | None:
    if part.text is not None and part.data is None:
        losses.add(path, f"{WHO} has no files of plain text", "sent as text", adapted=True)
        return {"type": "input_text", "text": f"{part.name}:\n{part.text}" if part.name else part.text}
    if part.data is None and part.url is None and part.id is None:
        losses.add(path, f"{WHO} needs a file's bytes, URL or id")
        return None
    if part.id is not None and "/" in part.id:
        message = f"`{path}` names a file of another provider's, which {WHO} can't read; send its bytes"
        raise BadRequest(message, param=path)
    data, name = part.data, part.name
    if data is not None:
        data = data if data.startswith("data:") else f"data:{part.media_type or 'application/pdf'};base64,{data}"
        name = name or "file"
    return {"type": "input_file", **present(filename=name, file_data=data, file_url=part.url, file_id=part.id)}


def is_content(part: Part) -> bool:
    """Whether a part is in a message's content, not an item beside it."""
    return isinstance(part, Text | Refusal | Image | Audio | File) or (
        isinstance(part, Unknown) and part.kind.endswith(PART)
    )

"""Where an answer's text comes from: `annotations` of a message, both ways. Source: openai-python 3.52.0,
`types/chat/chat_completion_message.py`.
"""

from collections.abc import Iterable
from typing import Any

from antiphon.core.content import Citation, Part, Text
from antiphon.wire.fields import Fields, as_list, as_object, present

_KIND = "url_citation"
_WORDS = frozenset({"url", "title", "start_index", "end_index"})


def decode_annotations(fields: Fields) -> tuple[Citation, ...]:
    """Take `annotations`. Some of another form stay, all together."""
    found = [_citation(value) for value in as_list(fields.peek("annotations")) or ()]
    whole = tuple(one for one in found if one is not None)
    if not whole or len(whole) < len(found):
        return ()
    fields.drop("annotations")
    return whole


def _citation(value: object) -> Citation | None:
    outer = as_object(value) or {}
    inner = as_object(outer.get(_KIND))
    if inner is None or outer.keys() != {"type", _KIND} or outer["type"] != _KIND or not inner.keys() <= _WORDS:
        return None
    match inner:
        case {"url": str(url), "title": str(title), "start_index": int(start), "end_index": int(end)}:
            return Citation(kind="url", url=url, title=title, start=start, end=end)
        case {"url": str(url), **rest} if not rest:
            return Citation(kind="url", url=url)
        case _:
            return None


def encode_annotations(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """Write those of all texts; places are counted over all of them, as the caller reads one text."""
    out: list[dict[str, Any]] = []
    before = 0
    for part in parts:
        if isinstance(part, Text):
            out.extend(_encode(one, before) for one in part.citations if one.url is not None)
            before += len(part.text)
    return out


def _encode(one: Citation, before: int) -> dict[str, Any]:
    start = None if one.start is None else one.start + before
    end = None if one.end is None else one.end + before
    return {"type": _KIND, _KIND: present(url=one.url, title=one.title, start_index=start, end_index=end)}

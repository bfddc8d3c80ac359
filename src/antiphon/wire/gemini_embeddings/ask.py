"""Requests for embeddings in Gemini's form, both ways: `:embedContent` for one, `:batchEmbedContents` for several.

Sources: https://ai.google.dev/api/embeddings (2026-11); google-genai 3.6.1, `models.py`, for `embedContentConfig`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from antiphon.core.content import Image, Part, Text, Unknown
from antiphon.core.embed import EmbedAsk, Input, Mixed, Task
from antiphon.core.error import BadRequest
from antiphon.wire.codec import left_over
from antiphon.wire.fields import Fields, merged, missing, present
from antiphon.wire.losses import Losses

WHO = "Gemini"
CONFIG = "embedContentConfig"
TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "RETRIEVAL_QUERY": "query",
        "RETRIEVAL_DOCUMENT": "document",
        "SEMANTIC_SIMILARITY": "similarity",
        "CLASSIFICATION": "classification",
        "CLUSTERING": "clustering",
        "QUESTION_ANSWERING": "question",
        "FACT_VERIFICATION": "fact",
        "CODE_RETRIEVAL_QUERY": "code",
    }
)
WORDS: Mapping[Task, str] = MappingProxyType({task: word for word, task in TASKS.items()})
_COMMON = ("dimensions", "task", "task_field")
"""What all requests of a batch must ask alike, where they are put in another dialect."""


def decode(body: Mapping[str, Any], *, batch: bool) -> EmbedAsk:
    """Read a body whose JSON was read by `wire.json`. Raises: BadRequest."""
    fields = Fields(body)
    if not batch:
        return _one(fields)
    if fields.peek("requests") is None:
        raise missing("requests", "a list of requests")
    asks = fields.items("requests", _one)
    fields.drop("requests")
    if not asks:
        raise BadRequest("`requests` is empty; send at least one", param="requests")
    first = asks[0]
    for index, ask in enumerate(asks):
        for name in _COMMON:
            if getattr(ask, name) != getattr(first, name):
                path = f"requests[{index}]"
                raise BadRequest(f"`{path}` asks for other vectors than the first; send it by itself", param=path)
    alike = all(ask.title == first.title for ask in asks)
    return EmbedAsk(
        dialect="gemini_embeddings",
        inputs=tuple(_kept(ask, title=not alike) for ask in asks),
        dimensions=first.dimensions,
        task=first.task,
        task_field=first.task_field,
        title=first.title if alike else None,
        extra=fields.left(),
    )


def _kept(ask: EmbedAsk, *, title: bool) -> Input:
    """An input of a batch with what only it says."""
    (item,) = ask.inputs
    extra = {**ask.extra, **present(title=ask.title if title else None)}
    if not extra:
        return item
    parts = (Text(text=item),) if isinstance(item, str) else item.parts if isinstance(item, Mixed) else ()
    return Mixed(parts=parts, extra=extra)


def _one(fields: Fields) -> EmbedAsk:
    fields.drop("model")
    content = fields.needed_inner("content", '{"parts": [{"text": "…"}]}') or Fields({})
    if content.peek("role") == "user":
        content.drop("role")
    parts = content.items("parts", _part)
    if not parts:
        raise BadRequest(f"`{content.path('parts')}` must be a list of parts", param=content.path("parts"))
    config = fields.inner(CONFIG)
    words = fields if config is None else config
    task = TASKS.get(str(words.peek("taskType")))
    if task is not None:
        words.drop("taskType")
    lone = len(parts) == 1 and isinstance(parts[0], Text) and not parts[0].extra
    return EmbedAsk(
        dialect="gemini_embeddings",
        inputs=(parts[0].text if lone and isinstance(parts[0], Text) else Mixed(parts=parts),),
        single=True,
        dimensions=words.whole("outputDimensionality"),
        task=task,
        task_field="" if config is None else CONFIG,
        title=words.text("title"),
        extra=fields.left(),
    )


def _part(fields: Fields) -> Part:
    text = fields.text("text")
    if text is not None:
        return Text(text=text, extra=fields.left())
    inline = fields.tree("inlineData")
    if inline is None:
        return Unknown(kind="part", raw=fields.left())
    data = Fields(inline, fields.path("inlineData"))
    kind, base64 = data.needed("mimeType"), data.needed("data")
    if not kind.startswith("image/") or data.left() or fields.left():
        return Unknown(kind="part", raw=dict(fields.value))
    return Image(url=f"data:{kind};base64,{base64}")


def encode(ask: EmbedAsk, model: str, losses: Losses) -> dict[str, Any]:
    """Write a batch of requests. Raises: BadRequest, where an input is of a kind that Gemini does not embed.

    Args:
        model: The upstream's id of the model, with or without `models/`.
    """
    own = ask.dialect == "gemini_embeddings"
    name = named(model)
    words = present(
        taskType=WORDS[ask.task] if ask.task is not None else None,
        outputDimensionality=ask.dimensions,
        title=ask.title,
    )
    said = {CONFIG: words} if own and ask.task_field == CONFIG else words
    requests: list[dict[str, Any]] = []
    for index, item in enumerate(ask.inputs):
        path = f"input[{index}]"
        out = {"model": name, "content": {"parts": _parts(item, path)}, **said}
        if isinstance(item, Mixed) and item.extra:
            if own:
                out = merged(out, item.extra)
            else:
                left_over(item.extra, path, losses, WHO)
        requests.append(out if not (own and ask.single) else merged(out, ask.extra))
    if not own:
        _lost(ask, losses)
    return {"requests": requests} if not own or ask.single else merged({"requests": requests}, ask.extra)


def _lost(ask: EmbedAsk, losses: Losses) -> None:
    if ask.form == "base64":
        losses.add("encoding_format", f"{WHO} gives vectors as numbers", "answered as numbers", adapted=True)
    if ask.user is not None:
        losses.add("user", f"{WHO} has no such field")
    left_over(ask.extra, "", losses, WHO)


def named(model: str) -> str:
    """The resource name of a model: `models/` and its id, unless it is one already."""
    return model if "/" in model else f"models/{model}"


def _parts(item: Input, path: str) -> list[dict[str, Any]]:
    if isinstance(item, str):
        return [{"text": item}]
    if isinstance(item, tuple):
        raise BadRequest(f"{WHO} embeds texts, not tokens; send `{path}` as a text", param=path)
    return [_encode_part(part, path) for part in item.parts]


def _encode_part(part: Part, path: str) -> dict[str, Any]:
    match part:
        case Text():
            return merged({"text": part.text}, part.extra)
        case Unknown(kind="part", raw=raw):
            return raw
        case Image() if part.url.startswith("data:") and ";base64," in part.url:
            kind, _, data = part.url[5:].partition(";base64,")
            return {"inlineData": {"mimeType": kind, "data": data}}
        case _:
            raise BadRequest(f"{WHO} does not embed `{path}`; send a text, or an image as a data: URL", param=path)

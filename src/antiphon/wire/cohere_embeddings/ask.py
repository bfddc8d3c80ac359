"""Requests for embeddings in Cohere's form, both ways. Source: cohere-python 7.3.1, `v2/client.py`, `embed`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from antiphon.core.content import Image, Part, Text, Unknown
from antiphon.core.embed import EmbedAsk, Form, Input, Mixed, Task
from antiphon.core.error import BadRequest
from antiphon.wire.codec import left_over
from antiphon.wire.fields import Fields, as_list, merged, missing, mistyped, present
from antiphon.wire.losses import Losses

WHO = "Cohere"
USUAL = "search_document"
TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "search_query": "query",
        "search_document": "document",
        "classification": "classification",
        "clustering": "clustering",
    }
)
WORDS: Mapping[Task, tuple[str, bool]] = MappingProxyType(
    {
        "query": ("search_query", True),
        "document": ("search_document", True),
        "classification": ("classification", True),
        "clustering": ("clustering", True),
        "similarity": ("clustering", False),
        "question": ("search_query", False),
        "fact": ("search_query", False),
        "code": ("search_query", False),
    }
)
"""Cohere's word for a task, and whether it is the same."""
_FORMS: Mapping[str, Form] = MappingProxyType({"float": "float", "base64": "base64"})


def decode(body: Mapping[str, Any]) -> EmbedAsk:
    """Read a body whose JSON was read by `wire.json`. Raises: BadRequest."""
    fields = Fields(body)
    fields.drop("model")
    texts = _texts(fields, "texts")
    images = tuple(Mixed(parts=(Image(url=url),)) for url in _texts(fields, "images"))
    mixed = fields.items("inputs", _mixed)
    inputs: tuple[Input, ...] = (*texts, *images, *mixed)
    if not inputs:
        raise missing("texts", "a list of texts, or `inputs`, or `images`")
    task = TASKS.get(str(fields.peek("input_type")))
    if task is not None:
        fields.drop("input_type")
    return EmbedAsk(
        dialect="cohere_embeddings",
        inputs=inputs,
        dimensions=fields.whole("output_dimension"),
        form=_form(fields),
        task=task,
        task_field="input_type",
        extra=fields.left(),
    )


def _texts(fields: Fields, name: str) -> tuple[str, ...]:
    value = fields.peek(name)
    if value is None:
        return ()
    items = as_list(value)
    if items is None:
        raise mistyped(name, "a list of texts", value)
    out: list[str] = []
    for index, item in enumerate(items):
        if not isinstance(item, str):
            raise mistyped(f"{name}[{index}]", "a text", item)
        out.append(item)
    fields.drop(name)
    return tuple(out)


def _form(fields: Fields) -> Form | None:
    """The one form that is asked for; several, and such as `int8`, stay where they are."""
    types = as_list(fields.peek("embedding_types")) or []
    form = _FORMS.get(str(types[0])) if len(types) == 1 else None
    if form is not None:
        fields.drop("embedding_types")
    return form


def _mixed(fields: Fields) -> Mixed:
    parts = fields.items("content", _part)
    if not parts:
        raise missing(fields.path("content"), "a list of parts")
    return Mixed(parts=parts, extra=fields.left())


def _part(fields: Fields) -> Part:
    kind = fields.needed("type")
    if kind == "text":
        return Text(text=fields.needed("text"), extra=fields.left())
    image = fields.tree("image_url") if kind == "image_url" else None
    if image is None or fields.left():
        return Unknown(kind=kind, raw=dict(fields.value))
    said = Fields(image, fields.path("image_url"))
    url, detail = said.needed("url"), said.text("detail")
    return Image(url=url, detail=detail, extra=said.left())


def encode(ask: EmbedAsk, model: str, losses: Losses) -> dict[str, Any]:
    """Write a request. Raises: BadRequest, where an input is of a kind that Cohere does not embed."""
    own = ask.dialect == "cohere_embeddings"
    out: dict[str, Any] = {"model": model, **_inputs(ask, losses, own=own)}
    out |= present(output_dimension=ask.dimensions)
    if not own or ask.form is not None:
        out["embedding_types"] = [ask.form or "float"]
    if ask.task is not None:
        word, same = WORDS[ask.task]
        out["input_type"] = word
        if not same:
            losses.add(ask.task_field or "taskType", f"{WHO} has no such task", f"sent as {word}", adapted=True)
    if own:
        return merged(out, ask.extra)
    if ask.task is None:
        out["input_type"] = USUAL
        losses.add("input_type", f"{WHO} demands an input_type", f"sent as {USUAL}", adapted=True)
    for name in ("title", "user"):
        if getattr(ask, name) is not None:
            losses.add(name, f"{WHO} has no such field")
    left_over(ask.extra, "", losses, WHO)
    return out


def _inputs(ask: EmbedAsk, losses: Losses, *, own: bool) -> dict[str, Any]:
    if all(isinstance(item, str) for item in ask.inputs):
        return {"texts": list(ask.inputs)}
    inputs: list[dict[str, Any]] = []
    for index, item in enumerate(ask.inputs):
        path = f"input[{index}]"
        if isinstance(item, tuple):
            raise BadRequest(f"{WHO} embeds texts, not tokens; send `{path}` as a text", param=path)
        if isinstance(item, str):
            inputs.append({"content": [{"type": "text", "text": item}]})
            continue
        content = {"content": [_encode_part(part, path, own=own) for part in item.parts]}
        if not own:
            left_over(item.extra, path, losses, WHO)
        inputs.append(merged(content, item.extra) if own else content)
    return {"inputs": inputs}


def _encode_part(part: Part, path: str, *, own: bool) -> dict[str, Any]:
    match part:
        case Text():
            return merged({"type": "text", "text": part.text}, part.extra if own else {})
        case Image() if part.url:
            image = {"url": part.url, **present(detail=part.detail)}
            return {"type": "image_url", "image_url": merged(image, part.extra if own else {})}
        case Unknown() if own:
            return part.raw
        case _:
            raise BadRequest(f"{WHO} does not embed `{path}`; send a text or an image", param=path)

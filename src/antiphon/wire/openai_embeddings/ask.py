"""Requests for embeddings in OpenAI's form, both ways.

Sources: openai-python 3.52.0, `types/embedding_create_params.py`; https://docs.voyageai.com/reference/embeddings-api
and https://jina.ai/embeddings/ (2026-11) for `input_type` and `task`, which servers of OpenAI's form know beside it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

from antiphon.core.content import Text, Unknown
from antiphon.core.embed import EmbedAsk, Form, Input, Mixed, Task
from antiphon.core.error import BadRequest
from antiphon.wire.codec import left_over
from antiphon.wire.fields import Fields, as_list, as_object, merged, missing, mistyped, present
from antiphon.wire.losses import Losses

WHO = "OpenAI"
_TASKS: Mapping[str, Mapping[str, Task]] = MappingProxyType(
    {
        "input_type": {"query": "query", "document": "document"},
        "task": {
            "retrieval.query": "query",
            "retrieval.passage": "document",
            "text-matching": "similarity",
            "classification": "classification",
            "separation": "clustering",
            "nl2code.query": "code",
        },
    }
)
_FORMS: Mapping[str, Form] = MappingProxyType({"float": "float", "base64": "base64"})
_HEAD = ("model", "stream")


def decode(body: Mapping[str, Any]) -> EmbedAsk:
    """Read a body whose JSON was read by `wire.json`. Raises: BadRequest."""
    fields = Fields(body)
    for name in _HEAD:
        fields.drop(name)
    inputs, single = _inputs(fields.peek("input"))
    fields.drop("input")
    task, task_field = _task(fields)
    return EmbedAsk(
        dialect="openai_embeddings",
        inputs=inputs,
        single=single,
        dimensions=fields.whole("dimensions"),
        form=_form(fields),
        task=task,
        task_field=task_field,
        user=fields.text("user"),
        extra=fields.left(),
    )


def _inputs(value: object) -> tuple[tuple[Input, ...], bool]:
    if value is None:
        raise missing("input", "a text or a list of texts")
    if isinstance(value, str):
        return (value,), True
    items = as_list(value)
    if items is None:
        raise mistyped("input", "a text, a list of texts, or tokens", value)
    if items and all(type(item) is int for item in items):
        return (tuple(cast("list[int]", items)),), True
    return tuple(_input(item, f"input[{index}]") for index, item in enumerate(items)), False


def _input(item: object, path: str) -> Input:
    if isinstance(item, str):
        return item
    tokens = as_list(item)
    if tokens is not None and all(type(token) is int for token in tokens):
        return tuple(cast("list[int]", tokens))
    raw = as_object(item)
    if raw is None:
        raise mistyped(path, "a text or a list of tokens", item)
    return Mixed(parts=(Unknown(kind="input", raw=raw),))


def _form(fields: Fields) -> Form | None:
    """Another form than these two, such as `int8` of some, stays where it is."""
    form = _FORMS.get(str(fields.peek("encoding_format")))
    if form is not None:
        fields.drop("encoding_format")
    return form


def _task(fields: Fields) -> tuple[Task | None, str]:
    for name, words in _TASKS.items():
        value = fields.peek(name)
        if isinstance(value, str) and value in words:
            fields.drop(name)
            return words[value], name
    return None, ""


def encode(ask: EmbedAsk, model: str, losses: Losses) -> dict[str, Any]:
    """Write a request; what `decode` read comes out as it was. Raises: BadRequest, where an input is more than text."""
    own = ask.dialect == "openai_embeddings"
    inputs = [_encode_input(item, index, losses) for index, item in enumerate(ask.inputs)]
    out: dict[str, Any] = {"model": model, "input": inputs[0] if ask.single else inputs}
    out |= present(dimensions=ask.dimensions, encoding_format=ask.form, user=ask.user)
    if own:
        if ask.task is not None:
            out[ask.task_field] = next(word for word, task in _TASKS[ask.task_field].items() if task == ask.task)
        return merged(out, ask.extra)
    if ask.task is not None:
        losses.add(ask.task_field or "task", f"{WHO} does not ask what its vectors are for")
    if ask.title is not None:
        losses.add("title", f"{WHO} has no titles of texts")
    left_over(ask.extra, "", losses, WHO)
    return out


def _encode_input(item: Input, index: int, losses: Losses) -> str | list[int] | dict[str, Any]:
    if isinstance(item, str):
        return item
    if isinstance(item, tuple):
        return list(item)
    path = f"input[{index}]"
    texts: list[str] = []
    for part in item.parts:
        match part:
            case Unknown(kind="input", raw=raw):
                return raw
            case Text():
                texts.append(part.text)
            case _:
                raise BadRequest(
                    f"{WHO} embeds texts only; send `{path}` to a model that takes {part.__class__.__name__.lower()}s",
                    param=path,
                )
    left_over(item.extra, path, losses, WHO)
    if len(texts) != 1:
        losses.add(path, f"{WHO} takes one text for a vector", "its texts were joined", adapted=True)
    return "\n".join(texts)

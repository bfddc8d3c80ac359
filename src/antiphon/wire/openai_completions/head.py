"""Reads the head of a legacy completion's request. Source: openai-python 3.52.0, `types/completion_create_params.py`."""

from collections.abc import Iterator, Mapping
from typing import Any

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.request import Head, Need, Spots
from antiphon.wire.codec import Asked
from antiphon.wire.fields import Fields, as_list
from antiphon.wire.items import items
from antiphon.wire.json_head import model_of, one_of, positive, read, read_long, user_of

_NAMES = ("model", "stream", "stream_options", "max_tokens", "n", "best_of", "logprobs", "user")
_COUNTED_A_SLICE = 5_000
_NUMBERS = tuple(bytes((one,)) for one in b"-0123456789")
"""How a number begins."""


def read_head(body: Body, asked: Asked) -> tuple[Head, Spots]:
    """Read a body of ordinary length. Raises: BadRequest."""
    found = read(body)
    return _head(found.fields, asked, _prompts(found.fields.get("prompt"))), found.spots


def read_head_long(body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
    """The same of a long body in slices. Raises: BadRequest."""
    for found in read_long(body, _NAMES, ("prompt",)):
        if found is None:
            yield None
            continue
        prompts = 1
        if isinstance(found.fields.get("prompt"), list):
            field = (found.spots.fields or {})["prompt"]
            text = body.slice(field.start, field.end)
            prompts = 0
            alone = True
            for start, end in items(text, text.index(b"[")):
                if not prompts:
                    alone = text[start:end].lstrip()[:1] in _NUMBERS
                prompts += 1
                if prompts % _COUNTED_A_SLICE == 0:
                    yield None
            prompts = 1 if alone else prompts
        yield _head(found.fields, asked, prompts), found.spots


def _prompts(value: object) -> int:
    """How many prompts there are: a list of whole numbers is the tokens of one."""
    many = as_list(value)
    return 1 if not many or type(many[0]) in (int, float) else len(many)


def _head(fields: Mapping[str, Any], asked: Asked, prompts: int) -> Head:
    one_of(fields, "prompt", (str, list, type(None)), "a text, a list of texts, or tokens")
    taken = Fields(fields)
    stream = bool(taken.flag("stream"))
    options = taken.tree("stream_options")
    if options is not None and not stream:
        raise BadRequest("`stream_options` goes with `stream: true` only; leave it out", param="stream_options")
    answers = positive(taken, "n") or 1
    needs: set[Need] = set()
    if taken.whole("logprobs") is not None:
        needs.add("logprobs")
    if answers > 1:
        needs.add("multiple_answers")
    return Head(
        dialect="openai_completions",
        endpoint=asked.endpoint,
        model=model_of(fields, asked),
        stream=stream,
        wants_usage=bool(options and options.get("include_usage")),
        output_tokens=positive(taken, "max_tokens"),
        answers=max(answers, positive(taken, "best_of") or 1) * prompts,
        needs=frozenset(needs),
        user=user_of(taken),
    )

"""A legacy completion's request in canonical form, so that any chat model can answer it, and back.

Source: openai-python 3.52.0, `types/completion_create_params.py`.
"""

from collections.abc import Mapping
from typing import Any

from antiphon.core.content import Content, Limits, Message, Sampling, Text
from antiphon.core.error import BadRequest
from antiphon.wire.codec import left_over
from antiphon.wire.fields import Fields, as_list, missing, mistyped, present
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_metadata

WHO = "Completions"
_HEAD = ("model", "stream", "stream_options")
_LIKE = "one text for each request; lists are served by models with legacy completions only"


def decode(body: Mapping[str, Any]) -> Content:
    """Read a body whose JSON was read by `wire.json`: its prompt is the one message of a user.

    Raises: BadRequest, also where the prompt is several, or tokens: a chat takes one text.
    """
    fields = Fields(body)
    for name in _HEAD:
        fields.drop(name)
    text = _prompt(fields.peek("prompt"))
    fields.drop("prompt")
    shown = fields.whole("logprobs")
    limit = fields.whole("max_tokens")
    return Content(
        dialect="openai_completions",
        messages=(Message(role="user", parts=(Text(text=text),), form="text"),),
        sampling=Sampling(
            temperature=fields.number("temperature"),
            top_p=fields.number("top_p"),
            frequency_penalty=fields.number("frequency_penalty"),
            presence_penalty=fields.number("presence_penalty"),
            seed=fields.whole("seed"),
            stop=_stop(fields),
            logit_bias=_bias(fields),
            logprobs=None if shown is None else True,
            top_logprobs=shown or None,
            n=fields.whole("n"),
        ),
        limits=Limits() if limit is None else Limits(output_tokens=limit, legacy=True),
        user=fields.text("user"),
        extra=fields.left(),
    )


def _prompt(value: object) -> str:
    if isinstance(value, str):
        return value
    many = as_list(value)
    if many is not None and len(many) == 1 and isinstance(many[0], str):
        return many[0]
    if value is None:
        raise missing("prompt", "a text")
    if many is None:
        raise mistyped("prompt", "a text", value)
    if many and not isinstance(many[0], str):
        raise BadRequest(f"`prompt` is tokens, which a chat model can't read; send {_LIKE}", param="prompt")
    raise BadRequest(f"`prompt` has {len(many)} texts, and a chat model answers one; send {_LIKE}", param="prompt")


def _stop(fields: Fields) -> tuple[str, ...] | str | None:
    value = fields.peek("stop")
    fields.drop("stop")
    if value is None or isinstance(value, str):
        return value
    words = as_list(value)
    if words is None:
        raise mistyped("stop", "a text or a list of texts", value)
    out: list[str] = []
    for index, word in enumerate(words):
        if not isinstance(word, str):
            raise mistyped(f"stop[{index}]", "a text", word)
        out.append(word)
    return tuple(out)


def _bias(fields: Fields) -> dict[str, float] | None:
    bias = fields.tree("logit_bias")
    for token, value in (bias or {}).items():
        if type(value) not in (int, float):
            raise mistyped(f"logit_bias.{token}", "a number", value)
    return bias


def encode(content: Content, model: str, losses: Losses) -> dict[str, Any]:
    """Write a request. Raises: BadRequest, where it is a conversation: a completion goes on with one text."""
    own = content.dialect == "openai_completions"
    sampling = content.sampling
    shown = (sampling.top_logprobs or 0) if sampling.logprobs else None
    out: dict[str, Any] = {
        "model": model,
        "prompt": _text(content),
        **present(
            max_tokens=content.limits.output_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            frequency_penalty=sampling.frequency_penalty,
            presence_penalty=sampling.presence_penalty,
            seed=sampling.seed,
            stop=list(sampling.stop) if isinstance(sampling.stop, tuple) else sampling.stop,
            logit_bias=sampling.logit_bias,
            logprobs=shown,
            n=sampling.n,
            user=content.user,
        ),
    }
    if own:
        return out | content.extra
    for name in ("top_k", "reasoning_effort", "reasoning_tokens", "reasoning_shown", "verbosity"):
        if getattr(sampling, name) is not None:
            losses.add(name, f"{WHO} have no such field")
    for name in ("tools", "tool_choice", "parallel_tool_calls", "response_format", "service_tier"):
        if getattr(content, name) is not None:
            losses.add(name, f"{WHO} have no such field")
    if content.metadata is not None:
        no_metadata(losses, f"{WHO} keep no metadata")
    left_over(content.extra, "", losses, WHO)
    return out


def _text(content: Content) -> str:
    parts = content.messages[0].parts if len(content.messages) == 1 else ()
    texts = [part.text for part in parts if isinstance(part, Text)]
    if not texts or len(texts) != len(parts):
        raise BadRequest(
            "a legacy completion goes on with one text; send `messages` to a model that has chat", param="messages"
        )
    return "".join(texts)

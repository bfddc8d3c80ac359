"""How the answer is drawn and bounded. Source: botocore 1.44.8, `bedrock-runtime/service-2.json`: InferenceConfiguration."""

from typing import Any

from antiphon.core.content import Content
from antiphon.core.error import BadRequest
from antiphon.wire.bedrock_converse.blocks import WHO
from antiphon.wire.losses import Losses

_NONE = (
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "verbosity",
)


def encode_inference(content: Content, losses: Losses) -> dict[str, Any]:
    """Write `inferenceConfig`. Raises: BadRequest, on a bound below one token."""
    sampling, out = content.sampling, dict[str, Any]()
    tokens = content.limits.output_tokens
    if tokens is not None:
        if tokens < 1:
            raise BadRequest(f"`max_tokens` is {tokens}; send at least 1", param="max_tokens")
        out["maxTokens"] = tokens
    if sampling.temperature is not None:
        out["temperature"] = min(max(sampling.temperature, 0), 1)
    if sampling.top_p is not None:
        out["topP"] = min(max(sampling.top_p, 0), 1)
    stop = _stop(sampling.stop, losses)
    if stop:
        out["stopSequences"] = stop
    if sampling.n is not None and sampling.n != 1:
        losses.add("n", f"{WHO} gives one answer")
    for name in _NONE:
        value = getattr(sampling, name)
        if value is not None and value is not False:
            losses.add(name, f"{WHO} has no such field")
    return out


def note_bounds(content: Content, config: dict[str, Any], losses: Losses) -> None:
    """Note what was brought within the bounds, and is still there once the model's own rules were followed."""
    for name, word in (("temperature", "temperature"), ("topP", "top_p")):
        if name in config and config[name] != getattr(content.sampling, word):
            losses.add(word, f"{WHO} takes 0 to 1", f"sent as {config[name]}", adapted=True)


def _stop(stop: tuple[str, ...] | str | None, losses: Losses) -> list[str]:
    words = [stop] if isinstance(stop, str) else list(stop or ())
    said = [word for word in words if word]
    if len(said) < len(words):
        losses.add("stop", f"{WHO} refuses empty stop sequences")
    return said

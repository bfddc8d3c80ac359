"""How the answer is drawn, thought about and bounded. Source: cohere 7.3.1, `v2/client.py`, `types/thinking.py`."""

import re

from antiphon.core.content import Content, Sampling
from antiphon.core.error import BadRequest
from antiphon.wire.cohere_chat.messages import WHO, Out
from antiphon.wire.efforts import TOKENS, tokens_of
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_showing

_NONE = ("logit_bias", "top_logprobs", "verbosity")
_SAME = ("temperature", "seed")
_BOUNDED = (
    ("top_p", "p", 0.01, 0.99),
    ("top_k", "k", 0, 500),
    ("frequency_penalty", "frequency_penalty", 0, 1),
    ("presence_penalty", "presence_penalty", 0, 1),
)
"""Our name, Cohere's, the least and the most."""
_MOST_STOPS = 5
_THOUGHTLESS = re.compile(r"command-r|command-light|command-a-(?:03-2025|vision|translate)|aya|command$")
"""Models that can't think. Source: docs.cohere.com/docs/models, 2026-11."""


def encode_sampling(content: Content, model: str, losses: Losses) -> Out:
    """Raises: BadRequest, on a bound below one token."""
    sampling, out = content.sampling, Out()
    tokens = content.limits.output_tokens
    if tokens is not None:
        if tokens < 1:
            raise BadRequest(f"`max_tokens` is {tokens}; send at least 1", param="max_tokens")
        out["max_tokens"] = tokens
    out |= _drawn(sampling, losses)
    if sampling.logprobs:
        out["logprobs"] = True
    if sampling.n is not None and sampling.n != 1:
        losses.add("n", f"{WHO} gives one answer")
    for name in _NONE:
        if getattr(sampling, name) is not None:
            losses.add(name, f"{WHO} has no such field")
    return out | _thinking(sampling, model, losses)


def _drawn(sampling: Sampling, losses: Losses) -> Out:
    out = Out()
    stop = [sampling.stop] if isinstance(sampling.stop, str) else list(sampling.stop or ())
    if len(stop) > _MOST_STOPS:
        losses.add("stop", f"{WHO} takes {_MOST_STOPS} stop sequences", f"the first {_MOST_STOPS} are sent")
    if stop:
        out["stop_sequences"] = stop[:_MOST_STOPS]
    out |= {name: value for name in _SAME if (value := getattr(sampling, name)) is not None}
    for name, said, least, most in _BOUNDED:
        value = getattr(sampling, name)
        if value is None:
            continue
        out[said] = near = min(max(value, least), most)
        if near != value:
            losses.add(name, f"{WHO} takes {least} to {most}", f"sent as {near}", adapted=True)
    return out


def _thinking(sampling: Sampling, model: str, losses: Losses) -> Out:
    effort, tokens = sampling.reasoning_effort, sampling.reasoning_tokens
    if sampling.reasoning_shown is not None:
        no_showing(losses, f"{WHO} has no such field", shown=sampling.reasoning_shown)
    if effort is None and tokens is None:
        return {}
    asked = "reasoning_tokens" if tokens is not None else "reasoning_effort"
    off = tokens == 0 or (tokens is None and effort == "none")
    if _THOUGHTLESS.search(model):
        if not off:
            losses.add(asked, "the model can't think")
        return {}
    if off:
        return {"thinking": {"type": "disabled"}}
    if tokens is not None and tokens < 0:
        return {"thinking": {"type": "enabled"}}
    if tokens is None:
        tokens = tokens_of(effort or "medium")
        why = f"{WHO} has budgets, no efforts" if effort in TOKENS else f"{WHO} knows no such effort"
        losses.add(asked, why, f"sent as {tokens} tokens", adapted=True)
    return {"thinking": {"type": "enabled", "token_budget": tokens}}

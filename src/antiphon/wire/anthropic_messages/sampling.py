"""How the model draws its answer, and its bounds, as Anthropic takes them from another dialect."""

from typing import Any

from antiphon.core.content import Content, Sampling
from antiphon.wire.anthropic_messages.foreign_parts import WHO
from antiphon.wire.anthropic_messages.models import Takes
from antiphon.wire.codec import Terms
from antiphon.wire.losses import Losses

USUAL_TOKENS = 8192
"""Most output tokens where neither the caller nor the model's entry says any: every current model gives so many."""
_LEAST_TOP_P = 0.95
"""Below it, thinking can't be on. Source: platform.claude.com/docs, "Extended thinking" (2026-11)."""
_LACKED = ("frequency_penalty", "presence_penalty", "seed", "logit_bias", "logprobs", "top_logprobs", "verbosity")
Out = dict[str, Any]


def sampling_of(sampling: Sampling, takes: Takes, losses: Losses, *, thinks: bool) -> Out:
    """Write `temperature`, `top_p`, `top_k` and `stop_sequences`; the rest has no place."""
    for name in _LACKED:
        if getattr(sampling, name):
            losses.add(name, f"{WHO} has no {name}")
    if sampling.seed == 0:
        losses.add("seed", f"{WHO} has no seed")
    if sampling.n is not None and sampling.n > 1:
        losses.add("n", f"{WHO} gives one answer", "one is asked for")
    out = _drawn(sampling, takes, losses, thinks=thinks)
    words = (sampling.stop,) if isinstance(sampling.stop, str) else sampling.stop or ()
    kept = [word for word in words if word and not word.isspace()]
    if len(kept) < len(words):
        losses.add("stop", f"{WHO} stops at no white space alone")
    if kept:
        out["stop_sequences"] = kept
    return out


def _drawn(sampling: Sampling, takes: Takes, losses: Losses, *, thinks: bool) -> Out:
    heat, top_p, top_k = sampling.temperature, sampling.top_p, sampling.top_k
    out: Out = {}
    if heat is not None and heat > 1:
        losses.add("temperature", f"{WHO} takes 1 at most", "sent as 1", adapted=True)
        heat = 1.0
    if heat is not None and _may(takes, losses, "temperature", thinks=thinks and heat != 1):
        out["temperature"] = heat
    if top_k is not None and _may(takes, losses, "top_k", thinks=thinks):
        out["top_k"] = top_k
    if top_p is not None and _may(takes, losses, "top_p", thinks=thinks and top_p < _LEAST_TOP_P):
        if "temperature" in out and not takes.both:
            if top_p < 1:
                losses.add("top_p", "the model takes it without `temperature` alone")
        else:
            out["top_p"] = top_p
    return out


def _may(takes: Takes, losses: Losses, name: str, *, thinks: bool) -> bool:
    if not takes.sampling:
        losses.add(name, f"the model takes no {name}")
        return False
    if thinks:
        losses.add(name, f"{WHO} takes no {name} while the model thinks")
        return False
    return True


def limit_of(content: Content, terms: Terms, budget: int, losses: Losses) -> int:
    """`max_tokens`, which includes the thoughts."""
    said = content.limits.output_tokens
    if said is not None:
        return said
    limit = terms.output_tokens if terms.output_tokens is not None else USUAL_TOKENS + budget
    losses.add("max_tokens", f"{WHO} must be told a bound", f"sent as {limit}", adapted=True)
    return limit

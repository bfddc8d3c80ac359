"""What Claude takes on Bedrock: its thinking, and what it refuses beside it.

Source: platform.claude.com/docs/en/build-with-claude/extended-thinking and .../adaptive-thinking, 2026-11;
docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-adaptive-thinking.html, 2026-11.
"""

from typing import Any

from antiphon.core.content import Sampling
from antiphon.wire.anthropic_messages.models import Takes
from antiphon.wire.efforts import TOKENS, effort_of, tokens_of
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_showing

Body = dict[str, Any]
_LEAST = 1024
"""Claude's least budget."""
_LEAST_TOP_P = 0.95
"""Below it, Claude can't think."""


def encode_thinking(sampling: Sampling, takes: Takes, body: Body, asked: str, losses: Losses) -> Body:
    """What to say of thinking; empty: nothing. An effort is written into the body.

    Args:
        asked: The field that asks for it.
    """
    reason = _forbidden(body, adaptive=takes.adaptive)
    if reason:
        losses.add(asked, reason)
        return {}
    thinking = _adaptive(sampling, takes, body, losses) if takes.adaptive else _budgeted(sampling, body, asked, losses)
    if not thinking or sampling.reasoning_shown is None:
        return thinking
    if takes.adaptive:
        thinking["display"] = "summarized" if sampling.reasoning_shown else "omitted"
    elif not sampling.reasoning_shown:
        no_showing(losses, "the model always shows its thoughts", shown=False)
    return thinking


def suit(sampling: Sampling, takes: Takes, body: Body, losses: Losses, *, thinks: bool) -> Body:
    """Take out of the body what this Claude refuses. Returns: what it takes among its own fields."""
    config = body.get("inferenceConfig", {})
    heat, top_p, top_k = sampling.temperature, sampling.top_p, sampling.top_k
    if heat is not None and _refused(takes, losses, "temperature", thinks=thinks and heat < 1):
        del config["temperature"]
    if top_p is not None:
        beside = "temperature" in config and not takes.both
        if _refused(takes, losses, "top_p", thinks=thinks and top_p < _LEAST_TOP_P):
            del config["topP"]
        elif beside:
            del config["topP"]
            if top_p < 1:
                losses.add("top_p", "the model takes it without `temperature` alone")
    if top_k is None or _refused(takes, losses, "top_k", thinks=thinks):
        return {}
    return {"top_k": top_k}


def _refused(takes: Takes, losses: Losses, name: str, *, thinks: bool) -> bool:
    if not takes.sampling:
        losses.add(name, f"the model takes no {name}")
    elif thinks:
        losses.add(name, f"Claude takes no such {name} while it thinks")
    return thinks or not takes.sampling


def _forbidden(body: Body, *, adaptive: bool) -> str:
    """Why Claude may not think; empty: it may."""
    choice = body.get("toolConfig", {}).get("toolChoice", {})
    if "any" in choice or "tool" in choice:
        return "Claude can't think where a tool is forced on it"
    turns = body["messages"]
    if turns[-1]["role"] == "assistant":
        return "Claude can't think where its answer is begun for it"
    if adaptive or len(turns) < 2 or not any("toolResult" in block for block in turns[-1]["content"]):
        return ""
    last = turns[-2]["content"]
    calls = any("toolUse" in block for block in last)
    return "its last turn called tools without thoughts" if calls and "reasoningContent" not in last[0] else ""


def _adaptive(sampling: Sampling, takes: Takes, body: Body, losses: Losses) -> Body:
    effort, tokens = sampling.reasoning_effort, sampling.reasoning_tokens
    sent = effort
    if effort is None and tokens is not None and tokens > 0:
        sent = effort_of(tokens)
    sent = "low" if sent == "minimal" else sent
    if sent is not None and (sent not in TOKENS or (sent == "xhigh" and not takes.finest)):
        sent = "high"
    if sent is not None:
        body.setdefault("outputConfig", {})["effort"] = sent
    effect = f"sent as {sent}" if sent is not None else "the model decides"
    if sent != effort:
        losses.add("reasoning_effort", "the model has no such effort", effect, adapted=True)
    if tokens is not None:
        losses.add("reasoning_tokens", "the model knows efforts, not budgets", effect, adapted=True)
    return {"type": "adaptive"}


def _budgeted(sampling: Sampling, body: Body, asked: str, losses: Losses) -> Body:
    """A budget of thoughts, which must be below the bound on the whole answer."""
    tokens = sampling.reasoning_tokens
    unbound = tokens is None or tokens < 0
    budget = tokens_of(sampling.reasoning_effort or "medium") if unbound else max(tokens or 0, _LEAST)
    most = body.get("inferenceConfig", {}).get("maxTokens")
    if most is not None and budget >= most:
        budget = most - 1
        if budget < _LEAST:
            losses.add(f"{asked}, max_tokens", f"the bound leaves less than {_LEAST} tokens for thoughts")
            return {}
    if budget != tokens:
        why = "the model knows budgets from 1024 tokens on, below the answer's bound"
        losses.add(asked, why, f"sent as {budget} tokens", adapted=True)
    return {"type": "enabled", "budget_tokens": budget}

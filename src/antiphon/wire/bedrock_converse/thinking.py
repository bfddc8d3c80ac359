"""How hard the model is to think, and what else is said among each family's own fields."""

from collections.abc import Sequence
from typing import Any

from antiphon.core.content import Content
from antiphon.wire.bedrock_converse import claude
from antiphon.wire.bedrock_converse.blocks import WHO
from antiphon.wire.bedrock_converse.model import Model
from antiphon.wire.bedrock_converse.tools import one_at_a_time
from antiphon.wire.efforts import effort_of
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_showing

Body = dict[str, Any]


_BETA = "computer-use-"


def encode_own(content: Content, model: Model, body: Body, losses: Losses, tools: Sequence[Body] = ()) -> Body:
    """Write `additionalModelRequestFields`, and adjust the body to it. Call it once the rest is written.

    Args:
        tools: Those that Claude knows by itself.
    """
    sampling = content.sampling
    asked = "reasoning_effort" if sampling.reasoning_effort is not None else "reasoning_tokens"
    off = sampling.reasoning_effort == "none" or (sampling.reasoning_effort is None and sampling.reasoning_tokens == 0)
    wanted = not off and (sampling.reasoning_effort is not None or sampling.reasoning_tokens is not None)
    if model.claude is not None:
        thinking: Body = {}
        if wanted and model.thinks:
            thinking = claude.encode_thinking(sampling, model.claude, body, asked, losses)
        elif wanted:
            losses.add(asked, "the model can't think")
        elif off and not model.claude.can_rest:
            losses.add(asked, "the model always thinks")
        own = claude.suit(sampling, model.claude, body, losses, thinks=bool(thinking))
        own |= _known_tools(tools)
        if one_at_a_time(content, model):
            kind = "any" if content.tool_choice is not None and content.tool_choice.mode == "required" else "auto"
            own["tool_choice"] = {"type": kind, "disable_parallel_tool_use": True}
        return {"thinking": thinking, **own} if thinking else own
    out = _top_k(content, model, losses)
    if sampling.reasoning_shown is not None and (wanted or off):
        no_showing(losses, f"{WHO} has no such field", shown=sampling.reasoning_shown)
    if wanted or off:
        out |= _effort("none" if off else sampling.reasoning_effort, content, model, asked, losses)
    return out


def _known_tools(tools: Sequence[Body]) -> Body:
    """Tools that Claude knows by itself, and the beta that those for a computer are in, which their type dates.

    Source: docs.aws.amazon.com/bedrock/latest/userguide/computer-use.html, 2026-11.
    """
    if not tools:
        return {}
    dates = sorted({date for tool in tools if (date := str(tool["type"]).rpartition("_")[2]) and _of_computer(tool)})
    betas = [f"{_BETA}{date[:4]}-{date[4:6]}-{date[6:]}" for date in dates]
    return {"tools": list(tools), **({"anthropic_beta": betas} if betas else {})}


def _of_computer(tool: Body) -> bool:
    return str(tool["type"]).startswith("computer_")


def _effort(said: str | None, content: Content, model: Model, asked: str, losses: Losses) -> Body:
    """Sources: docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html;
    docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html, 2026-11.
    """
    effort = said or effort_of(content.sampling.reasoning_tokens or 0)
    if not (model.reasoning_nova or model.openai):
        if effort != "none":
            losses.add(asked, "this model on Bedrock has no such field")
        return {}
    if effort == "none" and model.reasoning_nova:
        return {"reasoningConfig": {"type": "disabled"}}
    level = {"none": "low", "minimal": "low", "low": "low", "medium": "medium"}.get(effort, "high")
    if level != said:
        losses.add(asked, "the model has three efforts", f"sent as {level}", adapted=True)
    if model.openai:
        return {"reasoning_effort": level}
    return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": level}}


def _top_k(content: Content, model: Model, losses: Losses) -> Body:
    """Source: docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html, 2026-11."""
    top_k = content.sampling.top_k
    if top_k is None:
        return {}
    if model.nova:
        return {"inferenceConfig": {"topK": top_k}}
    if model.top_k:
        return {model.top_k: top_k}
    losses.add("top_k", "this model on Bedrock has no such field")
    return {}

"""Writes a Messages request from its canonical form, whichever dialect that came in."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from antiphon.core.content import Content
from antiphon.core.error import BadRequest
from antiphon.wire.anthropic_messages.foreign_parts import WHO
from antiphon.wire.anthropic_messages.foreign_tools import choice_of, format_of, tools_of
from antiphon.wire.anthropic_messages.models import Takes, takes
from antiphon.wire.anthropic_messages.proofs import usable
from antiphon.wire.anthropic_messages.sampling import limit_of, sampling_of
from antiphon.wire.anthropic_messages.thinking import LEAST, Thought, thought_of
from antiphon.wire.anthropic_messages.tools import encode_choice, encode_tool
from antiphon.wire.anthropic_messages.turns import Turns, written
from antiphon.wire.anthropic_messages.write import OWN, Block, own_messages, text_block
from antiphon.wire.codec import Terms, left_over
from antiphon.wire.fields import merged, present
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_cache_key, no_metadata

Out = dict[str, Any]
_NEEDED = ("model", "messages", "max_tokens")
_TIERS: Mapping[str, str] = MappingProxyType({"auto": "auto", "default": "standard_only", "standard": "standard_only"})
_CARRIED = ("web_search_options",)


def encode(content: Content, terms: Terms, losses: Losses) -> bytes:
    """The bytes of a request. Raises: BadRequest, where there is nothing to send."""
    own = content.dialect == OWN
    out = own_body(content, terms, losses) if own else _foreign_body(content, terms, losses)
    if terms.stream:
        out["stream"] = True
    for name in terms.quirks.rejects:
        if name in out and name not in _NEEDED:
            losses.add(name, f"{terms.quirks.who or 'the upstream'} refuses it")
            del out[name]
    return msgspec.json.encode(out)


def own_body(content: Content, terms: Terms, losses: Losses) -> Out:
    """A body as it came, but for what the terms say, and less thoughts that the upstream can't check."""
    system, messages = own_messages(usable(content.messages, terms.model, losses))
    if terms.prompt is not None:
        system = _prompted(terms.prompt, system)
    go_on(messages, terms.so_far)
    out: Out = {"model": terms.model, "messages": messages}
    out |= present(system=system, max_tokens=content.limits.output_tokens)
    sampling = content.sampling
    out |= present(temperature=sampling.temperature, top_p=sampling.top_p, top_k=sampling.top_k)
    if sampling.stop is not None:
        out["stop_sequences"] = [sampling.stop] if isinstance(sampling.stop, str) else list(sampling.stop)
    if content.tools:
        out["tools"] = [encode_tool(tool) for tool in content.tools]
    if content.tool_choice is not None:
        choice = encode_choice(content.tool_choice, parallel=content.parallel_tool_calls)
        out["tool_choice"] = merged(choice, content.tool_choice.extra)
    out |= present(thinking=_own_thinking(content), output_config=_own_output(content) or None)
    if content.user is not None:
        out["metadata"] = {"user_id": content.user}
    out |= present(service_tier=content.service_tier)
    return merged(out, content.extra)


def _own_thinking(content: Content) -> Out | None:
    tokens, shown = content.sampling.reasoning_tokens, content.sampling.reasoning_shown
    if tokens is None:
        return None
    out: Out
    match tokens:
        case -1:
            out = {"type": "adaptive"}
        case 0:
            out = {"type": "disabled"}
        case _:
            out = {"type": "enabled", "budget_tokens": tokens}
    if shown is not None:
        out["display"] = "summarized" if shown else "omitted"
    return out


def _own_output(content: Content) -> Out:
    out = present(effort=content.sampling.reasoning_effort)
    shape = content.response_format
    if shape is not None:
        said = {"type": "json_schema", "schema": shape.schema or {}} if shape.kind == "json_schema" else {}
        out["format"] = merged(said, shape.extra)
    return out


def _foreign_body(content: Content, terms: Terms, losses: Losses) -> Out:
    known = takes(terms.model)
    turns = Turns(losses)
    turns.add(content.messages)
    if not turns.turns:
        raise BadRequest("`messages` holds nothing that can be sent; send a message of the user's", param="messages")
    shape, instruction = format_of(content.response_format, known, losses)
    if instruction:
        turns.system.append(text_block(instruction))
    tools = tools_of(content, known, losses)
    choice = choice_of(content, tools, losses)
    thought = thought_of(content.sampling, known, losses)
    limit = limit_of(content, terms, thought.budget, losses)
    if thought.on:
        thought = _possible(thought, limit, choice, turns, terms, known, losses)
    messages = [written(role, blocks) for role, blocks in turns.turns]
    _end_clean(messages)
    go_on(messages, terms.so_far)
    out: Out = {"model": terms.model, "max_tokens": limit}
    system = _system(terms.prompt, turns.system)
    if system is not None:
        out["system"] = system
    out["messages"] = messages
    if tools:
        out["tools"] = tools
    out |= present(tool_choice=choice, thinking=thought.thinking)
    config = present(effort=thought.effort, format=shape)
    if config:
        out["output_config"] = config
    out |= sampling_of(content.sampling, known, losses, thinks=thought.on)
    out |= _beside(content, losses)
    return out


def _possible(
    thought: Thought, limit: int, choice: Out | None, turns: Turns, terms: Terms, known: Takes, losses: Losses
) -> Thought:
    """Thinking where it can be: Anthropic refuses it beside some of what else a request says."""
    why = ""
    if choice is not None and choice["type"] in ("any", "tool"):
        why = "the choice of a tool is forced"
    elif terms.so_far.strip() or turns.turns[-1][0] == "assistant":
        why = "the answer is gone on with"
    elif not known.adaptive and _unproven(turns):
        why = "the calls before the last results have no thoughts of its own"
    elif thought.budget >= limit:
        if limit <= LEAST:
            why = f"{limit} tokens of output are too few for it"
        else:
            losses.add("reasoning_tokens", "the bound on output is lower", f"sent as {limit - 1}", adapted=True)
            return Thought(thinking={**(thought.thinking or {}), "budget_tokens": limit - 1})
    if not why:
        return thought
    losses.add("reasoning_effort", f"{WHO} can't think here: {why}")
    return Thought(thinking={"type": "disabled"} if known.adaptive and known.can_rest else None, effort=thought.effort)


def _unproven(turns: Turns) -> bool:
    """Whether the last turn brings results of calls before which no thoughts stand."""
    if len(turns.turns) < 2 or turns.turns[-1][1][0]["type"] != "tool_result":  # noqa: PLR2004  # a call and its result
        return False
    return turns.turns[-2][1][0]["type"] not in ("thinking", "redacted_thinking")


def _beside(content: Content, losses: Losses) -> Out:
    """What isn't about the conversation."""
    out: Out = {}
    if content.user:
        out["metadata"] = {"user_id": content.user}
    if content.metadata:
        no_metadata(losses, f"{WHO} keeps no metadata")
    if content.cache_key:
        no_cache_key(losses, WHO)
    tier = content.service_tier
    if tier is not None and tier in _TIERS:
        out["service_tier"] = _TIERS[tier]
    elif tier:
        losses.add("service_tier", f"{WHO} has no such tier")
    left_over(content.extra, "", losses, WHO, _CARRIED)
    return out


def _system(prompt: str | None, blocks: list[Block]) -> str | list[Block] | None:
    if prompt and not prompt.isspace():
        blocks = [text_block(prompt), *blocks]
    if len(blocks) == 1 and "cache_control" not in blocks[0]:
        return blocks[0]["text"]
    return blocks or None


def _prompted(prompt: str, system: str | list[Block] | None) -> str | list[Block]:
    if not system:
        return prompt
    return [text_block(prompt), *([text_block(system)] if isinstance(system, str) else system)]


def go_on(messages: list[Block], so_far: str) -> None:
    """Let the assistant have begun its answer. Anthropic refuses white space at the end of what it said."""
    text = so_far.rstrip()
    if text:
        messages.append({"role": "assistant", "content": text})


def _end_clean(messages: list[Block]) -> None:
    """White space at the end of a last turn of the assistant's is refused."""
    last = messages[-1]
    if last["role"] != "assistant":
        return
    if isinstance(last["content"], str):
        last["content"] = last["content"].rstrip()
    elif last["content"][-1]["type"] == "text":
        last["content"][-1] = {**last["content"][-1], "text": last["content"][-1]["text"].rstrip()}

"""Envelopes of runs: as documents say, and the tighter of two. Pure."""

from antiphon.agents.documents.document import EnvelopeSpec
from antiphon.core.run import RunEnvelope


def envelope_of(spec: EnvelopeSpec) -> RunEnvelope:
    """As a document bounds it."""
    return RunEnvelope(
        steps=spec.steps,
        depth=spec.depth,
        fan_out=spec.fan_out,
        calls=spec.calls,
        tool_calls=spec.tool_calls,
        tokens=spec.tokens,
        money_nano_usd=None if spec.usd is None else round(spec.usd * 1_000_000_000),
        seconds=spec.seconds,
    )


def tightened(one: RunEnvelope, other: RunEnvelope | None) -> RunEnvelope:
    """The tighter of both, bound by bound."""
    if other is None:
        return one
    return RunEnvelope(
        steps=min(one.steps, other.steps),
        depth=min(one.depth, other.depth),
        fan_out=min(one.fan_out, other.fan_out),
        calls=min(one.calls, other.calls),
        tool_calls=min(one.tool_calls, other.tool_calls),
        tokens=_least(one.tokens, other.tokens),
        money_nano_usd=_least(one.money_nano_usd, other.money_nano_usd),
        seconds=min(one.seconds, other.seconds),
    )


def _least(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)

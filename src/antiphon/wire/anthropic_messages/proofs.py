"""Other providers' proofs of thoughts, and thoughts without any, in a conversation that goes on with Anthropic."""

from collections.abc import Iterator, Sequence
from typing import get_args

import msgspec

from antiphon.core.body import Body
from antiphon.core.content import Message, Part, Reasoning
from antiphon.core.request import Dialect
from antiphon.wire.anthropic_messages.foreign_parts import WHO
from antiphon.wire.anthropic_messages.write import OWN
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_thoughts

_FOREIGN = tuple(f'"{name}:'.encode() for name in get_args(Dialect) if name != OWN)
_UNSIGNED = (b'"signature":""', b'"signature": ""')
_OVERLAP = 64


def may_have_foreign(body: Body, model: str) -> bool:
    """Whether a body of this dialect may hold thoughts that an upstream of it would refuse. Looks at bytes alone."""
    marks = (*_FOREIGN, *_UNSIGNED) if _checks(model) else _FOREIGN
    if not any(b'thinking"' in piece for piece in _pieces(body)):
        return False
    return any(mark in piece for piece in _pieces(body) for mark in marks)


def _pieces(body: Body) -> Iterator[bytes]:
    """A body piece by piece, each with the end of the one before it, so that no mark is cut."""
    seen = b""
    for segment in body.segments:
        yield seen + segment if seen else segment
        seen = segment[-_OVERLAP:]


def usable(messages: Sequence[Message], model: str, losses: Losses) -> tuple[Message, ...]:
    """The messages less the thoughts that the upstream can't check."""
    return tuple(_usable(messages, losses, checks=_checks(model)))


def _checks(model: str) -> bool:
    """Anthropic's own models demand a proof; others that speak its dialect mostly don't."""
    return "claude" in model


def _usable(messages: Sequence[Message], losses: Losses, *, checks: bool) -> Iterator[Message]:
    for index, message in enumerate(messages):
        if not any(isinstance(part, Reasoning) for part in message.parts):
            yield message
            continue
        kept: list[Part] = []
        for place, part in enumerate(message.parts):
            if _useless(part, checks=checks):
                no_thoughts(losses, f"messages[{index}].content[{place}]", WHO)
            else:
                kept.append(part)
        if len(kept) == len(message.parts):
            yield message
        elif kept:
            yield msgspec.structs.replace(message, parts=tuple(kept))


def _useless(part: Part, *, checks: bool) -> bool:
    if not isinstance(part, Reasoning):
        return False
    return part.signed_by not in ("", OWN) if part.signature else checks

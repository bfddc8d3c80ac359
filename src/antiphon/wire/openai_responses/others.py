"""Other providers' thoughts in a conversation that goes on with OpenAI.

A caller that keeps its own conversation sends back what it was told, proofs of another provider's thoughts too. OpenAI
answers `invalid_encrypted_content` to those.
"""

from collections.abc import Iterator
from typing import get_args

import msgspec

from antiphon.core.body import Body
from antiphon.core.request import Dialect
from antiphon.wire.fields import as_list, as_object
from antiphon.wire.json import loads
from antiphon.wire.losses import Losses
from antiphon.wire.openai_responses.proofs import DIALECT, read_proof
from antiphon.wire.openai_responses.written import WHO
from antiphon.wire.rules import no_thoughts

_PLACE = b'"encrypted_content"'
_MARKS = tuple(f'"{name}:'.encode() for name in get_args(Dialect) if name != DIALECT)
_LONGEST = 64
"""Bytes of the longest mark, and more."""


def may_have_others(body: Body) -> bool:
    """Whether a body may hold thoughts that OpenAI would refuse. Looks at bytes alone."""
    pieces = list(_pieces(body)) if len(body.segments) > 1 else body.segments
    return any(_PLACE in piece for piece in pieces) and any(mark in piece for piece in pieces for mark in _MARKS)


def _pieces(body: Body) -> Iterator[bytes]:
    """A body piece by piece, each with the end of what came before, so that no mark is cut."""
    seen = b""
    for segment in body.segments:
        piece = seen + segment
        yield piece
        seen = piece[-_LONGEST:]


def less_others(body: Body, losses: Losses) -> Body:
    """A body without them."""
    said = loads(body.whole())
    items = as_list(said.get("input"))
    if items is None:
        return body
    kept: list[object] = []
    for index, item in enumerate(items):
        if _whose(item) == DIALECT:
            kept.append(item)
        else:
            no_thoughts(losses, f"input[{index}]", WHO)
    return body if len(kept) == len(items) else Body((msgspec.json.encode({**said, "input": kept}),))


def _whose(item: object) -> Dialect | str:
    fields = as_object(item) or {}
    proof = fields.get("encrypted_content")
    if fields.get("type") != "reasoning" or not isinstance(proof, str):
        return DIALECT
    return read_proof(proof)[1]

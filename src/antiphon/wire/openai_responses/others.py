"""Other providers' thoughts in a conversation that goes on with OpenAI.

A caller that keeps its own conversation sends back what it was told, proofs of another provider's thoughts too. OpenAI
answers `invalid_encrypted_content` to those.
"""

from typing import get_args

import msgspec

from antiphon.core.body import Body
from antiphon.core.request import Dialect
from antiphon.wire.fields import as_list, as_object
from antiphon.wire.json import loads
from antiphon.wire.losses import Losses
from antiphon.wire.openai_responses.proofs import DIALECT, read_proof
from antiphon.wire.openai_responses.written import WHO

_PLACE = b'"encrypted_content"'
_MARKS = tuple(f'"{name}:'.encode() for name in get_args(Dialect) if name != DIALECT)


def may_have_others(body: Body) -> bool:
    """Whether a body may hold thoughts that OpenAI would refuse. Looks at bytes alone."""
    if not any(_PLACE in segment for segment in body.segments):
        return False
    return any(mark in segment for segment in body.segments for mark in _MARKS)


def less_others(body: Body, losses: Losses) -> Body:
    """A body without them."""
    said = loads(body.whole())
    items = as_list(said.get("input"))
    if items is None:
        return body
    kept: list[object] = []
    for index, item in enumerate(items):
        whose = _whose(item)
        if whose == DIALECT:
            kept.append(item)
        else:
            losses.add(f"input[{index}]", f"{WHO} can't read what {whose} thought")
    return body if len(kept) == len(items) else Body((msgspec.json.encode({**said, "input": kept}),))


def _whose(item: object) -> Dialect | str:
    fields = as_object(item) or {}
    proof = fields.get("encrypted_content")
    if fields.get("type") != "reasoning" or not isinstance(proof, str):
        return DIALECT
    return read_proof(proof)[1]

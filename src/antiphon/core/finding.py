"""What a guard found, and where. Never what it says: a finding has no text in it."""

from typing import Literal

from msgspec import Struct

GuardAction = Literal["allow", "flag", "mask", "rewrite", "block", "route_private", "approve"]
"""From the mildest: `flag` only notes, `mask` puts a token in its place, `rewrite` takes it out or mends it,
`route_private` raises the data class so that private deployments alone may answer, `approve` asks a person first."""
Side = Literal["request", "answer"]
Channel = Literal["system", "user", "assistant", "tool", "definition", "arguments", "reasoning", "field"]
"""Where a text comes from. `tool`: a tool's result, or a document that was retrieved; `definition`: what is said of
tools; `arguments`: those of a call of a tool; `field`: any other text of a request."""
UNTRUSTED: frozenset[Channel] = frozenset({"tool"})
"""Channels whose texts nobody who may instruct a model wrote."""


class Finding(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One finding, as receipts keep it."""

    guard: str
    """Name of the guard."""
    rule: str
    """What it was found by, such as `pii.email` or `secrets.aws-access-token`."""
    kind: str
    """What it is: `email`, `payment_card`, `secret`, `injection` and so on."""
    side: Side = "request"
    where: str = ""
    """Path of the text, such as `messages[2].content`; of a stream its lane, such as `choices[0].content`."""
    start: int = 0
    """Characters from the beginning of that text, as it was before any edit."""
    end: int = 0
    score: float = 1.0
    action: GuardAction = "flag"
    """What was done."""
    shadow: bool = False
    """It was only noted what would have been done."""

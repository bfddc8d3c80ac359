"""Kinds of guards: what each does unless told otherwise, and what it can."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import get_args

from msgspec import Struct

from antiphon.core.finding import Channel, GuardAction, Side

BOTH: frozenset[Side] = frozenset(("request", "answer"))
REQUEST: frozenset[Side] = frozenset(("request",))
ANSWER: frozenset[Side] = frozenset(("answer",))
SAID: frozenset[Channel] = frozenset(("user", "tool", "field"))
"""What people and documents say in a request."""
GIVEN: frozenset[Channel] = frozenset(("user", "tool", "definition", "arguments", "field"))
"""All that nobody who writes system prompts has written."""
_ACTIONS: tuple[GuardAction, ...] = get_args(GuardAction)
ALL_ACTIONS: frozenset[GuardAction] = frozenset(_ACTIONS)
JUDGING: frozenset[GuardAction] = frozenset(("allow", "flag", "block", "route_private", "approve"))
"""Where a finding has no place that could be taken out."""
MENDING: frozenset[GuardAction] = frozenset((*JUDGING, "rewrite"))
"""Where there is nothing to put back."""


class Default(Struct, frozen=True, kw_only=True):
    """Of one kind."""

    action: GuardAction
    sides: frozenset[Side] = BOTH
    """Sides that it looks at."""
    can: frozenset[Side] = BOTH
    """Sides that it can look at."""
    channels: frozenset[Channel] | None = None
    """Of requests; None: all."""
    actions: frozenset[GuardAction] = ALL_ACTIONS
    """What can be done about its findings."""
    threshold: float = 0.0


DEFAULTS: Mapping[str, Default] = MappingProxyType(
    {
        "pii": Default(action="mask"),
        "presidio": Default(action="mask"),
        "secrets": Default(action="block"),
        "unicode": Default(action="rewrite", actions=MENDING),
        "injection": Default(action="flag", sides=REQUEST, channels=GIVEN, actions=JUDGING, threshold=0.5),
        "topics": Default(action="block", channels=SAID),
        "harm": Default(action="flag", channels=SAID, actions=JUDGING, threshold=0.5),
        "leak": Default(action="block", sides=ANSWER, can=ANSWER, actions=MENDING, threshold=0.5),
        "output": Default(action="rewrite", sides=ANSWER, actions=MENDING),
        "schema": Default(action="block", sides=ANSWER, can=ANSWER, actions=JUDGING),
        "language": Default(action="block", channels=SAID, actions=JUDGING),
        "length": Default(action="block", actions=MENDING),
        "regex": Default(action="flag"),
        "python": Default(action="flag"),
        "model": Default(action="block", actions=JUDGING),
        "webhook": Default(action="block"),
    }
)
REQUEST_ONLY: frozenset[GuardAction] = frozenset(("route_private", "approve"))
"""What can't be done about an answer."""

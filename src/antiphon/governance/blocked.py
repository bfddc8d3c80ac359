"""What a caller is told where guards let nothing pass."""

from antiphon.core.error import GuardBlocked
from antiphon.core.finding import Side
from antiphon.guards.port import Screened


def blocked(found: Screened, side: Side) -> GuardBlocked:
    """The error of texts that guards block. It names rules and places, never what they say."""
    place = next((one for one in found.findings if one.rule in found.blocked and not one.shadow), None)
    what = "request" if side == "request" else "answer"
    remedy = "take it out and send the request again" if side == "request" else "ask in another way"
    where = f" at {place.where}" if place is not None and place.where else ""
    return GuardBlocked(
        f"a guard blocks this {what}{where}: {', '.join(found.blocked)}; {remedy}",
        reasons=found.blocked,
        param=place.where if place is not None and side == "request" and place.where else None,
    )

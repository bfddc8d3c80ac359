"""What a call of a request likely costs at each deployment, before it is made."""

from collections.abc import Iterable

from antiphon.calls.bound import LIKELY_OUTPUT_TOKENS, output_of
from antiphon.calls.fleet import Fleet
from antiphon.core.chance import Likely
from antiphon.core.deployment import Deployment
from antiphon.core.request import Request
from antiphon.pricing.cost import likely

SPREAD = 4
"""How far an answer's length is taken to go from what is likely, either way: by this factor 90 % of answers."""


def likely_costs(request: Request, deployments: Iterable[Deployment], fleet: Fleet) -> dict[str, Likely]:
    """By deployment; those without a price are left out. No cached input is counted on."""
    found: dict[str, Likely] = {}
    for one in deployments:
        price = one.price
        if price is None:
            continue
        into = fleet[one.name].tokens_of(request.body.size_bytes)
        most = output_of(request, one)
        out = LIKELY_OUTPUT_TOKENS if most is None else min(most, LIKELY_OUTPUT_TOKENS)
        longest = out * SPREAD if most is None else min(most, out * SPREAD)
        found[one.name] = Likely(
            likely(price, into, out), likely(price, into, out // SPREAD), likely(price, into, longest)
        )
    return found

"""What a call of a request likely costs at each deployment, before it is made."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from antiphon.calls.bound import LIKELY_OUTPUT_TOKENS, output_of
from antiphon.calls.fleet import Fleet
from antiphon.core.chance import Likely
from antiphon.core.deployment import Deployment
from antiphon.core.request import Request
from antiphon.pricing.cost import likely

NOBODY: Mapping[str, int] = MappingProxyType({})
SPREAD = 4
"""How far an answer's length is taken to go from what is likely, either way: by this factor 90 % of answers."""


def likely_costs(
    request: Request, deployments: Iterable[Deployment], fleet: Fleet, output_tokens: Mapping[str, int] = NOBODY
) -> dict[str, Likely]:
    """By deployment; those without a price are left out. No cached input is counted on.

    Args:
        output_tokens: How long an answer of each is expected to be; of others it is taken to be `LIKELY_OUTPUT_TOKENS`.
    """
    found: dict[str, Likely] = {}
    for one in deployments:
        price = one.price
        if price is None:
            continue
        into = fleet[one.name].tokens_of(request.body.size_bytes)
        most = output_of(request, one)
        usual = output_tokens.get(one.name, LIKELY_OUTPUT_TOKENS)
        out = usual if most is None else min(most, usual)
        longest = out * SPREAD if most is None else min(most, out * SPREAD)
        found[one.name] = Likely(
            likely(price, into, out), likely(price, into, out // SPREAD), likely(price, into, longest)
        )
    return found

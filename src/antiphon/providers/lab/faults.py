"""Which requests meet a fault."""

from collections.abc import Sequence

from antiphon.providers.lab.chance import chance
from antiphon.providers.lab.request import Asked
from antiphon.providers.lab.settings import FaultSettings


def met(faults: Sequence[FaultSettings], seed: int, asked: Asked, number: int) -> FaultSettings | None:
    """The first fault that request `number` of its model meets.

    By schedule where `requests` is given; else by chance, which comes from the seed, the model, the
    request's key, its number and the fault's place in the list.
    """
    for place, fault in enumerate(faults):
        if fault.requests is not None:
            if number in fault.requests:
                return fault
        elif fault.percent > 100 * chance(seed, asked.chat.model, asked.key, number, "fault", place).random():
            return fault
    return None

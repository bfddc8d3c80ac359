"""What identities rest on in one process, whatever the revision."""

from antiphon.control.callers import Doors, Refused, nobody_told
from antiphon.control.issuers import Issuers
from antiphon.control.settings_identity import ThrottleSettings
from antiphon.control.throttle import Throttle
from antiphon.core.clock import Clock
from antiphon.core.ports import Transport


def doors_of(transport: Transport, clock: Clock, refused: Refused = nobody_told) -> Doors:
    """Identity providers are asked over this transport, by its rules of egress."""
    return Doors(
        clock=clock,
        issuers=Issuers(transport, clock),
        throttle=Throttle(ThrottleSettings(), clock.steady_s),
        refused=refused,
    )

"""Notes for auditors of credentials that were refused, and of what callers were not allowed."""

import logging
from collections.abc import Callable
from ipaddress import ip_network

from antiphon.control.throttle import network
from antiphon.control.who import Who
from antiphon.core.audit import NOBODY, Event
from antiphon.core.clock import Clock
from antiphon.core.error import AntiphonError, StoreError
from antiphon.core.peer import Peer

log = logging.getLogger("antiphon.identity")
MOST_A_MINUTE = 60
"""Notes of one process: who floods the gateway with guesses doesn't flood the log. What is left out is counted in the next."""
_WIDE = {4: 24, 6: 48}
"""Bits of an address that are noted: where it came from, and not who it was."""


class Logins:
    """Of one process."""

    def __init__(self, note: Callable[[Event], None], clock: Clock, most: int = MOST_A_MINUTE) -> None:
        """`note` waits for nothing that could hold up the loop."""
        self._note = note
        self._clock = clock
        self._most = most
        self._left = float(most)
        self._at_s = clock.steady_s()
        self._skipped = 0

    def refused(self, peer: Peer, error: AntiphonError, held_s: float) -> None:
        """An unknown credential came."""
        kind = "login.held_off" if held_s else "login.refused"
        self._tell(kind, NOBODY, "gateway", "", {"network": wide(peer.address), "code": error.said_code})

    def forbidden(self, who: Who, what: str, error: AntiphonError) -> None:
        """Somebody asked for what they may not."""
        tenant = NOBODY if who.principal is None else who.principal.tenant
        self._tell("login.not_allowed", tenant, who.by, what, {"code": error.said_code})

    def _tell(self, kind: str, tenant: str, by: str, about: str, detail: dict[str, str]) -> None:
        now_s = self._clock.steady_s()
        self._left = min(self._left + (now_s - self._at_s) * self._most / 60, float(self._most))
        self._at_s = now_s
        if self._left < 1:
            self._skipped += 1
            return
        self._left -= 1
        skipped, self._skipped = self._skipped, 0
        more = {"not_noted": skipped} if skipped else {}
        try:
            self._note(
                Event(
                    tenant=tenant, kind=kind, by=by, at_ns=self._clock.now_ns(), about=about, detail={**detail, **more}
                )
            )
        except StoreError as error:
            log.error("login.not_noted", extra={"reason": str(error)})


def wide(address: str) -> str:
    """The network that an address is in; empty: it is none."""
    plain = network(address)
    return str(ip_network((plain, _WIDE[6 if ":" in plain else 4]), strict=False)) if plain else ""

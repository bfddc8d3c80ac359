"""The identity providers of one process, whatever the revision."""

import asyncio
import logging
from collections.abc import Iterable

from antiphon.control.jwt_issuer import Issuer
from antiphon.control.settings_identity import IssuerSettings
from antiphon.core.clock import Clock
from antiphon.core.ports import Transport

log = logging.getLogger("antiphon.identity")
LOOK_S = 1.0
"""How often it is looked whether keys are to be fetched."""


class Issuers:
    """Found by the claim `iss`. One that stays as it was set keeps its keys when the configuration changes."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._found: dict[str, Issuer] = {}
        self.turn = 0
        """Rises when a key or a provider is gone: what was verified before has to be verified anew."""

    def arrange(self, settings: Iterable[IssuerSettings]) -> None:
        """Work by these from now on."""
        old = self._found
        self._found = {
            one.issuer: old[one.issuer]
            if one.issuer in old and old[one.issuer].settings == one
            else Issuer(one, self._transport, self._clock, self._changed)
            for one in settings
        }
        if self._found != old:
            self._changed()

    def _changed(self) -> None:
        self.turn += 1

    def find(self, issuer: object) -> Issuer | None:
        """The provider of this name, to the letter."""
        return self._found.get(issuer) if isinstance(issuer, str) else None

    async def refresh(self) -> None:
        """Fetch the keys that are due, all at once. Failures are logged by whom they befall."""
        if self._found:
            await asyncio.gather(*(one.refresh() for one in self._found.values()))

    async def watch(self) -> None:
        """Fetch keys for as long as the process runs."""
        while True:
            try:
                await self.refresh()
            except Exception:  # one look must not end the watch
                log.exception("identity.crashed")
            await asyncio.sleep(LOOK_S)

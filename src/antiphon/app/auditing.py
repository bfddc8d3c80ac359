"""Chains what was noted for auditors, and states how far chains have come: in the shipper, which has nobody waiting."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from antiphon.config.settings import Settings
from antiphon.control.audit_chain import MOST, chained
from antiphon.control.checkpoints import Rewritten, check_goes_on, origin_of, signed
from antiphon.control.settings_audit import AuditSettings
from antiphon.core.audit_store import AuditStore, Checkpoint, Head
from antiphon.core.error import StoreError
from antiphon.store.notes_place import NotesPlace
from antiphon.vault.signing import Signer, signers

log = logging.getLogger("antiphon.audit")
KEY = "audit.key"
"""In the data directory, where the configuration names no other file."""
ROUNDS = 20
"""Transactions of one step: in between, records are shipped."""
EXPORTED_AT_ONCE = 100


def key_file(audit: AuditSettings, data: Path) -> Path:
    """Where the keys are that sign."""
    return data / KEY if audit.key_file is None else Path(audit.key_file)


def place_of(audit: AuditSettings) -> NotesPlace | None:
    """Where checkpoints go to."""
    return None if audit.checkpoints is None else NotesPlace(audit.checkpoints)


def settled(settings: Settings) -> AuditSettings:
    """Its settings, with whether receipts are chained: as said, else where there is something to prove by them."""
    audit = settings.audit
    governs = bool(settings.admin is not None or settings.guards or settings.policy.files)
    return replace(audit, receipts=governs if audit.receipts is None else audit.receipts)


class Auditing:
    """One process of all that share a database chains at a time; any may."""

    def __init__(
        self, settings: AuditSettings, store: AuditStore, data: Path, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._settings = settings
        self._store = store
        self._data = data
        self._now_ns = now_ns
        self._place = place_of(settings)
        self._due_s = 0.0
        self._stated: dict[str, int] = {}
        """Tenant to the size that was stated last."""
        self._refused: set[str] = set()

    def step(self, now_s: float) -> bool:
        """Chain what waits; from time to time state how far chains have come. Never fails: what can't be done now is told,
        and done later. Returns: whether more waits.
        """
        try:
            more = self._grow()
            if now_s >= self._due_s:
                self._due_s = now_s + self._settings.checkpoint_every_s
                self.state()
        except (StoreError, OSError) as error:
            log.error("audit.not_chained", extra={"reason": str(error)})
            return False
        return more

    def chain(self) -> None:
        """Chain all that waits. Raises: StoreError."""
        while self._grow():
            pass

    def _grow(self) -> bool:
        return all(self._store.grow(chained, MOST) >= MOST for _ in range(ROUNDS))

    def state(self) -> list[Checkpoint]:
        """Sign a checkpoint of every chain that has grown, and take those outside that lie inside alone.

        Returns: those that were made. Raises: StoreError.
        """
        keys = signers(key_file(self._settings, self._data), self._settings.name)
        made = [one for head in self._store.heads() if (one := self._stated_of(head, keys)) is not None]
        if self._place is not None:
            for one in self._store.unexported(EXPORTED_AT_ONCE):
                self._place.put(origin_of(self._settings.name, one.tenant), one.size, one.note)
                self._store.put_checkpoint(replace(one, exported=True))
        return made

    def _stated_of(self, head: Head, keys: list[Signer]) -> Checkpoint | None:
        if not head.size or self._stated.get(head.tenant) == head.size:
            return None
        name, tenant = self._settings.name, head.tenant
        known = self._store.checkpoints(tenant, 1)
        outside = None if self._place is None else self._place.last(origin_of(name, tenant))
        try:
            for before in (*(one.note for one in known), *(() if outside is None else (outside,))):
                check_goes_on(self._store, head, before, name)
        except Rewritten as error:
            if tenant not in self._refused:
                self._refused.add(tenant)
                log.error("audit.rewritten", extra={"tenant": tenant, "reason": str(error)})
            return None
        self._stated[tenant] = head.size
        if known and known[0].size == head.size:
            return None
        made = signed(head, name, keys, self._now_ns())
        self._store.put_checkpoint(made)
        return made

    def finish(self) -> None:
        """Chain the rest, and state it."""
        while self.step(float("-inf")):
            pass
        try:
            self.state()
        except (StoreError, OSError) as error:
            log.error("audit.not_chained", extra={"reason": str(error)})
        self._store.close()

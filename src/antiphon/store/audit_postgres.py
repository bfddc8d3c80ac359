"""Chains in Postgres, shared by all gateways that use the database."""

from functools import partial

from antiphon.core.audit import Event
from antiphon.core.audit_store import AuditStore, Chain, Checkpoint, Head, Link
from antiphon.store import audit
from antiphon.store.asking_postgres import PostgresAsking
from antiphon.store.postgres_link import PostgresPlace

LOCK = 0x61756474
"""Names, among locks of the database, the one that whoever chains holds: one gateway at a time."""


class PostgresAudit(AuditStore):
    """Connections are shared by the threads of a process."""

    def __init__(self, place: PostgresPlace) -> None:
        """`place` holds a database whose tables are up to date."""
        self._asking = PostgresAsking(place)

    def note(self, event: Event) -> None:
        self._asking.run(lambda db: db.ask(audit.NOTE, audit.noted(event)), writes=True)

    def grow(self, chain: Chain, most: int) -> int:
        return self._asking.run(partial(audit.grow, chain=chain, most=most), writes=True, lock=LOCK)

    def heads(self) -> list[Head]:
        return self._asking.run(audit.heads)

    def links(self, tenant: str, first: int, most: int) -> list[Link]:
        return self._asking.run(partial(audit.links, tenant=tenant, first=first, most=most))

    def about(self, what: str, most: int) -> list[Link]:
        return self._asking.run(partial(audit.about, what=what, most=most))

    def batches(self, tenant: str) -> list[bytes]:
        return self._asking.run(partial(audit.batches, tenant=tenant))

    def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        self._asking.run(partial(audit.put_checkpoint, one=checkpoint), writes=True)

    def checkpoints(self, tenant: str, most: int) -> list[Checkpoint]:
        return self._asking.run(partial(audit.checkpoints, tenant=tenant, most=most))

    def unexported(self, most: int) -> list[Checkpoint]:
        return self._asking.run(partial(audit.unexported, most=most))

    def close(self) -> None:
        self._asking.close()

"""Approvals in Postgres, shared by all gateways that use the database."""

from collections.abc import Sequence
from functools import partial

from antiphon.core.approval import Approval, ApprovalState
from antiphon.core.approval_store import ApprovalStore, Change, Changed, Message
from antiphon.store import approvals
from antiphon.store.asking_postgres import PostgresAsking
from antiphon.store.postgres_link import PostgresPlace

LOCK = 0x61707072
"""Names, among locks of the database, the one that whoever changes approvals holds: one at a time."""


class PostgresApprovals(ApprovalStore):
    """Connections are shared by the threads of a process."""

    def __init__(self, place: PostgresPlace) -> None:
        """`place` holds a database whose tables are up to date."""
        self._asking = PostgresAsking(place)

    def put(self, first: Changed, most_waiting: int, now_ns: int) -> Approval:
        work = partial(approvals.put, first=first, most_waiting=most_waiting, now_ns=now_ns)
        return self._asking.run(work, writes=True, lock=LOCK)

    def one(self, approval_id: str, tenant: str | None = None) -> Approval | None:
        return self._asking.run(partial(approvals.one, approval_id=approval_id, tenant=tenant))

    def page(self, tenant: str | None, states: Sequence[ApprovalState], before: str, most: int) -> list[Approval]:
        work = partial(approvals.page, tenant=tenant, states=states, before=before, most=most)
        return self._asking.run(work)

    def change(self, approval_id: str, change: Change) -> Approval | None:
        work = partial(approvals.change, approval_id=approval_id, work=change)
        return self._asking.run(work, writes=True, lock=LOCK)

    def due(self, now_ns: int, most: int) -> list[str]:
        return self._asking.run(partial(approvals.due, now_ns=now_ns, most=most))

    def purge(self, before_ns: int, most: int) -> int:
        return self._asking.run(partial(approvals.purge, before_ns=before_ns, most=most), writes=True, lock=LOCK)

    def claim(self, now_ns: int, until_ns: int, most: int) -> list[Message]:
        work = partial(approvals.claim, now_ns=now_ns, until_ns=until_ns, most=most)
        return self._asking.run(work, writes=True, lock=LOCK)

    def sent(self, number: int) -> None:
        self._asking.run(partial(approvals.sent, number=number), writes=True)

    def unsent(self, message: Message) -> None:
        self._asking.run(partial(approvals.unsent, message=message), writes=True)

    def dead(self, approval_id: str) -> list[Message]:
        return self._asking.run(partial(approvals.dead, approval_id=approval_id))

    def close(self) -> None:
        self._asking.close()

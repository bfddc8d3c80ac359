"""Wakes runs that wait for a person's word."""

import logging
from collections.abc import Callable

import msgspec
from msgspec import Struct

from antiphon.core.approval import Approval
from antiphon.core.error import StoreError
from antiphon.core.run import Mail
from antiphon.core.run_store import Asked, RunStore

log = logging.getLogger("antiphon.agents")


class _Shown(Struct):
    """What of an action names the run that waits."""

    run: str = ""
    key: str = ""


_shown = msgspec.json.Decoder(_Shown).decode


class Waker:
    """Tells runs that what they asked people for is settled. Blocks on the store."""

    def __init__(self, store: RunStore, now_ns: Callable[[], int]) -> None:
        self._store = store
        self._now_ns = now_ns
        self._before = ""
        """Where the next sweep goes on."""

    def settled(self, approval: Approval) -> None:
        """Wake the run that asked. What can't be told now is found by `sweep`."""
        try:
            said = _shown(approval.wish.shown)
        except msgspec.MsgspecError:
            return  # it was not a run that asked: what else is approved has a form of its own
        if not said.run:
            return
        try:
            self._wake(said.run, approval.wish.tenant, said.key, approval.id)
        except StoreError as error:
            log.error("agents.not_woken", extra={"run": said.run, "reason": error.noted})

    def sweep(self, find: Callable[[str, str], Approval | None], most: int = 200) -> int:
        """Wake those whose approval was settled while nobody told them: of the next so many that wait, the newest first; then
        from the beginning again. Raises: StoreError.

        Args:
            find: An approval by tenant and id.
        Returns: how many were woken.
        """
        woken = 0
        page = self._store.page(Asked(statuses=("waiting",), before=self._before, most=most))
        for run in page:
            wait = run.wait
            if wait is None or not wait.approval:
                continue
            found = find(run.tenant, wait.approval)
            if found is None or found.state != "waiting":
                self._wake(run.id, run.tenant, wait.key, wait.approval)
                woken += 1
        self._before = page[-1].id if len(page) == most else ""
        return woken

    def _wake(self, run: str, tenant: str, key: str, approval: str) -> None:
        mail = Mail(
            id=f"{run}/approval/{approval}",
            run=run,
            tenant=tenant,
            kind="approval",
            at_ns=self._now_ns(),
            by="antiphon",
            key=key,
            body=msgspec.json.encode({"approval": approval}),
        )
        self._store.post(mail)

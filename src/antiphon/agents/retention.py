"""Drops runs for their age, and runs and memories of somebody by erasure, with the files of their folders."""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from antiphon.core.error import StoreError
from antiphon.core.run import Run
from antiphon.core.run_store import RunStore
from antiphon.core.vault_store import Hold

log = logging.getLogger("antiphon.agents")
EVERY_S = 60.0
"""Between two looks for what is too old."""
AT_ONCE = 200
"""Runs that are looked at in one question."""
DAY_NS = 86_400_000_000_000


class Held(Protocol):
    """Knows what may not be dropped."""

    def holds(self, tenant: str | None = None) -> list[Hold]: ...


class Owners(Protocol):
    """Knows whom holds name."""

    def owner(self, tenant: str, subject: str) -> str: ...


async def watch(keeping: "RunsKeeping", pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Tidy for as long as the process runs. What fails is told of, and done with the next look.

    Args:
        pause: Waits so many seconds, once awaited.
    """
    while True:
        await pause(EVERY_S)
        try:
            await asyncio.to_thread(keeping.tidy)
        except StoreError as error:
            log.error("agents.not_tidied", extra={"reason": error.noted})


class RunsKeeping(Struct, frozen=True, kw_only=True):
    """The use cases. All block on files or sockets; done twice at once they do no harm."""

    store: RunStore
    held: Held
    owners: Owners
    now_ns: Callable[[], int]
    keep_days: float
    """Of runs that ended."""
    workspaces: Path | None = None
    """Folder whose folders, named after roots, hold the files of runs."""

    def tidy(self, most: int = 10_000) -> int:
        """Drop what is too old and not held: runs, memories, values. Called about once a minute.

        Args:
            most: Roots that are looked at.
        Returns: how many roots were dropped. Raises: StoreError.
        """
        self.store.lapse(self.now_ns())
        before_ns = self.now_ns() - int(self.keep_days * DAY_NS)
        holds = self.held.holds()
        dropped, after = 0, ""
        for _ in range(0, most, AT_ONCE):
            found = self.store.old(before_ns, AT_ONCE, after)
            going = [one.id for one in found if not self._is_held(one, holds)]
            self.store.discard(going)
            self._clear(going)
            dropped += len(going)
            if len(found) < AT_ONCE:
                break
            after = found[-1].id
        return dropped

    def erase(self, tenant: str, subject: str) -> int:
        """Drop a subject's runs, also those that go on, and memories that are theirs or came of those; empty: all of the
        tenant's. Whoever asks has looked for holds.

        Returns: how many roots were dropped. Raises: StoreError.
        """
        gone = self.store.erase(tenant, subject)
        self._clear(gone)
        return len(gone)

    def _is_held(self, run: Run, holds: Sequence[Hold]) -> bool:
        mine = [one for one in holds if one.tenant == run.tenant]
        if not mine:
            return False
        owner = self.owners.owner(run.tenant, run.principal.subject(session=run.session))
        return any(
            not (one.owner or one.receipt or one.session)
            or (one.owner != "" and one.owner == owner)
            or (one.session != "" and one.session == run.session)
            for one in mine
        )

    def _clear(self, roots: Sequence[str]) -> None:
        if self.workspaces is None:
            return
        for root in roots:
            folder = self.workspaces / root
            if folder.parent != self.workspaces or folder.is_symlink() or not folder.is_dir():
                continue
            try:
                shutil.rmtree(folder)
            except FileNotFoundError:
                continue  # another process drops the same
            except OSError as error:
                raise StoreError(
                    f"the files of a run in {folder} can't be removed: {error}; remove them by hand"
                ) from error

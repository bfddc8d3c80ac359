"""Classes of sessions only rise, whichever worker is asked."""

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.clock import SystemClock
from antiphon.core.data_class import DATA_CLASSES, RANKS, DataClass, highest
from antiphon.core.kept import Entry, merged
from antiphon.core.ports import Kept
from antiphon.governance.sessions import SessionClasses


class Shared(Kept):
    """What all workers of a gateway keep, in memory."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def keep(self, entries: Sequence[Entry]) -> None:
        self.entries += entries

    def find(self, keys: Sequence[str]) -> dict[str, Entry]:
        return {key: one for key, one in merged(self.entries).items() if key in keys}

    def parts(self, key: str) -> list[Entry]:
        return []


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(DATA_CLASSES)), min_size=1, max_size=12))
def test_a_class_is_the_highest_that_any_worker_saw(asks: list[tuple[int, DataClass]]) -> None:
    shared = Shared()
    workers = [SessionClasses(shared, SystemClock()) for _ in range(3)]

    async def run() -> None:
        seen: DataClass = "public"
        for worker, least in asks:
            seen = highest(seen, least)
            assert await workers[worker].raised("acme", "s1", least) == seen

    asyncio.run(run())


async def test_two_workers_who_raise_it_at_once_take_nothing_back() -> None:
    shared = Shared()
    first, second = SessionClasses(shared, SystemClock()), SessionClasses(shared, SystemClock())

    class Slow(Shared):
        """The second worker reads before the first writes, and writes after it."""

        def find(self, keys: Sequence[str]) -> dict[str, Entry]:
            return {}

    blind = SessionClasses(Slow(), SystemClock())
    blind._kept.entries = shared.entries
    assert await first.raised("acme", "s", "restricted") == "restricted"
    await blind.raised("acme", "s", "confidential")
    assert await second.raised("acme", "s", "public") == "restricted"


async def test_tenants_and_sessions_are_apart_and_keys_tell_nothing() -> None:
    shared = Shared()
    classes = SessionClasses(shared, SystemClock())
    await classes.raised("acme", "secret-project", "restricted")
    assert await classes.raised("globex", "secret-project", "public") == "public"
    assert await classes.raised("acme", "other", "internal") == "internal"
    assert all(len(one.key) == 36 and "secret" not in one.key for one in shared.entries)
    assert all(RANKS[name] >= 0 for name in DATA_CLASSES)


async def test_without_a_store_a_worker_knows_its_own() -> None:
    classes = SessionClasses(None, SystemClock())
    assert await classes.raised("acme", "s", "confidential") == "confidential"
    assert await classes.raised("acme", "s", "public") == "confidential"

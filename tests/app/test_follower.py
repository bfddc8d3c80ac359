"""A process keeps abreast of the store, and goes on with what it knew while that is away."""

import asyncio
from pathlib import Path

import msgspec

from antiphon.app.follower import Follower
from antiphon.app.spread import Spread
from antiphon.control import keys
from antiphon.control.owned import Owned
from antiphon.control.settings import KeyForm
from antiphon.core.objects import Edit
from antiphon.store.objects_sqlite import SqliteObjects
from antiphon.store.sqlite import FILE, SqliteDatabase


def write(objects: SqliteObjects, name: str) -> int:
    spec = msgspec.json.encode(keys.made(KeyForm(name=name), f"text-{name}", 0))
    edit = Edit(kind="key", name=name, tenant="default", action="create", expects=0, spec=spec)
    return objects.edit(edit, "cli", 0)


def names(owned: Owned) -> set[str]:
    return {one.principal.key for one in owned.keys.values()}


async def test_what_changed_is_handed_over_once(tmp_path: Path) -> None:
    SqliteDatabase(tmp_path).close()
    objects = SqliteObjects(tmp_path)
    taken: list[set[str]] = []
    follower = Follower(objects, lambda owned: taken.append(names(owned)))

    assert await follower.again()
    write(objects, "a")
    assert await follower.again()
    assert await follower.again()
    version = write(objects, "b")
    assert await follower.again()

    assert taken == [{"a"}, {"a", "b"}]
    assert follower.owned.version == version


async def test_while_the_store_is_away_what_was_known_stands(tmp_path: Path) -> None:
    SqliteDatabase(tmp_path).close()
    objects = SqliteObjects(tmp_path)
    write(objects, "a")
    follower = Follower(objects, lambda _: None)
    assert await follower.again()

    (tmp_path / FILE).rename(tmp_path / "away")
    assert not await follower.again()
    assert names(follower.owned) == {"a"}
    (tmp_path / "away").rename(tmp_path / FILE)
    write(objects, "b")

    assert await follower.again()
    assert names(follower.owned) == {"a", "b"}


async def test_the_first_look_waits_until_the_store_is_there(tmp_path: Path) -> None:
    follower = Follower(SqliteObjects(tmp_path), lambda _: None)
    told: list[int] = []
    looking = asyncio.create_task(follower.first(told.append))
    while not looking.done():
        if not (tmp_path / FILE).exists():
            SqliteDatabase(tmp_path).close()
            version = write(SqliteObjects(tmp_path), "a")
        await asyncio.sleep(0)

    assert told == [version]
    assert names(follower.owned) == {"a"}


async def test_many_looks_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    SqliteDatabase(tmp_path).close()
    objects = SqliteObjects(tmp_path)
    taken: list[set[str]] = []
    follower = Follower(objects, lambda owned: taken.append(names(owned)))
    write(objects, "a")

    assert all(await asyncio.gather(*(follower.again() for _ in range(8))))

    assert taken == [{"a"}]


def test_a_change_has_come_as_far_as_the_slowest_worker() -> None:
    spread = Spread()
    spread.begun(0)
    spread.begun(1)

    assert spread.has(0, 5) == -1
    assert spread.has(1, 3) == 3
    assert spread.has(1, 6) == 5
    spread.begun(0)
    assert spread.has(1, 7) == -1, "a worker that starts anew has not said what it knows"
    assert spread.has(0, 7) == 7

"""What the port `Objects` promises, of each adapter."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from antiphon.core.error import StoreError, VersionConflict
from antiphon.core.objects import Edit, Object, Objects
from antiphon.store.objects_postgres import PostgresObjects
from antiphon.store.objects_sqlite import SqliteObjects
from antiphon.store.postgres import PostgresDatabase
from antiphon.store.sqlite import SqliteDatabase


def edit(name: str, expects: int = 0, spec: bytes | None = b"{}", **more: object) -> Edit:
    action = "delete" if spec is None else "replace" if expects else "create"
    return Edit(
        **{"kind": "key", "name": name, "tenant": "acme", "action": action, "expects": expects, "spec": spec, **more}
    )  # type: ignore[arg-type]


@pytest.fixture(params=["sqlite", "postgres"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Objects]:
    if request.param == "sqlite":
        SqliteDatabase(tmp_path).close()
        made: Objects = SqliteObjects(tmp_path)
    else:
        place = request.getfixturevalue("postgres").place()
        PostgresDatabase(place).close()
        made = PostgresObjects(place)
    yield made
    made.close()


def test_an_empty_store_has_nothing_and_no_version(objects: Objects) -> None:
    update = objects.since(0)

    assert (update.version, update.objects, update.gone) == (0, (), ())
    assert objects.get("key", "ci") is None
    assert objects.page("key", "", 10) == []
    assert list(objects.changes(100, 10)) == []


def test_what_was_written_is_read_as_it_was(objects: Objects) -> None:
    version = objects.edit(edit("ci", spec=b'{"a":1}', after=b'{"b":2}'), "bootstrap", 77)

    assert objects.get("key", "ci") == Object(
        kind="key", name="ci", tenant="acme", spec=b'{"a":1}', version=version, at_ns=77, by="bootstrap"
    )
    (change,) = objects.changes(version + 1, 10)
    assert (change.version, change.action, change.by, change.before, change.after) == (
        version, "create", "bootstrap", None, b'{"b":2}',
    )  # fmt: skip


@pytest.mark.parametrize(("expects", "there"), [(0, True), (99, True), (5, False)], ids=["there", "other", "gone"])
def test_an_edit_of_what_is_not_as_expected_changes_nothing(objects: Objects, expects: int, there: bool) -> None:
    if there:
        objects.edit(edit("ci"), "cli", 1)
    before = objects.since(0)

    with pytest.raises(VersionConflict, match="ci"):
        objects.edit(edit("ci", expects, b"other"), "cli", 2)

    assert objects.since(0) == before


def test_only_what_changed_since_a_version_is_told(objects: Objects) -> None:
    first = objects.edit(edit("a"), "cli", 1)
    second = objects.edit(edit("b"), "cli", 2)
    third = objects.edit(edit("a", first, b"[1]"), "cli", 3)
    fourth = objects.edit(edit("b", second, None), "cli", 4)

    assert first < second < third < fourth
    update = objects.since(second)
    assert (update.version, update.whole) == (fourth, False)
    assert [(one.name, one.spec) for one in update.objects] == [("a", b"[1]")]
    assert update.gone == (("key", "b"),)
    assert objects.since(fourth).objects == objects.since(fourth).gone == ()
    whole = objects.since(0)
    assert (whole.whole, [one.name for one in whole.objects]) == (True, ["a"])


def test_a_store_that_is_older_than_what_was_known_tells_all_there_is(objects: Objects) -> None:
    version = objects.edit(edit("a"), "cli", 1)

    update = objects.since(version + 50)

    assert (update.version, update.whole, [one.name for one in update.objects]) == (version, True, ["a"])


def test_pages_follow_each_other_in_order_of_names_within_kind_and_tenant(objects: Objects) -> None:
    for name in ("d", "a", "c", "b"):
        objects.edit(edit(name, tenant="globex" if name == "c" else "acme"), "cli", 1)
    objects.edit(edit("aa", kind="budget"), "cli", 1)

    assert [one.name for one in objects.page("key", "", 2)] == ["a", "b"]
    assert [one.name for one in objects.page("key", "b", 9)] == ["c", "d"]
    assert [one.name for one in objects.page("key", "", 9, "acme")] == ["a", "b", "d"]


def test_changes_come_newest_first_and_can_be_asked_for_by_object(objects: Objects) -> None:
    versions = [objects.edit(edit(name), "cli", 1) for name in ("a", "b", "c")]

    assert [one.version for one in objects.changes(versions[-1] + 1, 2)] == [versions[2], versions[1]]
    assert [one.version for one in objects.changes(versions[1], 9)] == [versions[0]]
    assert [one.name for one in objects.changes(10**9, 9, "key", "b")] == ["b"]
    assert list(objects.changes(10**9, 9, "limit")) == []


def test_of_many_writers_that_expect_the_same_version_one_succeeds(objects: Objects) -> None:
    version = objects.edit(edit("a"), "cli", 1)
    won: list[int] = []
    lost: list[VersionConflict] = []

    def write(number: int) -> None:
        try:
            won.append(objects.edit(edit("a", version, b"%d" % number), "cli", number))
        except VersionConflict as error:
            lost.append(error)

    threads = [Thread(target=write, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert (len(won), len(lost)) == (1, 7)
    found = objects.get("key", "a")
    assert found is not None
    assert found.version == won[0] == objects.since(0).version


def test_who_follows_the_changes_of_many_writers_misses_none(objects: Objects) -> None:
    names = [f"k{number}" for number in range(40)]
    threads = [
        Thread(target=lambda mine=names[at::8]: [objects.edit(edit(one), "cli", 1) for one in mine]) for at in range(8)
    ]
    for one in threads:
        one.start()
    known: set[str] = set()
    version = 0
    while len(known) < len(names):
        update = objects.since(version)
        assert update.version >= version
        known |= {one.name for one in update.objects}
        version = update.version
    for one in threads:
        one.join()

    assert known == set(names)
    assert objects.since(version).objects == ()


def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    objects = SqliteObjects(tmp_path / "nowhere")

    with pytest.raises(StoreError, match="can't be read"):
        objects.since(0)
    with pytest.raises(StoreError, match="can't be written"):
        objects.edit(edit("a"), "cli", 1)

"""Chains that were tampered with, in a real database: each kind is found, and what is sound is sound."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from antiphon.app.auditing import KEY, Auditing
from antiphon.control import audit_proofs
from antiphon.control.audit_chain import chained
from antiphon.control.audit_events import LONGEST, canonical
from antiphon.control.audit_verify import Verified, verify
from antiphon.control.checkpoints import origin_of, tenant_of
from antiphon.control.settings_audit import AuditSettings
from antiphon.core.audit import Event
from antiphon.core.error import NotFound
from antiphon.store.audit import noted
from antiphon.store.audit_sqlite import SqliteAudit
from antiphon.store.database import Batch
from antiphon.store.notes_place import NotesPlace
from antiphon.store.sqlite import FILE, SqliteDatabase
from antiphon.vault.signing import Key, signers

SIZE = 600
TEXT = st.text(max_size=20)


class House:
    """A database with chains in it, and checkpoints outside."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.outside = directory / "outside"
        self.settings = AuditSettings(checkpoints=str(self.outside), checkpoint_every_s=1)
        self.database = SqliteDatabase(directory)
        self.store = SqliteAudit(directory)
        self.auditing = self.restarted()
        self.grow(SIZE)

    def restarted(self) -> Auditing:
        return Auditing(self.settings, self.store, self.directory, now_ns=lambda: 7)

    def grow(self, count: int) -> None:
        self.database.write(Batch(notes=[noted(event(number)) for number in range(count)]))
        while self.auditing.step(float("inf")):
            pass

    def edit(self, *statements: str) -> None:
        """What somebody with the database's password does."""
        with closing(sqlite3.connect(self.directory / FILE)) as db, db:
            for one in statements:
                db.execute(one)

    def bodies(self) -> list[bytes]:
        return [one.body for one in self.store.links("acme", 0, 10_000)]

    def notes(self) -> dict[str, list[bytes]]:
        place = NotesPlace(str(self.outside))
        return {tenant_of("antiphon", origin) or "": list(place.all(origin)) for origin in place.origins()}

    @property
    def keys(self) -> list[Key]:
        return [one.key for one in signers(self.directory / KEY, "antiphon")]

    def verified(self, *, notes: bool = True) -> Verified:
        return verify(self.bodies(), self.notes() if notes else {}, self.keys)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    yield one
    one.database.close()


def event(number: int, tenant: str = "acme") -> Event:
    return Event(tenant=tenant, kind="test", by="key/app", at_ns=number, about=f"thing/{number}", detail={"n": number})


def kinds(found: Verified) -> set[str]:
    return {one.what for one in found.faults}


# --- the form


@given(
    TEXT,
    TEXT,
    TEXT,
    st.dictionaries(st.text("abcxyzABC_", min_size=1, max_size=8), TEXT | st.integers() | st.booleans() | st.none()),
)
def test_an_event_is_canonical_as_rfc_8785_has_it(
    tenant: str, by: str, about: str, detail: dict[str, str | int | None]
) -> None:
    made = Event(tenant=tenant, kind="test", by=by, at_ns=2**62, about=about, detail=detail)
    body = canonical(made, 5, bytes(32))

    assert body == rfc8785.dumps(msgspec.json.decode(body))
    assert b"\n" not in body


def test_what_can_not_be_said_in_an_event_is_cut_or_replaced() -> None:
    odd = Event(
        tenant="a",
        kind="test",
        by="x" * 9999,
        at_ns=1,
        about="\ud800",
        detail={"größe": 2**60, "list": ("a", "\udfff")},
    )
    said = msgspec.json.decode(canonical(odd, 0, bytes(32)))

    assert len(said["by"]) == LONGEST
    assert said["about"] == "?"
    assert said["detail"] == {"gr??e": str(2**60), "list": ["a", "?"]}


# --- what is sound


def test_a_sound_log_agrees_with_its_checkpoints(house: House) -> None:
    house.grow(10)
    found = house.verified()

    assert found.faults == []
    assert (found.chains["acme"].size, found.checkpoints) == (SIZE + 10, 2)


def test_checkpoints_are_signed_notes_of_the_public_form(house: House) -> None:
    (note,) = house.notes()["acme"]
    lines = note.decode().split("\n")

    assert lines[:2] == ["antiphon/acme", str(SIZE)]
    assert lines[3] == ""
    assert lines[4].startswith("— antiphon ")
    assert house.keys[0].text.startswith("antiphon+")


def test_an_event_is_proved_to_be_in_the_log_and_no_other_is(house: House) -> None:
    (link,) = house.store.about("thing/300", 10)
    proof = audit_proofs.inclusion(house.store, "antiphon", link)

    again = audit_proofs.decoder.decode(msgspec.json.encode(proof))
    assert audit_proofs.wrong(again, house.keys) == ""
    assert len(proof.path) < 12
    other = msgspec.structs.replace(proof, event=proof.event.replace("thing/300", "thing/301"))
    assert audit_proofs.wrong(other, house.keys) == "proof"
    assert audit_proofs.wrong(msgspec.structs.replace(proof, size=SIZE - 1), house.keys) == "size"
    assert audit_proofs.wrong(proof, []) == "signature"


def test_a_log_is_proved_to_have_only_grown(house: House) -> None:
    house.grow(100)
    proof = audit_proofs.consistency(house.store, "antiphon", "acme", SIZE)

    assert (proof.old, proof.new) == (SIZE, SIZE + 100)
    assert audit_proofs.wrong(proof, house.keys) == ""
    assert audit_proofs.wrong(msgspec.structs.replace(proof, path=proof.path[1:]), house.keys) == "proof"
    with pytest.raises(NotFound, match="no checkpoint of 5"):
        audit_proofs.consistency(house.store, "antiphon", "acme", 5)


def test_an_event_that_no_checkpoint_states_yet_has_no_proof(house: House) -> None:
    house.store.note(event(1))
    house.store.grow(chained, 10)
    (last,) = house.store.links("acme", SIZE, 1)

    with pytest.raises(NotFound, match="no checkpoint states"):
        audit_proofs.inclusion(house.store, "antiphon", last)


# --- what was tampered with


def test_an_event_that_was_changed_is_found(house: House) -> None:
    house.edit("UPDATE audit SET body = CAST(replace(CAST(body AS TEXT), 'key/app', 'key/abc') AS BLOB) WHERE seq = 17")

    found = house.verified(notes=False)
    assert [(one.what, one.seq) for one in found.faults] == [("link", 18)]
    assert kinds(house.verified()) == {"link", "rewritten"}


def test_the_last_event_that_was_changed_is_found_by_a_checkpoint(house: House) -> None:
    house.edit(
        f"UPDATE audit SET body = CAST(replace(CAST(body AS TEXT), 'key/app', 'key/abc') AS BLOB) WHERE seq = {SIZE - 1}"
    )

    assert kinds(house.verified(notes=False)) == set()
    assert kinds(house.verified()) == {"rewritten"}


def test_an_event_that_was_taken_out_is_found(house: House) -> None:
    house.edit("DELETE FROM audit WHERE seq = 17")

    assert {"order", "link"} <= kinds(house.verified(notes=False))


def test_events_that_changed_places_are_found(house: House) -> None:
    house.edit(
        "UPDATE audit SET seq = -1 WHERE seq = 17",
        "UPDATE audit SET seq = 17 WHERE seq = 18",
        "UPDATE audit SET seq = 18 WHERE seq = -1",
    )

    assert {"order", "link"} <= kinds(house.verified(notes=False))


def test_a_log_that_was_cut_is_found_by_a_checkpoint(house: House) -> None:
    house.edit("DELETE FROM audit WHERE seq >= 500")

    assert kinds(house.verified(notes=False)) == set()
    assert kinds(house.verified()) == {"truncated"}


def rebuild(house: House, drop: int) -> None:
    """Leave an event out, and make a whole new chain of the rest, as whoever owns the database can."""
    kept = [event(number) for number in range(SIZE) if number != drop]
    house.edit(*(f"DELETE FROM {table}" for table in ("audit", "audit_heads", "audit_batches", "audit_checkpoints")))
    house.database.write(Batch(notes=[noted(one) for one in kept]))
    while house.store.grow(chained, 1000):
        pass


def test_a_chain_that_was_built_anew_is_found_by_a_checkpoint_outside_alone(house: House) -> None:
    rebuild(house, drop=17)
    house.store.note(event(1))
    house.store.grow(chained, 10)

    assert kinds(house.verified(notes=False)) == set()
    assert kinds(house.verified()) == {"rewritten"}


def test_nothing_is_signed_for_a_chain_that_was_built_anew_or_cut(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    before = house.notes()
    rebuild(house, drop=17)
    house.store.note(event(1))
    again = house.restarted()
    again.step(float("inf"))
    assert "are not those that a checkpoint states" in str(caplog.records[-1].__dict__["reason"])

    house.edit("DELETE FROM audit WHERE seq > 10", "UPDATE audit_heads SET size = 11")
    assert house.notes() == before
    assert house.store.checkpoints("acme", 1) == []


def test_a_checkpoint_that_nobody_trusted_signed_is_found(house: House, tmp_path: Path) -> None:
    notes = house.notes()
    other = [one.key for one in signers(tmp_path / "other.key", "antiphon")]
    assert kinds(verify(house.bodies(), notes, other)) == {"signature"}

    forged = notes["acme"][0].replace(str(SIZE).encode(), b"599")
    assert kinds(verify(house.bodies(), {"acme": [forged, b"nonsense"]}, house.keys)) == {"signature"}


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"seq":0}', b"\xff"])
def test_a_line_that_is_no_event_is_found(line: bytes) -> None:
    assert [one.what for one in verify([line], {}, []).faults] == ["event"]


def test_an_event_that_is_written_otherwise_is_found(house: House) -> None:
    bodies = house.bodies()
    bodies[-1] = bodies[-1].replace(b'{"about"', b'{ "about"')

    assert kinds(verify(bodies, {}, [])) == {"event"}


# --- where checkpoints lie


def test_a_checkpoint_outside_is_never_written_over(tmp_path: Path) -> None:
    place = NotesPlace(str(tmp_path))
    place.put("antiphon/a b", 5, b"first")
    place.put("antiphon/a b", 5, b"second")
    place.put("antiphon/a b", 40, b"third")

    assert list(place.all("antiphon/a b")) == [b"first", b"third"]
    assert place.last("antiphon/a b") == b"third"
    assert place.last("antiphon/other") is None
    assert place.origins() == ["antiphon/a b"]


def test_a_place_that_is_away_leaves_checkpoints_for_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "outside").write_text("a file where the directory has to be")
    house = House(tmp_path)
    assert [one.size for one in house.store.unexported(9)] == [SIZE]
    assert "audit.not_chained" in caplog.messages

    house.outside.unlink()
    house.auditing.step(float("inf"))
    assert house.store.unexported(9) == []
    assert len(house.notes()["acme"]) == 1
    house.database.close()


@given(st.text(min_size=0, max_size=20).filter(lambda text: not any("\ud800" <= one <= "\udfff" for one in text)))
def test_a_tenant_is_told_by_its_chains_name(tenant: str) -> None:
    assert tenant_of("example.com/log", origin_of("example.com/log", tenant)) == tenant


def test_digest_of_an_event_is_what_the_next_one_names(house: House) -> None:
    first, second = house.bodies()[:2]
    assert msgspec.json.decode(second)["prev"] == sha256(first).hexdigest()

"""Tokens: the same for the same value everywhere, another's for nobody, and gone with whom they are about."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.error import StoreError
from antiphon.metering.journal import FileJournal
from antiphon.metering.kept import JournalledKept
from antiphon.metering.shipping import Shipper
from antiphon.store.sqlite import SqliteDatabase, SqliteReader
from antiphon.vault.envelope import Envelope
from antiphon.vault.tokens import SealedTokens

from .test_envelope import SECOND_NS, Vault

DAY_S = 86_400


class Tokens:
    """Two workers of one gateway, and its shipper."""

    def __init__(self, directory: Path) -> None:
        self.database = SqliteDatabase(directory)
        self.vault = Vault(directory)
        (directory / "journal").mkdir()
        self.directory = directory
        self.journals = [FileJournal(directory / "journal", f"w{number}", segment_bytes=65_536) for number in (1, 2)]
        self.workers = [self.worker(journal) for journal in self.journals]

    def worker(self, journal: FileJournal, digits: int = 16) -> SealedTokens:
        self.envelope: Envelope = self.vault.process()
        self.envelope.refresh()
        kept = JournalledKept(journal, SqliteReader(self.directory), self.directory / "journal")
        return SealedTokens(self.envelope, kept, self.vault.clock.now_ns, 30, digits)

    def ship(self) -> None:
        Shipper(self.directory / "journal", self.database).step()


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[Tokens]:
    one = Tokens(tmp_path)
    with closing(one.database):
        yield one
    for journal in one.journals:
        journal.close()


def test_a_value_has_one_token_in_every_process_and_none_of_another_tenant_or_kind(tokens: Tokens) -> None:
    first, second = tokens.workers
    made = first.token("acme", "email", "a@b.example")

    assert re.fullmatch(r"\[\[EMAIL_[0-9A-F]{16}\]\]", made)
    assert second.token("acme", "email", "a@b.example") == made
    others = {
        first.token(*one)
        for one in (
            ("other", "email", "a@b.example"),
            ("acme", "name", "a@b.example"),
            ("acme", "email", "b@b.example"),
        )
    }
    assert len(others | {made}) == 4


@given(st.lists(st.tuples(st.sampled_from(["email", "iban", "card"]), st.text(max_size=8)), unique=True, max_size=30))
def test_no_token_is_the_beginning_or_a_part_of_another(
    tokens_of_a_module: SealedTokens, values: list[tuple[str, str]]
) -> None:
    made = [tokens_of_a_module.token("acme", kind, value) for kind, value in values]

    assert len(set(made)) == len(values)
    assert not any(one in other for one in made for other in made if one != other)


@pytest.fixture(scope="module")
def tokens_of_a_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SealedTokens]:
    one = Tokens(tmp_path_factory.mktemp("tokens"))
    with closing(one.database):
        yield one.workers[0]
    for journal in one.journals:
        journal.close()


@pytest.mark.parametrize("ships", [False, True], ids=["in a journal", "in the database"])
async def test_what_one_worker_kept_any_other_reveals(tokens: Tokens, ships: bool) -> None:
    first, second = tokens.workers
    made = first.token("acme", "email", "a@b.example")
    await first.keep("acme", "alice", {made: "a@b.example"})
    if ships:
        tokens.ship()

    assert await second.reveal("acme", [made, "[[EMAIL_0000000000000000]]"]) == {made: "a@b.example"}
    assert await second.reveal("other", [made]) == {}


async def test_no_value_stands_anywhere_in_the_clear(tokens: Tokens) -> None:
    await tokens.workers[0].keep("acme", "alice", {"[[EMAIL_1]]": "MARKER@b.example"})
    tokens.ship()

    everything = b"".join(path.read_bytes() for path in tokens.directory.rglob("*") if path.is_file())
    assert b"MARKER" not in everything
    assert b"alice" not in everything


async def test_what_is_known_to_be_kept_is_not_written_again_until_half_its_time_is_over(tokens: Tokens) -> None:
    first, _ = tokens.workers
    await first.keep("acme", "alice", {"[[EMAIL_1]]": "a@b.example"})
    for journal in tokens.journals:
        journal.close()
    await first.keep("acme", "alice", {"[[EMAIL_1]]": "a@b.example"})  # writes nothing

    tokens.vault.clock.at_ns += 16 * DAY_S * SECOND_NS
    with pytest.raises(StoreError, match="closed"):
        await first.keep("acme", "alice", {"[[EMAIL_1]]": "a@b.example"})


async def test_a_meaning_lapses(tokens: Tokens) -> None:
    first, second = tokens.workers
    await first.keep("acme", "alice", {"[[EMAIL_1]]": "a@b.example"})
    tokens.vault.clock.at_ns += 31 * DAY_S * SECOND_NS

    assert await second.reveal("acme", ["[[EMAIL_1]]"]) == {}


async def test_two_values_never_share_a_token_though_their_digests_begin_alike(tokens: Tokens) -> None:
    short = tokens.worker(tokens.journals[0], digits=1)
    made: dict[str, str] = {}
    clash = ""
    for number in range(17):  # of 17 values two have the same digit
        value = f"{number}@b.example"
        token = short.token("acme", "email", value)
        if token in made:
            clash = token
            with pytest.raises(StoreError, match="two values"):
                await short.keep("acme", "alice", {token: value})
            break
        made[token] = value
        await short.keep("acme", "alice", {token: value})

    assert await short.reveal("acme", [clash]) == {clash: made[clash]}


async def test_meanings_are_erased_with_their_subject_and_anothers_stay(tokens: Tokens) -> None:
    first, second = tokens.workers
    shared, hers = {"[[EMAIL_1]]": "shared@b.example"}, {"[[EMAIL_2]]": "hers@b.example"}
    await first.keep("acme", "alice", {**shared, **hers})
    await first.keep("acme", "bob", shared)
    owner = tokens.envelope.owner("acme", "alice")
    tokens.vault.erase("acme", owner)

    fresh = tokens.worker(tokens.journals[1])
    assert await fresh.reveal("acme", ["[[EMAIL_1]]", "[[EMAIL_2]]"]) == shared
    await second.keep("acme", "bob", shared)


async def test_after_an_erasure_a_value_is_kept_anew(tokens: Tokens) -> None:
    worker = tokens.worker(tokens.journals[0])
    await worker.keep("acme", "alice", {"[[EMAIL_1]]": "a@b.example"})
    tokens.vault.clock.at_ns += SECOND_NS
    tokens.vault.erase("acme", tokens.envelope.owner("acme", "alice"))
    tokens.vault.clock.at_ns += SECOND_NS
    tokens.envelope.refresh()
    assert await worker.reveal("acme", ["[[EMAIL_1]]"]) == {}

    await worker.keep("acme", "alice", {"[[EMAIL_1]]": "a@b.example"})
    assert await worker.reveal("acme", ["[[EMAIL_1]]"]) == {"[[EMAIL_1]]": "a@b.example"}

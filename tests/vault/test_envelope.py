"""Sealing by data keys: who can open what, until when, and what is left once it was erased."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fakes.clock import StoppedClock
from kms import FakeKms
from msgspec.structs import replace

from antiphon.core.error import Erased, StoreError
from antiphon.core.secret import Secret
from antiphon.core.vault_store import EVERYBODY, DataKey
from antiphon.store.sqlite import SqliteDatabase
from antiphon.store.vault_sqlite import SqliteVault
from antiphon.vault.envelope import Envelope, Ports
from antiphon.vault.local import LocalSealer
from antiphon.vault.make import wrappers
from antiphon.vault.rotation import rotate
from antiphon.vault.sealed import key_of, owner_of
from antiphon.vault.settings import AwsKmsSettings, VaultSettings

SECOND_NS = 1_000_000_000


class Vault:
    """One data directory, and processes that seal in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = StoppedClock(SECOND_NS)
        self.store = SqliteVault(directory)
        self.journal: dict[str, DataKey] = {}
        """Data keys that were written down and not shipped."""

    def process(self, settings: VaultSettings | None = None, *, ships: bool = True) -> Envelope:
        """A process of its own, with nothing in memory."""
        settings = settings or VaultSettings()
        local = self.directory / "local.key"

        def keep(key: DataKey) -> None:
            if ships:
                self.store.add_keys([key])
            else:
                self.journal[key.id] = key

        ports = Ports(
            store=self.store,
            wrappers=wrappers(settings, local),
            local=LocalSealer(local),
            now_ns=self.clock.now_ns,
            now_s=self.clock.steady_s,
            keep=keep,
            waiting=self.journal.get,
        )
        return Envelope(ports, settings)

    def erase(self, tenant: str, owner: str) -> int:
        return self.store.erase(tenant, owner, self.clock.now_ns())

    def later(self, seconds: float) -> None:
        self.clock.at_ns += int(seconds * SECOND_NS)


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with closing(SqliteDatabase(tmp_path)):
        yield Vault(tmp_path)


def of_kms(kms: FakeKms, **fields: Any) -> VaultSettings:
    aws = AwsKmsSettings(
        key_id="main",
        region="eu-central-1",
        endpoint_url=kms.url,
        access_key_id=Secret("id"),
        secret_access_key=Secret("secret"),
    )
    return VaultSettings(key="aws_kms", aws_kms=aws, **fields)


def test_what_one_process_sealed_any_other_opens(vault: Vault) -> None:
    sealed = vault.process().seal(b"plain", "acme/1", tenant="acme", subject="alice")

    assert b"plain" not in sealed
    assert vault.process().unseal(sealed, "acme/1") == b"plain"


def test_it_opens_for_its_own_context_alone_and_as_it_was(vault: Vault) -> None:
    one = vault.process()
    sealed = one.seal(b"plain", "acme/1", tenant="acme")

    with pytest.raises(StoreError):
        one.unseal(sealed, "acme/2")
    for place in (20, 40, -1):  # the owner, the nonce, the text
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(StoreError):
            one.unseal(bytes(changed), "acme/1")


def test_what_the_local_key_itself_sealed_stays_readable(vault: Vault) -> None:
    old = LocalSealer(vault.directory / "local.key").seal(b"old", "acme/1")

    assert vault.process().unseal(old, "acme/1") == b"old"
    assert vault.process().stamp(b"x") == LocalSealer(vault.directory / "local.key").stamp(b"x")


def test_a_data_key_that_still_lies_in_a_journal_is_found_there(vault: Vault) -> None:
    sealed = vault.process(ships=False).seal(b"plain", "c", tenant="acme")

    assert vault.process().unseal(sealed, "c") == b"plain"


def test_each_tenant_and_subject_has_data_keys_of_its_own(vault: Vault) -> None:
    one = vault.process()
    said = {
        (tenant, who): one.seal(b"x", "c", tenant=tenant, subject=who) for tenant in ("a", "b") for who in ("", "u")
    }

    assert len({key_of(sealed) for sealed in said.values()}) == 4
    assert len({owner_of(sealed) for sealed in said.values()}) == 4
    assert owner_of(said["a", "u"]) == vault.process().owner("a", "u")
    assert key_of(one.seal(b"y", "c", tenant="a", subject="u")) == key_of(said["a", "u"])


def test_a_data_key_seals_so_often_and_so_long_and_then_another_does(vault: Vault) -> None:
    one = vault.process(VaultSettings(data_key_uses=2, data_key_hours=1))
    first = [key_of(one.seal(b"x", "c")) for _ in range(3)]
    assert first[0] == first[1] != first[2]

    vault.later(3601)
    assert key_of(one.seal(b"x", "c")) != first[2]


def test_no_more_data_keys_are_in_memory_than_configured(vault: Vault) -> None:
    one = vault.process(VaultSettings(data_keys=16))
    sealed = [one.seal(str(number).encode(), "c", subject=str(number)) for number in range(40)]

    assert len(one._openers) == len(one._sealing) == 16  # pyright: ignore[reportPrivateUsage]
    assert [one.unseal(each, "c") for each in sealed] == [str(number).encode() for number in range(40)]


def test_a_data_key_that_cannot_be_written_down_seals_nothing(vault: Vault) -> None:
    one = vault.process()
    one.seal(b"x", "c")

    def fails(key: DataKey) -> None:
        raise StoreError("full")

    one._ports = replace(one._ports, keep=fails)  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(StoreError, match="full"):
        one.seal(b"x", "c", subject="another")
    assert one.seal(b"x", "c")


# --- erasure


def test_what_was_erased_is_read_by_nobody_and_the_rest_is(vault: Vault) -> None:
    one, other = vault.process(), vault.process()
    hers = one.seal(b"hers", "c", tenant="acme", subject="alice")
    his = one.seal(b"his", "c", tenant="acme", subject="bob")
    other.unseal(hers, "c")

    assert vault.erase("acme", other.owner("acme", "alice")) == 1
    for process in (one, other):
        process.refresh()

    for process in (one, other, vault.process()):
        with pytest.raises(Erased):
            process.unseal(hers, "c")
        assert process.unseal(his, "c") == b"his"


def test_what_comes_after_an_erasure_is_sealed_anew(vault: Vault) -> None:
    one = vault.process()
    one.refresh()
    one.seal(b"before", "c", tenant="acme", subject="alice")
    vault.later(1)
    vault.erase("acme", one.owner("acme", "alice"))
    vault.later(1)
    one.refresh()

    assert vault.process().unseal(one.seal(b"after", "c", tenant="acme", subject="alice"), "c") == b"after"


def test_an_erased_data_key_in_a_journal_opens_nothing(vault: Vault) -> None:
    one = vault.process(ships=False)
    sealed = one.seal(b"plain", "c", tenant="acme", subject="alice")
    vault.erase("acme", one.owner("acme", "alice"))

    with pytest.raises(Erased):
        vault.process().unseal(sealed, "c")


def test_a_whole_tenant_is_erased_and_may_begin_again(vault: Vault) -> None:
    one = vault.process()
    one.refresh()
    sealed = one.seal(b"x", "c", tenant="acme")
    token_key = one.token_key("acme")
    vault.erase("acme", EVERYBODY)
    vault.later(1)
    one.refresh()

    with pytest.raises(Erased):
        one.unseal(sealed, "c")
    assert one.token_key("acme") != token_key
    assert vault.process().unseal(one.seal(b"y", "c", tenant="acme"), "c") == b"y"


# --- the KMS


def test_no_call_goes_to_the_kms_but_the_first_of_a_tenant(vault: Vault, kms: FakeKms) -> None:
    one = vault.process(of_kms(kms))
    for number in range(20):
        one.unseal(one.seal(b"x", "c", tenant="acme", subject=str(number)), "c")

    assert kms.asked == ["GenerateDataKey"]
    vault.process(of_kms(kms)).seal(b"x", "c", tenant="acme")
    assert kms.asked == ["GenerateDataKey", "Decrypt"]


async def test_a_tenants_key_is_fetched_beside_the_loop(vault: Vault, kms: FakeKms) -> None:
    one = vault.process(of_kms(kms))
    await one.ready("acme")
    kms.stop()

    sealed = one.seal(b"x", "c", tenant="acme")
    await one.ready("acme")
    other = vault.process(of_kms(kms))
    with pytest.raises(StoreError):
        await other.prepare([sealed])
    kms.start()
    vault.later(2)
    await other.prepare([sealed])
    kms.stop()
    assert other.unseal(sealed, "c") == b"x"


def test_keys_of_known_tenants_are_fetched_before_a_request_needs_them(vault: Vault, kms: FakeKms) -> None:
    first = vault.process(of_kms(kms))
    sealed = {tenant: first.seal(b"x", "c", tenant=tenant) for tenant in ("a", "b")}
    fresh = vault.process(of_kms(kms))
    fresh.refresh()
    kms.stop()

    assert [fresh.unseal(each, "c") for each in sealed.values()] == [b"x", b"x"]
    assert fresh.seal(b"y", "c", tenant="b")


def test_while_the_kms_is_away_keys_in_memory_serve_until_they_are_stale_and_then_nothing(
    vault: Vault, kms: FakeKms
) -> None:
    one = vault.process(of_kms(kms, refresh_s=60, stale_s=100))
    sealed = one.seal(b"x", "c", tenant="acme")
    kms.stop()

    vault.later(159)
    one.refresh()
    assert one.unseal(sealed, "c") == b"x"
    assert one.seal(b"y", "c", tenant="acme")

    vault.later(2)
    for ask in (lambda: one.unseal(sealed, "c"), lambda: one.seal(b"y", "c", tenant="acme")):
        with pytest.raises(StoreError, match="can't be asked now"):
            ask()

    kms.start()
    with pytest.raises(StoreError):
        one.unseal(sealed, "c")  # asked a moment ago
    vault.later(1)
    assert one.unseal(sealed, "c") == b"x"


async def test_a_loop_waits_once_for_a_kms_that_is_away_and_is_served_again_once_it_is_back(
    vault: Vault, kms: FakeKms
) -> None:
    one = vault.process(of_kms(kms))
    kms.disabled.add("main")
    for _ in range(3):
        with pytest.raises(StoreError):
            one.seal(b"x", "c", tenant="acme")
        vault.later(5)
    assert len(kms.asked) == 1

    kms.disabled.clear()
    with pytest.raises(StoreError):
        one.seal(b"x", "c", tenant="acme")
    await asyncio.to_thread(one.refresh)
    assert one.seal(b"x", "c", tenant="acme")


def test_a_kms_that_is_away_at_the_start_denies_and_is_not_asked_each_time(vault: Vault, kms: FakeKms) -> None:
    kms.disabled.add("main")
    one = vault.process(of_kms(kms))
    for _ in range(5):
        with pytest.raises(StoreError):
            one.seal(b"x", "c", tenant="acme")

    assert len(kms.asked) == 1
    assert vault.store.tenant_keys() == []


def test_a_key_that_was_disabled_is_let_go_at_the_next_look(vault: Vault, kms: FakeKms) -> None:
    one = vault.process(of_kms(kms, refresh_s=60, stale_s=100_000))
    sealed = one.seal(b"x", "c", tenant="acme")
    kms.disabled.add("main")

    one.refresh()
    assert one.unseal(sealed, "c") == b"x"
    vault.later(61)
    one.refresh()
    with pytest.raises(StoreError, match="DisabledException"):
        one.unseal(sealed, "c")

    kms.disabled.clear()
    vault.later(2)
    assert one.unseal(sealed, "c") == b"x"


def test_a_key_that_was_destroyed_in_the_kms_erases_all_that_it_wrapped(vault: Vault, kms: FakeKms) -> None:
    sealed = vault.process(of_kms(kms)).seal(b"x", "c", tenant="acme")
    del kms.keys["main"]

    with pytest.raises(Erased):
        vault.process(of_kms(kms)).unseal(sealed, "c")


# --- rotation


def test_rotation_wraps_tenants_keys_anew_and_what_was_sealed_stays_readable(vault: Vault, kms: FakeKms) -> None:
    old = vault.process()
    sealed = {tenant: old.seal(b"x", "c", tenant=tenant) for tenant in ("a", "b")}

    done = rotate(vault.store, wrappers(of_kms(kms), vault.directory / "local.key"))

    assert (done.rewrapped, done.left) == (2, ())
    assert {row.wrapper for row in vault.store.tenant_keys()} == {"aws_kms/main"}
    for process in (old, vault.process(of_kms(kms))):
        assert [process.unseal(each, "c") for each in sealed.values()] == [b"x", b"x"]
    with pytest.raises(StoreError, match="no section `aws_kms`"):
        vault.process().unseal(sealed["a"], "c")


def test_rotation_of_a_file_makes_a_new_key_and_forgets_the_ones_before(vault: Vault) -> None:
    first = vault.process()
    sealed = first.seal(b"x", "c", tenant="a")
    names = set[str]()
    for _ in range(3):
        assert rotate(vault.store, wrappers(VaultSettings(), vault.directory / "local.key")).rewrapped == 1
        names |= {row.wrapper for row in vault.store.tenant_keys()}

    assert len(names) == 3
    assert len((vault.directory / "vault.keys").read_text().splitlines()) == 1
    for process in (first, vault.process()):
        assert process.unseal(sealed, "c") == b"x"


def test_rotation_leaves_what_it_cannot_unwrap_and_names_it(vault: Vault, kms: FakeKms) -> None:
    vault.process(of_kms(kms)).seal(b"x", "c", tenant="a")
    vault.process().seal(b"x", "c", tenant="b")
    kms.disabled.add("main")

    done = rotate(vault.store, wrappers(of_kms(kms), vault.directory / "local.key"))

    assert done.rewrapped == 0
    assert [(tenant, "DisabledException" in why) for tenant, why in done.left] == [("b", True)]


def test_a_gateway_with_another_local_key_seals_by_a_key_of_its_own(vault: Vault) -> None:
    sealed = vault.process().seal(b"x", "c", tenant="a")
    (vault.directory / "local.key").write_bytes(os.urandom(32))
    other = vault.process()

    assert other.unseal(other.seal(b"y", "c", tenant="a"), "c") == b"y"
    with pytest.raises(StoreError, match="another gateway's"):
        other.unseal(sealed, "c")


def test_whoever_remembers_something_is_told_of_an_erasure(vault: Vault) -> None:
    one, told = vault.process(), list[str]()
    one.on_erased(told.append)
    one.refresh()
    one.seal(b"x", "c", tenant="acme", subject="alice")
    vault.erase("acme", one.owner("acme", "alice"))

    one.refresh()
    one.refresh()

    assert told == ["acme"]

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.core.error import StoreError
from antiphon.vault.local import LocalSealer

often = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
CONTEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)


@pytest.fixture(scope="module")
def sealer(tmp_path_factory: pytest.TempPathFactory) -> LocalSealer:
    return LocalSealer(tmp_path_factory.mktemp("vault") / "local.key")


@often
@given(st.binary(max_size=100), CONTEXT)
def test_what_was_sealed_comes_back(sealer: LocalSealer, plain: bytes, context: str) -> None:
    sealed = sealer.seal(plain, context)

    assert sealer.unseal(sealed, context) == plain
    assert len(plain) < 4 or plain not in sealed


@often
@given(st.binary(max_size=100), CONTEXT, CONTEXT)
def test_another_context_opens_nothing(sealer: LocalSealer, plain: bytes, context: str, other: str) -> None:
    if context != other:
        with pytest.raises(StoreError, match="can't be opened"):
            sealer.unseal(sealer.seal(plain, context), other)


@often
@given(st.binary(max_size=40), st.data())
def test_a_changed_byte_opens_nothing(sealer: LocalSealer, plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(sealer.seal(plain, "acme/r"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))

    with pytest.raises(StoreError):
        sealer.unseal(bytes(sealed), "acme/r")


@often
@given(st.binary(max_size=40))
def test_any_other_bytes_open_nothing(sealer: LocalSealer, noise: bytes) -> None:
    for sealed in (noise, b"\x01" + noise):
        with pytest.raises(StoreError):
            sealer.unseal(sealed, "acme/r")


@often
@given(st.binary(max_size=40), st.data())
def test_a_part_opens_nothing(sealer: LocalSealer, plain: bytes, data: st.DataObject) -> None:
    sealed = sealer.seal(plain, "acme/r")

    with pytest.raises(StoreError):
        sealer.unseal(sealed[: data.draw(st.integers(0, len(sealed) - 1))], "acme/r")


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    one, other = LocalSealer(tmp_path / "one"), LocalSealer(tmp_path / "other")

    with pytest.raises(StoreError, match="another key"):
        other.unseal(one.seal(b"plain", "acme/r"), "acme/r")


def test_the_same_file_is_the_same_key(tmp_path: Path) -> None:
    sealed = LocalSealer(tmp_path / "key").seal(b"plain", "acme/r")

    assert LocalSealer(tmp_path / "key").unseal(sealed, "acme/r") == b"plain"


def test_the_same_text_is_sealed_otherwise_each_time(sealer: LocalSealer) -> None:
    assert len({sealer.seal(b"plain", "acme/r") for _ in range(100)}) == 100


def test_a_new_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    LocalSealer(tmp_path / "local.key")

    assert (tmp_path / "local.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "local.key").stat().st_size == 32


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length_is_refused_and_kept(tmp_path: Path, size: int) -> None:
    (tmp_path / "local.key").write_bytes(bytes(size))

    with pytest.raises(StoreError, match=f"local.key holds {size} bytes rather than 32; restore it from a backup"):
        LocalSealer(tmp_path / "local.key")

    assert (tmp_path / "local.key").read_bytes() == bytes(size)

"""The port `KeyWrapper`, by every adapter, and how each fails."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from kms import FakeKms

from antiphon.core.error import Erased, StoreError
from antiphon.core.ports import KeyWrapper
from antiphon.core.secret import Secret
from antiphon.vault.aws import AwsKms
from antiphon.vault.file import RING, FileWrapper
from antiphon.vault.pkcs11 import Pkcs11
from antiphon.vault.settings import AwsKmsSettings, Pkcs11Settings, VaultTransitSettings
from antiphon.vault.transit import VaultTransit
from antiphon.vault.wrapping import KeyDenied

CONTEXT = {"tenant": "acme", "purpose": "content"}
SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")
Make = Callable[[], KeyWrapper]


def aws(kms: FakeKms, key: str = "main", timeout_s: float = 2.0) -> AwsKms:
    settings = AwsKmsSettings(
        key_id=key,
        region="eu-central-1",
        endpoint_url=kms.url,
        access_key_id=Secret("id"),
        secret_access_key=Secret("secret"),
    )
    return AwsKms(settings, timeout_s)


def transit(kms: FakeKms, key: str = "main", token: str = "root", timeout_s: float = 2.0) -> VaultTransit:  # noqa: S107
    return VaultTransit(VaultTransitSettings(address=kms.url, key=key, token=Secret(token)), timeout_s)


@pytest.fixture
def softhsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pkcs11Settings:
    """A token of its own with an AES key in it."""
    if not SOFTHSM.exists() or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM2 is not installed: apt-get install softhsm2")
    pkcs11 = pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed: pip install 'antiphon[pkcs11]'")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(
        f"directories.tokendir = {tmp_path / 'tokens'}\nobjectstore.backend = file\n"
    )
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    label = f"antiphon-{os.getpid()}-{tmp_path.name}"[:32]
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "0000", "--pin", "1234"],  # noqa: S607
        check=True,
        capture_output=True,
    )
    library = pkcs11.lib(str(SOFTHSM))
    library.reinitialize()
    with library.get_token(token_label=label).open(user_pin="1234", rw=True) as session:
        session.generate_key(pkcs11.KeyType.AES, 256, label="main", store=True)
    return Pkcs11Settings(module=str(SOFTHSM), token=label, key="main", pin=Secret("1234"))


@pytest.fixture(params=["file", "aws_kms", "vault_transit", "pkcs11"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    if request.param == "file":
        return lambda: FileWrapper(tmp_path / "local.key")
    if request.param == "pkcs11":
        settings: Pkcs11Settings = request.getfixturevalue("softhsm")
        return lambda: Pkcs11(settings)
    kms: FakeKms = request.getfixturevalue("kms")
    return lambda: aws(kms) if request.param == "aws_kms" else transit(kms)


def test_what_was_wrapped_is_unwrapped_in_another_process_too(make: Make) -> None:
    key = os.urandom(32)
    wrapped = make().wrap(key, CONTEXT)

    assert key not in wrapped
    assert make().unwrap(wrapped, CONTEXT) == key


def test_a_generated_key_is_whole_and_new_each_time(make: Make) -> None:
    one = make()
    (first, wrapped), (second, _) = one.generate(CONTEXT), one.generate(CONTEXT)

    assert len(first) == 32
    assert first != second
    assert make().unwrap(wrapped, CONTEXT) == first


def test_a_key_of_one_tenant_is_not_unwrapped_as_anothers(make: Make) -> None:
    wrapped = make().wrap(os.urandom(32), CONTEXT)

    with pytest.raises(StoreError):
        make().unwrap(wrapped, {**CONTEXT, "tenant": "other"})


def test_what_was_changed_is_not_unwrapped(make: Make) -> None:
    wrapped = bytearray(make().wrap(os.urandom(32), CONTEXT))
    wrapped[-1] ^= 1

    with pytest.raises(StoreError):
        make().unwrap(bytes(wrapped), CONTEXT)


def test_its_name_says_which_key_it_is(make: Make) -> None:
    assert make().name.split("/")[0] in ("file", "aws_kms", "vault_transit", "pkcs11")


@pytest.mark.parametrize("adapter", [aws, transit])
def test_a_server_that_is_away_is_told_apart_from_one_that_says_no(
    kms: FakeKms, adapter: Callable[..., KeyWrapper]
) -> None:
    wrapped = adapter(kms).wrap(os.urandom(32), CONTEXT)
    kms.disabled.add("main")
    with pytest.raises(KeyDenied):
        adapter(kms).unwrap(wrapped, CONTEXT)

    kms.stop()
    with pytest.raises(StoreError) as away:
        adapter(kms).unwrap(wrapped, CONTEXT)
    assert not isinstance(away.value, KeyDenied)
    assert "root" not in str(away.value)

    kms.start()
    del kms.keys["main"]
    with pytest.raises(Erased):
        adapter(kms).unwrap(wrapped, CONTEXT)


def test_a_key_of_kms_is_bound_to_tenant_and_purpose_there(kms: FakeKms) -> None:
    one = aws(kms)
    _, wrapped = one.generate(CONTEXT)
    one.unwrap(wrapped, CONTEXT)

    assert kms.asked == ["GenerateDataKey", "Decrypt"]
    assert kms.contexts == [CONTEXT, CONTEXT]


def test_a_key_of_transit_is_bound_to_tenant_and_purpose_there(kms: FakeKms) -> None:
    one = transit(kms)
    one.unwrap(one.wrap(bytes(32), CONTEXT), CONTEXT)

    assert kms.asked == ["transit/encrypt", "transit/decrypt"]
    assert kms.contexts == ["purpose=content\ntenant=acme"] * 2


def test_another_token_is_refused_by_transit(kms: FakeKms) -> None:
    with pytest.raises(KeyDenied, match="403 permission denied"):
        transit(kms, token="other").wrap(bytes(32), CONTEXT)  # noqa: S106


def test_what_an_older_key_of_the_same_server_wrapped_is_unwrapped(kms: FakeKms) -> None:
    kms.keys["next"] = os.urandom(32)
    for adapter in (aws, transit):
        wrapped = adapter(kms).wrap(bytes(32), CONTEXT)
        assert adapter(kms, "next").unwrap(wrapped, CONTEXT) == bytes(32)


def test_a_wrong_pin_is_refused(softhsm: Pkcs11Settings) -> None:
    wrong = Pkcs11Settings(module=softhsm.module, token=softhsm.token, key="main", pin=Secret("9999"))

    with pytest.raises(KeyDenied, match="PinIncorrect"):
        Pkcs11(wrong).wrap(bytes(32), CONTEXT)


def test_a_key_that_the_token_does_not_have_is_gone(softhsm: Pkcs11Settings) -> None:
    wrapped = Pkcs11(softhsm).wrap(bytes(32), CONTEXT).replace(b"main\0", b"gone\0")

    with pytest.raises(Erased):
        Pkcs11(softhsm).unwrap(wrapped, CONTEXT)


def test_a_token_that_is_not_there_is_told(softhsm: Pkcs11Settings) -> None:
    other = Pkcs11Settings(module=softhsm.module, token="nowhere", key="main", pin=Secret("1234"))  # noqa: S106

    with pytest.raises(StoreError, match="can't be asked now"):
        Pkcs11(other).wrap(bytes(32), CONTEXT)


def test_a_renewed_file_key_wraps_and_the_one_before_unwraps_until_it_is_forgotten(tmp_path: Path) -> None:
    one, other = FileWrapper(tmp_path / "local.key"), FileWrapper(tmp_path / "local.key")
    first = one.wrap(bytes(32), CONTEXT)
    one.renew()
    second = one.wrap(bytes(32), CONTEXT)
    one.renew()
    third = one.wrap(bytes(32), CONTEXT)

    assert [other.unwrap(wrapped, CONTEXT) for wrapped in (first, second, third)] == [bytes(32)] * 3
    assert len({wrapped[:8] for wrapped in (first, second, third)}) == 3
    assert (tmp_path / RING).stat().st_mode & 0o777 == 0o600

    one.forget()
    fresh = FileWrapper(tmp_path / "local.key")
    assert fresh.name == one.name
    assert fresh.unwrap(third, CONTEXT) == bytes(32)
    with pytest.raises(Erased):
        fresh.unwrap(second, CONTEXT)


@pytest.mark.parametrize("text", ["0123abcd 00", "nothing", "0123abcd " + "zz" * 32])
def test_a_ring_that_was_damaged_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / RING).write_text(text)

    with pytest.raises(StoreError, match="restore it from a backup"):
        FileWrapper(tmp_path / "local.key")

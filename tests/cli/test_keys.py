"""What the key commands say of callers without a key, and to whoever has no admin key."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rig.wait import until

LAB = """
storage: {dir: DIR, ship_interval_s: 0.05}
server: {port: 0}
providers: {lab: {lab: {models: {quick: {}}}}}
models: {quick: {provider: lab}}
"""
OF_THE_FILE = "keys: [{name: mine, key: sk-mine-0123456789}]\n"
FIRST = "It is the first key: callers without one are refused from now on."
LAST = "It was the last key: callers without one are let in again, with the rights of an admin."


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a configuration, with more at its end, whose data directory is its own."""

    def write(more: str) -> Path:
        file = tmp_path / "antiphon.yaml"
        file.write_text(LAB.replace("DIR", str(tmp_path / "data")) + more)
        return file

    return write


def test_the_first_key_shuts_out_who_has_none_and_the_last_one_lets_them_in_again(
    antiphon: Any, serving: Any, config: Any
) -> None:
    file = config("")
    with serving(file) as gateway:

        def without_a_key() -> int:
            return antiphon("models", "--url", gateway.url).code

        assert without_a_key() == 0
        first = antiphon("keys", "create", "one", "--config", file)
        until(lambda: without_a_key() == 4, "nobody is anonymous")
        second = antiphon("keys", "create", "two", "--json", "--config", file)
        revoked = antiphon("keys", "revoke", "two", "--config", file)
        kept = antiphon("keys", "delete", "one", "--config", file)
        assert without_a_key() == 4, "a revoked key is one still"
        last = antiphon("keys", "delete", "two", "--json", "--config", file)
        until(lambda: without_a_key() == 0, "everyone is anonymous")

    assert [one.code for one in (first, second, revoked, kept, last)] == [0] * 5
    assert FIRST in first.err
    assert LAST in last.err
    assert not [one for one in (second, revoked, kept) if FIRST in one.err or LAST in one.err]


@pytest.mark.parametrize("more", [OF_THE_FILE, "admin: {port: 0}\n"], ids=["a key in the file", "admin"])
def test_where_a_key_is_needed_anyhow_nothing_is_said_of_callers_without_one(
    antiphon: Any, config: Any, more: str
) -> None:
    file = config(more)

    made = antiphon("keys", "create", "one", "--config", file)
    deleted = antiphon("keys", "delete", "one", "--config", file)

    assert (made.code, deleted.code) == (0, 0)
    assert "callers without one" not in made.err + deleted.err


def test_a_wrong_or_missing_admin_key_is_asked_for_by_the_name_of_its_variable(
    antiphon: Any, serving: Any, config: Any, tmp_path: Path
) -> None:
    file = config("admin: {port: 0}\n")
    with serving(file):
        url = (tmp_path / "data" / "admin.url").read_text().strip()
        wrong = antiphon("keys", "list", "--key", "sk-of-nobody-0123456789", "--config", file)
        missing = antiphon("keys", "list", ANTIPHON_ADMIN_URL=url)
        right = antiphon(
            "keys",
            "list",
            ANTIPHON_ADMIN_URL=url,
            ANTIPHON_ADMIN_KEY=(tmp_path / "data" / "admin.key").read_text().strip(),
        )

    assert right.code == 0, right.err
    for ran in (wrong, missing):
        assert ran.code == 4
        assert ran.err.count("give an admin key in the variable ANTIPHON_ADMIN_KEY, or by --key") == 1
        assert "ANTIPHON_KEY" not in ran.err

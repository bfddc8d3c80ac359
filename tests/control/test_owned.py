"""What a process knows of the admin API's objects, and how they go together with the file's."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.control import keys
from antiphon.control.definitions import merged
from antiphon.control.owned import Owned
from antiphon.control.settings import KeyBudgetSettings, KeyForm, KeyLimitSettings, KeySettings
from antiphon.core.error import StoreError
from antiphon.core.objects import Object, Update
from antiphon.core.secret import Secret
from antiphon.metering.settings import BudgetSettings
from antiphon.metering.settings_limits import RateLimitSettings


def stored(kind: str, name: str, spec: Any, version: int = 1) -> Object:
    encoded = spec if isinstance(spec, bytes) else msgspec.json.encode(spec)
    return Object(kind=kind, name=name, tenant="default", spec=encoded, version=version, at_ns=0, by="cli")  # type: ignore[arg-type]


def key(name: str, text: str = "", **fields: Any) -> Object:
    return stored("key", name, keys.made(KeyForm(name=name, **fields), text or f"text-of-{name}", 0))


def update(version: int, *objects: Object, gone: tuple[tuple[str, str], ...] = (), whole: bool = False) -> Update:
    return Update(version=version, whole=whole, objects=objects, gone=gone)  # type: ignore[arg-type]


def names(owned: Owned) -> set[str]:
    return {known.principal.key for known in owned.keys.values()}


def test_changes_are_taken_over_one_after_the_other() -> None:
    owned = Owned()
    owned.take(update(1, key("a"), key("b"), whole=True))
    owned.take(update(2, key("c"), gone=(("key", "a"),)))
    assert (owned.version, names(owned)) == (2, {"b", "c"})
    owned.take(update(3, key("d"), whole=True))
    assert names(owned) == {"d"}


@pytest.mark.parametrize(
    "bad",
    [
        stored("key", "bad", b"{"),
        stored("key", "bad", b'{"form":{"name":"bad","later":1},"texts":[],"made_ns":0}'),
        stored("budget", "bad", b'{"name":"bad"}'),
        stored("budget", "bad", b'{"name":"bad","usd":1,"later":2}'),
        stored("limit", "bad", b'{"name":"bad","requests":"many"}'),
    ],
    ids=["no JSON", "newer key", "no amount", "newer budget", "no number"],
)
def test_an_object_that_can_t_be_read_leaves_all_as_it_was(bad: Object) -> None:
    owned = Owned()
    owned.take(update(1, key("a"), whole=True))
    with pytest.raises(StoreError, match="bad"):
        owned.take(update(2, key("b"), bad))
    assert (owned.version, names(owned)) == (1, {"a"})


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=20))
def test_what_is_known_is_what_was_not_taken_away_last(steps: list[tuple[str, bool]]) -> None:
    owned = Owned()
    expected: set[str] = set()
    for version, (name, there) in enumerate(steps, 1):
        owned.take(update(version, key(name)) if there else update(version, gone=(("key", name),)))
        (expected.add if there else expected.discard)(name)
        assert (names(owned), owned.version) == (expected, version)


def test_what_comes_with_a_key_goes_when_it_is_revoked() -> None:
    form = KeyForm(
        name="a", budget=KeyBudgetSettings(usd=0.000000001), limit=KeyLimitSettings(requests=5, concurrent_requests=2)
    )
    spec = keys.made(form, "text", 0)
    owned = Owned()
    owned.take(update(1, stored("key", "a", spec)))
    assert [(one.name, one.limit, one.owner) for one in owned.budgets] == [("key/a", 1, "api")]
    assert [(one.name, one.kind, one.number) for one in owned.limits] == [
        ("key/a", "requests", 5),
        ("key/a", "concurrent_requests", 2),
    ]
    owned.take(update(2, stored("key", "a", keys.revoked(spec, 9))))
    assert (owned.budgets, owned.limits) == ((), ())
    assert [known.revoked for known in owned.keys.values()] == [True]


def test_the_file_s_and_the_api_s_go_together_and_of_a_doubled_name_the_file_s_stands() -> None:
    owned = Owned()
    owned.take(
        update(
            1,
            stored("budget", "mine", BudgetSettings(name="mine", usd=1)),
            stored("budget", "both", BudgetSettings(name="both", usd=2)),
            stored("limit", "both", RateLimitSettings(name="both", requests=2, tokens=3)),
            stored("limit", "mine", RateLimitSettings(name="mine", requests=4)),
        )
    )
    file_key = KeySettings(
        name="k", key=Secret("sk-12345678"), budget=KeyBudgetSettings(tokens=7), limit=KeyLimitSettings(tokens=8)
    )

    found = merged(
        [file_key],
        [BudgetSettings(name="both", requests=9)],
        [RateLimitSettings(name="both", concurrent_streams=5)],
        owned,
    )

    assert [(one.name, one.limit, one.owner) for one in found.budgets] == [
        ("both", 9, "yaml"),
        ("key/k", 7, "yaml"),
        ("mine", 1_000_000_000, "api"),
    ]
    assert [(one.name, one.kind, one.number, one.owner) for one in found.limits] == [
        ("both", "concurrent_streams", 5, "yaml"),
        ("key/k", "tokens", 8, "yaml"),
        ("mine", "requests", 4, "api"),
    ]

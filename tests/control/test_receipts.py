import pytest
from fakes.records import ListedStore
from receipts import receipt, receipt_id

from antiphon.control.receipts import show
from antiphon.core.error import NotFound
from antiphon.core.principal import Principal

OWNER = Principal(tenant="acme", key="alice", user="u", team="t")
PRINCIPALS = {
    "the same key": (OWNER, True),
    "the same key under another revision": (Principal(tenant="acme", key="alice", models=("x",)), True),
    "another key of the tenant": (Principal(tenant="acme", key="bob", user="u", team="t"), False),
    "the same name in another tenant": (Principal(tenant="other", key="alice"), False),
    "an admin key of the tenant": (Principal(tenant="acme", key="root", admin=True), True),
    "an admin key of another tenant": (Principal(tenant="other", key="root", admin=True), True),
}


@pytest.mark.parametrize(("principal", "sees"), PRINCIPALS.values(), ids=PRINCIPALS)
def test_a_receipt_is_for_its_key_and_for_admins(principal: Principal, sees: bool) -> None:
    mine = receipt(1, principal=OWNER)
    store = ListedStore(mine)

    if sees:
        assert show(store, mine.id, principal) == mine
    else:
        with pytest.raises(NotFound):
            show(store, mine.id, principal)


@pytest.mark.parametrize(("principal", "_sees"), PRINCIPALS.values(), ids=PRINCIPALS)
def test_a_receipt_of_nobody_is_for_admins(principal: Principal, _sees: bool) -> None:
    store = ListedStore(receipt(1, "refused", principal=None))

    if principal.admin:
        assert show(store, receipt_id(1), principal).principal is None
    else:
        with pytest.raises(NotFound):
            show(store, receipt_id(1), principal)


def test_whether_a_receipt_of_others_exists_is_not_told() -> None:
    store = ListedStore(receipt(1, principal=OWNER))
    other = Principal(tenant="other", key="alice")

    messages = []
    for number in (1, 2):
        with pytest.raises(NotFound) as caught:
            show(store, receipt_id(number), other)
        messages.append(caught.value.message.replace(receipt_id(number), "ID"))
        assert (caught.value.said_code, caught.value.said_status) == ("receipt_not_found", 404)

    assert messages[0] == messages[1]


def test_a_long_id_is_not_repeated_whole() -> None:
    with pytest.raises(NotFound) as caught:
        show(ListedStore(), "x" * 1000, OWNER)

    assert len(caught.value.message) < 200

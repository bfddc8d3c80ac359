import pytest
from fakes.clock import StoppedClock

from antiphon.control.logins import Logins, wide
from antiphon.control.who import FIRST, who_is
from antiphon.core.audit import Event
from antiphon.core.error import NotAllowed, NotAuthenticated, StoreError
from antiphon.core.peer import Peer
from antiphon.core.principal import Principal

NS = 1_000_000_000


def test_what_was_refused_is_noted_and_says_nothing_of_the_credential() -> None:
    noted: list[Event] = []
    logins = Logins(noted.append, StoppedClock(5))
    logins.refused(Peer("192.0.2.7"), NotAuthenticated("sk-secret"), 0.0)
    logins.refused(Peer("2001:db8:1:2::5"), NotAuthenticated("x", code="invalid_token"), 2.0)
    logins.forbidden(who_is(Principal(tenant="acme", key="ci")), "GET /admin/v1/keys", NotAllowed("x"))
    logins.forbidden(FIRST, "GET /x", NotAllowed("x"))
    assert [(one.kind, one.tenant, one.by, one.about, dict(one.detail)) for one in noted] == [
        ("login.refused", "", "gateway", "", {"network": "192.0.2.0/24", "code": "invalid_api_key"}),
        ("login.held_off", "", "gateway", "", {"network": "2001:db8:1::/48", "code": "invalid_token"}),
        ("login.not_allowed", "acme", "key/ci", "GET /admin/v1/keys", {"code": "not_allowed"}),
        ("login.not_allowed", "", "bootstrap", "GET /x", {"code": "not_allowed"}),
    ]
    assert "secret" not in str(noted)


def test_a_flood_is_noted_by_its_number() -> None:
    noted: list[Event] = []
    clock = StoppedClock()
    logins = Logins(noted.append, clock, most=3)
    for _ in range(100):
        logins.refused(Peer("192.0.2.7"), NotAuthenticated("x"), 0.0)
    assert len(noted) == 3
    clock.at_ns += 60 * NS
    logins.refused(Peer("192.0.2.7"), NotAuthenticated("x"), 0.0)
    assert noted[-1].detail["not_noted"] == 97


def test_a_note_that_can_t_be_kept_refuses_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    def note(event: Event) -> None:
        raise StoreError("the disk is full")

    Logins(note, StoppedClock()).refused(Peer(""), NotAuthenticated("x"), 0.0)
    assert [one.message for one in caplog.records] == ["login.not_noted"]


@pytest.mark.parametrize(
    ("address", "told"), [("", ""), ("::ffff:192.0.2.7", "192.0.2.0/24"), ("fe80::1%eth0", "fe80::/48")]
)
def test_an_address_is_noted_by_its_network(address: str, told: str) -> None:
    assert wide(address) == told

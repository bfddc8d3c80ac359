from typing import Any, cast

import pytest
from fakes.clock import StoppedClock

from antiphon.app.doors import doors_of
from antiphon.control.bindings import Bindings
from antiphon.control.callers import Callers
from antiphon.control.certificates import MOST, Certificates
from antiphon.control.owned import Owned
from antiphon.control.settings import KeySettings
from antiphon.control.settings_identity import BindingForm, CertificateSettings, IdentitySettings
from antiphon.core.error import NotAuthenticated
from antiphon.core.peer import NameKind, Peer
from antiphon.core.ports import Transport
from antiphon.core.secret import Secret


def rule(name: str = "r", **fields: Any) -> CertificateSettings:
    return CertificateSettings(name=name, **fields)


def peer(*names: tuple[NameKind, str]) -> Peer:
    return Peer("192.0.2.7", names)


def whose(one: CertificateSettings, *names: tuple[NameKind, str]) -> str | None:
    found = Certificates([one], Bindings()).find(peer(*names))
    return None if found is None else found.principal.key


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ({"uri": "spiffe://corp/ns/a/sa/b"}, ("uri", "spiffe://corp/ns/a/sa/b"), True),
        ({"uri": "spiffe://corp/ns/a/sa/b"}, ("uri", "spiffe://corp/ns/a/sa/bb"), False),
        ({"uri": "spiffe://corp/ns/a/*"}, ("uri", "spiffe://corp/ns/a/sa/b"), True),
        ({"uri": "spiffe://corp/ns/a/*"}, ("uri", "spiffe://corp/ns/ab/sa"), False),
        ({"uri": "spiffe://corp/ns/a/*"}, ("uri", "SPIFFE://corp/ns/a/x"), False),
        ({"uri": "spiffe://corp/ns/a/*"}, ("dns", "spiffe://corp/ns/a/x"), False),
        ({"dns": "app.corp.example"}, ("dns", "APP.corp.example"), True),
        ({"dns": "*.corp.example"}, ("dns", "app.corp.example"), True),
        ({"dns": "*.corp.example"}, ("dns", "a.b.corp.example"), False),
        ({"dns": "*.corp.example"}, ("dns", "corp.example"), False),
        ({"dns": "*.corp.example"}, ("dns", "*.corp.example"), False),
        ({"dns": "*.corp.example"}, ("dns", ".corp.example"), False),
        ({"dns": "*.corp.example"}, ("dns", "evilcorp.example"), False),
        ({"email": "ci@corp.example"}, ("email", "CI@corp.example"), True),
        ({"email": "ci@corp.example"}, ("cn", "ci@corp.example"), False),
        ({"cn": "robot"}, ("cn", "robot"), True),
        ({"cn": "robot"}, ("cn", "Robot"), False),
    ],
)
def test_a_rule_fits_a_name_of_its_kind(pattern: Any, name: tuple[NameKind, str], fits: bool) -> None:
    assert whose(rule(**pattern), name) == (f"certificate/r/{name[1]}" if fits else None)


def test_a_common_name_counts_only_where_there_is_nothing_better() -> None:
    assert whose(rule(cn="robot"), ("cn", "robot"), ("dns", "other.example")) is None
    assert whose(rule(dns="other.example"), ("cn", "robot"), ("dns", "other.example")) is not None


def test_the_first_rule_that_fits_counts() -> None:
    rules = [rule("one", uri="spiffe://corp/a"), rule("two", uri="spiffe://corp/*", tenant="acme", roles=["member"])]
    found = Certificates(
        rules,
        Bindings([BindingForm(name="b", subject="certificate/two/spiffe://corp/b", role="auditor", tenant="acme")]),
    )
    first, second = found.find(peer(("uri", "spiffe://corp/a"))), found.find(peer(("uri", "spiffe://corp/b")))
    assert first is not None
    assert second is not None
    assert (first.principal.key, first.principal.employment) == ("certificate/one/spiffe://corp/a", "service")
    assert (second.principal.tenant, second.principal.roles) == ("acme", ("member", "auditor"))
    assert found.find(peer(("uri", "spiffe://corp/b"))) is second


def test_what_is_known_of_certificates_is_bounded() -> None:
    found = Certificates([rule(uri="spiffe://corp/*")], Bindings())
    for number in range(MOST + 5):
        found.find(peer(("uri", f"spiffe://corp/{number}")))
    assert len(found._known) <= MOST


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({}, ""), ({"uri": "a", "dns": "b"}, ""), ({"uri": "a*b"}, "uri"), ({"dns": "a.*.b"}, "dns"),
        ({"cn": "*"}, "cn"), ({"email": "*@corp.example"}, "email"),
    ],
)  # fmt: skip
def test_a_rule_that_is_none_is_a_mistake(fields: Any, path: str) -> None:
    assert [where for where, _, _ in rule(**fields).check()] == [path]


async def test_a_credential_goes_before_the_certificate() -> None:
    identity = IdentitySettings(certificates=[rule(uri="spiffe://corp/*")])
    keys = [KeySettings(name="ci", key=Secret("sk-0123456789abcdef"))]
    callers = Callers(keys, Owned(), doors_of(cast("Transport", None), StoppedClock()), identity)
    shown = peer(("uri", "spiffe://corp/a"))
    assert (await callers.learn(None, shown)).key == "certificate/r/spiffe://corp/a"
    assert (await callers.learn(b"sk-0123456789abcdef", shown)).key == "ci"
    for credential, whom in (
        (b"sk-nobody-0123456789", shown),
        (None, peer(("uri", "spiffe://evil/a"))),
        (None, peer()),
    ):
        with pytest.raises(NotAuthenticated):
            await callers.learn(credential, whom)

"""Callers that are no keys, looked at again: service accounts, certificates, users of identity providers."""

from typing import Any, cast

import msgspec
import pytest
from fakes.clock import StoppedClock

from antiphon.app.doors import doors_of
from antiphon.control import keys
from antiphon.control.callers import Callers
from antiphon.control.owned import Owned
from antiphon.control.settings import AccountForm, KeySettings
from antiphon.control.settings_identity import BindingForm, CertificateSettings, IdentitySettings, IssuerSettings
from antiphon.core.error import NotAuthenticated
from antiphon.core.objects import Object, Update
from antiphon.core.ports import Transport
from antiphon.core.principal import Principal
from antiphon.core.secret import Secret

NS = 10**9
CLOCK = StoppedClock(1_000_000 * NS)
IDENTITY = IdentitySettings(
    issuers=[IssuerSettings(name="corp", issuer="https://login.example", audiences=["api"])],
    certificates=[CertificateSettings(name="mesh", uri="spiffe://corp/*", tenant="acme", models=["fast"])],
    bindings=[BindingForm(name="b", subject="account/robot", role="auditor", tenant="acme")],
)


def callers(*accounts: keys.AccountSpec, identity: IdentitySettings = IDENTITY) -> Callers:
    owned = Owned()
    objects = tuple(
        Object(
            kind="account",
            name=one.form.name,
            tenant=one.form.tenant,
            spec=msgspec.json.encode(one),
            version=1,
            at_ns=0,
            by="cli",
        )
        for one in accounts
    )
    owned.take(Update(version=1, objects=objects, gone=(), whole=True))
    one = KeySettings(name="alice", key=Secret("sk-alice-000000001"))
    return Callers([one], owned, doors_of(cast("Transport", None), CLOCK), identity)


def account(**fields: Any) -> keys.AccountSpec:
    form = AccountForm(name="robot", tenant="acme", issuer="corp", subject="r-1", **fields)
    return keys.made_account(form, None, 0)


def principal(key: str, **fields: Any) -> Principal:
    return Principal(tenant="acme", key=key, **fields)


def test_a_service_account_without_a_text_stands_as_it_is_set_at_present() -> None:
    found = callers(account(models=["fast"])).standing(principal("account/robot", models=("*",)))
    assert (found.models, found.roles) == (("fast",), ("auditor",))


@pytest.mark.parametrize(
    ("there", "word"),
    [
        ([], "known here no more"),
        ([keys.revoked(account(), 1)], "was revoked"),
        ([account(expires="1970-01-02T00:00:00Z")], "has expired"),
        ([account(user="eve")], "somebody else's"),
    ],
)
def test_a_service_account_that_is_gone_is_told_why(there: list[keys.AccountSpec], word: str) -> None:
    with pytest.raises(NotAuthenticated, match=word):
        callers(*there).standing(principal("account/robot"))


def test_a_certificates_name_stands_while_a_rule_fits_it() -> None:
    whose = principal("certificate/mesh/spiffe://corp/app", models=("*",))
    assert callers().standing(whose).models == ("fast",)
    for gone in ("certificate/other/spiffe://corp/app", "certificate/mesh/spiffe://else/app"):
        with pytest.raises(NotAuthenticated):
            callers().standing(principal(gone))


def test_a_user_of_a_provider_stands_while_the_provider_is_there() -> None:
    whose = principal("token/corp/ann", user="ann")
    assert callers().standing(whose) == whose
    with pytest.raises(NotAuthenticated):
        callers(identity=IdentitySettings()).standing(whose)


def test_what_is_no_caller_at_all_stands_for_nobody() -> None:
    with pytest.raises(NotAuthenticated):
        callers().standing(principal("strange/thing"))

"""Limits that come with keys."""

from collections.abc import Iterable
from typing import Literal

from msgspec.structs import replace

from antiphon.control.budgets import OF_KEYS
from antiphon.control.settings import KeyForm
from antiphon.core.limit import Limit
from antiphon.metering.settings_limits import Mistake, RateLimitSettings, limits_of, mistakes

Owner = Literal["yaml", "api"]


def _written(form: KeyForm) -> RateLimitSettings | None:
    short = form.limit
    if short is None:
        return None
    return RateLimitSettings(
        name=f"{OF_KEYS}{form.name}",
        on=["tenant", "key"],
        only={"tenant": [form.tenant], "key": [form.name]},
        requests=short.requests,
        tokens=short.tokens,
        concurrent_requests=short.concurrent_requests,
        per=short.per,
    )


def of_key(form: KeyForm, owner: Owner) -> tuple[Limit, ...]:
    """The limits that a checked key brings with it."""
    written = _written(form)
    return () if written is None else tuple(replace(one, owner=owner) for one in limits_of(written))


def of_keys(forms: Iterable[KeyForm]) -> tuple[Limit, ...]:
    """Those of the configuration file's keys."""
    return tuple(one for form in forms for one in of_key(form, "yaml"))


def flaws(form: KeyForm) -> list[Mistake]:
    """What is wrong with a key's limits across their fields."""
    written = _written(form)
    return [] if written is None else mistakes(written)

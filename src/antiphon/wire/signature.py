"""Carries one provider's proof of its thoughts through another dialect, so that it comes back to who can read it."""

from typing import get_args

from antiphon.core.request import Dialect

_DIALECTS = frozenset(get_args(Dialect))


def seal(signature: str, signed_by: str, dialect: Dialect) -> str:
    """A signature as it stands in a dialect: a foreign one names whose it is."""
    return signature if signed_by in ("", dialect) else f"{signed_by}:{signature}"


def unseal(value: str, dialect: Dialect) -> tuple[str, str]:
    """A signature that came in a dialect, and whose it is. Providers' own are base64, which has no colon."""
    by, colon, signature = value.partition(":")
    return (signature, by) if colon and by in _DIALECTS else (value, dialect)

"""Settings as plain values, for printing, comparing and hashing, with every credential replaced."""

import re
from collections.abc import Callable
from typing import cast

import msgspec

from antiphon.config.settings import Settings
from antiphon.core.secret import Secret

USER = re.compile(r"(?<=://)[^/@\s]+(?=@)")
Plain = dict[str, object]
Conceal = Callable[[Secret], str]


def plain(settings: Settings, conceal: Conceal) -> Plain:
    """Settings as dictionaries, lists and scalars, defaults filled in.

    Args:
        conceal: What stands for a secret. User and password in a URL count as secrets.
    """

    def hook(value: object) -> str:
        if isinstance(value, Secret):
            return conceal(value)
        raise TypeError(f"{type(value).__name__} has no plain form")

    tree = cast("Plain", msgspec.to_builtins(settings, enc_hook=hook))
    for provider in _sections(tree["providers"]).values():
        for name in ("base_url", "proxy"):
            provider[name] = _without_user(provider[name], conceal)
    otlp = _section(_section(tree["telemetry"])["otlp"])
    if otlp:
        otlp["endpoint"] = _without_user(otlp["endpoint"], conceal)
    return tree


def _section(value: object) -> Plain:
    return cast("Plain", value) if isinstance(value, dict) else {}


def _sections(value: object) -> dict[str, Plain]:
    return cast("dict[str, Plain]", value)


def _without_user(value: object, conceal: Conceal) -> object:
    if not isinstance(value, str):
        return value
    return USER.sub(lambda match: conceal(Secret(match[0])), value)


def fingerprint(secret: Secret) -> str:
    """The first 8 hexadecimal digits of a secret's digest: tells two apart and gives neither away."""
    return secret.digest().hex()[:8]

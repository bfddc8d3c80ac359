"""Credentials of an account with a provider."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from antiphon.core.secret import Secret

Count = Annotated[int, Meta(ge=1)]
TELLING_CHARACTERS = 4
"""A name this long that stands in its own secret gives a part of it away."""


class ProviderKeySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One credential of a provider account. Limits hold for each worker."""

    key: Annotated[Secret, Meta(description="The credential.")]
    name: Annotated[
        str,
        Meta(max_length=64, description="What receipts call it, up to 64 characters. Default: `key` and its position."),
    ] = ""
    weight: Annotated[
        float, Meta(gt=0, le=1e6, description="Its share among the account's keys, up to 1000000. Default 1.")
    ] = 1.0
    requests_per_minute: Annotated[
        Count | None, Meta(description="Most requests in any minute, 1 or more. Default: no limit.")
    ] = None
    tokens_per_minute: Annotated[
        Count | None, Meta(description="Most tokens in any minute, input and output, 1 or more. Default: no limit.")
    ] = None
    concurrency: Annotated[Count | None, Meta(description="Most requests in flight, 1 or more. Default: no limit.")] = (
        None
    )


def key_name(settings: ProviderKeySettings, position: int) -> str:
    """What receipts call a key; `position` counts from 1."""
    return settings.name or f"key {position}"


def check_keys(keys: Sequence[ProviderKeySettings]) -> list[tuple[str, str, str]]:
    """Mistakes that only show across fields: (path below the list of keys, what is wrong, what to write)."""
    mistakes: list[tuple[str, str, str]] = []
    seen: set[str] = set()
    for position, key in enumerate(keys, 1):
        name = key_name(key, position)
        if len(key.name) >= TELLING_CHARACTERS and key.name in key.key.reveal():
            mistakes.append(
                (f"{position - 1}.name", "the name is a part of the key", "give it a name that tells nothing")
            )
        elif name in seen:
            mistakes.append((f"{position - 1}.name", f"two keys are called {name!r}", "give each its own name"))
        seen.add(name)
    return mistakes

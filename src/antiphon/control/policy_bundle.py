"""A bundle of policies as the store has it: a draft, and the version that is in force."""

import msgspec
from msgspec import Struct

from antiphon.core.error import StoreError
from antiphon.core.objects import Object
from antiphon.policy.source import Mode, Source


class Draft(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What would be in force."""

    text: str
    hash: str
    """SHA-256 of the text."""
    author: str
    at_ns: int
    note: str = ""


class Live(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is in force."""

    number: int
    """1 for the first that was published."""
    text: str
    hash: str
    author: str
    """Who wrote it."""
    published_by: str
    at_ns: int
    """When it was published."""
    note: str = ""
    mode: Mode = "enforce"
    share: float = 1.0


class Bundle(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A bundle."""

    tenant: str = ""
    """Whose principals it is for; empty: all."""
    published: int = 0
    """Number of the newest version."""
    draft: Draft | None = None
    live: Live | None = None


_bundle = msgspec.json.Decoder(Bundle)


def read_bundle(one: Object) -> Bundle:
    """A bundle out of the store. Raises: StoreError."""
    try:
        return _bundle.decode(one.spec)
    except msgspec.MsgspecError as error:
        raise StoreError(f"the bundle {one.name} in the store can't be read ({error}); upgrade this one") from error


def live_of(text: bytes) -> Live | None:
    """The version that was in force, by the record of a change. Raises: StoreError."""
    try:
        return _bundle.decode(text).live
    except msgspec.MsgspecError as error:
        raise StoreError(f"a change of a bundle can't be read ({error}); upgrade this one") from error


def source_of(name: str, bundle: Bundle) -> Source | None:
    """The policies of a bundle that are in force; None: none are."""
    live = bundle.live
    if live is None:
        return None
    return Source(
        name=f"bundle/{name}@{live.number}", text=live.text, tenant=bundle.tenant, mode=live.mode, share=live.share
    )

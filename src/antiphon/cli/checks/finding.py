"""What a check found."""

from typing import Literal

from msgspec import Struct

State = Literal["ok", "note", "wrong"]


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at. A `note` is worth knowing; `wrong` keeps something from working."""

    about: str
    state: State
    found: str
    remedy: str = ""


def ok(about: str, found: str) -> Finding:
    return Finding(about=about, state="ok", found=found)


def note(about: str, found: str, remedy: str = "") -> Finding:
    return Finding(about=about, state="note", found=found, remedy=remedy)


def wrong(about: str, found: str, remedy: str) -> Finding:
    return Finding(about=about, state="wrong", found=found, remedy=remedy)

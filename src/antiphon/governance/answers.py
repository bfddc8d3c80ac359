"""What an answer has to pass before it is released."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct

from antiphon.calls.story import Story
from antiphon.core.data_class import DataClass
from antiphon.governance.blocked import blocked
from antiphon.guards.gate import Gate, TextTap
from antiphon.guards.port import Asked, Guard
from antiphon.guards.screen import screen
from antiphon.guards.texts import answer_texts

Token = Callable[[str, str], str]


class Judges(Protocol):
    """Whoever judges answers by asking somebody else."""

    shown: int
    """Pieces of a stream's text that were shown so far."""
    on_progress: Callable[[], None] | None
    """Called when more of a stream was judged."""

    @property
    def passed_pieces(self) -> int:
        """So many pieces from the first on have been passed by every judge that holds a stream back."""
        ...

    @property
    def failed(self) -> bool:
        """One of them found the answer bad, or could not say: nothing more goes out."""
        ...

    def tap(self) -> TextTap | None:
        """What the stream's texts are shown to as they come; None: the end alone counts."""
        ...

    def stop(self) -> None:
        """Nobody waits for the answer any more."""
        ...

    async def passed(self) -> None:
        """Wait until all that was shown so far is judged. Raises: GuardBlocked, GuardFailed."""
        ...

    async def whole(self, body: bytes) -> None:
        """Judge a whole answer. Raises: GuardBlocked, GuardFailed."""
        ...


class Behind(Struct, frozen=True, kw_only=True):
    """What an answer has to pass."""

    guards: tuple[Guard, ...]
    asked: Asked
    token: Token
    restore: Mapping[str, str]
    """Values of tokens that the caller may see again."""
    restores: bool = True
    """It may see again what is masked."""
    mask: frozenset[str]
    closed_from: DataClass
    pending: tuple[asyncio.Task[None], ...] = ()
    """Judges of the request that run beside the call."""
    judges: Judges | None = None
    keep: Callable[[Mapping[str, str]], None] | None = None
    """Keeps what tokens of the answer stand for, before they leave. Raises: StoreError."""
    capture_most_bytes: int = 0
    """So much of the answer is kept with the story, as guards leave it: masked, whatever the caller sees."""


def opened(behind: Behind, dialect: str, restore: Mapping[str, str], tap: TextTap | None = None) -> Gate:
    """The gate that a stream goes through.

    Args:
        restore: Values of tokens that are put back.
    """
    return Gate(
        dialect,
        behind.guards,
        behind.asked,
        behind.token,
        restore,
        mask=behind.mask,
        closed_from=behind.closed_from,
        tap=tap,
    )


def screened(story: Story, behind: Behind, body: bytes, dialect: str) -> tuple[bytes, bytes]:
    """A whole answer as it may be kept, and as the caller may see it. The story is told of what was found.

    Raises: GuardBlocked, GuardFailed, StoreError.
    """
    texts = answer_texts(body, dialect)
    found = screen(
        texts.items, behind.guards, behind.asked, "answer", behind.token, behind.mask, closed_from=behind.closed_from
    )
    story.findings += found.findings
    if found.blocked:
        raise blocked(found, "answer")
    if found.tokens and behind.keep is not None:
        behind.keep(dict(found.tokens))
    masked = texts.edited(found.edits).whole() if found.edits else body
    return masked, texts.edited(found.edits, behind.restore).whole() if behind.restore else masked

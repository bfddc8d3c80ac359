"""A stream's passage through guards, in whichever dialect its caller speaks."""

from collections.abc import Callable, Mapping, Sequence

from antiphon.core.data_class import DataClass
from antiphon.core.error import AntiphonError
from antiphon.core.finding import Finding
from antiphon.guards.port import Asked, Guard


class TextTap:
    """Takes plain text that was decided, by lane, for judges of sentences."""

    def text(self, lane: str, text: str) -> None:
        """More of a lane such as `choices[0].content`, masked, before tokens are restored."""
        raise NotImplementedError

    def ended(self, lane: str) -> None:
        """No more of this lane follows."""
        raise NotImplementedError


class Gate:
    """One stream. Pieces are whole server-sent events in the caller's dialect; those that nothing is held of and nothing was
    edited in leave byte for byte as they came.
    """

    findings: list[Finding]
    tokens: dict[str, str]
    """Values of what was masked, by token."""

    def __init__(
        self,
        dialect: str,
        guards: Sequence[Guard],
        asked: Asked,
        token: Callable[[str, str], str],
        restore: Mapping[str, str] | None = None,
        *,
        mask: frozenset[str] = frozenset(),
        closed_from: DataClass = "internal",
        tap: TextTap | None = None,
    ) -> None:
        """Args as for `screen`.

        Args:
            restore: Values of tokens that are put back for the caller.
        """
        raise NotImplementedError

    def feed(self, piece: bytes) -> bytes:
        """Returns: what may go to the caller now. Raises: GuardBlocked, GuardFailed; then `cut` ends the stream."""
        raise NotImplementedError

    def end(self) -> bytes:
        """The stream has ended. Returns: what was held. Raises: GuardBlocked, GuardFailed."""
        raise NotImplementedError

    def frame(self, message: bytes) -> list[bytes]:
        """The same of one message of a WebSocket: those that may go to the caller now."""
        raise NotImplementedError

    def cut(self, error: AntiphonError) -> bytes:
        """What ends the stream for the caller: its dialect's word for filtered content, and the rules that blocked."""
        raise NotImplementedError

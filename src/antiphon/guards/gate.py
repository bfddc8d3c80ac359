"""A stream's passage through guards, in whichever dialect its caller speaks."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from antiphon.core.data_class import DataClass
from antiphon.core.error import AntiphonError
from antiphon.core.finding import Finding
from antiphon.guards.gate_any import Unknown
from antiphon.guards.gate_chat import Chat
from antiphon.guards.gate_flow import Flow, TextTap
from antiphon.guards.gate_gemini import Gemini
from antiphon.guards.gate_messages import Messages
from antiphon.guards.gate_responses import Responses
from antiphon.guards.gate_talk import Talk
from antiphon.guards.gate_typed import Typed
from antiphon.guards.port import Asked, Guard
from antiphon.guards.screen import Token
from antiphon.wire.sse import SseReader, data_of

__all__ = ["Gate", "TextTap"]

_NOTHING: Mapping[str, str] = MappingProxyType({})


def _older(flow: Flow) -> Talk:
    return Chat(flow, older=True)


_TALKS: Mapping[str, Callable[[Flow], Talk]] = MappingProxyType(
    {
        "openai_chat": Chat,
        "openai_completions": _older,
        "openai_responses": Responses,
        "anthropic_messages": Messages,
        "gemini": Gemini,
        "openai_transcription": Typed,
        "openai_images": Typed,
        "openai_speech": Typed,
        "openai_realtime": Typed,
    }
)
STREAMED: frozenset[str] = frozenset(_TALKS)
"""Dialects whose streams are known; of any other, every text of every event is looked at."""


class Gate:
    """One stream. Pieces are whole server-sent events in the caller's dialect.

    Events that nothing is held of, and nothing was edited in, leave byte for byte as they came. What tools are called with is
    held until it is complete. Findings are of the text before tokens are put back.
    """

    __slots__ = ("_flow", "_out", "_reader", "_talk", "findings", "tokens")

    def __init__(
        self,
        dialect: str,
        guards: Sequence[Guard],
        asked: Asked,
        token: Token,
        restore: Mapping[str, str] = _NOTHING,
        *,
        mask: frozenset[str] = frozenset(),
        closed_from: DataClass = "internal",
        tap: TextTap | None = None,
    ) -> None:
        """Args as for `screen`.

        Args:
            restore: Values of tokens that are put back for the caller.
            tap: Takes what was decided, before tokens are put back.
        """
        self._flow = Flow(guards, asked, token, restore, mask=mask, closed_from=closed_from, tap=tap)
        self._talk = _TALKS.get(dialect, Unknown)(self._flow)
        self._reader = SseReader()
        self._out: list[bytes] = []
        """What may go, and was not given back since something after it may not."""
        self.findings: list[Finding] = self._flow.findings
        self.tokens: dict[str, str] = self._flow.tokens
        """Values of what was masked, by token."""

    def know(self, restore: Mapping[str, str]) -> None:
        """Put back the values of these tokens too, in texts that begin from now on."""
        self._flow.know(restore)

    def feed(self, piece: bytes) -> bytes:
        """Returns: what may go to the caller now. Raises: GuardBlocked, GuardFailed; then `cut` ends the stream."""
        talk, quick = self._talk, self._talk.quick
        if quick is not None and self._reader.between:
            text = quick.read(piece)
            if text is not None:
                return talk.quickly(piece, text, quick)
        events = self._reader.feed(piece)
        if len(events) == 1 and not self._out:
            return talk.event(events[0])
        for event in events:
            self._out.append(talk.event(event))
        return self._taken()

    def end(self) -> bytes:
        """The stream has ended. Returns: what was held. Raises: GuardBlocked, GuardFailed; then `cut` ends the stream."""
        last = self._reader.end()
        if last:
            self._out.append(self._talk.event(last))
        self._out.append(self._talk.rest())
        return self._taken()

    def _taken(self) -> bytes:
        out = b"".join(self._out)
        self._out.clear()
        return out

    def frame(self, message: bytes) -> list[bytes]:
        """One message of a WebSocket: those that may go to the caller now. Raises: as `feed`."""
        event = b"data: %b\n\n" % message.replace(b"\r", b" ").replace(b"\n", b" ")
        out = self._talk.event(event)
        return [message] if out == event else _messages(out)

    def cut(self, error: AntiphonError) -> bytes:
        """What ends the stream for the caller: its dialect's word for filtered content, and the rules that blocked."""
        return self._taken() + self._talk.cut(error)

    def cut_frames(self, error: AntiphonError) -> list[bytes]:
        """The same as messages of a WebSocket."""
        return _messages(self.cut(error))


def _messages(events: bytes) -> list[bytes]:
    found = (data_of(event) for event in SseReader().feed(events))
    return [data for data in found if data is not None]

"""An answer that is passed on as it comes, behind guards."""

from collections.abc import Callable

from antiphon.calls.story import Story
from antiphon.control.relayed import Out, coding_of
from antiphon.core.error import AntiphonError, GuardBlocked, GuardFailed
from antiphon.governance.answers import Behind, opened, screened
from antiphon.governance.parts import Governed
from antiphon.guards.gate import Gate
from antiphon.wire.sse import SseReader

MOST_WHOLE_BYTES = 67_108_864
"""Most bytes of a whole answer; one that is longer can't be looked at, and is not passed on."""
_STREAM = b"text/event-stream"
_TEXTS = (b"text/", b"application/json", b"application/jsonl", b"application/x-ndjson", b"application/problem+json")


def _said(lines: bytes) -> dict[bytes, bytes]:
    """Header lines by name."""
    pairs = (line.partition(b":") for line in lines.split(b"\r\n"))
    return {name.lower(): value.strip() for name, _, value in pairs}


def _is_text(body: bytearray) -> bool:
    """UTF-8 without a NUL: as UTF-16 has one for each letter, and would pass for other words."""
    try:
        return "\0" not in body.decode()
    except UnicodeDecodeError:
        return False


def gated(out: Out, story: Story, governed: Governed, dialect: str = "") -> Out:
    """Where an errand's answer goes, behind whatever looks at it."""
    return out if governed.behind is None else GatedOut(out, story, governed.behind, dialect)


class GatedOut:
    """Goes before where an answer goes. Events pass as they are decided; anything else is looked at once it is whole."""

    def __init__(self, under: Out, story: Story, behind: Behind, dialect: str) -> None:
        self._under = under
        self._story = story
        self._behind = behind
        self._dialect = dialect
        self._gate: Gate | None = None
        self._events = SseReader()
        self._begun: tuple[int, bytes] | None = None
        self._whole = bytearray()
        self._kind = b""
        self._coding = b""

    def begin(self, status: int, headers: bytes) -> None:
        said = _said(headers)
        self._kind, self._coding = said.get(b"content-type", b"").lower(), coding_of(said)
        if self._kind.startswith(_STREAM) and not self._coding:
            self._gate = opened(self._behind, self._dialect, self._behind.restore)
            self._under.ends_by(self._gate.cut)
            self._under.begin(status, headers)
        else:
            self._begun = (status, headers)

    def write(self, piece: bytes) -> None:
        """Raises: GuardBlocked, GuardFailed, UpstreamMalformed."""
        if self._coding:
            raise GuardFailed(
                f"the answer comes in the coding {self._coding.decode('latin-1')[:32]!r}, which was not asked for, so that "
                "no guard can look at it"
            )
        if self._gate is None:
            self._whole += piece
            if len(self._whole) > MOST_WHOLE_BYTES:
                raise GuardFailed(f"the answer is longer than the {MOST_WHOLE_BYTES} bytes that guards look at")
            return
        for event in self._events.feed(piece):
            self._send(self._fed(self._gate, event))

    def last(self) -> bytes:
        """Look at what is left, before the receipt is closed: what `end` sends. Raises: GuardBlocked, GuardFailed."""
        if self._gate is None:
            if self._kind.startswith(_TEXTS) and not _is_text(self._whole):
                raise GuardFailed("the answer is said to be text and is no UTF-8, so that no guard can look at it")
            return screened(self._story, self._behind, bytes(self._whole), self._dialect)[1]
        return self._fed(self._gate, self._events.end()) + self._fed(self._gate, None)

    def end(self, last: bytes = b"") -> None:
        if self._begun is not None:
            (status, headers), self._begun = self._begun, None
            self._under.begin(status, headers)
        self._under.end(last)

    def ends_by(self, cut: Callable[[GuardBlocked], bytes]) -> None:
        self._under.ends_by(cut)

    def error(self, error: AntiphonError, receipt_id: str) -> None:
        self._under.error(error, receipt_id)

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        self._under.on_pressure(callback)

    def _send(self, out: bytes) -> None:
        if out:
            self._under.write(out)

    def _fed(self, gate: Gate, piece: bytes | None) -> bytes:
        before, tokens, keep = len(gate.findings), len(gate.tokens), self._behind.keep
        try:
            out = gate.end() if piece is None else gate.feed(piece)
        finally:
            self._story.findings += gate.findings[before:]
        if len(gate.tokens) > tokens and keep is not None:
            keep(dict(gate.tokens))
        return out

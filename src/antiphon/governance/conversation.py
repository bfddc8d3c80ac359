"""Governs a session that goes both ways: each message is looked at as it passes."""

from collections.abc import Callable

from antiphon.calls.story import Story
from antiphon.core.error import AntiphonError, GuardBlocked
from antiphon.governance.answers import Behind, opened
from antiphon.governance.blocked import blocked
from antiphon.guards.gate import Gate
from antiphon.guards.port import Guard, Screened
from antiphon.guards.screen import screen
from antiphon.guards.texts import body_texts

DIALECT = "openai_realtime"


class Conversation:
    """The guards of one session. What was masked on the way out is put back on the way in."""

    def __init__(
        self,
        story: Story,
        guards: tuple[Guard, ...],
        behind: Behind,
        still: Callable[[Screened], bool],
        keep: Callable[[dict[str, str]], None],
    ) -> None:
        """Args:
        guards: Of what the caller says.
        still: Whether the session may go on with what was found: it raises the class, and the deployment stays.
        keep: Keeps what tokens stand for.
        """
        self._story = story
        self._guards = guards
        self._behind = behind
        self._still = still
        self._keep = keep
        self._restore = dict(behind.restore)
        self._gate: Gate | None = None

    def outgoing(self, message: bytes) -> bytes:
        """What goes on in the place of a caller's message. Raises: GuardBlocked, GuardFailed, BadRequest."""
        behind, texts = self._behind, body_texts(message)
        found = screen(
            texts.items,
            self._guards,
            behind.asked,
            "request",
            behind.token,
            behind.mask,
            closed_from=behind.closed_from,
        )
        self._story.findings += found.findings
        if found.blocked:
            raise blocked(found, "request")
        if (found.raises is not None or found.private or found.approve) and not self._still(found):
            raise GuardBlocked(
                "what was said may not go to the model that this session is with; begin another with the header "
                "x-antiphon-data-class",
                reasons=tuple(one.rule for one in found.findings if not one.shadow),
            )
        if found.tokens:
            self._keep(dict(found.tokens))
            if self._behind.restores:
                self._restore.update(found.tokens)
                if self._gate is not None:
                    self._gate.know(dict(found.tokens))
        return texts.edited(found.edits).whole() if found.edits else message

    def incoming(self, message: bytes) -> list[bytes]:
        """What may go to the caller now in the place of a message. Raises: GuardBlocked, GuardFailed."""
        gate = self._gate
        if gate is None:
            gate = self._gate = opened(self._behind, DIALECT, self._restore)
        before, tokens = len(gate.findings), len(gate.tokens)
        try:
            out = gate.frame(message)
        finally:
            self._story.findings += gate.findings[before:]
        if len(gate.tokens) > tokens:
            self._keep(dict(gate.tokens))
        return out

    def cut(self, error: AntiphonError) -> list[bytes]:
        """What the caller is told of a message that may not pass, with the rules that say so."""
        gate = self._gate or opened(self._behind, DIALECT, self._restore)
        return gate.cut_frames(error)

"""The answer of a run in OpenAI's chat dialect, which every other is made of."""

from collections.abc import Iterator

from antiphon.agents.models import told
from antiphon.core.content import Message, Text
from antiphon.core.request import Head
from antiphon.core.response import Choice, Delta, Event, Response
from antiphon.core.run import Run
from antiphon.wire.codec import EVENTS, JSON
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.codec import OpenAIChat
from antiphon.wire.retold import retold

NS = 1_000_000_000
_CHAT = OpenAIChat()


class Words:
    """One answer."""

    def __init__(self, head: Head, run: Run) -> None:
        self._head = head
        self._run = run
        self._encoder = _CHAT.encoder(_asking(head), Losses())
        self._told = False

    def headers(self, *, stream: bool) -> dict[bytes, bytes]:
        """Of the answer: its kind, and which run it is of."""
        return {b"content-type": EVENTS if stream else JSON, b"x-antiphon-run": self._run.id.encode()}

    def thought(self, text: str) -> bytes:
        """A piece of a stream that tells how it goes: thoughts of the model."""
        role, self._told = None if self._told else "assistant", True
        return self._encoder.event(self._event(Delta(role=role, reasoning=text)))

    def answer(self, run: Run) -> Iterator[bytes]:
        """The pieces of a stream that are the answer, with its end."""
        for event in retold(self._response(run)):
            yield self._encoder.event(event)
        yield self._encoder.end()

    def whole(self, run: Run) -> bytes:
        """The whole answer."""
        return _CHAT.encode_answer(self._response(run), self._head, Losses())

    def _response(self, run: Run) -> Response:
        said = Message(role="assistant", parts=(Text(text=told.answer_text(run)),), form="text")
        return Response(
            dialect="openai_chat",
            id=run.id,
            model=f"agent/{run.agent}",
            created_s=run.created_ns // NS,
            choices=(Choice(index=0, message=said, finish_reason="stop"),),
            usage=run.used.usage,
        )

    def _event(self, delta: Delta) -> Event:
        return Event(
            dialect="openai_chat",
            id=self._run.id,
            model=f"agent/{self._run.agent}",
            created_s=self._run.created_ns // NS,
            deltas=(delta,),
        )


def _asking(head: Head) -> Head:
    """The same head, whose stream tells of usage: callers of other dialects are always told."""
    return Head(dialect="openai_chat", endpoint=head.endpoint, model=head.model, stream=head.stream, wants_usage=True)

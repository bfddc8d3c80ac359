"""Streams of every dialect, written by its own codec from the same events, and read again by it."""

from collections.abc import Sequence

from antiphon.core.request import Dialect, Head
from antiphon.core.response import Delta, Event, FinishReason, ToolCallDelta
from antiphon.core.usage import Usage
from antiphon.guards.gate import Gate
from antiphon.wire.codecs import CODECS
from antiphon.wire.losses import Losses

CHATS: tuple[Dialect, ...] = ("openai_chat", "openai_responses", "anthropic_messages", "gemini")
SPOKEN: tuple[Dialect, ...] = (*CHATS, "openai_completions")


def pieces(dialect: Dialect, deltas: Sequence[Delta], finish: FinishReason | None = "stop") -> list[bytes]:
    """What a caller of a dialect gets, piece by piece."""
    head = Head(dialect=dialect, endpoint="/", model="m", stream=True, wants_usage=True)
    encoder = CODECS[dialect].encoder(head, Losses())
    usage = Usage(input_tokens=1, output_tokens=1)
    events = [Event(dialect="bedrock_converse", id="r1", model="m", created_s=1, deltas=(one,)) for one in deltas]
    if finish is not None:
        last = (Delta(finish_reason=finish),)
        events.append(Event(dialect="bedrock_converse", id="r1", model="m", created_s=1, deltas=last, usage=usage))
    out = [encoder.event(one) for one in events]
    return [*filter(None, out), *([encoder.end()] if finish is not None else [])]


class Heard:
    """What a stream says, in all."""

    def __init__(self, dialect: Dialect, stream: bytes) -> None:
        decoder = CODECS[dialect].decoder()
        events = [*decoder.feed(stream), *decoder.end()]
        deltas = [delta for event in events for delta in event.deltas]
        self.text = "".join(delta.text or "" for delta in deltas)
        self.reasoning = "".join(delta.reasoning or "" for delta in deltas)
        self.calls: dict[int, list[str]] = {}
        for delta in deltas:
            for call in delta.tool_calls:
                said = self.calls.setdefault(call.index, ["", ""])
                said[0] += call.name or ""
                said[1] += call.arguments or ""
        self.finish = next((delta.finish_reason for delta in reversed(deltas) if delta.finish_reason), None)


def through(gate: Gate, stream: Sequence[bytes]) -> bytes:
    """All that a gate lets go."""
    return b"".join([*(gate.feed(piece) for piece in stream), gate.end()])


def calling(index: int, name: str, arguments: Sequence[str]) -> list[Delta]:
    """A call of a tool, piece by piece."""
    first = ToolCallDelta(index=index, id=f"call_{index}", name=name, kind="function")
    rest = [ToolCallDelta(index=index, arguments=piece) for piece in arguments]
    return [Delta(tool_calls=(one,)) for one in (first, *rest)]

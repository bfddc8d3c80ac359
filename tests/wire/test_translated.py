"""A stream that is read in one dialect and written in another."""

from collections.abc import Sequence

import pytest

from antiphon.core.content import Audio, Unknown
from antiphon.core.error import UpstreamBroken, UpstreamError, UpstreamOverloaded
from antiphon.core.response import Delta, Event, ToolCallDelta
from antiphon.core.usage import Usage
from antiphon.wire.losses import Losses
from antiphon.wire.stream import Decoder, Encoder
from antiphon.wire.translated import Translated

USAGE = Usage(input_tokens=3, output_tokens=2)


def event(*deltas: Delta, model: str = "m", usage: Usage | None = None) -> Event:
    return Event(dialect="gemini", id="r", model=model, created_s=0, deltas=deltas, usage=usage, fingerprint="fp")


class Script(Decoder):
    """Gives events by number: each byte of a piece is one."""

    def __init__(self, *events: Event, held: Sequence[Event] = (), broken: bool = False) -> None:
        super().__init__()
        self.events = events
        self.held = held
        self.broken = broken

    def feed(self, piece: bytes) -> Sequence[Event]:
        out: list[Event] = []
        for letter in piece:
            if letter == ord("!"):
                self.failure = UpstreamOverloaded("too much")
            elif letter == ord("."):
                self.done, self.usage_note = True, "odd"
            else:
                out.append(self.events[letter - ord("0")])
        return out

    def end(self) -> Sequence[Event]:
        if self.broken:
            raise UpstreamBroken("cut")
        return self.held


class Letters(Encoder):
    """Writes an event as its texts."""

    def __init__(self, losses: Losses) -> None:
        super().__init__()
        self.losses = losses

    def event(self, event: Event) -> bytes:
        self.losses.add("answer.x", "why")
        return "".join(delta.text or "" for delta in event.deltas).encode()

    def end(self) -> bytes:
        self.losses.add("answer.end", "why")
        return b"$"


def relay(*events: Event, **script: object) -> Translated:
    losses = Losses()
    return Translated(Script(*events, **script), Letters(losses), losses)  # type: ignore[arg-type]


A, B = event(Delta(role="assistant")), event(Delta(text="b"), usage=USAGE)


def test_events_go_out_as_they_come_and_the_end_with_the_last() -> None:
    one = relay(A, B)

    assert [one.feed(b"0"), one.feed(b"11"), one.feed(b"1."), one.end()] == [b"", b"bb", b"b$", b""]
    assert (one.done, one.events, one.model, one.fingerprint, one.usage) == (True, 4, "m", "fp", USAGE)
    assert one.usage_note == "odd"
    assert [loss.field for loss in one.losses] == ["answer.x", "answer.end"]


def test_a_stream_without_a_last_event_ends_with_its_body() -> None:
    one = relay(A, B, held=[B])

    assert (one.feed(b"01"), one.done) == (b"b", False)
    assert one.losses == ()
    assert (one.end(), one.done) == (b"b$", True)
    assert [loss.field for loss in one.losses] == ["answer.x", "answer.end"]


@pytest.mark.parametrize(
    ("delta", "content"),
    [
        (Delta(role="assistant"), False),
        (Delta(text=""), False),
        (Delta(finish_reason="stop"), False),
        (Delta(text="a"), True),
        (Delta(reasoning="a"), True),
        (Delta(signature="a", redacted=True), True),
        (Delta(refusal="a"), True),
        (Delta(audio=Audio(data="AA")), True),
        (Delta(tool_calls=(ToolCallDelta(index=0),)), True),
        (Delta(unknown=(Unknown(kind="x", raw={}),)), True),
    ],
)
def test_the_first_content_is_noted(delta: Delta, content: bool) -> None:
    one = relay(event(delta))
    one.feed(b"0")

    assert one.content_seen is content


def test_a_model_that_is_named_late_is_noted() -> None:
    one = relay(event(Delta(text="a"), model=""), event(Delta(text="a"), model="late"), event(model="later"))
    one.feed(b"012")

    assert one.model == "late"


@pytest.mark.parametrize("pieces", [[b"!"], [b"1!"], [b"0", b"1!", b"1."]])
def test_a_failure_amid_the_stream_drops_what_follows(pieces: list[bytes]) -> None:
    one = relay(A, B)
    out = [one.feed(piece) for piece in pieces]

    assert b"".join(out) == b"b" * sum(piece.count(b"1") for piece in pieces if b"." not in piece)
    assert isinstance(one.failure, UpstreamOverloaded)
    assert (one.done, one.content_seen) == (False, b"1" in pieces[-1] or len(pieces) > 1)
    with pytest.raises(UpstreamOverloaded):
        one.end()
    assert [loss.field for loss in one.losses] == (["answer.x"] if b"1" in b"".join(pieces) else [])


def test_a_body_that_ends_amid_the_answer_is_told_with_what_was_lost() -> None:
    one = relay(A, B, broken=True)
    one.feed(b"1")

    with pytest.raises(UpstreamBroken):
        one.end()
    assert (one.done, [loss.field for loss in one.losses]) == (False, ["answer.x"])


def test_nothing_follows_the_end() -> None:
    one = relay(A, B)
    one.feed(b"1.")

    assert one.end() == b""
    with pytest.raises(UpstreamError):
        relay(A, broken=True).end()

"""A whole answer told as a stream, for callers who asked for one and get an answer that had to be whole first."""

from collections.abc import Iterator

from antiphon.core.content import Audio, Part, Reasoning, Refusal, Text, ToolCall, Unknown
from antiphon.core.response import Choice, Delta, Event, Response, ToolCallDelta

TEXT_CHARACTERS = 2048
"""Most of a text that is told at once."""


def retold(answer: Response) -> Iterator[Event]:
    """The events of a stream that says what an answer says. What it says beside the canonical words is not told."""

    def event(*deltas: Delta) -> Event:
        return Event(
            dialect=answer.dialect,
            id=answer.id,
            model=answer.model,
            created_s=answer.created_s,
            deltas=deltas,
            fingerprint=answer.fingerprint,
        )

    for choice in answer.choices:
        yield event(Delta(index=choice.index, role=choice.message.role))
        for delta in _deltas(choice):
            yield event(delta)
    ends = tuple(
        Delta(
            index=choice.index,
            finish_reason=choice.finish_reason or "stop",
            finish_raw=choice.finish_raw,
            stop_sequence=choice.stop_sequence,
        )
        for choice in answer.choices
    )
    last = event(*ends)
    yield Event(
        dialect=last.dialect,
        id=last.id,
        model=last.model,
        created_s=last.created_s,
        deltas=last.deltas,
        usage=answer.usage,
        fingerprint=last.fingerprint,
    )


def _deltas(choice: Choice) -> Iterator[Delta]:
    """What one answer says, part by part."""
    at, calls = choice.index, 0
    logprobs = choice.logprobs
    for part in choice.message.parts:
        match part:
            case Text(text=text):
                for start in range(0, len(text), TEXT_CHARACTERS):
                    yield Delta(index=at, text=text[start : start + TEXT_CHARACTERS], logprobs=logprobs)
                    logprobs = None
                if part.citations:
                    yield Delta(index=at, citations=part.citations)
                if part.signature:
                    yield Delta(index=at, text="", signature=part.signature, signed_by=part.signed_by)
            case Refusal(text=text):
                yield Delta(index=at, refusal=text)
            case Reasoning():
                yield from _thought(part, at)
            case ToolCall():
                yield Delta(index=at, tool_calls=(_call(part, calls),))
                calls += 1
            case _:
                yield from _rest(part, at)


def _rest(part: Part, at: int) -> Iterator[Delta]:
    """Sound, and what the canonical form has no word for: so every dialect tells pictures and files of an answer."""
    if isinstance(part, Audio):
        yield Delta(index=at, audio=part)
    elif isinstance(part, Unknown):
        yield Delta(index=at, unknown=(part,))


def _thought(part: Reasoning, at: int) -> Iterator[Delta]:
    if part.text and not part.redacted:
        yield Delta(index=at, reasoning=part.text, reasoning_label=part.label)
    if part.signature:
        yield Delta(index=at, signature=part.signature, signed_by=part.signed_by, redacted=part.redacted)


def _call(part: ToolCall, place: int) -> ToolCallDelta:
    return ToolCallDelta(
        index=place,
        id=part.id,
        name=part.name,
        arguments=part.arguments,
        kind=part.kind,
        custom=part.kind != "function",
        legacy=part.legacy,
        signature=part.signature,
        signed_by=part.signed_by,
    )

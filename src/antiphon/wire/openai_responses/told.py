"""Writes whole answers for a caller."""

from typing import Any

from msgspec.structs import replace

from antiphon.core.content import Audio, Citation, Part, Reasoning, Refusal, Text, ToolCall, Unknown
from antiphon.core.request import Head
from antiphon.core.response import Choice, FinishReason, Response
from antiphon.wire.fields import as_list, as_object, merged, present
from antiphon.wire.losses import Losses
from antiphon.wire.openai_responses.citations import encode_citation, foreign_citation
from antiphon.wire.openai_responses.items import CALLS
from antiphon.wire.openai_responses.kept import kept, text_of
from antiphon.wire.openai_responses.proofs import DIALECT, Proves, write_proof
from antiphon.wire.openai_responses.shape import item_id, response_id, response_object, status_of
from antiphon.wire.openai_responses.thoughts import encode_thoughts, proof_item
from antiphon.wire.openai_responses.usage import encode_usage
from antiphon.wire.openai_responses.written import WHO, encode_part, is_content

_ITEMS = {tool: (item, words) for item, (tool, words) in CALLS.items()}
_PREFIXES = {"function_call": "fc", "custom_tool_call": "ctc"}


def encode_response(answer: Response, head: Head, losses: Losses) -> dict[str, Any]:
    """Write an answer."""
    own = answer.dialect == DIALECT
    response = response_id(answer.id)
    out = response_object(
        head, response=response, created_s=answer.created_s, model=answer.model, status="completed", output=[]
    )
    if len(answer.choices) > 1:
        losses.add("answer.choices", f"{WHO} gives one answer", "the first is told")
    for choice in answer.choices[:1]:
        writer = Output(response, losses, own=own)
        out["output"] = writer.write(choice)
        out |= status_of(choice.finish_reason, choice.finish_raw if own else None)
        if not own:
            ended(choice.finish_reason, losses)
        if choice.stop_sequence is not None:
            losses.add("answer.stop_sequence", f"{WHO} doesn't tell at which text it stopped")
    out["usage"] = said_usage(answer)
    if own:
        by, rest = kept(answer.extra)
        return merged(merged(out, as_object(by.get("echo")) or {}), rest)
    return out


def ended(reason: FinishReason | None, losses: Losses) -> None:
    """Note that it can't be told why an answer of another dialect ended."""
    if reason == "other":
        losses.add("answer.finish_reason", f"{WHO} has no such reason", "sent as completed")


def said_usage(answer: Response) -> dict[str, Any] | None:
    """The usage as it came in this dialect, or as it is counted."""
    if answer.usage_raw and answer.dialect == DIALECT:
        return answer.usage_raw
    return None if answer.usage is None else encode_usage(answer.usage)


class Output:
    """Writes the items of one answer."""

    def __init__(self, response: str, losses: Losses, *, own: bool) -> None:
        self._response = response
        self._losses = losses
        self._own = own
        self._items: list[dict[str, Any]] = []
        self._run: list[dict[str, Any]] = []
        self._message: dict[str, Any] = {}
        """What the message that is open says beside its content."""
        self._logprobs: list[object] = []
        self._taken = 0

    def write(self, choice: Choice) -> list[dict[str, Any]]:
        message = choice.message
        by, rest = kept(message.extra)
        self._logprobs = as_list((choice.logprobs or {}).get("content")) or []
        if self._own:
            self._message = {**present(id=message.id, phase=text_of(by, "phase")), **rest}
        for part in message.parts:
            if is_content(part):
                self._content(part)
                continue
            if self._own or not isinstance(part, Unknown):
                self._close()
            self._beside(part)
        self._close()
        return self._items

    def _id(self, prefix: str) -> str:
        return item_id(prefix, self._response, len(self._items))

    def _close(self) -> None:
        if self._run:
            words = {"id": self._id("msg"), "type": "message", "role": "assistant", "status": "completed"}
            self._items.append(merged({**words, "content": self._run}, self._message))
            self._run, self._message = [], {}

    def _content(self, part: Part) -> None:
        match part:
            case Text():
                self._text(part)
            case Refusal():
                extra = part.extra if self._own else {}
                self._run.append(merged({"type": "refusal", "refusal": part.text}, extra))
            case Unknown() if self._own:
                self._run.append(part.raw)
            case Audio(transcript=str(transcript)):
                self._losses.add("answer.audio", f"{WHO} has no spoken answers", "its transcript", adapted=True)
                self._say({"type": "output_text", "text": transcript, "annotations": [], "logprobs": []})
            case _:
                self._losses.add(f"answer.{_kind(part)}", f"{WHO} has no such part of an answer")

    def _text(self, part: Text) -> None:
        by, _ = kept(part.extra)
        again = as_object(by.get("message")) if self._own else None
        if again is not None:
            self._close()
            inner, rest = kept(as_object(again.get("extra")) or {})
            self._message = {**present(id=text_of(again, "id"), phase=text_of(inner, "phase")), **rest}
        if self._own:
            words: dict[str, Any] = encode_part(part, spoken=True)
        else:
            words = {"type": "output_text", "text": part.text, "annotations": self._annotations(part, self._before())}
        count = by.get("logprobs")
        taken = count if isinstance(count, int) else 0 if self._own else len(self._logprobs) - self._taken
        words["logprobs"] = self._logprobs[self._taken : self._taken + taken]
        self._taken += taken
        self._say(words)
        if part.signature is not None and part.signed_by:
            self._close()
            self._proof(part.signature, part.signed_by, "text")

    def _say(self, words: dict[str, Any]) -> None:
        """Words of the message that is open. Another dialect's texts are one, as in a stream, which shows no end of each."""
        last = self._run[-1] if self._run and not self._own else {}
        if last.get("type") != "output_text":
            self._run.append(words)
            return
        last["text"] += words["text"]
        last["annotations"] += words["annotations"]
        last["logprobs"] += words["logprobs"]

    def _before(self) -> int:
        """Characters of the text that is open."""
        return len(self._run[-1].get("text", "")) if self._run else 0

    def _annotations(self, part: Text, before: int) -> list[dict[str, Any]]:
        """Those of a text that so many characters come before."""
        moved = [
            replace(one, start=(one.start or 0) + before, end=None if one.end is None else one.end + before)
            for one in part.citations
        ]
        return annotations(tuple(moved), before + len(part.text), self._losses, own=False)

    def _beside(self, part: Part) -> None:
        match part:
            case ToolCall():
                self._call(part)
            case Reasoning() if self._own:
                self._items.append(merged({"id": self._id("rs")}, encode_thoughts(part)))
            case Reasoning():
                self._items.append(thoughts_item(part, self._id("rs")))
            case Unknown() if self._own:
                self._items.append(part.raw)
            case _:
                self._losses.add(f"answer.{_kind(part)}", f"{WHO} has no such part of an answer")

    def _call(self, call: ToolCall) -> None:
        if call.signature is not None and call.signed_by:
            self._proof(call.signature, call.signed_by, "call")
        by, rest = kept(call.extra)
        kind, words = _ITEMS.get(call.kind, _ITEMS["function"])
        given = text_of(by, "id") if self._own else None
        out: dict[str, Any] = {"type": kind, "id": given or self._id(_PREFIXES[kind])}
        out |= {"call_id": call.id or out["id"], "name": call.name or call.kind, words: call.arguments}
        if kind == "function_call":
            out["status"] = "completed"
        if self._own:
            out = merged(out | present(caller=as_object(by.get("caller"))), rest)
        self._items.append(out)

    def _proof(self, signature: str, signed_by: str, proves: Proves) -> None:
        self._items.append(proof_item(signature, signed_by, proves, self._id("rs")))


def thoughts_item(thoughts: Reasoning, made_id: str) -> dict[str, Any]:
    """Another dialect's thoughts as a reasoning item: told as a summary, which is what clients show."""
    summary = [{"type": "summary_text", "text": thoughts.text}] if thoughts.text and not thoughts.redacted else []
    out: dict[str, Any] = {"type": "reasoning", "id": made_id, "summary": summary}
    if thoughts.signature is not None:
        proves: Proves = "redacted" if thoughts.redacted else "thoughts"
        out["encrypted_content"] = write_proof(thoughts.signature, thoughts.signed_by, proves)
    return out


def annotations(citations: tuple[Citation, ...], length: int, losses: Losses, *, own: bool) -> list[dict[str, Any]]:
    """The annotations of a text of so many characters."""
    if own:
        return [encode_citation(citation) for citation in citations]
    written = [foreign_citation(citation, length, "answer.citations", losses) for citation in citations]
    return [one for one in written if one is not None]


def _kind(part: Part) -> str:
    return part.kind if isinstance(part, Unknown) else type(part).__name__.lower()

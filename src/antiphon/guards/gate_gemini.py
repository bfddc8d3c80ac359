"""Streams of Gemini on their way through guards: chunks that are each a whole answer holding a piece."""

from typing import Any, cast

from antiphon.core.error import AntiphonError
from antiphon.core.finding import Channel
from antiphon.guards.gate_course import Course
from antiphon.guards.gate_flow import Flow
from antiphon.guards.gate_quick import learnt
from antiphon.guards.gate_talk import Held, Json, Talk, as_json, bounded, encode, number, objects, read_again, told
from antiphon.wire.gemini.partial import Arguments

_SAME = ("modelVersion", "responseId", "createTime")
_QUIET = frozenset({*_SAME, "candidates", "usageMetadata"})
_WORDS = frozenset({"content", "index", "finishReason", "finish_reason", "tokenCount", "avgLogprobs"})
_MOST_LEARNT = 32
_CHANCES = ("logprobsResult", "logprobs_result")


class _Answer:
    """One candidate."""

    __slots__ = ("arguments", "courses", "finished", "held")

    def __init__(self) -> None:
        self.courses: dict[str, Course] = {}
        """Of what it thinks, and of what it says."""
        self.held: Held | None = None
        """Pieces of a call that come by and by."""
        self.arguments = Arguments()
        self.finished = False


class Gemini(Talk):
    """One stream of chunks."""

    __slots__ = ("_answers", "_learnt", "_said")

    def __init__(self, flow: Flow) -> None:
        super().__init__(flow)
        self._answers: dict[int, _Answer] = {}
        self._said: Json = {}
        self._learnt = 0

    def read(self, event: bytes, fields: Json) -> bytes:
        if not self._said:
            self._said = {name: fields[name] for name in _SAME if name in fields}
        before: list[bytes] = []
        changed, drops = False, bool(fields.get("candidates"))
        for candidate in objects(fields.get("candidates")):
            edited, empty = self._candidate(candidate, before)
            changed, drops = changed or edited, drops and empty
        rest = {name: value for name, value in fields.items() if name not in _QUIET}
        made = self.values(rest, "answer") if rest else rest
        if made is not rest:
            fields.update(made)
            changed = True
        if not changed:
            self._learn(event, fields)
            return b"".join(before) + event if before else event
        return b"".join(before) + (b"" if drops and not rest else _event(fields))

    def _candidate(self, candidate: Json, before: list[bytes]) -> tuple[bool, bool]:
        """Returns: whether anything is edited, and whether nothing is left to be said."""
        index = number(candidate, "index")
        answer = self._answers.get(index) or self._answers.setdefault(index, _Answer())
        bounded(self._answers)
        content = as_json(candidate.get("content")) or {}
        ended = bool(candidate.get("finishReason") or candidate.get("finish_reason"))
        parts, changed = objects(content.get("parts")), False
        kept: list[Json] = []
        for part in parts:
            made = self._part(part, answer, index, before)
            changed = changed or made is not part
            if made:
                kept.append(made)
        if ended and not answer.finished:
            answer.finished = True
            late = self._ended(answer, index)
            if late and kept and kept[-1].get("text") is not None and "thoughtSignature" not in kept[-1]:
                kept, late, changed = [*kept, *late], [], True
            if late:
                before.append(self._chunk(index, late))
        if changed:
            content["parts"] = kept
            for name in _CHANCES:
                candidate.pop(name, None)
        rest = {name: value for name, value in candidate.items() if name not in _WORDS and name not in _CHANCES}
        others = self.values(rest, f"candidates[{index}]") if rest else rest
        if others is not rest:
            candidate.update(others)
            changed = True
        return changed, not (kept or ended or rest)

    def _part(self, part: Json, answer: _Answer, index: int, before: list[bytes]) -> Json:
        """What goes on of a part; empty: nothing. The same object where nothing is edited."""
        text = part.get("text")
        where = f"candidates[{index}].content"
        if isinstance(text, str):
            out = self._course(answer, index, part).push(text) if text else text
            if out == text:
                return part
            return {**part, "text": out} if out or len(part) > 1 + ("thought" in part) else {}
        call = as_json(part.get("functionCall", part.get("function_call")))
        if call is not None and (answer.held is not None or call.get("willContinue") or "partialArgs" in call):
            return self._piece(part, call, answer, index)
        del before
        return self.values(part, where)

    def _piece(self, part: Json, call: Json, answer: _Answer, index: int) -> Json:
        """Keep a piece of a call until it is whole."""
        held = answer.held = answer.held or Held()
        held.add(encode(part), "")
        answer.arguments.add(call.get("partialArgs"))
        return {} if call.get("willContinue") else self._called(answer, index)

    def _called(self, answer: _Answer, index: int) -> Json:
        """A call that came in pieces, as one."""
        held, given = answer.held, answer.arguments.value
        answer.held, answer.arguments = None, Arguments()
        if held is None:
            return {}
        part = cast("Json", read_again(b"data: %b\n\n" % held.events[0]))
        call = as_json(part.get("functionCall")) or {}
        whole = {name: value for name, value in call.items() if name not in ("partialArgs", "willContinue")}
        return self.values({**part, "functionCall": {**whole, "args": given}}, f"candidates[{index}].content")

    def _course(self, answer: _Answer, index: int, part: Json) -> Course:
        name = "thought" if part.get("thought") is True else "text"
        course = answer.courses.get(name)
        if course is None or course.ended:
            channel: Channel = "reasoning" if name == "thought" else "assistant"
            course = answer.courses[name] = Course(self.flow, f"candidates[{index}].{name}", channel)
        return course

    def _ended(self, answer: _Answer, index: int) -> list[Json]:
        """Parts of all that was held of an answer."""
        self.quick = None
        out: list[Json] = []
        for name, course in answer.courses.items():
            text = course.end()
            if text:
                out.append({"text": text, "thought": True} if name == "thought" else {"text": text})
        called = self._called(answer, index)
        return [*out, called] if called else out

    def _chunk(self, index: int, parts: list[Json]) -> bytes:
        content: Json = {"parts": parts, "role": "model"}
        return _event({"candidates": [{"content": content, "index": index}], **self._said})

    def rest(self) -> bytes:
        out: list[bytes] = []
        for index, answer in self._answers.items():
            parts = self._ended(answer, index)
            if parts:
                out.append(self._chunk(index, parts))
        return b"".join(out)

    def cut(self, error: AntiphonError) -> bytes:
        open_ones = [index for index, answer in self._answers.items() if not answer.finished] or [0]
        candidates: list[Json] = [
            {
                "content": {"role": "model", "parts": []},
                "finishReason": "SAFETY",
                "finishMessage": error.message,
                "index": index,
            }
            for index in open_ones
        ]
        return _event({"candidates": candidates, **self._said, "antiphon": told(error)})

    def _learn(self, event: bytes, fields: Json) -> None:
        candidates = objects(fields.get("candidates"))
        parts = objects((as_json(candidates[0].get("content")) or {}).get("parts")) if len(candidates) == 1 else []
        if len(parts) != 1 or "finishReason" in candidates[0] or self._answers[number(candidates[0], "index")].finished:
            return
        text = parts[0].get("text")
        if isinstance(text, str) and text and self._learnt < _MOST_LEARNT:
            self._learnt += 1
            course = self._course(
                self._answers[number(candidates[0], "index")], number(candidates[0], "index"), parts[0]
            )
            self.quick = learnt(event, text, course, _slot)


def _slot(event: bytes) -> Any:
    candidates = objects((read_again(event) or {}).get("candidates"))
    parts = objects((as_json(candidates[0].get("content")) or {}).get("parts")) if candidates else []
    return parts[0].get("text") if parts else None


def _event(fields: Json) -> bytes:
    return b"data: %b\r\n\r\n" % encode(fields)

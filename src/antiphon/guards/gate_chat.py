"""Streams of Chat Completions and of the older Completions on their way through guards.

Source of names: openai-python 3.52.0, `types/chat/chat_completion_chunk.py`; for thoughts `wire.openai_chat`.
"""

from collections.abc import Callable
from typing import Any, cast

from antiphon.core.error import AntiphonError
from antiphon.core.finding import Channel
from antiphon.guards.gate_course import Course
from antiphon.guards.gate_flow import Flow
from antiphon.guards.gate_quick import learnt
from antiphon.guards.gate_talk import Held, Json, Talk, as_json, bounded, encode, number, objects, read_again, told

_SAME = ("id", "object", "created", "model", "system_fingerprint", "service_tier", "provider")
"""What all events of an answer say alike."""
_TEXTS: dict[str, Channel] = {
    "content": "assistant",
    "refusal": "field",
    "reasoning_content": "reasoning",
    "reasoning": "reasoning",
}
_CALLS = ("tool_calls", "function_call")
_QUIET = frozenset({"role", *_TEXTS, *_CALLS})
_MOST_LEARNT = 32
"""Shapes that are learnt in one stream: it costs more than it gains where each event is of another."""
_WORDS = frozenset({"index", "delta", "text", "finish_reason", "logprobs"})


class _Answer:
    """One answer of the stream."""

    __slots__ = ("courses", "finished")

    def __init__(self) -> None:
        self.courses: dict[str, Course] = {}
        """By name of the field."""
        self.finished = False


class Chat(Talk):
    """One stream of chunks.

    Args:
        older: It is one of Completions, where a choice has its text itself.
    """

    __slots__ = ("_answers", "_calls", "_learnt", "_older", "_said")

    def __init__(self, flow: Flow, *, older: bool = False) -> None:
        super().__init__(flow)
        self._older = older
        self._answers: dict[int, _Answer] = {}
        self._calls: dict[int, dict[Any, Held]] = {}
        self._learnt = 0
        self._said: Json = {}
        """What all events say alike."""

    def read(self, event: bytes, fields: Json) -> bytes:
        if not self._said:
            self._said = {name: fields[name] for name in _SAME if name in fields}
        before: list[bytes] = []
        changed, drops = False, bool(fields.get("choices"))
        for choice in objects(fields.get("choices")):
            edited, empty = self._choice(choice, before)
            changed, drops = changed or edited, drops and empty
        changed = self._beside(fields) or changed
        if not changed:
            self._learn(event, fields)
            return b"".join(before) + event if before else event
        if drops and fields.get("usage") is None:
            return b"".join(before)
        return b"".join(before) + _event(fields)

    def _beside(self, fields: Json) -> bool:
        """What an event says beside its choices."""
        rest = {name: value for name, value in fields.items() if name not in _SAME and name not in ("choices", "usage")}
        made = self.values(rest, "answer")
        if made is rest:
            return False
        fields.update(made)
        return True

    def _choice(self, choice: Json, before: list[bytes]) -> tuple[bool, bool]:
        """Returns: whether anything is edited, and whether nothing is left to be said.

        Args:
            before: Takes events that go before this one.
        """
        index = number(choice, "index")
        answer = self._answers.get(index) or self._answers.setdefault(index, _Answer())
        bounded(self._answers)
        delta = choice if self._older else as_json(choice.get("delta"))
        changed = False
        ended = choice.get("finish_reason") is not None
        if delta is not None:
            changed = self._texts(delta, answer, index, ended=ended)
            changed = self._held(delta, index) or changed
            changed = self._others(choice, delta, index) or changed
        if ended and not answer.finished:
            answer.finished = True
            before += self._flush(answer, index)
        if changed and choice.get("logprobs") is not None:
            choice["logprobs"] = None
        said = delta is not None and any(delta.get(name) for name in delta if name not in _WORDS or name == "text")
        return changed, not (ended or said)

    def _texts(self, delta: Json, answer: _Answer, index: int, *, ended: bool) -> bool:
        changed = False
        for name in ("text",) if self._older else tuple(delta):
            channel: Channel | None = "assistant" if self._older else _TEXTS.get(name)
            value = delta.get(name)
            if channel is None or not value:
                continue
            course = self._course(answer, index, name, channel)
            if isinstance(value, str):
                out = course.push(value) + course.end() if ended else course.push(value)
                if out != value:
                    delta[name], changed = out, True
            else:
                for part in objects(value):
                    changed = _part(course, part) or changed
        spoken = as_json(delta.get("audio"))
        transcript = spoken.get("transcript") if spoken else None
        if spoken and isinstance(transcript, str) and transcript:
            out = self._course(answer, index, "audio", "assistant").push(transcript)
            if out != transcript:
                spoken["transcript"], changed = out, True
        return changed

    def _course(self, answer: _Answer, index: int, name: str, channel: Channel) -> Course:
        course = answer.courses.get(name)
        if course is None or course.ended:
            course = answer.courses[name] = Course(self.flow, f"choices[{index}].{name}", channel)
        return course

    def _others(self, choice: Json, delta: Json, index: int) -> bool:
        """Fields that are known by no name of ours: what they say comes at once."""
        rest = {name: value for name, value in choice.items() if name not in _WORDS}
        said = {name: value for name, value in delta.items() if name not in _QUIET} if delta is not choice else {}
        spoken = as_json(said.get("audio"))
        if spoken is not None:
            said["audio"] = {name: value for name, value in spoken.items() if name not in ("data", "transcript")}
        changed = False
        for place, among in ((choice, rest), (delta, said)):
            made = self.values(among, f"choices[{index}]") if among else among
            if made is not among:
                if spoken is not None and "audio" in made:
                    made["audio"] = {**spoken, **made["audio"]}
                place.update(made)
                changed = True
        return changed

    # --- calls of tools

    def _held(self, delta: Json, index: int) -> bool:
        """Take the calls of an event out of it, until they are complete."""
        if not (delta.get("tool_calls") or delta.get("function_call")):
            return False
        calls = self._calls.setdefault(index, {})
        bounded(calls)
        for call in objects(delta.pop("tool_calls", None)):
            key = number(call, "index")
            inner = as_json(call.get("custom")) or as_json(call.get("function")) or {}
            said = inner.get("input" if "custom" in call else "arguments")
            calls.setdefault(key, Held()).add(encode(call), said if isinstance(said, str) else "")
        legacy = as_json(delta.pop("function_call", None))
        if legacy is not None:
            said = legacy.get("arguments")
            calls.setdefault("legacy", Held()).add(encode(legacy), said if isinstance(said, str) else "")
        return True

    def _flush(self, answer: _Answer, index: int) -> list[bytes]:
        """Events of all that was held of an answer, which is complete."""
        out: list[bytes] = []
        for name, course in answer.courses.items():
            text = course.end()
            if text:
                out.append(self._piece(index, name, text))
        self.quick = None
        for key, held in self._calls.pop(index, {}).items():
            name = "function_call" if key == "legacy" else "tool_calls"
            for call in self._call(held, f"choices[{index}].{name}[{key}].arguments"):
                said = call if key == "legacy" else [call]
                out.append(self._delta(index, {name: said}))
        return out

    def _call(self, held: Held, where: str) -> list[Json]:
        """The pieces of a call that may go: as they came, or all of its arguments in the first."""
        pieces = [cast("Json", _object(piece)) for piece in held.events]
        whole = held.whole
        made = self.arguments(whole, where) if whole else whole
        others = {"calls": [_less_arguments(piece) for piece in pieces]}
        changed = self.values(others, where)
        if made == whole and changed is others:
            return pieces
        first, *later = changed["calls"]
        later = [one for one in later if any(value for name, value in one.items() if name != "index")]
        key = "custom" if "custom" in first else "function"
        inner = as_json(first.get(key))
        if inner is None:
            return [{**first, "arguments": made}, *later]
        return [{**first, key: {**inner, "input" if key == "custom" else "arguments": made}}, *later]

    # --- events of our own

    def _piece(self, index: int, name: str, text: str) -> bytes:
        if self._older:
            choice = {"index": index, "text": text, "logprobs": None, "finish_reason": None}
            return _event({**self._said, "choices": [choice]})
        return self._delta(index, {"audio": {"transcript": text}} if name == "audio" else {name: text})

    def _delta(self, index: int, delta: Json) -> bytes:
        return _event({**self._said, "choices": [{"index": index, "delta": delta, "finish_reason": None}]})

    def rest(self) -> bytes:
        return b"".join([b"".join(self._flush(answer, index)) for index, answer in self._answers.items()])

    def cut(self, error: AntiphonError) -> bytes:
        said = self._said or {"id": "", "object": "chat.completion.chunk", "created": 0, "model": ""}
        inner: Json = {"text": ""} if self._older else {"delta": {}}
        open_ones = [index for index, answer in self._answers.items() if not answer.finished] or [0]
        choices = [{"index": index, **inner, "finish_reason": "content_filter"} for index in open_ones]
        return _event({**said, "choices": choices, "antiphon": told(error)}) + b"data: [DONE]\n\n"

    # --- the quick way

    def _learn(self, event: bytes, fields: Json) -> None:
        """Know the next event of this shape by its bytes, if it says one text and nothing else."""
        choices = objects(fields.get("choices"))
        if len(choices) != 1 or choices[0].get("finish_reason") is not None or self._learnt == _MOST_LEARNT:
            return
        self._learnt += 1
        choice = choices[0]
        delta = choice if self._older else as_json(choice.get("delta")) or {}
        names = [name for name in ("text", *_TEXTS) if isinstance(delta.get(name), str) and delta[name]]
        if len(names) != 1 or choice.get("logprobs"):
            return
        name = names[0]
        course = self._answers[number(choice, "index")].courses.get(name)
        if course is not None:
            self.quick = learnt(event, delta[name], course, _slot(name, older=self._older))


def _slot(name: str, *, older: bool) -> Callable[[bytes], Any]:
    def slot(event: bytes) -> Any:
        fields = read_again(event) or {}
        choices = objects(fields.get("choices"))
        said = choices[0] if choices else {}
        return said.get(name) if older else (as_json(said.get("delta")) or {}).get(name)

    return slot


def _part(course: Course, part: Json) -> bool:
    """A part of a text that comes in parts. Returns: whether it is edited."""
    text = part.get("text")
    if not isinstance(text, str):
        thoughts = part.get("thinking")
        changed = [_part(course, one) for one in objects(thoughts)]
        return any(changed)
    out = course.push(text)
    part["text"] = out
    return out != text


def _less_arguments(call: Json) -> Json:
    out: Json = {}
    for name, value in call.items():
        inner = as_json(value)
        if name in ("arguments", "input"):
            continue
        out[name] = (
            value if inner is None else {key: one for key, one in inner.items() if key not in ("arguments", "input")}
        )
    return out


def _object(raw: bytes) -> Json | None:
    return read_again(b"data: %b\n\n" % raw)


def _event(fields: Json) -> bytes:
    return b"data: %b\n\n" % encode(fields)

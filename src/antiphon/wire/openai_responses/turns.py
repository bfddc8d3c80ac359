"""Writes messages as items: a message for each run of content, an item for each call, thought and result."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from antiphon.core.content import Message, Part, Reasoning, Refusal, Text, ToolCall, Unknown
from antiphon.wire.fields import as_object, merged, present
from antiphon.wire.losses import Losses
from antiphon.wire.openai_responses.items import CALLS
from antiphon.wire.openai_responses.kept import kept, text_of
from antiphon.wire.openai_responses.proofs import DIALECT
from antiphon.wire.openai_responses.thoughts import CONTENT, encode_thoughts
from antiphon.wire.openai_responses.written import WHO, encode_part, foreign_part, is_content
from antiphon.wire.rules import no_cache_mark, no_failure_mark, no_proof, no_thoughts

MAX_CALL_ID = 64
"""Most characters of a call's id. Source: the API's own error message, 2026-11."""
_ITEMS = {tool: (item, words) for item, (tool, words) in CALLS.items()}
_Run = list[tuple[int, Part]]
"""Parts that follow each other, each with its place in its message."""
_ROLES = frozenset({"user", "assistant", "system", "developer"})


class Writer:
    """Writes the messages of one request.

    Args:
        own: They came in this very dialect: what it said beside the words goes back in place.
    """

    def __init__(self, losses: Losses, *, own: bool) -> None:
        self._losses = losses
        self._own = own
        self._custom: set[str] = set()
        """Ids of calls whose tool takes free text."""

    def items(self, messages: Iterable[Message], first: int = 0) -> list[dict[str, Any]]:
        """Write all. `first` is the place of the first of them among the caller's."""
        out: list[dict[str, Any]] = []
        for index, message in enumerate(messages, first):
            out.extend(self._items(message, f"messages[{index}]"))
        return out

    def _items(self, message: Message, path: str) -> Iterable[dict[str, Any]]:
        plain = _plain(message)
        return self._others(message, path) if plain is None else (plain,)

    def _others(self, message: Message, path: str) -> Iterator[dict[str, Any]]:
        if message.role in ("tool", "function"):
            yield self._result(message, path)
            return
        by, _ = kept(message.extra)
        if by.get("item") and len(message.parts) == 1 and isinstance(message.parts[0], Unknown):
            yield message.parts[0].raw
            return
        yield from self._turn(message, path)

    def _turn(self, message: Message, path: str) -> Iterator[dict[str, Any]]:
        run: _Run = []
        begun = False
        for place, part in enumerate(message.parts):
            inside = is_content(part)
            if run and (not inside or _begins(part) is not None):
                yield from self._message(message, run, path, again=begun)
                begun, run = True, []
            if inside:
                run.append((place, part))
            else:
                yield from self._beside(part, f"{path}.content[{place}]")
        if run or (not begun and self._is_empty(message)):
            yield from self._message(message, run, path, again=begun)
        if not self._own:
            self._told(message, path)

    def _is_empty(self, message: Message) -> bool:
        """Whether a message without any content was there nevertheless."""
        return message.form == "parts" and (self._own or not message.parts)

    def _told(self, message: Message, path: str) -> None:
        losses = self._losses
        if message.name is not None:
            losses.add(f"{path}.name", f"{WHO} has no names of speakers")
        losses.all_of(
            [name for name, value in message.extra.items() if value is not None], path, f"{WHO} has no such field"
        )

    def _message(self, message: Message, run: _Run, path: str, *, again: bool) -> Iterator[dict[str, Any]]:
        out: dict[str, Any] = {"type": "message", "role": message.role if message.role in _ROLES else "user"}
        if out["role"] != message.role:
            self._losses.add(f"{path}.role", f"{WHO} has no role {message.role}", "sent as user", adapted=True)
        item_id, form, extra = (None, "parts", {}) if again else (message.id, message.form, message.extra)
        begins = _begins(run[0][1]) if run else None
        if begins is not None:
            item_id, form, extra = text_of(begins, "id"), begins.get("form"), as_object(begins.get("extra")) or {}
        content = self._content(run, path, spoken=message.role == "assistant")
        if not content and run:
            return  # all of it is told as losses
        text = _text_alone(run, content) if form == "text" else None
        said = {"content": content if text is None else text}
        if not self._own:
            yield out | said
            return
        by, rest = kept(extra)
        yield merged(out | _completed(item_id) | said | present(phase=text_of(by, "phase")), rest)

    def _content(self, run: _Run, path: str, *, spoken: bool) -> list[dict[str, Any]]:
        for place, part in run:
            if isinstance(part, Text) and part.signature is not None and part.signed_by not in ("", DIALECT):
                no_proof(self._losses, f"{path}.content[{place}]", WHO)
        if self._own:
            return [encode_part(part, spoken=spoken) for _, part in run]
        written = [foreign_part(part, f"{path}.content[{place}]", self._losses, spoken=spoken) for place, part in run]
        return [part for part in written if part is not None]

    def _beside(self, part: Part, path: str) -> Iterator[dict[str, Any]]:
        """An item that is not a message."""
        match part:
            case ToolCall():
                yield self._call(part, path)
            case Reasoning():
                thoughts = self._thoughts(part, path)
                if thoughts is not None:
                    yield thoughts
            case Unknown():
                if self._own:
                    yield part.raw
                else:
                    self._losses.add(path, f"{WHO} has no part of the kind {part.kind}")
            case _:
                raise AssertionError(f"{part!r} is content")

    def _call(self, call: ToolCall, path: str) -> dict[str, Any]:
        by, rest = kept(call.extra)
        kind, words = _ITEMS.get(call.kind, _ITEMS["function"])
        call_id = call.id if self._own else call_id_of(call.id or f"call_{call.name}")
        if kind != "function_call":
            self._custom.add(call_id)
        name, arguments = call.name, call.arguments
        if call.kind not in _ITEMS:
            self._losses.add(path, f"{WHO} has no calls of the kind {call.kind}", "sent as a function", adapted=True)
            name = name or call.kind
        if call.signature is not None and call.signed_by not in ("", DIALECT):
            no_proof(self._losses, path, WHO)
        if call.cache is not None:
            no_cache_mark(self._losses, path, WHO)
        out: dict[str, Any] = {"type": kind}
        if self._own:
            out |= _completed(text_of(by, "id")) if kind == "function_call" else present(id=text_of(by, "id"))
        out |= {
            "call_id": call_id,
            "name": name,
            words: arguments or ("{}" if words == "arguments" and not self._own else ""),
        }
        if self._own:
            return merged(out | present(caller=as_object(by.get("caller"))), rest)
        self._losses.all_of(_said(call.extra), path, f"{WHO} has no such field")
        return out

    def _result(self, message: Message, path: str) -> dict[str, Any]:
        by, rest = kept(message.extra)
        call_id = message.tool_call_id or ""
        if not self._own:
            call_id = call_id_of(call_id or f"call_{message.name or ''}")
        custom = by.get("kind") == "custom" or call_id in self._custom
        out: dict[str, Any] = {"type": "custom_tool_call_output" if custom else "function_call_output"}
        if self._own:
            out |= present(id=message.id) if custom else _completed(message.id)
            out |= present(call_id=message.tool_call_id, caller=as_object(by.get("caller")))
        else:
            out["call_id"] = call_id
        run: _Run = list(enumerate(message.parts))
        content = self._content(run, path, spoken=False)
        text = _text_alone(run, content) if message.form == "text" else None
        out["output"] = content if text is None else text
        if self._own:
            return merged(out, rest)
        self._result_told(message, path)
        return out

    def _result_told(self, message: Message, path: str) -> None:
        losses = self._losses
        if message.cache is not None:
            no_cache_mark(losses, path, WHO)
        if message.failed:
            no_failure_mark(losses, path, WHO)
        losses.all_of(_said(message.extra), path, f"{WHO} has no such field")

    def _thoughts(self, thoughts: Reasoning, path: str) -> dict[str, Any] | None:
        """An upstream reads OpenAI's own proofs only; thoughts without any are no use to it."""
        if thoughts.signature is not None and thoughts.signed_by not in ("", DIALECT):
            no_thoughts(self._losses, path, WHO)
            return None
        if self._own:
            return encode_thoughts(thoughts)
        if thoughts.signature is None or not thoughts.signed_by:
            no_thoughts(self._losses, path, WHO)
            return None
        summary = (
            [{"type": "summary_text", "text": thoughts.text}] if thoughts.text and thoughts.label != CONTENT else []
        )
        return {
            "type": "reasoning",
            **present(id=thoughts.id),
            "summary": summary,
            "encrypted_content": thoughts.signature,
        }


def _plain(message: Message) -> dict[str, Any] | None:
    """A message that is one text and nothing beside it: most are so."""
    if message.form != "text" or message.extra or len(message.parts) != 1 or message.role not in _ROLES:
        return None
    part = message.parts[0]
    if (
        type(part) is not Text
        or part.extra
        or part.cache is not None
        or part.citations
        or part.signature is not None
        or message.id is not None
        or message.name is not None
    ):
        return None
    return {"type": "message", "role": message.role, "content": part.text}


def _completed(item_id: str | None) -> dict[str, Any]:
    """An item that has an id has come out of an answer, and says that it is whole."""
    return {} if item_id is None else {"id": item_id, "status": "completed"}


def _said(extra: Mapping[str, Any]) -> list[str]:
    return [name for name, value in extra.items() if value is not None]


def _begins(part: Part) -> dict[str, Any] | None:
    """What a further message of the turn, which begins with a part, says beside its content."""
    return as_object(kept(part.extra)[0].get("message")) if isinstance(part, Text | Refusal) and part.extra else None


def _text_alone(run: _Run, content: list[dict[str, Any]]) -> str | None:
    """The text of a content that is one text and nothing beside it."""
    if len(content) != 1 or not isinstance(run[0][1], Text):
        return None
    part = content[0]
    return part["text"] if len(part) == 2 or (len(part) == 3 and part.get("annotations") == []) else None


def call_id_of(call_id: str) -> str:
    """An id that OpenAI takes: another is told apart by its digest."""
    return call_id if len(call_id) <= MAX_CALL_ID else "call_" + sha256(call_id.encode()).hexdigest()[:32]

"""Responses: whole, or as the events that build them.

Source: https://platform.openai.com/docs/api-reference/responses-streaming and the types of openai 3.52.0
(response.py, response_*_event.py), read 2026-11.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from antiphon.providers.lab.answer import Answer, Choice
from antiphon.providers.lab.count import pieces
from antiphon.providers.lab.dialect import Event, Json, Writer
from antiphon.providers.lab.proof import sign
from antiphon.providers.lab.request import Message
from antiphon.providers.lab.responses.memory import Kept, Memory
from antiphon.providers.lab.responses.read import Read

WRONG_USAGE: Json = {
    "input_tokens": -7,
    "input_tokens_details": {"cached_tokens": 1_000_000_000_000, "cache_write_tokens": 0},
    "output_tokens": 9_999_999_999_999,
    "output_tokens_details": {"reasoning_tokens": -1},
    "total_tokens": 0,
}
Said = tuple[int, str, dict[str, Any]]
"""How many tokens are out, an event's type, and its fields but for its number."""


class ResponseWriter(Writer):
    """A response."""

    wrong_usage = WRONG_USAGE

    def __init__(self, read: Read, memory: Memory) -> None:
        super().__init__(read.asked)
        self._read = read
        self._memory = memory

    def usage(self, answer: Answer) -> Json:
        used = answer.used
        return {
            "input_tokens": used.input,
            "input_tokens_details": {"cached_tokens": used.cached, "cache_write_tokens": 0},
            "output_tokens": used.output,
            "output_tokens_details": {"reasoning_tokens": used.reasoning},
            "total_tokens": used.input + used.output,
        }

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        body = msgspec.json.encode(self._ended(answer, used))
        self._keep(answer, body)
        return body

    def events(self, answer: Answer, used: Json | None) -> Iterator[Event]:
        for number, (token, kind, said) in enumerate(self._events(answer, used)):
            body = msgspec.json.encode({"type": kind, "sequence_number": number, **said})
            yield Event(token, b"event: %b\ndata: %b\n\n" % (kind.encode(), body))

    def _events(self, answer: Answer, used: Json | None) -> Iterator[Said]:
        begun = self._body(answer, "in_progress", [], None)
        yield 0, "response.created", {"response": begun}
        yield 0, "response.in_progress", {"response": begun}
        token = 0
        for index, item in enumerate(self._items(answer)):
            for count, kind, said in _item_events(item):
                token += count
                yield token, kind, {"output_index": index, **said}
        ended = self._ended(answer, used)
        self._keep(answer, msgspec.json.encode(ended))
        yield token, f"response.{ended['status']}", {"response": ended}

    def _ended(self, answer: Answer, used: Json | None) -> dict[str, Any]:
        status = "incomplete" if answer.choices[0].finish == "length" else "completed"
        return self._body(answer, status, self._items(answer), used)

    def _body(self, answer: Answer, status: str, output: list[dict[str, Any]], used: Json | None) -> dict[str, Any]:
        reason = {"reason": "max_output_tokens"} if status == "incomplete" else None
        said = {
            "id": _id(answer, "resp"),
            "object": "response",
            "created_at": answer.created_s,
            "status": status,
            "error": None,
            "incomplete_details": reason,
            "model": answer.model,
            "output": output,
            "service_tier": "default",
            **self._read.echo,
        }
        return said if used is None and status != "in_progress" else {**said, "usage": used}

    def _items(self, answer: Answer) -> list[dict[str, Any]]:
        choice = answer.choices[0]
        status = "incomplete" if choice.finish == "length" else "completed"
        items: list[dict[str, Any]] = []
        if choice.reasoning:
            items.append(self._reasoning(answer, choice))
        if self._read.searches:
            query = self.asked.last_user_text[:100]
            action = {
                "type": "search",
                "query": query,
                "sources": [{"type": "url", "url": "https://lab.invalid/results/1"}],
            }
            items.append({"id": _id(answer, "ws"), "type": "web_search_call", "status": "completed", "action": action})
        if choice.text or not choice.calls:
            part: Json = {"type": "output_text", "annotations": [], "logprobs": [], "text": choice.text}
            items.append(
                {"id": _id(answer, "msg"), "type": "message", "status": status, "role": "assistant", "content": [part]}
            )
        for place, call in enumerate(choice.calls):
            own = call.kind == "custom"
            kind, field = ("custom_tool_call", "input") if own else ("function_call", "arguments")
            id_ = f"{_id(answer, 'ctc' if own else 'fc')}_{place}"
            named = {"id": id_, "type": kind, "status": status, "call_id": call.id, "name": call.name}
            items.append({**named, field: call.arguments})
        return items

    def _reasoning(self, answer: Answer, choice: Choice) -> dict[str, Any]:
        summary = [{"type": "summary_text", "text": choice.reasoning}] if self._read.summarizes else []
        item: dict[str, Any] = {"id": _id(answer, "rs"), "type": "reasoning", "summary": summary}
        return {**item, "encrypted_content": sign("responses", choice.reasoning)} if self._read.encrypts else item

    def _keep(self, answer: Answer, body: bytes) -> None:
        if not self._read.stores:
            return
        choice = answer.choices[0]
        calls = [msgspec.Raw(msgspec.json.encode(call)) for call in choice.calls]
        said = Message("assistant", choice.text or None, tool_calls=calls or None)
        raws = (*self._read.raws, msgspec.json.encode(said))
        waiting = frozenset(call.id for call in choice.calls)
        self._memory.keep(_id(answer, "resp"), Kept((*self._read.history, said), raws, waiting, body))


def _id(answer: Answer, kind: str) -> str:
    return answer.id.replace("chatcmpl-lab", f"{kind}_lab")


def _item_events(item: dict[str, Any]) -> Iterator[Said]:
    """Each with the tokens that it adds."""
    match item["type"]:
        case "reasoning":
            yield from _reasoning_events(item)
        case "message":
            yield from _message_events(item)
        case "web_search_call":
            yield 0, "response.output_item.added", {"item": {**item, "status": "in_progress"}}
            for step in ("in_progress", "searching", "completed"):
                yield 0, f"response.web_search_call.{step}", {"item_id": item["id"]}
        case kind:
            own = kind == "custom_tool_call"
            field, said = ("input", "custom_tool_call_input") if own else ("arguments", "function_call_arguments")
            yield 0, "response.output_item.added", {"item": {**item, "status": "in_progress", field: ""}}
            for piece in pieces(item[field]):
                yield 1, f"response.{said}.delta", {"item_id": item["id"], "delta": piece}
            yield 0, f"response.{said}.done", {"item_id": item["id"], field: item[field]}
    yield 0, "response.output_item.done", {"item": item}


def _reasoning_events(item: dict[str, Any]) -> Iterator[Said]:
    yield 0, "response.output_item.added", {"item": {**item, "summary": []}}
    for index, part in enumerate(item["summary"]):
        at = {"item_id": item["id"], "summary_index": index}
        yield 0, "response.reasoning_summary_part.added", {**at, "part": {**part, "text": ""}}
        for piece in pieces(part["text"]):
            yield 1, "response.reasoning_summary_text.delta", {**at, "delta": piece}
        yield 0, "response.reasoning_summary_text.done", {**at, "text": part["text"]}
        yield 0, "response.reasoning_summary_part.done", {**at, "part": part}


def _message_events(item: dict[str, Any]) -> Iterator[Said]:
    yield 0, "response.output_item.added", {"item": {**item, "status": "in_progress", "content": []}}
    for index, part in enumerate(item["content"]):
        at = {"item_id": item["id"], "content_index": index}
        yield 0, "response.content_part.added", {**at, "part": {**part, "text": ""}}
        for piece in pieces(part["text"]):
            yield 1, "response.output_text.delta", {**at, "delta": piece, "logprobs": []}
        yield 0, "response.output_text.done", {**at, "text": part["text"], "logprobs": []}
        yield 0, "response.content_part.done", {**at, "part": part}

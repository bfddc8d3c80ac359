"""Anthropic's answers: one message, or the events of a stream.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming, read 2026-11; the types message.py,
usage.py and raw_*_event.py of anthropic 2.14.0.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import ClassVar

import msgspec

from antiphon.providers.lab.answer import Answer, Choice, Job, counted
from antiphon.providers.lab.anthropic.read import Read
from antiphon.providers.lab.anthropic.turns import REDACTED
from antiphon.providers.lab.count import pieces
from antiphon.providers.lab.dialect import Event, Json, Whole, Writer
from antiphon.providers.lab.proof import sign
from antiphon.providers.lab.replay import Outcome
from antiphon.providers.lab.request import Asked
from antiphon.providers.lab.tools import Call

WRONG_USAGE: Json = {
    "input_tokens": -7,
    "cache_creation_input_tokens": 1_000_000_000_000,
    "cache_read_input_tokens": -1,
    "output_tokens": 9_999_999_999_999,
}
STOP_REASONS = {"tool_calls": "tool_use", "length": "max_tokens"}
SEARCHED = "https://lab.invalid/results/1"


class MessageWriter(Writer):
    """A message."""

    id_header = b"request-id"
    wrong_usage = WRONG_USAGE

    def __init__(self, read: Read) -> None:
        super().__init__(read.asked)
        self._read = read

    def usage(self, answer: Answer) -> Json:
        used = answer.used
        kept_1h = used.written if used.ttl == "1h" else 0
        said: Json = {
            "input_tokens": used.input - used.cached - used.written,
            "cache_creation_input_tokens": used.written,
            "cache_read_input_tokens": used.cached,
            "cache_creation": {
                "ephemeral_5m_input_tokens": used.written - kept_1h,
                "ephemeral_1h_input_tokens": kept_1h,
            },
            "output_tokens": used.output,
            "output_tokens_details": {"thinking_tokens": used.reasoning},
            "service_tier": "standard",
        }
        if self._read.searches:
            said["server_tool_use"] = {"web_search_requests": 1, "web_fetch_requests": 0}
        return said

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        [choice, *_] = answer.choices
        stated: Json = {} if used is None else {"usage": used}
        said = {"content": [_closed(block) for block in self._blocks(answer, choice)], **_ending(choice)}
        return msgspec.json.encode(_head(answer) | said | stated)

    def events(self, answer: Answer, used: Json | None) -> Iterator[Event]:
        [choice, *_] = answer.choices
        begun: Json = {} if used is None else {"usage": used | {"output_tokens": 1}}
        empty: Json = {"content": [], "stop_reason": None, "stop_sequence": None}
        yield _event(0, "message_start", {"message": _head(answer) | empty | begun})
        token = 0
        for index, block in enumerate(self._blocks(answer, choice)):
            yield _event(token, "content_block_start", {"index": index, "content_block": _open(block)})
            if index == 0:
                yield _event(token, "ping", {})
            for delta in _deltas(block):
                token += delta["type"] in ("text_delta", "thinking_delta", "input_json_delta")
                yield _event(token, "content_block_delta", {"index": index, "delta": delta})
            yield _event(token, "content_block_stop", {"index": index})
        ended: Json = {"delta": _ending(choice)}
        ended |= {} if used is None else {"usage": used}
        yield _event(token, "message_delta", ended)
        yield _event(token, "message_stop", {})

    def _blocks(self, answer: Answer, choice: Choice) -> list[Json]:
        """What the message holds; calls keep their arguments as text."""
        blocks: list[Json] = []
        if choice.reasoning and self._read.redacts:
            blocks.append(
                {"type": "redacted_thinking", "data": REDACTED + sha256(choice.reasoning.encode()).hexdigest()}
            )
        elif choice.reasoning:
            shown = "" if self._read.omits else choice.reasoning
            blocks.append({"type": "thinking", "thinking": shown, "signature": sign("anthropic", shown)})
        if self._read.searches:
            blocks += _search(answer, self.asked)
        if choice.text:
            blocks.append({"type": "text", "text": choice.text})
        blocks += [_call(call) for call in choice.calls]
        return blocks


class CountWriter(Whole):
    """How many tokens a request has."""

    id_header = b"request-id"
    wrong_usage: ClassVar[Json] = {"input_tokens": -7}

    def compose(self, job: Job, outcome: Outcome | None) -> Answer:
        return counted(job)

    def usage(self, answer: Answer) -> Json:
        return {"input_tokens": answer.used.input}

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        return msgspec.json.encode(used or {})


def _head(answer: Answer) -> Json:
    return {"id": message_id(answer), "type": "message", "role": "assistant", "model": answer.model}


def message_id(answer: Answer) -> str:
    return answer.id.replace("chatcmpl-lab", "msg_lab")


def _ending(choice: Choice) -> Json:
    reason = "stop_sequence" if choice.stop and choice.finish == "stop" else STOP_REASONS.get(choice.finish, "end_turn")
    return {"stop_reason": reason, "stop_sequence": choice.stop or None if reason == "stop_sequence" else None}


def _call(call: Call) -> Json:
    return {
        "type": "tool_use",
        "id": call.id.replace("call_", "toolu_"),
        "name": call.name,
        "input": call.arguments,
        "caller": {"type": "direct"},
    }


def _search(answer: Answer, asked: Asked) -> list[Json]:
    """A search that the lab ran: nothing of it is real."""
    id_ = answer.id.replace("chatcmpl-lab", "srvtoolu_lab")
    result: Json = {
        "type": "web_search_result",
        "url": SEARCHED,
        "title": "A simulated search result",
        "encrypted_content": sign("search", asked.key),
        "page_age": None,
    }
    used: Json = {
        "type": "server_tool_use",
        "id": id_,
        "name": "web_search",
        "input": {"query": asked.last_user_text[:100]},
    }
    return [used, {"type": "web_search_tool_result", "tool_use_id": id_, "content": [result]}]


def _closed(block: Json) -> Json:
    """A call as a whole answer has it: its input as an object; what was cut off before it was one is empty."""
    if block["type"] != "tool_use":
        return block
    try:
        return block | {"input": msgspec.json.decode(str(block["input"]))}
    except msgspec.DecodeError:
        return block | {"input": {}}


def _open(block: Json) -> Json:
    match block["type"]:
        case "text":
            return block | {"text": ""}
        case "thinking":
            return block | {"thinking": "", "signature": ""}
        case "tool_use" | "server_tool_use":
            return block | {"input": {}}
        case _:
            return block


def _deltas(block: Json) -> Iterator[Json]:
    match block["type"]:
        case "text":
            yield from ({"type": "text_delta", "text": piece} for piece in pieces(str(block["text"])))
        case "thinking":
            yield from ({"type": "thinking_delta", "thinking": piece} for piece in pieces(str(block["thinking"])))
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "tool_use" | "server_tool_use":
            held = block["input"]
            text = held if isinstance(held, str) else msgspec.json.encode(held).decode()
            yield {"type": "input_json_delta", "partial_json": ""}
            yield from ({"type": "input_json_delta", "partial_json": piece} for piece in pieces(text))
        case _:
            return


def _event(token: int, kind: str, said: Json) -> Event:
    body = msgspec.json.encode({"type": kind} | said)
    return Event(token, b"event: %b\ndata: %b\n\n" % (kind.encode(), body))

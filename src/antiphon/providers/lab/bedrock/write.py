"""Bedrock's answers: Converse in its own words, and models' own bodies within its frames.

Source: botocore 1.44.8, data/bedrock-runtime/2023-09-30/service-2.json;
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html, read 2026-11.
"""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import msgspec

from antiphon.providers.lab.answer import Answer, Choice
from antiphon.providers.lab.anthropic.write import MessageWriter
from antiphon.providers.lab.count import pieces
from antiphon.providers.lab.dialect import Event, Json, Writer
from antiphon.providers.lab.proof import sign
from antiphon.wire.eventstream import encode_frame

WRONG_USAGE: Json = {"inputTokens": -7, "outputTokens": 9_999_999_999_999, "totalTokens": 0, "cacheReadInputTokens": -1}
STREAM_LINES = b"content-type: application/vnd.amazon.eventstream\r\n"
STOP_REASONS = {"tool_calls": "tool_use", "length": "max_tokens"}
ID_HEADER = b"x-amzn-requestid"


def frame(kind: str, payload: Json) -> bytes:
    """One event. Its payload names nothing: the header does."""
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return encode_frame(headers, msgspec.json.encode(payload))


class ConverseWriter(Writer):
    """Of /converse and /converse-stream."""

    id_header = ID_HEADER
    stream_lines = STREAM_LINES
    wrong_usage = WRONG_USAGE

    def usage(self, answer: Answer) -> Json:
        used = answer.used
        said: Json = {
            "inputTokens": used.input - used.cached - used.written,
            "outputTokens": used.output,
            "totalTokens": used.input + used.output,
            "cacheReadInputTokens": used.cached,
            "cacheWriteInputTokens": used.written,
        }
        if used.written:
            said["cacheDetails"] = [{"ttl": used.ttl, "inputTokens": used.written}]
        return said

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        choice = answer.choices[0]
        message: Json = {"role": "assistant", "content": list(_blocks(choice))}
        said: Json = {"output": {"message": message}, "stopReason": _reason(choice), "metrics": {"latencyMs": 1}}
        return msgspec.json.encode(said | ({} if used is None else {"usage": used}))

    def events(self, answer: Answer, used: Json | None) -> Iterator[Event]:
        choice = answer.choices[0]
        yield Event(0, frame("messageStart", {"role": "assistant"}))
        token = 0
        for index, block in enumerate(_blocks(choice)):
            at: Json = {"contentBlockIndex": index}
            if "toolUse" in block:
                named = {name: value for name, value in block["toolUse"].items() if name != "input"}
                yield Event(token, frame("contentBlockStart", {"start": {"toolUse": named}, **at}))
            for delta in _deltas(block, choice):
                token += 1
                yield Event(token, frame("contentBlockDelta", {"delta": delta, **at}))
            yield Event(token, frame("contentBlockStop", at))
        yield Event(token, frame("messageStop", {"stopReason": _reason(choice)}))
        ended: Json = {"metrics": {"latencyMs": 1}}
        yield Event(token, frame("metadata", ended | ({} if used is None else {"usage": used})))


def _reason(choice: Choice) -> str:
    if choice.stop and choice.finish == "stop":
        return "stop_sequence"
    return STOP_REASONS.get(choice.finish, "end_turn")


def _blocks(choice: Choice) -> Iterator[dict[str, Any]]:
    if choice.reasoning:
        thought = {"text": choice.reasoning, "signature": sign("anthropic", choice.reasoning)}
        yield {"reasoningContent": {"reasoningText": thought}}
    if choice.text:
        yield {"text": choice.text}
    for call in choice.calls:
        try:
            given = msgspec.json.decode(call.arguments)
        except msgspec.DecodeError:
            given = {}
        yield {"toolUse": {"toolUseId": call.id.replace("call_", "tooluse_"), "name": call.name, "input": given}}


def _deltas(block: dict[str, Any], choice: Choice) -> Iterator[Json]:
    if "text" in block:
        yield from ({"text": piece} for piece in pieces(block["text"]))
    elif "reasoningContent" in block:
        thought = block["reasoningContent"]["reasoningText"]
        yield from ({"reasoningContent": {"text": piece}} for piece in pieces(thought["text"]))
        yield {"reasoningContent": {"signature": thought["signature"]}}
    else:
        id_ = block["toolUse"]["toolUseId"].replace("tooluse_", "call_")
        said = next(call.arguments for call in choice.calls if call.id == id_)
        yield from ({"toolUse": {"input": piece}} for piece in pieces(said))


class InvokeWriter(MessageWriter):
    """Of /invoke and /invoke-with-response-stream with a body of Anthropic's: each event in a frame."""

    id_header = ID_HEADER
    stream_lines = STREAM_LINES

    def events(self, answer: Answer, used: Json | None) -> Iterator[Event]:
        for event in super().events(answer, used):
            body = event.data.partition(b"\ndata: ")[2].strip()
            if b'"type":"message_stop"' in body and used is not None:
                body = msgspec.json.encode({"type": "message_stop", "amazon-bedrock-invocationMetrics": _metrics(used)})
            yield Event(event.token, frame("chunk", {"bytes": b64encode(body).decode(), "p": "abcdefgh"}))


def _metrics(used: Json) -> Json:
    return {
        "inputTokenCount": used.get("input_tokens"),
        "outputTokenCount": used.get("output_tokens"),
        "cacheReadInputTokenCount": used.get("cache_read_input_tokens"),
        "cacheWriteInputTokenCount": used.get("cache_creation_input_tokens"),
        "invocationLatency": 1,
        "firstByteLatency": 1,
    }

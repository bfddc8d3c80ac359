"""Answers as upstreams give them, where the lab has none of the kind."""

from typing import Any

from matrix.feature import Answer

Json = dict[str, Any]
TEXT = "The answer is here."


def said(text: str = TEXT, **more: Any) -> Json:
    """A message of OpenAI's Responses."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": [], **more}
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}


def responses_answer(*items: Json, status: str = "completed", **more: Any) -> Answer:
    """An answer of OpenAI's Responses, and its stream: each item is added, and done."""
    used = {
        "input_tokens": 12,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 21,
    }
    base = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_796_000_000,
        "model": "gpt-5.2",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    whole = {**base, "status": status, "output": list(items), "usage": used, **more}
    began = {**base, "status": "in_progress", "output": [], "usage": None}
    events: list[Json] = [{"type": "response.created", "response": began}]
    for place, item in enumerate(items):
        events += _item(place, item)
    last = {"completed": "response.completed", "incomplete": "response.incomplete"}[status]
    events.append({"type": last, "response": whole})
    return Answer(whole=whole, events=tuple({**event, "sequence_number": n} for n, event in enumerate(events)))


def _item(place: int, item: Json) -> list[Json]:
    where = {"output_index": place, "item_id": item.get("id", "")}
    empty = {**item, "status": "in_progress", **({"content": []} if "content" in item else {})}
    if item["type"] == "reasoning":
        empty = {"id": item["id"], "type": "reasoning", "summary": []}
    out: list[Json] = [{"type": "response.output_item.added", "output_index": place, "item": empty}]
    for number, part in enumerate(item.get("content") or []):
        at = {**where, "content_index": number}
        kind = part["type"]
        words = "refusal" if kind == "refusal" else "text"
        stem = f"response.{'refusal' if kind == 'refusal' else 'output_text'}"
        started = {**part, words: "", **({"annotations": [], "logprobs": []} if words == "text" else {})}
        more = {"logprobs": part.get("logprobs", [])} if words == "text" else {}
        out += [
            {"type": "response.content_part.added", **at, "part": started},
            {"type": f"{stem}.delta", **at, "delta": part[words], **more},
            *(
                {"type": "response.output_text.annotation.added", **at, "annotation_index": n, "annotation": note}
                for n, note in enumerate(part.get("annotations", []))
            ),
            {"type": f"{stem}.done", **at, words: part[words], **more},
            {"type": "response.content_part.done", **at, "part": part},
        ]
    for number, part in enumerate(item.get("summary") or []):
        at = {**where, "summary_index": number}
        out += [
            {"type": "response.reasoning_summary_part.added", **at, "part": {"type": "summary_text", "text": ""}},
            {"type": "response.reasoning_summary_text.delta", **at, "delta": part["text"]},
            {"type": "response.reasoning_summary_text.done", **at, "text": part["text"]},
            {"type": "response.reasoning_summary_part.done", **at, "part": part},
        ]
    return [*out, {"type": "response.output_item.done", "output_index": place, "item": item}]


def chat_answer(message: Json, finish: str = "stop", **choice: Any) -> Answer:
    """An answer of Chat Completions, and its stream: the message in one piece."""
    used = {
        "prompt_tokens": 12,
        "completion_tokens": 9,
        "total_tokens": 21,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    base = {"id": "chatcmpl-1", "created": 1_796_000_000, "model": "gpt-5.2"}
    whole = {
        **base,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish, **choice}],
        "usage": used,
    }
    chunk = {**base, "object": "chat.completion.chunk"}
    begun = {"index": 0, "delta": {"role": "assistant", **message}, "finish_reason": None, **choice}
    return Answer(
        whole=whole,
        events=(
            {**chunk, "choices": [begun]},
            {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
            {**chunk, "choices": [], "usage": used},
        ),
    )


def claude_answer(*blocks: Json, stop: str = "end_turn", stop_sequence: str | None = None, **more: Any) -> Answer:
    """An answer of Anthropic's Messages, and its stream."""
    used = {
        "input_tokens": 8,
        "cache_read_input_tokens": 4,
        "cache_creation_input_tokens": 0,
        "output_tokens": 9,
        **more,
    }
    base = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5"}
    ended = {"stop_reason": stop, "stop_sequence": stop_sequence}
    began = {**base, "content": [], "stop_reason": None, "stop_sequence": None, "usage": {**used, "output_tokens": 1}}
    events: list[Json] = [{"type": "message_start", "message": began}]
    for place, block in enumerate(blocks):
        events += _block(place, block)
    events += [{"type": "message_delta", "delta": ended, "usage": used}, {"type": "message_stop"}]
    return Answer(whole={**base, "content": list(blocks), **ended, "usage": used}, events=tuple(events))


def _block(place: int, block: Json) -> list[Json]:
    started, deltas = dict(block), []
    match block["type"]:
        case "text":
            started = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": block["text"]}]
            deltas += [{"type": "citations_delta", "citation": one} for one in block.get("citations", [])]
        case "thinking":
            started = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
    return [
        {"type": "content_block_start", "index": place, "content_block": started},
        *({"type": "content_block_delta", "index": place, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": place},
    ]


def gemini_answer(*parts: Json, finish: str = "STOP", **candidate: Any) -> Answer:
    """An answer of Gemini's, which is the same as a stream of one piece."""
    whole = {
        "candidates": [
            {"index": 0, "content": {"role": "model", "parts": list(parts)}, "finishReason": finish, **candidate}
        ],
        "usageMetadata": {
            "promptTokenCount": 12,
            "cachedContentTokenCount": 4,
            "candidatesTokenCount": 6,
            "thoughtsTokenCount": 3,
            "totalTokenCount": 21,
        },
        "modelVersion": "gemini-3-pro",
        "responseId": "r1",
    }
    return Answer(whole=whole, events=(whole,))


def converse_answer(*blocks: Json, stop: str = "end_turn", fields: Json | None = None) -> Answer:
    """An answer of Bedrock's Converse, and its stream."""
    used = {"inputTokens": 8, "cacheReadInputTokens": 4, "outputTokens": 9, "totalTokens": 21}
    more = {} if fields is None else {"additionalModelResponseFields": fields}
    whole = {
        "output": {"message": {"role": "assistant", "content": list(blocks)}},
        "stopReason": stop,
        "usage": used,
        "metrics": {"latencyMs": 1},
        **more,
    }
    events: list[Json] = [{"messageStart": {"role": "assistant"}}]
    for place, block in enumerate(blocks):
        events += [
            {"contentBlockDelta": {"contentBlockIndex": place, "delta": {"text": block["text"]}}},
            {"contentBlockStop": {"contentBlockIndex": place}},
        ]
    events += [
        {"messageStop": {"stopReason": stop, **more}},
        {"metadata": {"usage": used, "metrics": {"latencyMs": 1}}},
    ]
    return Answer(whole=whole, events=tuple(events))


def cohere_answer(
    text: str = TEXT,
    finish: str = "COMPLETE",
    *,
    logprobs: list[Json] | None = None,
    citations: list[Json] | None = None,
) -> Answer:
    """An answer of Cohere's, and its stream."""
    used = {
        "billed_units": {"input_tokens": 12, "output_tokens": 9},
        "tokens": {"input_tokens": 12, "output_tokens": 9},
        "cached_tokens": 4,
    }
    message: Json = {"role": "assistant", "content": [{"type": "text", "text": text}]}
    noted = {"citations": citations} if citations else {}
    whole = {"id": "c1", "finish_reason": finish, "message": {**message, **noted}, "usage": used}
    if logprobs:
        whole["logprobs"] = logprobs
    events: list[Json] = [
        {"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant", "content": []}}},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        {
            "type": "content-delta",
            "index": 0,
            "delta": {"message": {"content": {"text": text}}},
            **({"logprobs": logprobs[0]} if logprobs else {}),
        },
        *(
            {"type": "citation-start", "index": n, "delta": {"message": {"citations": one}}}
            for n, one in enumerate(citations or [])
        ),
        *({"type": "citation-end", "index": n} for n, _ in enumerate(citations or [])),
        {"type": "content-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": finish, "usage": used}},
    ]
    return Answer(whole=whole, events=tuple(events))

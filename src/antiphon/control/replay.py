"""The events of a response that is kept, as a stream would have told it. Source: openai-python 3.52.0,
`types/responses/response_stream_event.py`.
"""

from collections.abc import Iterator

import msgspec

from antiphon.wire.fields import as_list, as_object

Said = dict[str, object]
_ENDS = {"incomplete": "incomplete", "failed": "failed", "cancelled": "failed"}
"""By status, where it isn't `completed`; there is no event of a cancelled one."""
_members = msgspec.json.Decoder(dict[str, object])
_CALLS = {
    "function_call": ("arguments", "function_call_arguments"),
    "custom_tool_call": ("input", "custom_tool_call_input"),
}


def replayed(body: bytes, after: int = -1) -> bytes:
    """The stream of a response, its texts in one piece each.

    Args:
        after: The number of the event behind which it begins.
    """
    response = _members.decode(body)
    begun: Said = {**response, "status": "in_progress", "output": [], "usage": None}
    events: list[tuple[str, Said]] = [("response.created", {"response": begun})]
    if response.get("background") is True:
        queued: Said = {**begun, "status": "queued"}
        events = [("response.created", {"response": queued}), ("response.queued", {"response": queued})]
    events.append(("response.in_progress", {"response": begun}))
    for place, value in enumerate(as_list(response.get("output")) or ()):
        item = as_object(value)
        if item is not None:
            events += ((f"response.{kind}", {"output_index": place, **said}) for kind, said in _item(item))
    events.append((f"response.{_end_of(response)}", {"response": response}))
    return b"".join(event(kind, number, said) for number, (kind, said) in enumerate(events) if number > after)


def told_again(said: str) -> bytes:
    """An event whose JSON is kept, as a stream tells it."""
    return b"event: %b\ndata: %b\n\n" % (str(_members.decode(said)["type"]).encode(), said.encode())


def ending(body: bytes, number: int) -> bytes:
    """The event that ends a response's stream."""
    response = _members.decode(body)
    return event(f"response.{_end_of(response)}", number, {"response": response})


def _end_of(response: Said) -> str:
    return _ENDS.get(str(response.get("status")), "completed")


def event(kind: str, number: int, said: Said) -> bytes:
    """One event of a stream."""
    body = msgspec.json.encode({"type": kind, "sequence_number": number, **said})
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), body)


def _item(item: Said) -> Iterator[tuple[str, Said]]:
    kind = item.get("type")
    match kind:
        case "message":
            yield "output_item.added", {"item": {**item, "status": "in_progress", "content": []}}
            for index, part in enumerate(as_list(item.get("content")) or ()):
                yield from _part(item, index, as_object(part) or {})
        case "reasoning":
            yield "output_item.added", {"item": {**item, "summary": []}}
            for index, part in enumerate(as_list(item.get("summary")) or ()):
                yield from _summary(item, index, as_object(part) or {})
        case "function_call" | "custom_tool_call":
            words, event = _CALLS[str(kind)]
            yield "output_item.added", {"item": {**item, "status": "in_progress", words: ""}}
            yield f"{event}.delta", {"item_id": item.get("id"), "delta": item.get(words)}
            yield f"{event}.done", {"item_id": item.get("id"), words: item.get(words), "name": item.get("name")}
        case _:
            yield "output_item.added", {"item": item}
    yield "output_item.done", {"item": item}


def _part(item: Said, index: int, part: Said) -> Iterator[tuple[str, Said]]:
    at: Said = {"item_id": item.get("id"), "content_index": index}
    words = "refusal" if part.get("type") == "refusal" else "text"
    kind = "refusal" if words == "refusal" else "output_text"
    logprobs: Said = {} if words == "refusal" else {"logprobs": part.get("logprobs") or []}
    yield "content_part.added", {**at, "part": {**part, words: ""}}
    yield f"{kind}.delta", {**at, "delta": part.get(words), **logprobs}
    yield f"{kind}.done", {**at, words: part.get(words), **logprobs}
    yield "content_part.done", {**at, "part": part}


def _summary(item: Said, index: int, part: Said) -> Iterator[tuple[str, Said]]:
    at: Said = {"item_id": item.get("id"), "summary_index": index}
    yield "reasoning_summary_part.added", {**at, "part": {**part, "text": ""}}
    yield "reasoning_summary_text.delta", {**at, "delta": part.get("text")}
    yield "reasoning_summary_text.done", {**at, "text": part.get("text")}
    yield "reasoning_summary_part.done", {**at, "part": part}

"""Streams of OpenAI's Responses on their way through guards: what a cut has to close."""

from collections.abc import Mapping
from typing import Any

from antiphon.core.error import AntiphonError
from antiphon.guards.gate_talk import Json, objects, told
from antiphon.guards.gate_typed import NUMBER, PLACE, Key, Lane, Typed


class Responses(Typed):
    """One stream of OpenAI's Responses."""

    __slots__ = ()

    def cut(self, error: AntiphonError) -> bytes:
        self.named = True
        out: list[bytes] = []
        output = list(objects((self.response or {}).get("output")))
        for place, item in sorted(self.added.items()):
            parts = [(key, lane) for key, lane in self.lanes.items() if key[3] == place and lane.course is not None]
            content: list[Json] = []
            for key, lane in parts:
                closing, part = self._closing(key, lane)
                out += closing
                content.append(part)
            done = {**item, "status": "incomplete"}
            if content:
                done["summary" if item.get("type") == "reasoning" else "content"] = content
            output.append(done)
            out.append(self._next("response.output_item.done", {"output_index": place, "item": done}))
        response: Json = {
            **_BARE,
            **(self.response or {}),
            "status": "incomplete",
            "incomplete_details": {"reason": "content_filter"},
            "output": output,
            "antiphon": told(error),
        }
        return b"".join([*out, self._next("response.incomplete", {"response": response})])

    def _closing(self, key: Key, lane: Lane) -> tuple[list[bytes], Json]:
        """The events that end an open text, and the part that it is."""
        text = "".join(lane.out)
        at = {name: lane.last[name] for name in PLACE if name in lane.last}
        name = key[0].rpartition(".")[2]
        if name == "refusal":
            part: Json = {"type": "refusal", "refusal": text}
            return [
                self._next("response.refusal.done", {**at, "refusal": text}),
                self._next("response.content_part.done", {**at, "part": part}),
            ], part
        if name == "output_text":
            part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
            return [
                self._next("response.output_text.done", {**at, "text": text, "logprobs": []}),
                self._next("response.content_part.done", {**at, "part": part}),
            ], part
        part = {"type": "summary_text" if "summary" in name else name, "text": text}
        return [self._next(f"{key[0]}.done", {**at, "text": text})], part

    def _next(self, kind: str, fields: Json) -> bytes:
        self.sent += 1
        return self.written({"type": kind, **fields, NUMBER: self.sent})


_BARE: Mapping[str, Any] = {
    "id": "resp_blocked",
    "object": "response",
    "created_at": 0,
    "error": None,
    "instructions": None,
    "metadata": {},
    "model": "",
    "parallel_tool_calls": True,
    "temperature": None,
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
}

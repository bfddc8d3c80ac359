"""Gemini's answers: whole, as server-sent events, or as one JSON array that grows.

Source: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse, read 2026-11; the events of
`alt=sse` end their lines with CRLF.
"""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from antiphon.providers.lab.answer import Answer, Choice, Job, counted
from antiphon.providers.lab.count import pieces, tokens
from antiphon.providers.lab.dialect import JSON_LINE, SSE_LINES, Event, Json, Whole, Writer
from antiphon.providers.lab.gemini.read import Read
from antiphon.providers.lab.proof import sign_bytes
from antiphon.providers.lab.replay import Outcome
from antiphon.providers.lab.request import Asked
from antiphon.providers.lab.tools import Call
from antiphon.providers.lab.vectors import vector

WRONG_USAGE: Json = {
    "promptTokenCount": -7,
    "candidatesTokenCount": 9_999_999_999_999,
    "thoughtsTokenCount": -1,
    "cachedContentTokenCount": 1_000_000_000_000,
    "totalTokenCount": 0,
}
LINES = b"content-type: application/json; charset=UTF-8\r\n"
SEARCHED = "https://lab.invalid/results/1"


class ContentWriter(Writer):
    """Candidates."""

    whole_lines = LINES
    wrong_usage = WRONG_USAGE

    def __init__(self, read: Read, *, array: bool) -> None:
        super().__init__(read.asked)
        self._read = read
        self._array = array
        self.done = b"\n]\n" if array else b""

    def lines(self, answer: Answer) -> bytes:
        return super().lines(answer).replace(SSE_LINES, JSON_LINE) if self._array else super().lines(answer)

    def usage(self, answer: Answer) -> Json:
        used = answer.used
        said: Json = {
            "promptTokenCount": used.input,
            "candidatesTokenCount": used.output - used.reasoning,
            "totalTokenCount": used.input + used.output,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": used.input}],
        }
        said |= {"thoughtsTokenCount": used.reasoning} if used.reasoning else {}
        if used.cached:
            said["cachedContentTokenCount"] = used.cached
            said["cacheTokensDetails"] = [{"modality": "TEXT", "tokenCount": used.cached}]
        return said

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        candidates = [self._candidate(choice) for choice in answer.choices]
        return msgspec.json.encode(self._response(answer, candidates, used))

    def events(self, answer: Answer, used: Json | None) -> Iterator[Event]:
        begun = None if used is None else {name: used[name] for name in ("promptTokenCount", "totalTokenCount")}
        first = True
        for choice in answer.choices:
            token = 0
            for part in self._pieces(choice):
                token += 1
                content: Json = {"parts": [part], "role": "model"}
                yield self._event(token, answer, {"content": content, "index": choice.index}, begun, first=first)
                first = False
            end: Json = {"content": {"parts": [{"text": ""}], "role": "model"}, **self._ending(choice)}
            last = choice.index == len(answer.choices) - 1
            yield self._event(token, answer, end, used if last else begun, first=first)
            first = False

    def _event(self, token: int, answer: Answer, candidate: Json, used: Json | None, *, first: bool) -> Event:
        body = msgspec.json.encode(self._response(answer, [candidate], used))
        if self._array:
            return Event(token, (b"[" if first else b"\n,\r\n") + body)
        return Event(token, b"data: %b\r\n\r\n" % body)

    def _response(self, answer: Answer, candidates: list[Json], used: Json | None) -> Json:
        said: Json = {"candidates": candidates}
        said |= {} if used is None else {"usageMetadata": used}
        return said | {"modelVersion": answer.model, "responseId": answer.id.replace("chatcmpl-", "")}

    def _candidate(self, choice: Choice) -> Json:
        parts: list[Json] = []
        if choice.reasoning and self._read.shows_thoughts:
            parts.append({"text": choice.reasoning, "thought": True})
        if choice.text:
            parts.append({"text": choice.text})
        parts += self._calls(choice)
        content: Json = {"parts": parts, "role": "model"} if parts else {"role": "model"}
        return {"content": content, **self._ending(choice)}

    def _pieces(self, choice: Choice) -> Iterator[Json]:
        if self._read.shows_thoughts:
            yield from ({"text": piece, "thought": True} for piece in pieces(choice.reasoning))
        yield from ({"text": piece} for piece in pieces(choice.text))
        yield from self._calls(choice)

    def _calls(self, choice: Choice) -> list[Json]:
        """Calls come whole; the first has the proof of the thoughts before it."""
        said = [_call(call) for call in choice.calls]
        if said:
            said[0] = said[0] | {"thoughtSignature": sign_bytes("gemini", choice.calls[0].name)}
        return said

    def _ending(self, choice: Choice) -> Json:
        ended: Json = {"finishReason": "MAX_TOKENS" if choice.finish == "length" else "STOP", "index": choice.index}
        if self._read.searches:
            ended["groundingMetadata"] = {
                "webSearchQueries": [self.asked.last_user_text[:100]],
                "groundingChunks": [{"web": {"uri": SEARCHED, "title": "A simulated search result"}}],
                "searchEntryPoint": {"renderedContent": "<p>A simulated search</p>"},
            }
        return ended


def _call(call: Call) -> Json:
    try:
        arguments = msgspec.json.decode(call.arguments)
    except msgspec.DecodeError:
        arguments = {}
    return {"functionCall": {"name": call.name, "args": arguments}}


class CountWriter(Whole):
    """countTokens."""

    whole_lines = LINES
    wrong_usage: ClassVar[Json] = {"totalTokens": -7}

    def compose(self, job: Job, outcome: Outcome | None) -> Answer:
        return counted(job)

    def usage(self, answer: Answer) -> Json:
        size = answer.used.input
        return {"totalTokens": size, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": size}]}

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        return msgspec.json.encode(used or {})


class EmbedWriter(Whole):
    """embedContent, batchEmbedContents, and Vertex AI's predict."""

    whole_lines = LINES
    wrong_usage: ClassVar[Json] = {"promptTokenCount": -7}

    def __init__(self, asked: Asked, action: str, texts: list[tuple[str, int]]) -> None:
        """`texts` with the dimensions that each wants."""
        super().__init__(asked)
        self._action = action
        self._texts = texts

    def compose(self, job: Job, outcome: Outcome | None) -> Answer:
        return counted(job)

    def usage(self, answer: Answer) -> Json:
        return {"promptTokenCount": answer.used.input, "totalTokenCount": answer.used.input}

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        made: list[Json] = [{"values": vector(text, dimensions)} for text, dimensions in self._texts]
        stated: Json = {} if used is None else {"usageMetadata": used}
        match self._action:
            case "predict":
                counts = [{"token_count": tokens(text), "truncated": False} for text, _ in self._texts]
                found = [{"embeddings": one | {"statistics": count}} for one, count in zip(made, counts, strict=True)]
                return msgspec.json.encode({"predictions": found})
            case "batchEmbedContents":
                return msgspec.json.encode({"embeddings": made, **stated})
            case _:
                return msgspec.json.encode({"embedding": made[0], **stated})

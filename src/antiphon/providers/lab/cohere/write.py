"""Cohere's answers: a chat whole or as events, embeddings, and documents in order.

Source: https://docs.cohere.com/v2/docs/streaming and the types of cohere 7.3.1, read 2026-11.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec

from antiphon.providers.lab.answer import Answer, Choice, Job, counted
from antiphon.providers.lab.cohere import request
from antiphon.providers.lab.count import pieces
from antiphon.providers.lab.dialect import Event, Json, Whole, Writer
from antiphon.providers.lab.replay import Outcome
from antiphon.providers.lab.request import Asked
from antiphon.providers.lab.tools import Call
from antiphon.providers.lab.vectors import DEFAULT_DIMENSIONS, in_base64, likeness, vector

WRONG_USAGE: Json = {
    "billed_units": {"input_tokens": -7, "output_tokens": 9_999_999_999_999},
    "tokens": {"input_tokens": -7, "output_tokens": 9_999_999_999_999},
    "cached_tokens": 1_000_000_000_000,
}
FINISHES = {"tool_calls": "TOOL_CALL", "length": "MAX_TOKENS"}
PLAN = "I will use the tools."
SEARCH_UNIT_DOCUMENTS = 100


def identity(answer: Answer) -> str:
    return answer.id.replace("chatcmpl-", "")


class ChatWriter(Writer):
    """POST /v2/chat."""

    wrong_usage = WRONG_USAGE

    def usage(self, answer: Answer) -> Json:
        used = answer.used
        counts = {"input_tokens": used.input, "output_tokens": used.output}
        return {"billed_units": counts, "tokens": counts, "cached_tokens": used.cached}

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        choice = answer.choices[0]
        message: dict[str, Any] = {"role": "assistant"}
        if choice.calls:
            message |= {"tool_plan": PLAN, "tool_calls": [_call(call) for call in choice.calls]}
        content = list(_content(choice))
        if content:
            message["content"] = [{"type": kind, kind: text} for kind, text in content]
        said: Json = {"id": identity(answer), "message": message, "finish_reason": _finish(choice)}
        return msgspec.json.encode(said | ({} if used is None else {"usage": used}))

    def events(self, answer: Answer, used: Json | None) -> Iterator[Event]:
        choice = answer.choices[0]
        start: Json = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        yield _event(0, "message-start", {"id": identity(answer), "delta": {"message": start}})
        token = 0
        for index, (kind, text) in enumerate(_content(choice)):
            opened = {"message": {"content": {"type": kind, kind: ""}}}
            yield _event(token, "content-start", {"index": index, "delta": opened})
            for piece in pieces(text):
                token += 1
                yield _event(token, "content-delta", {"index": index, "delta": {"message": {"content": {kind: piece}}}})
            yield _event(token, "content-end", {"index": index})
        if choice.calls:
            for piece in pieces(PLAN):
                yield _event(token, "tool-plan-delta", {"delta": {"message": {"tool_plan": piece}}})
        for index, call in enumerate(choice.calls):
            opened = {"message": {"tool_calls": _call(Call(call.id, call.kind, call.name, ""))}}
            yield _event(token, "tool-call-start", {"index": index, "delta": opened})
            for piece in pieces(call.arguments):
                token += 1
                said = {"message": {"tool_calls": {"function": {"arguments": piece}}}}
                yield _event(token, "tool-call-delta", {"index": index, "delta": said})
            yield _event(token, "tool-call-end", {"index": index})
        ended: Json = {"finish_reason": _finish(choice)}
        ended |= {} if used is None else {"usage": used}
        yield _event(token, "message-end", {"id": identity(answer), "delta": ended})


def _event(token: int, kind: str, said: Json) -> Event:
    body = msgspec.json.encode({"type": kind} | said)
    return Event(token, b"event: %b\ndata: %b\n\n" % (kind.encode(), body))


def _content(choice: Choice) -> Iterator[tuple[str, str]]:
    if choice.reasoning:
        yield "thinking", choice.reasoning
    if choice.text:
        yield "text", choice.text


def _finish(choice: Choice) -> str:
    if choice.stop and choice.finish == "stop":
        return "STOP_SEQUENCE"
    return FINISHES.get(choice.finish, "COMPLETE")


def _call(call: Call) -> Json:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


class EmbedWriter(Whole):
    """POST /v2/embed."""

    wrong_usage: ClassVar[Json] = {"billed_units": {"input_tokens": -7}}

    def __init__(self, asked: Asked, embed: request.Embed, texts: list[str]) -> None:
        super().__init__(asked)
        self._embed = embed
        self._texts = texts

    def compose(self, job: Job, outcome: Outcome | None) -> Answer:
        return counted(job)

    def usage(self, answer: Answer) -> Json:
        return {"billed_units": {"input_tokens": answer.used.input}}

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        made = [vector(text, self._embed.output_dimension or DEFAULT_DIMENSIONS) for text in self._texts]
        kinds = self._embed.embedding_types or ["float"]
        embeddings = {kind: [_as(kind, values) for values in made] for kind in kinds}
        said: Json = {"id": identity(answer), "response_type": "embeddings_by_type", "embeddings": embeddings}
        said["texts"] = self._embed.texts or []
        meta: Json = {"api_version": {"version": "2"}}
        return msgspec.json.encode(said | {"meta": meta | (used or {})})


def _as(kind: str, values: list[float]) -> object:
    match kind:
        case "int8":
            return [round(value * 127) for value in values]
        case "uint8":
            return [round(value * 127) + 128 for value in values]
        case "binary" | "ubinary":
            packed = [
                sum((values[at + bit] > 0) << (7 - bit) for bit in range(8)) for at in range(0, len(values) - 7, 8)
            ]
            return packed if kind == "ubinary" else [value - 128 for value in packed]
        case "base64":
            return in_base64(values)
        case _:
            return values


class RerankWriter(Whole):
    """POST /v2/rerank."""

    wrong_usage: ClassVar[Json] = {"billed_units": {"search_units": -7}}

    def __init__(self, asked: Asked, rerank: request.Rerank) -> None:
        super().__init__(asked)
        self._rerank = rerank

    def compose(self, job: Job, outcome: Outcome | None) -> Answer:
        return counted(job)

    def usage(self, answer: Answer) -> Json:
        return {"billed_units": {"search_units": -(-len(self._rerank.documents) // SEARCH_UNIT_DOCUMENTS)}}

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        meta: Json = {"api_version": {"version": "2"}}
        said: Json = {"id": identity(answer), "results": self._results(), "meta": meta | (used or {})}
        return msgspec.json.encode(said)

    def _results(self) -> list[Json]:
        """The documents by their likeness to the query, the best first."""
        rerank = self._rerank
        texts = [one if isinstance(one, str) else one.text for one in rerank.documents]
        scores = sorted((-likeness(rerank.query, text), index) for index, text in enumerate(texts))
        results: list[Json] = [{"index": index, "relevance_score": -score} for score, index in scores[: rerank.top_n]]
        return (
            [one | {"document": {"text": texts[one["index"]]}} for one in results]
            if rerank.return_documents
            else results
        )


class JinaWriter(RerankWriter):
    """Jina's POST /v1/rerank, whose usage is in tokens. Source: https://api.jina.ai/redoc, read 2026-11."""

    wrong_usage: ClassVar[Json] = {"total_tokens": -7}

    def usage(self, answer: Answer) -> Json:
        return {"total_tokens": answer.used.input}

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        said: Json = {"model": answer.model, "object": "list", "results": self._results()}
        return msgspec.json.encode(said | ({} if used is None else {"usage": used}))

"""From an answer to OpenAI's JSON: one completion, or the events of a stream."""

import math
from collections.abc import Iterable, Iterator
from itertools import zip_longest

import msgspec
from msgspec import Struct

from antiphon.core.error import AntiphonError
from antiphon.providers.lab.answer import Answer, Choice, Used
from antiphon.providers.lab.chance import chance
from antiphon.providers.lab.count import pieces
from antiphon.providers.lab.dialect import Event, Json
from antiphon.providers.lab.tools import Call

DONE = b"data: [DONE]\n\n"


class Form(Struct, frozen=True, kw_only=True):
    """How the caller wants an answer written."""

    usage: bool = True
    """With its usage; in a stream: as a last event."""
    logprobs: bool = False
    top_logprobs: int = 0


def usage(used: Used) -> Json:
    return {
        "prompt_tokens": used.input,
        "completion_tokens": used.output,
        "total_tokens": used.input + used.output,
        "prompt_tokens_details": {"cached_tokens": used.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": used.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def completion(answer: Answer, form: Form, used: Json | None) -> bytes:
    """A whole answer. `used` takes the place of the true usage, None leaves it out."""
    body = _head(answer, "chat.completion") | {"choices": [_choice(answer, choice, form) for choice in answer.choices]}
    return msgspec.json.encode(body | ({} if used is None else {"usage": used}))


def events(answer: Answer, form: Form, used: Json | None) -> Iterator[Event]:
    """A stream's events but for `[DONE]`: the choices take turns. `used` as for `completion`."""
    head = _head(answer, "chat.completion.chunk")
    asked = form.usage and used is not None
    waiting = {"usage": None} if asked else {}
    for turn in zip_longest(*(_deltas(answer, choice, form) for choice in answer.choices)):
        for delta in turn:
            if delta is not None:
                token, choice = delta
                yield Event(token, sse(head | {"choices": [choice]} | waiting))
    if asked:
        last = max(choice.tokens for choice in answer.choices)
        ending: Json = {"choices": [], "usage": used}
        yield Event(last, sse(head | ending))


def sse(value: Json) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode(value)


def problem(error: AntiphonError) -> bytes:
    """An error as OpenAI's API writes it."""
    return refusal(error.message, _type(error), error.said_code, error.param)


def refusal(message: str, kind: str, code: str | None, param: str | None = None) -> bytes:
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": param, "code": code}})


def _type(error: AntiphonError) -> str:
    return "server_error" if error.said_status >= 500 else "invalid_request_error"


def _head(answer: Answer, kind: str) -> Json:
    return {
        "id": answer.id,
        "object": kind,
        "created": answer.created_s,
        "model": answer.model,
        "service_tier": "default",
        "system_fingerprint": answer.fingerprint,
    }


def _choice(answer: Answer, choice: Choice, form: Form) -> Json:
    message: Json = {"role": "assistant", "content": None if choice.calls else choice.text, "refusal": None}
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.calls:
        message["tool_calls"] = [_call(call) for call in choice.calls]
    said = _logprobs(answer, choice, form, enumerate(pieces(choice.text)))
    return {"index": choice.index, "message": message, "logprobs": said, "finish_reason": choice.finish}


def _call(call: Call) -> Json:
    if call.kind == "custom":
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _deltas(answer: Answer, choice: Choice, form: Form) -> Iterator[tuple[int, Json]]:
    """What one choice's events add, each with its number of tokens so far."""
    token = 0

    def added(delta: Json, finish: str | None = None, said: Json | None = None) -> tuple[int, Json]:
        return token, {"index": choice.index, "delta": delta, "logprobs": said, "finish_reason": finish}

    yield added({"role": "assistant", "content": None if choice.calls else "", "refusal": None})
    for piece in pieces(choice.reasoning):
        token += 1
        yield added({"reasoning_content": piece})
    for place, piece in enumerate(pieces(choice.text)):
        token += 1
        yield added({"content": piece}, said=_logprobs(answer, choice, form, [(place, piece)]))
    for index, call in enumerate(choice.calls):
        for delta in _call_deltas(index, call):
            token += 1
            yield added({"tool_calls": [delta]})
    yield added({}, finish=choice.finish)


def _call_deltas(index: int, call: Call) -> Iterator[Json]:
    empty = Call(call.id, call.kind, call.name, "")
    yield {"index": index} | _call(empty)
    for piece in pieces(call.arguments):
        added: Json = {"custom": {"input": piece}} if call.kind == "custom" else {"function": {"arguments": piece}}
        yield {"index": index} | added


def _logprobs(answer: Answer, choice: Choice, form: Form, said: Iterable[tuple[int, str]]) -> Json | None:
    """Numbers without a meaning, the same for the same answer."""
    if not form.logprobs:
        return None
    content: list[Json] = []
    for place, piece in said:
        source = chance(answer.seed, choice.index, place)
        best = -source.random()
        others = [(f"{piece}{rank}", best - rank) for rank in range(1, form.top_logprobs)]
        first = [(piece, best)] if form.top_logprobs else []
        content.append(_token(piece, best) | {"top_logprobs": [_token(text, value) for text, value in first + others]})
    return {"content": content, "refusal": None}


def _token(text: str, logprob: float) -> Json:
    return {"token": text, "logprob": math.floor(logprob * 1e6) / 1e6, "bytes": list(text.encode())}

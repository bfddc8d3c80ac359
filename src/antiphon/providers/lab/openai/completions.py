"""POST /v1/completions, the older form. Source: the types of openai 3.52.0 (completion_create_params.py), read 2026-11."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, json, structs

from antiphon.providers.lab.answer import Answer, Choice
from antiphon.providers.lab.chat import WRONG_USAGE
from antiphon.providers.lab.complaint import FIELDS, read
from antiphon.providers.lab.count import pieces
from antiphon.providers.lab.decode import key_of
from antiphon.providers.lab.dialect import Event, Incoming, Json, Writer
from antiphon.providers.lab.encode import DONE, sse, usage
from antiphon.providers.lab.openai.read import OpenAI, Strict, fields_of
from antiphon.providers.lab.request import Asked, Chat, Message, StreamOptions

DEFAULT_TOKENS = 16
"""Most tokens of an answer where the request doesn't say."""


class Body(Strict, frozen=True, kw_only=True):
    model: str = ""
    prompt: str | list[str | int | list[int]] = "<|endoftext|>"
    suffix: str | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: Annotated[int, Meta(ge=0, le=5)] | None = None
    echo: bool | None = None
    stop: str | list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    best_of: int | None = None
    logit_bias: Any = None
    user: str | None = None
    seed: int | None = None


BODY = json.Decoder(Body)


class CompletionsWriter(Writer):
    wrong_usage = WRONG_USAGE
    done = DONE

    def __init__(self, asked: Asked, body: Body, prompt: str) -> None:
        super().__init__(asked)
        self._prompt = prompt if body.echo else ""

    def usage(self, answer: Answer) -> Json:
        return usage(answer.used)

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        choices = [_choice(choice.index, self._prompt + choice.text, _finish(choice)) for choice in answer.choices]
        return msgspec.json.encode(_head(answer) | {"choices": choices} | ({} if used is None else {"usage": used}))

    def events(self, answer: Answer, used: Json | None) -> Iterator[Event]:
        head = _head(answer)
        token = 0
        for choice in answer.choices:
            for place, piece in enumerate(pieces(self._prompt + choice.text)):
                token = place + 1
                yield Event(token, sse(head | {"choices": [_choice(choice.index, piece, None)]}))
            yield Event(token, sse(head | {"choices": [_choice(choice.index, "", _finish(choice))]}))
        options = self.asked.chat.stream_options
        if used is not None and options is not None and options.include_usage:
            ending: Json = {"choices": [], "usage": used}
            yield Event(token, sse(head | ending))


def _head(answer: Answer) -> Json:
    id_ = answer.id.replace("chatcmpl-", "cmpl-")
    return {"id": id_, "object": "text_completion", "created": answer.created_s, "model": answer.model}


def _choice(index: int, text: str, finish: str | None) -> Json:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}


def _finish(choice: Choice) -> str:
    return "length" if choice.finish == "length" else "stop"


class Completions(OpenAI):
    name = "openai_completions"

    def _read(self, incoming: Incoming) -> Writer:
        body = fields_of(BODY, incoming)
        prompt = _prompt(body.prompt)
        chat = Chat(
            model=incoming.model or body.model,
            messages=[Raw(b"{}")],
            stream=body.stream,
            stream_options=body.stream_options,
            n=body.n,
            max_tokens=body.max_tokens or DEFAULT_TOKENS,
            stop=body.stop,
        )
        asked = Asked(
            chat=chat,
            messages=(Message("user", prompt),),
            raw_messages=(prompt.encode(),),
            tools_bytes=0,
            key=key_of(read(FIELDS, incoming.body)),
        )
        return CompletionsWriter(structs.replace(asked, size=None), body, prompt)


def _prompt(given: str | list[str | int | list[int]]) -> str:
    """One text: several prompts are read as one."""
    if isinstance(given, str):
        return given
    return "\n".join(one if isinstance(one, str) else str(one) for one in given)

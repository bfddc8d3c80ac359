"""One answer: what is said, which tools are called, what it used."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from antiphon.core.error import BadRequest
from antiphon.providers.lab.chance import chance
from antiphon.providers.lab.count import cut, tokens
from antiphon.providers.lab.instance import instance
from antiphon.providers.lab.prefixes import Cached
from antiphon.providers.lab.replay import Outcome
from antiphon.providers.lab.request import Asked
from antiphon.providers.lab.settings import LabModel
from antiphon.providers.lab.tools import Call, calls
from antiphon.providers.lab.words import name_of, speech, summary, thoughts

if TYPE_CHECKING:
    from antiphon.providers.lab.script import Played, Script

REASONING_TOKENS = {"none": 0, "minimal": 8, "low": 16, "medium": 48, "high": 128, "xhigh": 256}
"""Length of the reasoning by `reasoning_effort`; another word counts as medium."""


class Job(Struct, frozen=True, kw_only=True):
    """One request to one lab model."""

    settings: LabModel
    seed: int
    number: int
    """Which request to this model it is, from 1."""
    asked: Asked
    created_s: int
    cached: Cached = Cached()
    script: "Script | None" = None


class Overlong(BadRequest):
    """The request doesn't fit the context window."""

    def __init__(self, message: str, *, code: str, param: str, prompt_tokens: int, wanted: int, window: int) -> None:
        """All in tokens; `wanted` is the most that the answer may have."""
        super().__init__(message, code=code, param=param)
        self.prompt_tokens = prompt_tokens
        self.wanted = wanted
        self.window = window


class Choice(Struct, frozen=True, kw_only=True):
    index: int
    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    finish: str = "stop"
    stop: str = ""
    """The stop sequence that ended its text."""

    @property
    def tokens(self) -> int:
        return tokens(self.reasoning) + tokens(self.text) + sum(_size(call) for call in self.calls)


class Used(Struct, frozen=True, kw_only=True):
    """Tokens. `input` includes `cached` and `written`, `output` includes `reasoning`."""

    input: int
    output: int
    cached: int = 0
    reasoning: int = 0
    written: int = 0
    """Into the prompt cache."""
    ttl: str = ""
    """How long those are kept."""


class Answer(Struct, frozen=True, kw_only=True):
    id: str
    model: str
    created_s: int
    fingerprint: str
    choices: tuple[Choice, ...]
    used: Used
    replayed: bool = False
    seed: str = ""
    """Where the numbers of `logprobs` come from."""


def compose(job: Job, outcome: Outcome | None) -> Answer:
    """Make up an answer, or give the recorded one. Raises: BadRequest (too long, impossible schema)."""
    asked = job.asked
    prompt_tokens = asked.prompt_tokens
    _refuse_overlong(job, prompt_tokens)
    count = asked.chat.n or 1
    if outcome is None:
        played = None if job.script is None else job.script.play(asked)
        made = _choice if played is None else _scripted(played)
        choices = tuple(made(job, index) for index in range(count))
        used = _used(choices, prompt_tokens, job.cached)
    else:
        choices, used = _recorded(outcome, job, count, prompt_tokens)
    return _answer(job, choices, used, replayed=outcome is not None)


def _answer(job: Job, choices: tuple[Choice, ...], used: Used, *, replayed: bool) -> Answer:
    asked = job.asked
    identity = chance(job.seed, asked.chat.model, asked.key, job.number, "id")
    return Answer(
        id=f"chatcmpl-lab{identity.getrandbits(96):024x}",
        model=asked.chat.model,
        created_s=job.created_s,
        fingerprint=f"lab_{chance(job.seed, asked.chat.model).getrandbits(40):010x}",
        choices=choices,
        used=used,
        replayed=replayed,
        seed=f"{job.seed}/{asked.key}",
    )


def _refuse_overlong(job: Job, prompt_tokens: int) -> None:
    """Refuse what doesn't fit the context window, in OpenAI's words. Raises: BadRequest."""
    window = job.settings.context_tokens
    wanted = job.asked.chat.output_tokens or 0
    if prompt_tokens + wanted <= window:
        return
    took = f"your messages resulted in {prompt_tokens} tokens"
    if prompt_tokens <= window:
        total = prompt_tokens + wanted
        took = f"you requested {total} tokens ({prompt_tokens} in the messages, {wanted} in the completion)"
    raise Overlong(
        f"This model's maximum context length is {window} tokens. However, {took}. Please reduce the length of the "
        "messages or completion.",
        code="context_length_exceeded",
        param="messages",
        prompt_tokens=prompt_tokens,
        wanted=wanted,
        window=window,
    )


def _scripted(played: "Played") -> Callable[[Job, int], Choice]:
    """What a script says, within the limit of the request."""

    def choice(job: Job, index: int) -> Choice:
        source = chance(job.seed, job.asked.chat.model, job.asked.key, "script", index)
        calls = tuple(
            Call(f"call_lab{source.getrandbits(80):020x}", "function", name, arguments)
            for name, arguments in played.calls
        )
        whole = Choice(index=index, text=played.text, calls=calls, finish="tool_calls" if calls else "stop")
        most = job.asked.chat.output_tokens
        return whole if most is None or whole.tokens <= most else _shortened(whole, most)

    return choice


def _choice(job: Job, index: int) -> Choice:
    chat = job.asked.chat
    effort = chat.reasoning_effort or "none"
    thought_tokens = REASONING_TOKENS.get(effort, REASONING_TOKENS["medium"])
    reasoning = thoughts(job.asked, job.seed, index, thought_tokens) if thought_tokens else ""
    wanted = calls(job.asked, job.seed, index)
    text, stop = ("", "") if wanted else _stopped(_rest(job, index), chat.stops)
    finish = "tool_calls" if wanted else "stop"
    whole = Choice(index=index, text=text, reasoning=reasoning, calls=wanted, finish=finish, stop=stop)
    most = chat.output_tokens
    return whole if most is None or whole.tokens <= most else _shortened(whole, most)


def _rest(job: Job, index: int) -> str:
    """The text, or what is left of it where the last message is its start."""
    start = job.asked.start
    if start:
        whole = _text(structs.replace(job, asked=job.asked.without_start()), index)
        if whole.startswith(start):
            return whole[len(start) :]
    return _text(job, index)


def _text(job: Job, index: int) -> str:
    form = job.asked.chat.response_format
    if form is None or form.type == "text":
        return speech(job.asked, job.settings, job.seed, index)
    if form.type == "json_schema" and form.json_schema is not None and form.json_schema.schema is not None:
        return instance(form.json_schema.schema)
    if form.type == "json_object":
        return json.dumps({"lab": name_of(job.asked.chat.model), "request": summary(job.asked)})
    raise BadRequest(
        f"response_format of type {form.type!r} is not known or lacks its json_schema; use text, json_object or "
        "json_schema",
        param="response_format",
    )


def _stopped(text: str, stops: list[str]) -> tuple[str, str]:
    """The text up to the first of the stop sequences in it, and which that was."""
    places = [(text.find(stop), stop) for stop in stops if stop and stop in text]
    if not places:
        return text, ""
    at, stop = min(places)
    return text[:at], stop


def _shortened(choice: Choice, most_tokens: int) -> Choice:
    """What is left of an answer within its limit: reasoning first, then the text or the calls."""
    reasoning = cut(choice.reasoning, most_tokens)
    left = most_tokens - tokens(reasoning)
    text = cut(choice.text, left)
    left -= tokens(text)
    kept: list[Call] = []
    for call in choice.calls:
        if left <= tokens(call.name):
            break
        arguments = cut(call.arguments, left - tokens(call.name))
        kept.append(Call(call.id, call.kind, call.name, arguments))
        left -= _size(kept[-1])
    return Choice(index=choice.index, text=text, reasoning=reasoning, calls=tuple(kept), finish="length")


def _size(call: Call) -> int:
    return tokens(call.name) + tokens(call.arguments)


def _used(choices: tuple[Choice, ...], prompt_tokens: int, cached: Cached) -> Used:
    return Used(
        input=prompt_tokens,
        output=sum(choice.tokens for choice in choices),
        cached=cached.read,
        reasoning=sum(tokens(choice.reasoning) for choice in choices),
        written=cached.written,
        ttl=cached.ttl,
    )


def _recorded(outcome: Outcome, job: Job, count: int, prompt_tokens: int) -> tuple[tuple[Choice, ...], Used]:
    """The recorded answer; where it was longer than allowed now, the same share of its text as of its tokens."""
    took = outcome.output_tokens if outcome.output_tokens is not None else tokens(outcome.answer)
    most = job.asked.chat.output_tokens
    text, finish = outcome.answer, "stop"
    if most is not None and took > most:
        text, finish, took = text[: len(text) * most // took], "length", most
    choices = tuple(Choice(index=index, text=text, finish=finish) for index in range(count))
    input_tokens = outcome.input_tokens if outcome.input_tokens is not None else prompt_tokens
    return choices, Used(input=input_tokens, output=took * count)


def counted(job: Job, output_tokens: int = 0) -> Answer:
    """An answer that says nothing and only counts. Raises: BadRequest (too long)."""
    size = job.asked.prompt_tokens
    _refuse_overlong(job, size)
    return _answer(job, (), Used(input=size, output=output_tokens), replayed=False)

"""One question to a gateway, its answer as it comes, and what it took."""

import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from urllib.parse import quote

import msgspec
from msgspec import Struct

from antiphon.cli.http import Gateway
from antiphon.cli.refusal import Wrong, said
from antiphon.core.error import AntiphonError, UpstreamBroken, UpstreamMalformed
from antiphon.core.receipt import Receipt

Message = dict[str, str]


class Question(Struct, frozen=True, kw_only=True):
    """What is asked; `messages` are the conversation so far."""

    model: str
    messages: tuple[Message, ...]
    max_tokens: int | None = None
    session: str = ""


class Answered(Struct, frozen=True, kw_only=True):
    """A whole answer. Times are the asker's own: seconds from sending."""

    text: str
    model: str
    """What the upstream calls itself."""
    deployment: str
    finish_reason: str
    first_token_s: float | None
    total_s: float
    receipt_id: str
    receipt: Receipt | None
    """None: the gateway would not show it."""
    last_resort: bool = False
    """No model answered: the text is the operator's."""
    hand_off: str = ""
    """Who takes the request over."""


class Ears(Struct, frozen=True, kw_only=True):
    """Who listens while an answer comes."""

    text: Callable[[str], None]
    reasoning: Callable[[str], None]


class _Delta(Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(Struct):
    choices: list[_Choice] = []
    model: str = ""
    error: Wrong | None = None


_chunk = msgspec.json.Decoder(_Chunk)


class _Told:
    """What was heard of an answer so far."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self._began_s = time.perf_counter()
        self.parts: list[str] = []
        self.model = self.finish_reason = ""
        self.first_token_s: float | None = None

    def elapsed_s(self) -> float:
        return time.perf_counter() - self._began_s

    def hear(self, data: bytes) -> None:
        """One event. Raises: AntiphonError when it tells of a failure."""
        try:
            chunk = _chunk.decode(data)
        except msgspec.MsgspecError as error:
            raise UpstreamMalformed(f"an event of the answer can't be read ({error})") from error
        if chunk.error is not None:
            raise said(chunk.error, 502)
        self.model = chunk.model or self.model
        for choice in chunk.choices:
            self.finish_reason = choice.finish_reason or self.finish_reason
            self._delta(choice.delta or _Delta())

    def _delta(self, delta: _Delta) -> None:
        thought = delta.reasoning_content or delta.reasoning or ""
        text = (delta.content or "") + (delta.refusal or "")
        if (thought or text) and self.first_token_s is None:
            self.first_token_s = self.elapsed_s()
        if thought:
            self._ears.reasoning(thought)
        if text:
            self.parts.append(text)
            self._ears.text(text)


async def ask(gateway: Gateway, question: Question, ears: Ears) -> Answered:
    """Ask, and listen to the end. Raises: AntiphonError, with its receipt among the notes."""
    told = _Told(ears)
    inbound = await gateway.post("/v1/chat/completions", _body(question), _headers(question))
    if not _header(inbound.headers, b"content-type").startswith("text/event-stream"):
        inbound.close()
        raise UpstreamMalformed(f"{gateway.url} gave no stream of events, so it is no gateway; check --url")
    receipt_id = _header(inbound.headers, b"x-antiphon-receipt")
    try:
        async with aclosing(gateway.events(inbound)) as events:
            async for data in events:
                told.hear(data)
        if not told.finish_reason:
            raise UpstreamBroken("the answer ended before it was whole; ask again")
    except AntiphonError as error:
        if receipt_id:
            error.add_note(f"why: antiphon receipt show {receipt_id} --url {gateway.url}")
        raise
    total_s = told.elapsed_s()
    return Answered(
        text="".join(told.parts),
        model=told.model,
        deployment=_header(inbound.headers, b"x-antiphon-deployment"),
        finish_reason=told.finish_reason,
        first_token_s=told.first_token_s,
        total_s=total_s,
        receipt_id=receipt_id,
        receipt=await receipt(gateway, receipt_id) if receipt_id else None,
        last_resort=bool(_header(inbound.headers, b"x-antiphon-last-resort")),
        hand_off=_header(inbound.headers, b"x-antiphon-hand-off"),
    )


async def receipt(gateway: Gateway, receipt_id: str) -> Receipt | None:
    """The receipt of an answer that came; None when it can't be had: the answer counts more."""
    try:
        return msgspec.json.decode(await gateway.get(f"/v1/receipts/{quote(receipt_id, safe='')}"), type=Receipt)
    except (AntiphonError, msgspec.MsgspecError):
        return None


def _body(question: Question) -> bytes:
    fields: dict[str, object] = {"model": question.model, "messages": question.messages, "stream": True}
    if question.max_tokens is not None:
        fields["max_tokens"] = question.max_tokens
    return msgspec.json.encode(fields)


def _headers(question: Question) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    if question.session:
        headers["x-antiphon-session"] = question.session
    return headers


def _header(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")

"""What came back for a request, judged by what the lab model says to that prompt."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import msgspec

from antiphon.providers.lab.decode import decode
from antiphon.providers.lab.settings import LabModel
from antiphon.providers.lab.words import name_of, speech, summary

Kind = Literal["ok", "cut", "error"]
"""`cut`: a stream that broke after its first content had been released."""


class Said(msgspec.Struct):
    content: str | None = None


class Choice(msgspec.Struct):
    delta: Said | None = None
    message: Said | None = None
    finish_reason: str | None = None


class Fault(msgspec.Struct):
    code: str | int | None = None
    type: str | None = None

    @property
    def name(self) -> str:
        return str(self.code or self.type or "without a code")


class Body(msgspec.Struct):
    choices: list[Choice] = []
    error: Fault | str | None = None

    @property
    def fault(self) -> str:
        """Its error's code; empty when it has none."""
        if self.error is None:
            return ""
        return self.error.name if isinstance(self.error, Fault) else "in words"


BODY = msgspec.json.Decoder(Body)


@dataclass(frozen=True)
class Expected:
    """The text for a request as it was sent, and its start, which holds for the same prompt in other fields."""

    text: str
    start: str

    def exactly(self, text: str) -> bool:
        return text == self.text

    def well_formed(self, text: str) -> bool:
        """The right model read the right prompt and came to its end: a gateway may send other fields on than it got,
        and a lab's further words depend on these."""
        return text.startswith(self.start) and text.endswith(".")


@cache
def _model(answer_tokens: int) -> LabModel:
    return LabModel(answer_tokens=answer_tokens)


def expected(body: bytes, *, seed: int, answer_tokens: int) -> Expected:
    """What every lab of the fleet says to this body."""
    asked = decode(body)
    text = speech(asked, _model(answer_tokens), seed, 0)
    return Expected(text, f"{name_of(asked.chat.model)} {summary(asked)}")


@dataclass
class Reply:
    """An answer while it comes in. Times are the event loop's, in seconds."""

    stream: bool
    status: int = 0
    receipt: str = ""
    data: bytearray = field(default_factory=bytearray)
    complete: bool = False  # the HTTP message came to its end
    first_s: float | None = None  # first content, of a stream
    pieces: list[str] = field(default_factory=list[str])
    finish: str = ""
    fault: str = ""
    done: bool = False

    def feed(self, data: bytes, now_s: float) -> None:
        """Take what came of the body."""
        self.data += data
        if not self.stream or self.status != 200:
            return
        *lines, rest = self.data.split(b"\n")
        self.data = bytearray(rest)
        for line in lines:
            if line.startswith(b"data:"):
                self._event(bytes(line[5:].strip()), now_s)

    def _event(self, data: bytes, now_s: float) -> None:
        if data == b"[DONE]":
            self.done = True
            return
        try:
            body = BODY.decode(data)
        except msgspec.DecodeError:
            self.fault = self.fault or "malformed event"
            return
        self.fault = self.fault or body.fault
        for choice in body.choices:
            self._take(choice.delta, choice.finish_reason, now_s)

    def _take(self, said: Said | None, finish: str | None, now_s: float) -> None:
        if said is not None and said.content:
            self.pieces.append(said.content)
            self.first_s = self.first_s or now_s
        self.finish = finish or self.finish

    def read_whole(self, now_s: float) -> None:
        """Read a body that is no stream."""
        try:
            body = BODY.decode(self.data)
        except msgspec.DecodeError:
            self.fault = "malformed answer" if self.status == 200 else "in words"
            return
        self.fault = body.fault
        for choice in body.choices:
            self._take(choice.message, choice.finish_reason, now_s)


@dataclass(frozen=True)
class Verdict:
    kind: Kind
    error: str = ""
    exact: bool = False


def judge(reply: Reply, wanted: Expected, gone: str, now_s: float) -> Verdict:
    """Say what an answer is worth. `gone`: why the client stopped reading, empty when the answer came to its end."""
    if not reply.status:
        return Verdict("error", gone or "no answer")
    if not reply.stream or reply.status != 200:
        if not reply.complete:
            return Verdict("error", f"{reply.status}, then {gone or 'an early end'}")
        reply.read_whole(now_s)
        if reply.status != 200:
            return Verdict("error", f"{reply.status} {reply.fault or 'without a code'}")
    broken = gone or reply.fault
    if not broken and reply.stream and not reply.done:
        broken = "an end without [DONE]"
    if broken:
        return Verdict("cut" if reply.stream and reply.pieces else "error", f"{reply.status}, then {broken}")
    text = "".join(reply.pieces)
    exact = wanted.exactly(text)
    if reply.finish == "stop" and (exact or wanted.well_formed(text)):
        return Verdict("ok", exact=exact)
    return Verdict("error", "a wrong answer")

"""What a caller who streams is told while a recipe works: as comments, which clients skip, or as thoughts of the model."""

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from antiphon.core.error import BadRequest
from antiphon.core.receipt import Loss, Noted
from antiphon.core.request import Dialect, Head
from antiphon.core.response import Delta, Event, Response
from antiphon.wire.codec import EVENTS, ChatCodec
from antiphon.wire.losses import Losses
from antiphon.wire.retold import retold

PROGRESS = b"x-antiphon-progress"
Kind = Literal["none", "comments", "reasoning"]
KINDS: tuple[Kind, ...] = ("none", "comments", "reasoning")


def kind_of(headers: Mapping[bytes, bytes], usual: Kind, head: Head, codec: ChatCodec) -> Kind:
    """How progress is told to a caller. Raises: BadRequest, naming the header."""
    said = headers.get(PROGRESS)
    asked = usual if said is None else said.decode("latin-1").strip().lower()
    if asked not in KINDS:
        wrong = f"x-antiphon-progress is {asked[:32]!r}; write one of {', '.join(KINDS)}"
        raise BadRequest(wrong, param="x-antiphon-progress")
    return asked if head.stream and codec.streams == EVENTS else "none"


class Progress:
    """One caller's stream, from the first thing that is told of the recipe to the answer's end."""

    def __init__(
        self, kind: Kind, head: Head, codec: ChatCodec, receipt: str, created_s: int, write: Callable[[bytes], None]
    ) -> None:
        """Args:
        write: Sends bytes of the stream, which it begins where it hasn't begun.
        """
        self._kind = kind
        self._write = write
        self._receipt = receipt
        self._head = head
        self._codec = codec
        self._losses = Losses()
        self._encoder = codec.encoder(head, self._losses)
        self._encoder.created_s = created_s
        self._decoder = codec.decoder()
        self._created_s = created_s
        self._dialect: Dialect = head.dialect
        self._told = self._ended = False

    @property
    def rewrites(self) -> bool:
        """Something of the answer's own kind was told, so that its stream has to go on from that."""
        return self._told

    def note(self, noted: Noted) -> None:
        """Tell what was decided."""
        if self._kind == "comments":
            self._write(b": antiphon " + msgspec.json.encode(noted) + b"\n\n")
        elif self._kind == "reasoning":
            said = f"{noted.step}: {noted.what}{f' ({noted.why})' if noted.why else ''}\n"
            role = None if self._told else "assistant"
            self._told = True
            self._write(self._encoder.event(self._event(Delta(role=role, reasoning=said))))

    def rewrite(self, piece: bytes) -> bytes:
        """A piece of the answer's stream, as the rest of what was told so far."""
        out = [self._encoder.event(event) for event in self._decoder.feed(piece)]
        if self._decoder.done and not self._ended:
            self._ended = True
            out.append(self._encoder.end())
        return b"".join(out)

    def rest(self) -> bytes:
        """What ends the stream, once the answer's own has ended."""
        if self._ended:
            return b""
        self._ended = True
        out = [self._encoder.event(event) for event in self._decoder.end()]
        return b"".join([*out, self._encoder.end()])

    def told(self, body: bytes, instead: Response | None) -> bytes:
        """A whole answer as the caller asked for it: in its own bytes, edited, or as a stream to its end.

        Args:
            instead: What it says in the place of `body`; None: that.
        """
        if not self._head.stream:
            return body if instead is None else self._codec.encode_answer(instead, self._head, self._losses)
        answer = self._codec.decode_answer(body)[0] if instead is None else instead
        out = [self._encoder.event(event) for event in retold(answer)]
        self._ended = True
        return b"".join([*out, self._encoder.end()])

    def losses(self) -> tuple[Loss, ...]:
        """What of the answer could not be told as it was."""
        return self._losses.told()

    def _event(self, delta: Delta) -> Event:
        return Event(
            dialect=self._dialect,
            id=self._receipt,
            model=self._head.model,
            created_s=self._created_s,
            deltas=(delta,),
        )

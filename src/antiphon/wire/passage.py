"""An answer's way from an upstream's dialect to the caller's."""

from typing import Any

from msgspec import Struct, structs

from antiphon.core.content import Content
from antiphon.core.error import UpstreamError
from antiphon.core.receipt import Loss
from antiphon.core.request import Head, Request
from antiphon.core.response import Response
from antiphon.wire.bedrock_converse.codec import EVENT_STREAM
from antiphon.wire.bedrock_converse.invoked import Invoked, InvokedRelay
from antiphon.wire.codec import AnyCodec, AnyUpstream, Facts, Sliced
from antiphon.wire.limits import check_schemas
from antiphon.wire.losses import Losses
from antiphon.wire.stream import Relay
from antiphon.wire.translated import Translated


class Passed(Struct, frozen=True, gc=False):
    """A whole answer as the caller gets it."""

    body: bytes
    facts: Facts
    losses: tuple[Loss, ...] = ()


class Passage(Struct, frozen=True):
    """Two dialects that meet in one call."""

    own: AnyCodec
    """The caller's."""
    other: AnyUpstream | None
    """The upstream's; None: the same."""
    model: str = ""
    """The upstream's id of the model, for answers that don't name one."""
    framed: bool = False
    """The upstream's streams come in AWS's frames, whatever their dialect."""

    @property
    def upstream(self) -> AnyUpstream:
        return self.own if self.other is None else self.other

    def relay(self, head: Head, created_s: int, *, hides_usage: bool) -> Relay:
        """Pass a stream on.

        Args:
            created_s: When the answer began, for upstreams that don't say: seconds since the epoch.
        """
        if self.other is None:
            relay = self.own.relay(hides_usage=hides_usage)
            return InvokedRelay(relay) if self.framed else relay
        losses = Losses()
        encoder = self.own.encoder(head, losses)
        encoder.created_s = created_s
        decoder = self.other.decoder()
        decoder.model = self.model
        return Translated(Invoked(decoder) if self.framed else decoder, encoder, losses)

    @property
    def streams(self) -> bytes:
        """Content type of the upstream's streams."""
        return EVENT_STREAM if self.framed else self.upstream.streams

    def whole_long(self, body: bytes, head: Head, created_s: int) -> Sliced[Passed]:
        """The same of a long answer, in slices. Raises: the same."""
        answer, facts = yield from self.upstream.decode_long(body)
        if self.other is None:
            return Passed(body, facts)
        losses, out = Losses(), list[bytes]()
        try:
            for piece in self.own.encode_long(self._dated(answer, created_s), head, losses):
                out.append(piece)
                yield
        except UpstreamError as error:
            error.used = facts.usage  # it was paid for
            raise
        return Passed(b"".join(out), facts, losses.told())

    def _dated(self, answer: Any, created_s: int) -> Any:
        """An answer that says when it was made, and by which model."""
        if not isinstance(answer, Response) or (answer.created_s and answer.model):
            return answer
        return structs.replace(answer, model=answer.model or self.model, created_s=answer.created_s or created_s)

    def whole(self, body: bytes, head: Head, created_s: int) -> Passed:
        """Pass a whole answer on. Raises: UpstreamMalformed, UpstreamError."""
        if self.other is None:
            return Passed(body, self.own.facts(body))
        answer, facts = self.other.decode_answer(body)
        losses = Losses()
        try:
            said = self.own.encode_answer(self._dated(answer, created_s), head, losses)
        except UpstreamError as error:
            error.used = facts.usage  # it was paid for
            raise
        return Passed(said, facts, losses.told())


def meaning(request: Request, own: AnyCodec) -> object:
    """What a request says in canonical form; it is read once. Raises: BadRequest."""
    body = request.body
    if body.meaning is None:
        said = own.decode(request)
        if isinstance(said, Content):
            check_schemas(said, body.size_bytes)
        body.meaning = said
    return body.meaning

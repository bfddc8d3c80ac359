"""Streams of upstreams: decoded, relayed and translated, in any cuts."""

from collections.abc import Callable
from functools import partial

import msgspec

from antiphon.core.error import AntiphonError, UpstreamBroken, UpstreamError
from antiphon.core.request import Head
from antiphon.core.response import Event
from antiphon.wire.codec import AnyCodec, AnyUpstream
from antiphon.wire.codecs import CODECS, UPSTREAMS
from antiphon.wire.eventstream import encode_frame
from antiphon.wire.one_dialect import NoStream, OneDialect
from antiphon.wire.openai_chat.continued import Continued, so_far
from antiphon.wire.passage import Passage
from antiphon.wire.sse import SseReader, data_of
from antiphon.wire.stream import Decoder, Relay
from harness.answers import callers
from harness.rules import BOM, cuts, dice, outcome, same

Told = tuple[type[AntiphonError], str] | None


def targets() -> dict[str, Callable[[bytes], None]]:
    """One for each dialect that has streams, and one for Anthropic's in Amazon's frames."""
    out: dict[str, Callable[[bytes], None]] = {
        f"stream_{name}": partial(check, upstream)
        for name, upstream in UPSTREAMS.items()
        if not isinstance(upstream, NoStream)
    }
    return {**out, "stream_invoked": invoked}


def check(upstream: AnyUpstream, data: bytes) -> None:
    """Read a stream at once and in pieces, then pass it on and translate it."""
    if upstream.name == "bedrock_converse":
        data = framed(data)
    own = CODECS.get(upstream.name)
    if own is not None:
        _relayed(own, data)
    others = callers(upstream)
    if others:
        _decoded(upstream, data, framed=upstream.name == "bedrock_converse")
        _translated(Passage(dice(data).choice(others), upstream, "upstream-model"), data)


def invoked(data: bytes) -> None:
    """Anthropic's events in Amazon's frames."""
    anthropic = CODECS["anthropic_messages"]
    for passage in (Passage(anthropic, None, framed=True), Passage(CODECS["openai_chat"], anthropic, "m", framed=True)):
        _translated(passage, framed(data, wrap=True))


def framed(text: bytes, *, wrap: bool = False) -> bytes:
    """Server-sent events as Amazon's frames: what can be read is mutated, and checksums always fit.

    `event` names the frame's event; with `!` before it an exception. What is behind the last event stays as it is.
    """
    reader = SseReader()
    out: list[bytes] = []
    for event in reader.feed(text):
        data, name = data_of(event) or b"", event.partition(b"event:")[2].partition(b"\n")[0].strip().decode("latin-1")
        failed = name.startswith("!")
        kind = {":exception-type": name[1:]} if failed else {":event-type": "chunk" if wrap else name}
        payload = msgspec.json.encode({"bytes": data}) if wrap and not failed else data
        out.append(encode_frame({":message-type": "exception" if failed else "event", **kind}, payload))
    return b"".join(out) + reader.end()


def _deep(data: bytes) -> bool:
    """How deep Python can go hangs on who calls: where it can't, the messages differ."""
    return data.count(b"[") + data.count(b"{") > 500


def _told(error: AntiphonError | None) -> Told:
    return None if error is None else (type(error), error.message)


def _fed(relay: Relay, pieces: tuple[bytes, ...]) -> tuple[bytes, Told]:
    """What goes on to the caller, and how it ended."""
    out: list[bytes] = []

    def feed() -> None:
        for piece in pieces:
            out.append(relay.feed(piece))
        out.append(relay.end())

    _, error = outcome(feed, UpstreamError)
    return b"".join(out), _told(error)


def _relayed(codec: AnyCodec, data: bytes) -> None:
    """In any cuts the same goes on; and where nothing is hidden, it is what came."""
    hides = dice(data).random() < 0.3
    at_once, in_pieces = codec.relay(hides_usage=hides), codec.relay(hides_usage=hides)
    whole, error = _fed(at_once, (data,))
    out, cut_error = _fed(in_pieces, cuts(data))
    if _deep(data):
        return
    same(cut_error, error, "cuts change how a stream ends")
    if error is not None:
        return
    same(out, whole, "cuts change what goes on")
    for name in ("content_seen", "done", "events", "model", "fingerprint", "usage", "usage_note"):
        same(getattr(in_pieces, name), getattr(at_once, name), f"cuts change `{name}`")
    if codec.name == "openai_chat":
        start = so_far(whole)
        if start is not None:
            Continued(start).rewrite(whole)
    if not hides and codec.streams == b"text/event-stream":
        same(whole, data.removeprefix(BOM), "a relay changes the bytes")


def _read(decoder: Decoder, pieces: tuple[bytes, ...]) -> tuple[list[Event], Told]:
    events: list[Event] = []

    def feed() -> None:
        for piece in pieces:
            events.extend(decoder.feed(piece))
        events.extend(decoder.end())

    _, error = outcome(feed, UpstreamError)
    return events, _told(error or decoder.failure)


def _decoded(upstream: AnyUpstream, data: bytes, *, framed: bool) -> None:
    at_once, in_pieces = upstream.decoder(), upstream.decoder()
    events, error = _read(at_once, (data,))
    cut_events, cut_error = _read(in_pieces, cuts(data))
    if _deep(data):
        return
    if framed and cut_error and error:
        # Of two mistakes that come at once that of the frames is told, else the first.
        cut_error, error = (cut_error[0], ""), (error[0], "")
    same(cut_error, error, "cuts change how a stream ends")
    if error is None:
        same(cut_events, events, "cuts change what is read")
        same((in_pieces.done, in_pieces.usage_note), (at_once.done, at_once.usage_note), "cuts change what is noted")


def _translated(passage: Passage, data: bytes) -> None:
    """What a caller gets must be a stream of its dialect."""
    codec = passage.own
    head = Head(dialect=codec.name, endpoint="/v1/some", model="some-model", stream=True, wants_usage=True)
    relay = passage.relay(head, 1_700_000_000, hides_usage=False)
    out, error = _fed(relay, cuts(data))
    msgspec.json.encode(relay.losses)
    if error is not None or isinstance(codec, OneDialect):
        return
    _, wrong = _read(codec.decoder(), (out,))
    if wrong is not None and wrong[0] is UpstreamBroken and not _finished(passage, data):
        return  # the upstream said that its stream is over, but not why its answer ended: some dialects have no word for that
    assert wrong is None, f"the caller can't read what it gets: {wrong}\n{out!r}"


def _finished(passage: Passage, data: bytes) -> bool:
    """Whether the upstream says of every answer why it ended."""
    events, _ = _read(passage.upstream.decoder(), (data,))
    deltas = [delta for event in events for delta in event.deltas]
    ended = {delta.index for delta in deltas if delta.finish_reason}
    return bool(ended) and {delta.index for delta in deltas} == ended

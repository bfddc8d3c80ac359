"""The forms that everything else comes in: events, frames, JSON, forms, YAML, and what headers say."""

import json
import math
from collections.abc import Callable
from typing import Any, get_args

from antiphon.core.body import Body
from antiphon.core.error import BadRequest, UpstreamError
from antiphon.core.request import Dialect
from antiphon.wire import multipart, trace
from antiphon.wire.eventstream import FrameReader, encode_frame
from antiphon.wire.gemini.array import AsArray
from antiphon.wire.json import loads
from antiphon.wire.scan import Scanner
from antiphon.wire.signature import seal, unseal
from antiphon.wire.sse import SseReader, data_of
from antiphon.wire.yaml import compose
from harness.rules import BOM, at_last, cuts, outcome, same


def targets() -> dict[str, Callable[[bytes], None]]:
    return {
        "sse": sse,
        "frames": frames,
        "json": strict_json,
        "scan": scan,
        "multipart": form,
        "yaml": yaml,
        "headers": headers,
    }


def sse(data: bytes) -> None:
    """All bytes come back, in the same events however they were cut; the list of Gemini's is the same too."""
    at_once, in_pieces = SseReader(), SseReader()
    events = at_once.feed(data)
    cut = [event for piece in cuts(data) for event in in_pieces.feed(piece)]
    rest, cut_rest = at_once.end(), in_pieces.end()
    same((cut, cut_rest), (events, rest), "cuts change the events")
    same(b"".join(events) + rest, data.removeprefix(BOM), "bytes were lost or added")
    for event in (*events, rest):
        found = data_of(event)
        lines = event.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        values = [line[5:].removeprefix(b" ") for line in lines if line == b"data" or line.startswith(b"data:")]
        same(found, b"\n".join(values) if values else None, "an event's data is another")
    once, pieces = AsArray(), AsArray()
    listed = once.feed(data) + once.end()
    same(b"".join([*map(pieces.feed, cuts(data)), pieces.end()]), listed, "cuts change the list")


def frames(data: bytes) -> None:
    """Frames are read in any cuts as at once. What is behind `|` is put in frames whose checksums fit."""

    def read(pieces: tuple[bytes, ...]) -> list[Any]:
        reader = FrameReader()
        return [*(frame for piece in pieces for frame in reader.feed(piece)), reader.holding]

    found, error = outcome(lambda: read((data,)), UpstreamError)
    cut, cut_error = outcome(lambda: read(cuts(data)), UpstreamError)
    same(cut, found, "cuts change the frames")
    same(cut_error and cut_error.message, error and error.message, "cuts change the error")
    name, _, payload = data.partition(b"|")
    said = {name.decode("latin-1")[:40] or "a": payload[:300], ":n": len(payload), ":t": payload[:9].decode("latin-1")}
    frame = encode_frame(said, payload)
    [one, holding] = read(cuts(frame))
    same((dict(one.headers), one.payload, holding), (said, payload, False), "a frame is read as another")


def _strictly(text: bytes) -> Any:
    """What Python's own reader makes of it, with the same things refused."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), "the same key twice was taken"
        return dict(pairs)

    def never(word: str) -> None:
        raise AssertionError(f"{word} was taken")

    def finite(digits: str) -> float:
        number = float(digits)
        assert math.isfinite(number), "an infinite number was taken"
        return number

    return json.loads(text.decode(), object_pairs_hook=once, parse_constant=never, parse_float=finite)


def strict_json(data: bytes) -> None:
    """What is taken is what Python's reader takes, and can be written in UTF-8."""
    value, _ = outcome(lambda: loads(data), BadRequest)
    if value is not None:
        same(value, _strictly(data), "a body is read as another")
        json.dumps(value, ensure_ascii=False).encode()


def scan(data: bytes) -> None:
    """The scanner takes what the strict reader takes, finds the same fields, and cuts don't matter."""

    def found(pieces: tuple[bytes, ...], tokens: int) -> dict[str, tuple[int, int, int]]:
        scanner = Scanner(Body(pieces))
        for _ in range(len(data) + len(pieces) + 2):
            if scanner.step(tokens):
                return {name: (one.key, one.start, one.end) for name, one in scanner.fields.items()}
        raise AssertionError("the scanner does not come to an end")

    whole, error = outcome(lambda: found((data,), 1000), BadRequest)
    cut, cut_error = outcome(lambda: found(cuts(data), 1), BadRequest)
    same((cut, cut_error and cut_error.message), (whole, error and error.message), "cuts change what is found")
    value, _ = outcome(lambda: loads(data), BadRequest)
    if value is None:
        return
    assert whole is not None, f"the scanner refuses what is valid: {error}"
    same(list(whole), list(value), "the scanner finds other fields")
    for name, (_, start, end) in whole.items():
        same(json.loads(data[start:end]), value[name], "the scanner finds another value")


def form(data: bytes) -> None:
    """The first line is the header, what is behind it the body. Parts lie within it, one behind the other."""
    header, _, text = data.partition(b"\n")
    whole, error = outcome(lambda: multipart.read(Body((text,)), header), BadRequest)
    body = Body(cuts(text))
    cut, cut_error = outcome(lambda: at_last(multipart.read_long(body, header)), BadRequest)
    same(cut, whole, "cuts change the form")
    same(cut_error and cut_error.message, error and error.message, "cuts change the error")
    if whole is None:
        return
    at = 0
    for part in whole.parts:
        assert at <= part.key < part.start <= part.end <= len(text), "a part lies outside"
        assert text[part.end :].startswith(b"\r\n--" + whole.boundary), "a part does not end at the boundary"
        at = part.end
        outcome(lambda name=part.name: whole.text(body, name), BadRequest)
    again = multipart.read(Body((text,)), multipart.content_type_of(Body((text,))))
    same(again.parts, whole.parts, "the body's own boundary gives another form")


def yaml(data: bytes) -> None:
    """A configuration is read, or its problems are told with places."""
    node, problems = compose(data.decode("utf-8", "replace"), "some.yaml")
    assert all(problem.line >= 1 and problem.wrong and problem.remedy for problem in problems)
    assert node is None or repr(node)


def headers(data: bytes) -> None:
    """A trace's headers and a proof's owner."""
    parent, _, state = data.partition(b"\n")
    state = bytes(letter for letter in state if letter >= 32 and letter != 127)  # the listener takes no others
    found = trace.decode(parent, state)
    if found is not None:
        sent = dict(line.split(b": ", 1) for line in trace.encode(found).splitlines())
        again = trace.decode(sent[b"traceparent"], sent.get(b"tracestate"))
        same((again and again.trace_id, again and again.parent_id), (found.trace_id, found.parent_id), "another trace")
    text = parent.decode("latin-1")
    for own in get_args(Dialect):
        signature, by = unseal(text, own)
        if ":" not in signature:  # providers' own have none
            same(unseal(seal(signature, by, own), own), (signature, by), "a proof changes on its way")

"""The bytes of a request, raw until something has to read them."""

from hashlib import sha256
from typing import Any

from msgspec import Struct


class Edit(Struct, frozen=True, gc=False):
    """Put `text` in the place of the bytes from `start` up to `end`."""

    start: int
    end: int
    text: bytes


class Body:
    """A request body as the segments that it came in; joined only when something asks for that."""

    __slots__ = ("meaning", "segments", "size_bytes", "written")

    def __init__(self, segments: tuple[bytes, ...]) -> None:
        self.segments: tuple[bytes, ...] = segments
        """All bytes, in order."""
        self.size_bytes = sum(map(len, segments))
        self.meaning: object = None
        """What it says in canonical form, once something had to read it."""
        self.written: dict[tuple[str, object], Any] = {}
        """The same in other words, by whose they are, where it takes long to write them."""

    def whole(self) -> bytes:
        """All bytes as one; a body of many segments is joined once and kept so."""
        if len(self.segments) != 1:
            self.segments = (b"".join(self.segments),)
        return self.segments[0]

    def taken(self) -> list[bytes]:
        """All segments, which the body then has no more: for whoever lets go of them one by one."""
        segments, self.segments = list(self.segments), ()
        return segments

    def slice(self, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end`, whichever segments hold them."""
        out: list[bytes] = []
        position = 0
        for segment in self.segments:
            if position >= end:
                break
            out.append(segment[max(start - position, 0) : end - position])
            position += len(segment)
        return b"".join(out)

    def sha256(self) -> str:
        """Digest of all bytes, 64 hexadecimal digits."""
        digest = sha256()
        for segment in self.segments:
            digest.update(segment)
        return digest.hexdigest()

    def edited(self, edits: tuple[Edit, ...]) -> "Body":
        """A body with the edits made; segments that no edit touches are shared, not copied.

        Args:
            edits: In order of `start`, none overlapping another.
        """
        if not edits:
            return self
        if len(self.segments) == len(edits) == 1:
            whole, edit = self.segments[0], edits[0]
            return Body((whole[: edit.start], edit.text, whole[edit.end :]))
        out: list[bytes] = []
        if len(self.segments) == 1:
            whole, at = self.segments[0], 0
            for edit in edits:
                out += (whole[at : edit.start], edit.text)
                at = edit.end
            out.append(whole[at:])
            return Body(tuple(out))
        pending = list(edits)
        position = 0
        for segment in self.segments:
            _cut(segment, position, pending, out)
            position += len(segment)
        out.extend(edit.text for edit in pending)
        return Body(tuple(piece for piece in out if piece))


def _cut(segment: bytes, begin: int, pending: list[Edit], out: list[bytes]) -> None:
    """Append what stays of one segment that begins at offset `begin`, with the edits that start in it."""
    finish = begin + len(segment)
    at = begin
    while pending and pending[0].start < finish:
        edit = pending[0]
        if edit.start >= at:
            out.append(segment[at - begin : edit.start - begin])
            out.append(edit.text)
        at = min(edit.end, finish)
        if edit.end > finish:
            pending[0] = Edit(finish, edit.end, b"")
            return
        pending.pop(0)
    out.append(segment[at - begin :] if at > begin else segment)

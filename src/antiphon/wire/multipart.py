"""Reads where the parts of a multipart/form-data body stand, and copies none of them.

Source: RFC 7578 (2015), RFC 2046 section 5.1 (1996), WHATWG HTML section 4.10.22.8 (2026-11) for names in headers.
python-multipart gives the parts' bytes and not their places, so that a field could not be edited without writing the
whole body again.

Strict, so that no upstream reads another form than we do: lines end in CR LF; nothing stands before the first
boundary or behind the last; every part has a name; headers are not folded and none comes twice.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from antiphon.core.body import Body
from antiphon.core.error import BadRequest, WrongMediaType

MAX_PARTS = 1_024
MAX_HEADER_BYTES = 8_192
"""Of one part."""
MAX_VALUE_BYTES = 65_536
"""Of a field that is read, such as `model`."""
SLICE_BYTES = 1_048_576
"""Bytes that are searched at once: well under a millisecond."""

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER = re.compile(rb';[ \t]*(%b)=(?:"((?:[^"\\\r\n]|\\.)*)"|(%b))[ \t]*' % (_TOKEN, _TOKEN))
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_HEADER = re.compile(rb"(%b):([^\r\n\x00]*)" % _TOKEN)
"""Blanks around the value are cut off afterwards: a pattern that does so tries every place in a run of them."""
FORM = b"multipart/form-data"
_ESCAPES = ((b"%22", b'"'), (b"%0D", b"\r"), (b"%0A", b"\n"))


class Part(Struct, frozen=True, gc=False, kw_only=True):
    """One field or file. Offsets are of the body."""

    name: str
    file: str | None = None
    """Name of a file; None: it is a field."""
    media_type: str = ""
    key: int
    """Of the boundary before it."""
    start: int
    end: int


class Form(Struct, frozen=True, gc=False, kw_only=True):
    """A whole form."""

    boundary: bytes
    parts: tuple[Part, ...]

    def field(self, name: str) -> Part | None:
        """The one field of a name. Raises: BadRequest, where it comes twice or as a file."""
        found = [part for part in self.parts if part.name == name]
        if len(found) > 1:
            raise BadRequest(f"the field `{name}` comes {len(found)} times; send it once", param=name)
        if found and found[0].file is not None:
            raise BadRequest(f"`{name}` must be a field of the form, not a file", param=name)
        return found[0] if found else None

    def text(self, body: Body, name: str) -> str | None:
        """The value of a field; None: it isn't there. Raises: BadRequest."""
        part = self.field(name)
        if part is None:
            return None
        if part.end - part.start > MAX_VALUE_BYTES:
            raise BadRequest(f"`{name}` is longer than {MAX_VALUE_BYTES} bytes; send a shorter one", param=name)
        return _utf8(body.slice(part.start, part.end), f"`{name}`")


def boundary_of(content_type: bytes) -> bytes:
    """The boundary that a header names. Raises: WrongMediaType, BadRequest."""
    kind, _, _ = content_type.partition(b";")
    if kind.strip().lower() != FORM:
        shown = kind.strip()[:64].decode("ascii", "replace") or "nothing"
        raise WrongMediaType(f"the body must be {FORM.decode()}, not {shown}")
    rest = content_type[len(kind) :].rstrip(b" \t")
    boundaries = [value for name, value in _parameters(rest, "the header `content-type`") if name == b"boundary"]
    if len(boundaries) != 1:
        raise BadRequest("the header `content-type` must name one boundary, as in `multipart/form-data; boundary=x`")
    if not _BOUNDARY.fullmatch(boundaries[0]):
        raise BadRequest("the boundary must have 1 to 70 of the characters that RFC 2046 allows in one")
    return boundaries[0]


def content_type_of(body: Body) -> bytes:
    """The content type of a body that `read` took: its first line is its boundary."""
    line, _, _ = body.slice(0, 80).partition(b"\r\n")
    return b'multipart/form-data; boundary="%b"' % line[2:]


def read(body: Body, content_type: bytes) -> Form:
    """Read a form at once. Raises: BadRequest, WrongMediaType."""
    for form in read_long(body, content_type):
        if form is not None:
            return form
    raise AssertionError("a reader in slices ends with what it found")


def read_long(body: Body, content_type: bytes) -> Iterator[Form | None]:
    """Read a form in slices: yields None between them, and the form at the end. Raises: BadRequest, WrongMediaType."""
    boundary = boundary_of(content_type)
    opening = b"--" + boundary
    if body.slice(0, len(opening)) != opening:
        raise BadRequest(f"the body must begin with its boundary --{boundary.decode()}")
    parts: list[Part] = []
    search = _Search(body, b"\n" + opening)
    key, after = 0, len(opening)
    while not _closes(body, after):
        if len(parts) == MAX_PARTS:
            raise BadRequest(f"the form has more than {MAX_PARTS} parts; send fewer")
        headers, start = _headers(body, after + 2)
        search.go(start)
        while (found := search.step()) is None:
            yield None
        end = found - 1
        if end < start or body.slice(end, found) != b"\r":
            raise BadRequest(f"the boundary at byte {found + 1} does not stand behind a CR LF of its own")
        parts.append(_part(headers, key=key, start=start, end=end))
        key, after = found + 1, found + 1 + len(opening)
        yield None
    if not parts:
        raise BadRequest("the form has no parts")
    yield Form(boundary=boundary, parts=tuple(parts))


def _closes(body: Body, after: int) -> bool:
    """Whether a boundary is the last. Raises: BadRequest, where it is none, or something follows the last."""
    line = body.slice(after, after + 5)
    if line[:2] == b"\r\n":
        return False
    if line not in (b"--", b"--\r\n") or after + len(line) != body.size_bytes:
        raise BadRequest(
            f"the boundary at byte {after} must be followed by a line end, or by -- and the end of the body"
        )
    return True


def _headers(body: Body, start: int) -> tuple[Mapping[bytes, bytes], int]:
    """The headers of a part, and where its content starts. Raises: BadRequest."""
    window = body.slice(start, start + MAX_HEADER_BYTES + 4)
    length = window.find(b"\r\n\r\n")
    if length < 0:
        raise BadRequest(f"a part's headers must end within {MAX_HEADER_BYTES} bytes, at byte {start}")
    headers: dict[bytes, bytes] = {}
    for line in window[:length].split(b"\r\n"):
        match = _HEADER.fullmatch(line)
        if match is None:
            raise BadRequest(f"a header of the part at byte {start} is not valid")
        name = match[1].lower()
        if name in headers:
            raise BadRequest(f"a header of the part at byte {start} comes twice")
        headers[name] = match[2].strip(b" \t")
    return headers, start + length + 4


def _part(headers: Mapping[bytes, bytes], *, key: int, start: int, end: int) -> Part:
    where = f"the part at byte {key}"
    kind, semicolon, rest = headers.get(b"content-disposition", b"").partition(b";")
    if kind.strip().lower() != b"form-data":
        raise BadRequest(f"{where} must have the header `content-disposition: form-data; name=…`")
    if headers.get(b"content-transfer-encoding", b"binary").lower() not in (b"binary", b"8bit", b"7bit"):
        raise BadRequest(f"{where} has a transfer encoding; send its bytes as they are")
    said: dict[bytes, bytes] = {}
    for name, value in _parameters(semicolon + rest, where):
        if name in said:
            raise BadRequest(f"{where} says {name.decode()} twice; say it once")
        said[name] = value
    if b"name" not in said or b"name*" in said:
        raise BadRequest(f"{where} must have one name")
    file = _utf8(_unescaped(said[b"filename"]), where) if b"filename" in said else None
    if b"filename*" in said:
        file = _extended(said[b"filename*"], where)
    return Part(
        name=_utf8(_unescaped(said[b"name"]), where),
        file=file,
        media_type=_utf8(headers.get(b"content-type", b""), where),
        key=key,
        start=start,
        end=end,
    )


def _parameters(text: bytes, where: str) -> Iterator[tuple[bytes, bytes]]:
    """Parameters of a header, from the first semicolon on. Raises: BadRequest, where anything else stands between."""
    at = 0
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None:
            raise BadRequest(f"{where} has a parameter that is not valid")
        quoted = match[2]
        yield match[1].lower(), match[3] if quoted is None else re.sub(rb"\\([\"\\])", rb"\1", quoted)
        at = match.end()


def _unescaped(value: bytes) -> bytes:
    """A name as browsers write it: quotes and line ends are percent-encoded, and nothing else."""
    for escape, plain in _ESCAPES:
        value = value.replace(escape, plain)
    return value


def _extended(value: bytes, where: str) -> str:
    """A name such as `UTF-8''%c3%a9`. Source: RFC 5987, section 3.2.1."""
    charset, _, rest = value.partition(b"'")
    _, quote, encoded = rest.partition(b"'")
    if charset.lower() != b"utf-8" or not quote:
        raise BadRequest(f"{where} has a filename* that is not in UTF-8")
    return _utf8(unquote_to_bytes(encoded), where)


def _utf8(value: bytes, where: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"{where} is not UTF-8") from error


class _Search:
    """Finds a mark across segments, forwards only, some bytes at a time."""

    def __init__(self, body: Body, mark: bytes) -> None:
        self._segments = body.segments
        self._mark = mark
        self._index = 0
        self._base = 0
        """Offset of the segment in the body."""
        self._at = 0
        """Offset from which on is searched."""

    def go(self, at: int) -> None:
        """Search on from an offset, which is not before the last one found."""
        self._at = at

    def step(self) -> int | None:
        """Look at up to SLICE_BYTES. Returns: where the mark is; None: not so far. Raises: BadRequest at the end."""
        while self._index < len(self._segments) and self._at >= self._base + len(self._segments[self._index]):
            self._base += len(self._segments[self._index])
            self._index += 1
        if self._index == len(self._segments):
            raise BadRequest("the body ends before its last boundary; send it whole")
        segment = self._segments[self._index]
        begin = self._at - self._base
        end = min(begin + SLICE_BYTES, len(segment))
        found = segment.find(self._mark, begin, end)
        if found >= 0:
            return self._base + found
        edge = max(begin, end - len(self._mark) + 1)
        if end < len(segment):
            self._at = self._base + edge
            return None
        return self._over(edge)

    def _over(self, edge: int) -> int | None:
        """Look for a mark that begins in the last bytes of a segment and ends in those behind it."""
        segment = self._segments[self._index]
        piece = segment[edge:]
        for following in self._segments[self._index + 1 :]:
            if len(piece) >= len(segment) - edge + len(self._mark) - 1:
                break
            piece += following[: len(self._mark) - 1]
        found = piece[: len(segment) - edge + len(self._mark) - 1].find(self._mark)
        if found >= 0:
            return self._base + edge + found
        self._at = self._base + len(segment)
        return None

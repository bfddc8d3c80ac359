"""An upload's form written anew: the file's name says whose it is, and a batch's lines are those that were checked."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from antiphon.control.lines import rewritten
from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.principal import Principal
from antiphon.providers.raw import Raw
from antiphon.wire import multipart
from antiphon.wire.multipart import Form, Part

SLICE_BYTES = 1_048_576
MOST_NAME = 200
"""Characters of a file's name."""
FILE, PURPOSE = "file", "purpose"


async def read(body: Body, content_type: bytes) -> Form:
    """Read a form, letting other requests run between slices. Raises: BadRequest, WrongMediaType."""
    for form in multipart.read_long(body, content_type):
        if form is not None:
            return form
        await asyncio.sleep(0)
    raise BadRequest("the form could not be read")


async def written(form: Form, body: Body, boundary: bytes, tag: str, principal: Principal, account: Raw) -> list[bytes]:
    """The form as it goes to the provider, in segments. Raises: BadRequest, NotAllowed, TooLarge."""
    purpose = form.text(body, PURPOSE)
    files = [part for part in form.parts if part.name == FILE]
    if not purpose or len(files) != 1 or files[0].file is None:
        raise BadRequest("an upload has one `purpose` and one `file`", param=PURPOSE if not purpose else FILE)
    out: list[bytes] = []
    for part in form.parts:
        out.append(_head(part, boundary, tag if part.name == FILE else ""))
        if part.name == FILE and purpose == "batch":
            pieces = rewritten(body, part.start, part.end, principal, account)
        else:
            pieces = _slices(body, part)
        out += [piece async for piece in _unhurried(pieces)]
        out.append(b"\r\n")
    out.append(b"--%b--\r\n" % boundary)
    return out


async def _unhurried(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)


def _slices(body: Body, part: Part) -> Iterator[bytes]:
    for at in range(part.start, part.end, SLICE_BYTES):
        yield body.slice(at, min(at + SLICE_BYTES, part.end))


def _head(part: Part, boundary: bytes, tag: str) -> bytes:
    """A part's headers, names as browsers write them. Source: WHATWG HTML 4.10.22.8."""
    lines = f'--{boundary.decode()}\r\nContent-Disposition: form-data; name="{_escaped(part.name)}"'
    if part.file is not None:
        lines += f'; filename="{_escaped(tag + part.file[-MOST_NAME:])}"'
        lines += f"\r\nContent-Type: {part.media_type or 'application/octet-stream'}"
    return f"{lines}\r\n\r\n".encode()


def _escaped(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")

"""The texts of requests and answers, in whichever dialect, and their edits.

What is no text: the model's name, ids and words of the protocol, proofs and what is encrypted, media in base64, vectors.
Everything else is one, in fields that no dialect has too.
"""

import re
from collections.abc import Mapping, Sequence

from msgspec import structs

from antiphon.core.body import Body
from antiphon.core.body import Edit as BodyEdit
from antiphon.core.error import BadRequest, GuardFailed
from antiphon.core.finding import Channel
from antiphon.core.request import Request
from antiphon.guards.port import Edit, Text
from antiphon.guards.texts_json import Places, decoded, rebuilt
from antiphon.guards.texts_walk import Walk
from antiphon.guards.texts_words import ECHOES
from antiphon.wire.bounds import LONG_BYTES
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS
from antiphon.wire.fields import as_object
from antiphon.wire.form_head import is_form_body
from antiphon.wire.json import loads
from antiphon.wire.multipart import content_type_of
from antiphon.wire.multipart import read as read_form

TextEdits = Sequence[tuple[int, Sequence[Edit]]]
"""(place of the text, its edits in order), as `Screened.edits` has them."""
_NOTHING: Mapping[str, str] = {}
_PLAIN_FIELDS: Mapping[str, Channel] = {"prompt": "user", "input": "user", "text": "user"}
"""Fields of forms; others are `field`."""


class Texts:
    """The texts of a body."""

    __slots__ = ("_body", "_empties", "_form", "_lines", "_parts", "items")

    def __init__(
        self,
        body: bytes | Body,
        items: list[Text],
        *,
        empties: frozenset[str] = frozenset(),
        parts: Sequence[tuple[int, int]] | None = None,
        lines: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        self.items: list[Text] = items
        self._body = b"" if isinstance(body, Body) else body
        self._form = body if isinstance(body, Body) else None
        self._empties = empties
        self._parts = parts
        """Of a form: the bytes that each text stands at."""
        self._lines = lines
        """Of lines of JSON: the bytes of each, whose number is the first step of its texts."""

    def edited(self, edits: TextEdits, restore: Mapping[str, str] = _NOTHING) -> Body:
        """The body with these edits made: nothing else of it changes in meaning.

        Args:
            restore: Values of tokens that are put back, in all texts.
        """
        changed = self._changed(edits, restore)
        if self._form is not None and self._parts is not None:
            made = [BodyEdit(*self._parts[at], text.encode()) for at, text in sorted(changed.items())]
            return self._form.edited(tuple(made))
        if not changed:
            return Body((self._body,))
        if not self.items[0].steps:
            return Body((changed[0].encode(),))
        places = Places()
        for at, text in changed.items():
            places.put(self.items[at].steps, text)
        if self._lines is None:
            return Body((rebuilt(self._body, places, self._empties),))
        out: list[BodyEdit] = []
        for line, under in sorted(places.under.items(), key=lambda one: int(one[0])):
            start, end = self._lines[int(line)]
            out.append(BodyEdit(start, end, rebuilt(self._body[start:end], under, self._empties)))
        return Body((self._body,)).edited(tuple(out))

    def _changed(self, edits: TextEdits, restore: Mapping[str, str]) -> dict[int, str]:
        """Texts as they are to be, by place; those that stay as they are left out."""
        out = {at: applied(self.items[at].text, made) for at, made in edits if made}
        if restore:
            find = re.compile("|".join(map(re.escape, sorted(restore, key=len, reverse=True))))
            for at, item in enumerate(self.items):
                text = out.get(at, item.text)
                back = find.sub(lambda match: restore[match[0]], text)
                if back != text:
                    out[at] = back
        return {at: text for at, text in out.items() if text != self.items[at].text}


def applied(text: str, edits: Sequence[Edit]) -> str:
    """A text with its edits made."""
    out: list[str] = []
    at = 0
    for edit in edits:
        out += (text[at : edit.start], edit.text)
        at = edit.end
    out.append(text[at:])
    return "".join(out)


def _line_texts(body: bytes) -> Texts | None:
    """The texts of JSON values that stand on a line each; None: the body is something else.

    Raises: GuardFailed, where a line says a key twice.
    """
    walk, lines, at = Walk(answer=True), list[tuple[int, int]](), 0
    for line in body.splitlines(keepends=True):
        start, at = at, at + len(line)
        if not line.strip():
            continue
        read = decoded(line)
        if read is None:
            return None
        if read.doubled:
            raise _doubled()
        walk.value(read.value, f"[{len(lines)}]", (len(lines),), "assistant")
        lines.append((start, start + len(line.rstrip())))
    return Texts(body, walk.items, empties=ECHOES, lines=lines)


def _doubled() -> GuardFailed:
    return GuardFailed("the answer says a key twice, so that no guard can tell what it says")


def texts_of(request: Request) -> Texts:
    """Every text of a request. It is to be run in a thread where the body is long.

    It takes 3 ms a megabyte where texts are long, and 140 ms a megabyte of very many short ones; other threads wait for
    20 ms at most, and for 110 ms amid the latter.

    Raises: BadRequest, where the body is no JSON object, or says a key twice.
    """
    body = request.body
    if is_form_body(body):
        return _form_texts(body)
    return body_texts(body.whole())


def body_texts(body: bytes) -> Texts:
    """The same of a body alone, also of one that is no model call's and may be a list. Raises: BadRequest."""
    walk = Walk()
    if body.lstrip()[:1] == b"[":
        read = decoded(body)
        if read is None or read.doubled:
            raise BadRequest("the body is not valid JSON, is nested too deep, or says a key twice")
        walk.value(read.value, "", (), "user")
    else:
        walk.root(loads(body))
    return Texts(body, walk.items)


def _form_texts(body: Body) -> Texts:
    """The fields of a form; its files are not read."""
    items: list[Text] = []
    parts: list[tuple[int, int]] = []
    for at, part in enumerate(read_form(body, content_type_of(body)).parts):
        if part.file is not None or part.name == "model":
            continue
        try:
            text = body.slice(part.start, part.end).decode()
        except UnicodeDecodeError as error:
            raise BadRequest(f"the field `{part.name}` is not UTF-8", param=part.name) from error
        items.append(Text(part.name, _PLAIN_FIELDS.get(part.name, "field"), text, (at,)))
        parts.append((part.start, part.end))
    return Texts(body, items, parts=parts)


def edited_request(request: Request, edits: TextEdits, texts: Texts | None = None) -> Request:
    """The request with its texts edited. Digest, lineage, trace, header lines and end user stay those of what came.

    Args:
        texts: Those of the request, where they are known already.
    Raises: BadRequest.
    """
    if not any(made for _, made in edits):
        return request
    body = (texts or texts_of(request)).edited(edits)
    head, codec = request.head, CODECS[request.head.dialect]
    headers = {b"content-type": content_type_of(body)} if is_form_body(body) else {}
    asked = Asked(endpoint=head.endpoint, model=head.model, stream=head.stream, headers=headers)
    if body.size_bytes < LONG_BYTES:
        less, spots = codec.read(body, asked)
    else:
        less, spots = next(found for found in codec.read_long(body, asked) if found is not None)
    return structs.replace(request, head=structs.replace(less, user=head.user), body=body, spots=spots)


_SPOKEN = frozenset({"openai_speech"})
"""Dialects whose whole answers are sound."""


def answer_texts(body: bytes, dialect: str, operation: str = "") -> Texts:
    """Every text of a whole answer; of a dialect that is not known, all strings.

    An answer that is no JSON is one text, as transcripts and subtitles are; sound and other bytes have none. One of a JSON
    value on each line has those of all of them.

    Raises: GuardFailed, where it can't be read in one way only.
    """
    if dialect in _SPOKEN or operation == "speech":
        return Texts(body, [])
    seems = body.lstrip()[:1] in (b"{", b"[")
    read = decoded(body) if seems else None
    if read is None:
        lines = _line_texts(body) if seems else None
        if lines is not None:
            return lines
        try:
            text = body.decode()
        except UnicodeDecodeError:
            if dialect in CODECS:
                raise GuardFailed("the answer is no JSON, so that no guard can look at it") from None
            return Texts(body, [])
        return Texts(body, [Text("answer", "assistant", text)] if text else [])
    if read.doubled:
        raise _doubled()
    walk = Walk(answer=True)
    fields = as_object(read.value)
    if fields is not None:
        walk.root(fields)
    else:
        walk.value(read.value, "", (), "assistant")
    return Texts(body, walk.items, empties=ECHOES)

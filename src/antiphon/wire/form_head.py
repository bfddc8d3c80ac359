"""Reads what routing needs of a multipart/form-data request, and edits it for an upstream of the same dialect."""

from collections.abc import Collection, Iterator

from antiphon.core.body import Body, Edit
from antiphon.core.error import BadRequest
from antiphon.core.request import Field, Request, Spots
from antiphon.wire.bounds import MAX_COUNT, MAX_NAME
from antiphon.wire.codec import Asked, Put, Terms
from antiphon.wire.losses import Losses
from antiphon.wire.multipart import Form, content_type_of, read, read_long
from antiphon.wire.places import NOWHERE

_FLAGS = {"true": True, "false": False, "1": True, "0": False, "": False}
_CONTENT_TYPE = b"content-type"


class FormFields:
    """The fields of a form as the head needs them."""

    def __init__(self, form: Form, body: Body) -> None:
        self._form = form
        self._body = body

    def has(self, name: str) -> bool:
        """Whether there is a field or file of this name."""
        return any(part.name == name for part in self._form.parts)

    def text(self, name: str) -> str:
        """Empty where it isn't there. Raises: BadRequest."""
        return self._form.text(self._body, name) or ""

    def flag(self, name: str) -> bool:
        """Raises: BadRequest."""
        value = _FLAGS.get(self.text(name).lower())
        if value is None:
            raise BadRequest(f"`{name}` must be true or false", param=name)
        return value

    def positive(self, name: str) -> int | None:
        """A count. Raises: BadRequest."""
        digits = self.text(name)
        if not digits:
            return None
        if not (digits.isascii() and digits.isdigit() and len(digits) < 11 and 1 <= int(digits) <= MAX_COUNT):
            raise BadRequest(f"`{name}` must be a whole number from 1 to {MAX_COUNT}", param=name)
        return int(digits)

    def model(self, asked: Asked, usual: str = "") -> str:
        """The model that is asked for; `usual` where none is named. Raises: BadRequest."""
        model = asked.model or self.text("model") or usual
        if not 0 < len(model) <= MAX_NAME:
            raise BadRequest("`model` must name a model; GET /v1/models lists them", param="model")
        return model

    def spots(self) -> Spots:
        """Where its parts stand: of those of one name the first; `key` is the boundary before it."""
        fields: dict[str, Field] = {}
        for part in self._form.parts:
            fields.setdefault(part.name, Field(part.key, part.start, part.end))
        model = fields.get("model")
        return Spots(model=NOWHERE if model is None else (model.start, model.end), fields=fields)


def is_form(asked: Asked) -> bool:
    """Whether a request says that its body is a form."""
    return asked.headers.get(_CONTENT_TYPE, b"").lstrip().lower().startswith(b"multipart/")


def read_form(body: Body, asked: Asked) -> FormFields:
    """Read a form at once. Raises: BadRequest, WrongMediaType."""
    return FormFields(read(body, asked.headers.get(_CONTENT_TYPE, b"")), body)


def read_form_long(body: Body, asked: Asked) -> Iterator[FormFields | None]:
    """Read a form in slices: yields None between them, and its fields at the end. Raises: BadRequest, WrongMediaType."""
    for form in read_long(body, asked.headers.get(_CONTENT_TYPE, b"")):
        yield None if form is None else FormFields(form, body)


def is_form_body(body: Body) -> bool:
    """Whether a body that was read is a form: JSON never begins so."""
    return body.slice(0, 2) == b"--"


def put_form(request: Request, terms: Terms) -> Put:
    """The caller's form with the upstream's name of the model, and without the fields that it refuses."""
    body, spots = request.body, request.spots
    losses = Losses()
    who = terms.quirks.who or "the upstream"
    out = [_model(request, terms.model)] if terms.model != request.head.model or spots.model == NOWHERE else []
    out.extend(_dropped(request, terms.quirks.rejects, who, losses))
    out.sort(key=lambda edit: edit.start)
    return Put(body=body.edited(tuple(out)), losses=losses.told(), content_type=content_type_of(body))


def _model(request: Request, model: str) -> Edit:
    said = model.encode()
    if request.spots.model != NOWHERE:
        return Edit(*request.spots.model, said)
    opening, _, _ = request.body.slice(0, 80).partition(b"\r\n")
    return Edit(0, 0, b'%b\r\ncontent-disposition: form-data; name="model"\r\n\r\n%b\r\n' % (opening, said))


def _dropped(request: Request, names: Collection[str], who: str, losses: Losses) -> Iterator[Edit]:
    """One edit for each part that goes, from its boundary to the next."""
    fields = request.spots.fields or {}
    for name in names:
        field = fields.get(name)
        if field is not None and name != "model":
            losses.add(name, f"{who} refuses it")
            yield Edit(field.key, field.end + 2, b"")

"""Images of OpenAI: generations, edits and variations.

Source: openai-python 3.52.0, `types/image_generate_params.py`, `types/image_edit_params.py`,
`types/image_create_variation_params.py` and `resources/images.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from antiphon.core.body import Body
from antiphon.core.request import Dialect, Head, Operation, Request, Spots
from antiphon.wire.bounds import MAX_NAME
from antiphon.wire.codec import JSON, AnyCodec, Asked, Facts, Put, Terms
from antiphon.wire.fields import Fields
from antiphon.wire.form_head import FormFields, is_form, is_form_body, put_form, read_form, read_form_long
from antiphon.wire.json_head import model_of, one_of, positive, put, read, read_long, user_of
from antiphon.wire.multipart import FORM
from antiphon.wire.one_dialect import NoText, OneDialect, OpenAIErrors
from antiphon.wire.openai_images.answers import facts
from antiphon.wire.openai_images.relay import ImageRelay
from antiphon.wire.stream import Relay


class OpenAIImages(OneDialect, NoText, OpenAIErrors, AnyCodec):
    """Requests, JSON or forms, and answers pass byte for byte."""

    name: ClassVar[Dialect] = "openai_images"
    operation: ClassVar[Operation] = "images"
    asks: ClassVar[tuple[bytes, ...]] = (JSON, FORM)
    opening: ClassVar[str] = "prompt"
    chance: ClassVar[tuple[str, ...]] = ()

    def read(self, body: Body, asked: Asked) -> tuple[Head, Spots]:
        if is_form(asked):
            form = read_form(body, asked)
            return _form_head(form, asked), form.spots()
        found = read(body)
        return _head(found.fields, asked), found.spots

    def read_long(self, body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
        if is_form(asked):
            for form in read_form_long(body, asked):
                yield None if form is None else (_form_head(form, asked), form.spots())
            return
        for found in read_long(body, ("model", "stream", "n", "user"), ("prompt",)):
            yield None if found is None else (_head(found.fields, asked), found.spots)

    def put(self, request: Request, terms: Terms) -> Put:
        return put_form(request, terms) if is_form_body(request.body) else put(request, terms)

    def facts(self, body: bytes) -> Facts:
        return facts(body)

    def relay(self, *, hides_usage: bool) -> Relay:
        del hides_usage  # it is never asked for by us
        return ImageRelay()


def _head(fields: Mapping[str, Any], asked: Asked) -> Head:
    if not asked.endpoint.endswith("/variations"):
        one_of(fields, "prompt", (str,), "a text")
    read_fields = Fields(fields)
    return Head(
        dialect="openai_images",
        endpoint=asked.endpoint,
        model=model_of(fields, asked),
        stream=bool(read_fields.flag("stream")),
        answers=positive(read_fields, "n") or 1,
        user=user_of(read_fields),
    )


def _form_head(form: FormFields, asked: Asked) -> Head:
    return Head(
        dialect="openai_images",
        endpoint=asked.endpoint,
        model=form.model(asked),
        stream=form.flag("stream"),
        answers=form.positive("n") or 1,
        user=form.text("user")[:MAX_NAME],
    )

"""POST /v1/images/generations and /v1/images/edits: pictures of one pixel.

Source: the types of openai 3.52.0 (image_generate_params.py, images_response.py), read 2026-11.
"""

from base64 import b64encode
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, json

from antiphon.core.error import BadRequest
from antiphon.providers.lab.answer import Answer, Job, counted
from antiphon.providers.lab.dialect import Incoming, Json, Whole, Writer
from antiphon.providers.lab.openai.media import picture
from antiphon.providers.lab.openai.multipart import file_of, form_of, values_of
from antiphon.providers.lab.openai.read import OpenAI, Strict, asked_of, asked_of_form, fields_of, file_message
from antiphon.providers.lab.replay import Outcome
from antiphon.providers.lab.request import Asked, Message

IMAGE_TOKENS = 272
"""Output tokens of a picture: those of a real low-quality one of 1024x1024."""
MOST_IMAGES = 10


class Body(Strict, frozen=True, kw_only=True):
    model: str = ""
    prompt: Annotated[str, Meta(min_length=1)]
    n: Annotated[int, Meta(ge=1, le=MOST_IMAGES)] | None = None
    size: str | None = None
    quality: str | None = None
    style: str | None = None
    response_format: Literal["url", "b64_json"] | None = None
    output_format: str | None = None
    output_compression: int | None = None
    background: str | None = None
    moderation: str | None = None
    stream: Literal[False] | None = None
    partial_images: Any = None
    user: str | None = None


BODY = json.Decoder(Body)


class ImagesWriter(Whole):
    wrong_usage: ClassVar[Json] = {"input_tokens": -7, "output_tokens": 9_999_999_999_999, "total_tokens": 0}

    def __init__(self, asked: Asked, prompt: str, count: int, form: str) -> None:
        super().__init__(asked)
        self._prompt = prompt
        self._count = count
        self._form = form

    def compose(self, job: Job, outcome: Outcome | None) -> Answer:
        return counted(job, IMAGE_TOKENS * self._count)

    def usage(self, answer: Answer) -> Json:
        used = answer.used
        return {
            "input_tokens": used.input,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": used.input},
            "output_tokens": used.output,
            "total_tokens": used.input + used.output,
        }

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        data = [self._picture(place) for place in range(self._count)]
        said: Json = {"created": answer.created_s, "data": data}
        return msgspec.json.encode(said | ({} if used is None else {"usage": used}))

    def _picture(self, place: int) -> Json:
        if self._form == "url":
            return {"url": f"https://lab.invalid/images/{place}.png"}
        return {"b64_json": b64encode(picture(f"{self._prompt}/{place}")).decode()}


class Generations(OpenAI):
    name = "openai_images"

    def _read(self, incoming: Incoming) -> Writer:
        body = fields_of(BODY, incoming)
        asked = asked_of(incoming.model or body.model, [body.prompt], incoming)
        return ImagesWriter(asked, body.prompt, body.n or 1, body.response_format or "b64_json")


class Edits(OpenAI):
    name = "openai_image_edits"

    def _read(self, incoming: Incoming) -> Writer:
        fields = form_of(incoming)
        file_of(fields, "image")
        values = values_of(fields)
        prompt, count = values.get("prompt", ""), values.get("n", "1")
        if not prompt:
            raise BadRequest("Missing required parameter: 'prompt'.", code="missing_required_parameter", param="prompt")
        if not count.isdecimal() or not 1 <= int(count) <= MOST_IMAGES:
            raise BadRequest(f"n must be 1 to {MOST_IMAGES}", code="invalid_value", param="n")
        images = sum(field.file_name is not None for field in fields)
        messages = [Message("user", prompt), *(file_message("image_url") for _ in range(images))]
        asked = asked_of_form(incoming.model or values.get("model", ""), messages, incoming)
        return ImagesWriter(asked, prompt, int(count), values.get("response_format", "b64_json"))

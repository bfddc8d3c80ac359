"""Whole answers with images, and what they used."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.core.error import UpstreamMalformed
from antiphon.core.usage import Usage
from antiphon.wire.codec import Facts
from antiphon.wire.counts import believed, needed, part


class _Image(Struct, gc=False):
    """An object; what is in it is the caller's, and its base64 is passed over unread."""


class _Answer(Struct):
    data: list[_Image]
    usage: dict[str, Any] | None = None
    model: str | None = None


_answer = msgspec.json.Decoder(_Answer)


def facts(body: bytes) -> Facts:
    """Check a whole answer, and read its facts. Raises: UpstreamMalformed.

    An answer that says no tokens, as those of models that are paid by the image, still says how many images it has.
    """
    try:
        answer = _answer.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed(f"the upstream's answer has no list of images: {error}") from error
    usage, note = usage_of(answer.usage, len(answer.data))
    return Facts(model=answer.model or "", fingerprint="", usage=usage, usage_note=note)


def usage_of(value: object, images: int) -> tuple[Usage | None, str]:
    """What so many images used; None and why, where it can't be believed.

    Source: openai-python 3.52.0, `types/images_response.py`.
    """
    if value is None:
        return Usage(images=images), ""

    def read(said: Mapping[str, Any]) -> Usage:
        asked, made = needed(said, "input_tokens"), needed(said, "output_tokens")
        return Usage(
            input_tokens=asked,
            output_tokens=made,
            cached_tokens=part(said, "input_tokens_details", "cached_tokens", asked),
            input_image_tokens=part(said, "input_tokens_details", "image_tokens", asked),
            output_image_tokens=part(said, "output_tokens_details", "image_tokens", made),
            images=images,
        )

    return believed(read, value)

"""How many tokens a picture can become at most: what providers state, by family of models.

What isn't stated is None. Each provider scales an image down until it fits a fixed budget, so that the most is known
without its size.
"""

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from antiphon.core.content import Audio, Content, File, Image

MediaKind = Literal["image", "audio", "file"]
BOUNDED_SOUND = frozenset({"mp3", "pcm16"})
"""Formats of which a second is more bytes than any provider makes tokens of: 1,000 at the least for MP3 (8 kbit/s, ISO
13818-3), 48,000 for 24 kHz PCM; Gemini makes 32, ai.google.dev/gemini-api/docs/tokens, OpenAI 10. Others can be silent in
fewer."""


class Media(Struct, frozen=True, gc=False, kw_only=True):
    """Something in a request that isn't text."""

    kind: MediaKind
    inline_bytes: int = 0
    """Bytes of the body that hold it; 0: it is named by a URL or an id."""
    detail: str = ""
    """Of an image: `low`, `high`, `auto`, …"""
    format: str = ""


class Family(Struct, frozen=True, gc=False, kw_only=True):
    """Models that see alike."""

    image: int | None = None
    """Most tokens of an image. None: nothing is stated."""
    low_image: int | None = None
    """The same with `detail: low`. None: that makes no difference."""
    source: str = ""

    def most(self, media: Media) -> int | None:
        """The most tokens that something can become; None: nothing bounds it.

        Documents are never bounded: pages are cheap to repeat, and their text is compressed.
        """
        if media.kind == "image":
            return self.low_image if media.detail == "low" and self.low_image is not None else self.image
        if media.kind == "audio" and media.inline_bytes and media.format in BOUNDED_SOUND:
            return media.inline_bytes
        return None


UNKNOWN = Family()
_OPENAI = "https://developers.openai.com/api/docs/guides/images-vision, calculating costs, 2026-11"
_TILES = 8
"""Of 512 pixels: an image is scaled into 2048 by 2048, then to a short side of 768 at most."""
_PATCHES = 1536


def _tiled(base: int, tile: int) -> Family:
    return Family(image=base + _TILES * tile, low_image=base, source=_OPENAI)


def _patched(hundredths: int) -> Family:
    """`hundredths`: of a token for each patch of 32 pixels."""
    return Family(image=-(-_PATCHES * hundredths // 100), source=_OPENAI)


_OPENAI_FAMILIES = (
    (r"^gpt-4o-mini", _tiled(2833, 5667)),
    (r"^(gpt-4\.1|gpt-5)-mini", _patched(162)),
    (r"^(gpt-4\.1|gpt-5)-nano", _patched(246)),
    (r"^o4-mini", _patched(172)),
    (r"^gpt-4\.1", _patched(100)),  # by tiles it would be less; both are told
    (r"^(chatgpt-4o|gpt-4o|gpt-4\.5)", _tiled(85, 170)),
    (r"^(o1|o3)(-pro)?(-20|$)", _tiled(75, 150)),
    (r"^gpt-5(\.1)?(-chat|-20|$)", _tiled(70, 140)),
)
"""Later models have no stated most: they take images in their original size."""
_CLAUDE = Family(
    image=4784 + 2 * 92,  # a row and a column of patches more, where scaling rounds up
    source="https://platform.claude.com/docs/en/build-with-claude/vision, 2026-11: 4,784 patches of 28 pixels, and 2,576 "
    "pixels on an edge; earlier models take 1,568",
)
_GEMINI_3 = Family(
    image=2240,
    source="https://ai.google.dev/gemini-api/docs/media-resolution, 2026-11: `ultra_high`, the most there is",
)


def family(provider: str, model: str) -> Family:
    """How the models that a model is one of see.

    Args:
        provider: Name of the provider's profile.
        model: The provider's id.
    """
    lower = model.lower()
    if provider in {"openai", "azure"}:
        return next((one for pattern, one in _OPENAI_FAMILIES if re.search(pattern, lower)), UNKNOWN)
    if "claude" in lower and provider in {"anthropic", "bedrock", "vertex", "azure"}:
        return _CLAUDE
    if provider in {"gemini", "vertex"} and re.search(r"^(models/)?gemini-[34]", lower):
        return _GEMINI_3
    return UNKNOWN


def media_of(content: Content) -> tuple[Media, ...]:
    """What in a request isn't text. Documents of plain text are text."""
    return tuple(_media(content))


def _media(content: Content) -> Iterator[Media]:
    for message in content.messages:
        for part in message.parts:
            match part:
                case Image():
                    inline = len(part.url) if part.url.startswith("data:") else 0
                    yield Media(kind="image", inline_bytes=inline, detail=part.detail or "")
                case Audio():
                    yield Media(kind="audio", inline_bytes=len(part.data or ""), format=part.format or "")
                case File() if not _plain(part):
                    yield Media(kind="file", inline_bytes=len(part.data or ""))
                case _:
                    pass


def _plain(file: File) -> bool:
    """Whether a document is text that stands in the body."""
    if file.text is not None:
        return True
    data = file.data or ""
    kind = file.media_type or (data[5 : data.find(";")] if data.startswith("data:") else "")
    return bool(data) and kind.startswith("text/")

"""What a call used."""

from msgspec import Struct


class Usage(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Tokens and units of one attempt, as the upstream reported them.

    `input_tokens` includes cached, cache-write, audio and image tokens; `output_tokens` includes
    reasoning and audio tokens. The other fields say how much of these totals is of their kind.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Input read from the provider's prompt cache."""
    cache_write_tokens: int = 0
    """Input written to the provider's prompt cache."""
    reasoning_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    input_image_tokens: int = 0
    output_image_tokens: int = 0
    cache_write_1h_tokens: int = 0
    """Of `cache_write_tokens`, what is kept for an hour."""
    searches: int = 0
    """Searches of the web that the provider made."""
    images: int = 0
    """Images that were made."""
    audio_ms: int = 0
    """Sound that was read or made, in milliseconds, where it is not counted in tokens."""
    characters: int = 0
    """Text that was spoken."""

    @property
    def fresh_input_tokens(self) -> int:
        """Input that was neither read from nor written to a cache."""
        return self.input_tokens - self.cached_tokens - self.cache_write_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})

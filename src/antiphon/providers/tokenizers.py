"""Exact tokenizers of OpenAI's models, from vocabulary files that the operator has put into a directory."""

from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, cast

from msgspec import Struct

from antiphon.core.error import ConfigError, Problem
from antiphon.pricing.counter import TokenCounter
from antiphon.providers.extras import require

EXTRA = "tokenizers"


class Vocabulary(Struct, frozen=True):
    """A file by its digest, and the pattern by which texts are cut before they are looked up in it."""

    sha256: str
    pattern: str


_TAIL = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
VOCABULARIES: Mapping[str, Vocabulary] = MappingProxyType(
    {
        "cl100k_base": Vocabulary(
            "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
            r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
            r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        ),
        "o200k_base": Vocabulary(
            "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
            rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+{_TAIL}|[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*{_TAIL}"
            r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ),
    }
)
"""Source: tiktoken 0.14.0, tiktoken_ext/openai_public.py."""


class _Encoding(Protocol):
    def encode_ordinary(self, text: str) -> list[int]: ...


class _Tiktoken(Protocol):
    def Encoding(  # noqa: N802 - the library's name
        self, name: str, *, pat_str: str, mergeable_ranks: dict[bytes, int], special_tokens: dict[str, int]
    ) -> _Encoding: ...


class TiktokenCounter(TokenCounter):
    """Counts by tiktoken."""

    def __init__(self, encoding: str, inner: _Encoding) -> None:
        self._encoding = encoding
        self._inner = inner

    @property
    def encoding(self) -> str:
        return self._encoding

    def count(self, text: str) -> int:
        return len(self._inner.encode_ordinary(text))


def load_counter(directory: Path, encoding: str, path: str) -> TokenCounter:
    """A tokenizer from its file `ENCODING.tiktoken`.

    Args:
        path: The setting that names it, for messages.
    Raises: ConfigError, when the vocabulary isn't known, its file isn't there or isn't that one, or tiktoken is missing.
    """
    file = directory / f"{encoding}.tiktoken"
    vocabulary = VOCABULARIES.get(encoding)
    if vocabulary is None:
        raise _wrong(file, path, f"there is no vocabulary {encoding}", f"write one of {', '.join(VOCABULARIES)}")
    tiktoken = cast("_Tiktoken", require("tiktoken", EXTRA, path, "counting tokens exactly"))
    try:
        raw = file.read_bytes()
    except OSError as error:
        remedy = f"put {file.name} there: nothing is downloaded; it is on openaipublic.blob.core.windows.net/encodings"
        raise _wrong(file, path, f"{file} can't be read: {error.strerror}", remedy) from None
    return TiktokenCounter(encoding, _encoding(tiktoken, encoding, vocabulary, raw, file, path))


def _encoding(
    tiktoken: _Tiktoken, encoding: str, vocabulary: Vocabulary, raw: bytes, file: Path, path: str
) -> _Encoding:
    """Raises: ConfigError, when the file isn't the vocabulary that it is named after."""
    if sha256(raw).hexdigest() != vocabulary.sha256:
        raise _wrong(file, path, f"{file} isn't {encoding}: its SHA-256 is another", "fetch the file again")
    pairs = (line.split() for line in raw.splitlines() if line)
    ranks = {b64decode(token): int(rank) for token, rank in pairs}
    return tiktoken.Encoding(encoding, pat_str=vocabulary.pattern, mergeable_ranks=ranks, special_tokens={})


def _wrong(file: Path, path: str, wrong: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(file=str(file), line=0, path=path, wrong=wrong, remedy=remedy)])

"""Exact tokenizers of OpenAI's models, from vocabulary files that the operator has put into a directory."""

import asyncio
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Protocol, cast

from msgspec import Meta, Struct

from antiphon.core.error import ConfigError, Problem
from antiphon.pricing.counter import TokenCounter
from antiphon.providers.extras import require

EXTRA = "tokenizers"
SETTING = "tokenizers.dir"
MOST_LETTERS = 8_388_608
"""Of one request: tiktoken 0.14.0 takes 0.6 s at worst for each million. Beyond, tokens are estimated."""
MOST_SPACES = 100_000
"""In a row: tiktoken 0.14.0 panics at a million, where its regular expressions give up."""
_SPACES = re.compile(rf"\s{{{MOST_SPACES}}}")
_SAME = MappingProxyType({"o200k_harmony": "o200k_base"})
"""Vocabularies that cut texts alike, and differ in their special tokens only."""


class TokenizerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the vocabularies of exact tokenizers are."""

    dir: Annotated[
        str | None,
        Meta(
            description="Folder with `o200k_base.tiktoken`, `cl100k_base.tiktoken` or both; needs the extra `tokenizers`. Default: none; tokens are then estimated where no provider counts them."
        ),
    ] = None


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


class _Names(Protocol):
    def encoding_name_for_model(self, model_name: str) -> str: ...


class _Tiktoken(Protocol):
    @property
    def model(self) -> _Names: ...

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

    def count(self, text: str) -> int | None:
        return None if _SPACES.search(text) else len(self._inner.encode_ordinary(text))


class Tokenizers:
    """Those that there are files for. They count on one thread, which leaves the event loop free."""

    def __init__(self, settings: TokenizerSettings, counters: Mapping[str, TokenCounter], names: _Names) -> None:
        self.settings = settings
        self._counters = counters
        self._names = names
        self._thread = ThreadPoolExecutor(1, "tokenizer")

    def of(self, model: str) -> TokenCounter | None:
        """That of a model, by the provider's id of it, which may stand behind a vendor's name. None: it isn't known."""
        try:
            encoding = self._names.encoding_name_for_model(model.rpartition("/")[2])
        except KeyError:
            return None
        return self._counters.get(_SAME.get(encoding, encoding))

    async def count(self, counter: TokenCounter, texts: Sequence[str], *, within_s: float) -> int | None:
        """Tokens of texts that are cut one by one. None: they are too long, or the time is over."""
        if sum(map(len, texts)) > MOST_LETTERS:
            return None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(within_s):
                return await loop.run_in_executor(self._thread, _sum, counter, texts)
        except TimeoutError:
            return None


def _sum(counter: TokenCounter, texts: Sequence[str]) -> int | None:
    tokens = 0
    for text in texts:
        counted = counter.count(text)
        if counted is None:
            return None
        tokens += counted
    return tokens


def load(settings: TokenizerSettings) -> Tokenizers | None:
    """Every vocabulary that a folder has. None: no folder is set. Raises: ConfigError."""
    if settings.dir is None:
        return None
    directory = Path(settings.dir)
    counters = {encoding: load_counter(directory, encoding, SETTING) for encoding in _found(directory)}
    return Tokenizers(settings, counters, _tiktoken(SETTING).model)


def check(settings: TokenizerSettings) -> None:
    """Look at the files of a folder without making tokenizers of them. Raises: ConfigError."""
    if settings.dir is None:
        return
    directory = Path(settings.dir)
    for encoding in _found(directory):
        _vocabulary(directory, encoding, SETTING)
    _tiktoken(SETTING)


def _found(directory: Path) -> list[str]:
    """Names of the vocabularies in a folder. Raises: ConfigError, when there is none."""
    found = [encoding for encoding in VOCABULARIES if _file(directory, encoding).is_file()]
    if not found:
        raise _wrong(directory, SETTING, f"{directory} holds no vocabulary", _remedy(*VOCABULARIES))
    return found


def load_counter(directory: Path, encoding: str, path: str) -> TokenCounter:
    """A tokenizer from its file `ENCODING.tiktoken`.

    Args:
        path: The setting that names it, for messages.
    Raises: ConfigError, when the vocabulary isn't known, its file isn't there or isn't that one, or tiktoken is missing.
    """
    raw = _vocabulary(directory, encoding, path)
    pairs = (line.split() for line in raw.splitlines() if line)
    ranks = {b64decode(token): int(rank) for token, rank in pairs}
    pattern = VOCABULARIES[encoding].pattern
    made = _tiktoken(path).Encoding(encoding, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    return TiktokenCounter(encoding, made)


def _vocabulary(directory: Path, encoding: str, path: str) -> bytes:
    """A file that is the vocabulary it is named after. Raises: ConfigError."""
    file = _file(directory, encoding)
    vocabulary = VOCABULARIES.get(encoding)
    if vocabulary is None:
        raise _wrong(file, path, f"there is no vocabulary {encoding}", f"write one of {', '.join(VOCABULARIES)}")
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise _wrong(file, path, f"{file} can't be read: {error.strerror}", _remedy(encoding)) from None
    if sha256(raw).hexdigest() != vocabulary.sha256:
        raise _wrong(file, path, f"{file} isn't {encoding}: its SHA-256 is another", "fetch the file again")
    return raw


def _tiktoken(path: str) -> _Tiktoken:
    """Raises: ConfigError."""
    return cast("_Tiktoken", require("tiktoken", EXTRA, path, "counting tokens exactly"))


def _file(directory: Path, encoding: str) -> Path:
    return directory / f"{encoding}.tiktoken"


def _remedy(*encodings: str) -> str:
    files = " or ".join(f"{encoding}.tiktoken" for encoding in encodings)
    return f"put {files} there: nothing is downloaded; it is on openaipublic.blob.core.windows.net/encodings"


def _wrong(file: Path, path: str, wrong: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(file=str(file), line=0, path=path, wrong=wrong, remedy=remedy)])

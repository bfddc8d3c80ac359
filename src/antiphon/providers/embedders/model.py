"""A model in a folder, and its run: tokens in, vectors out. Blocks; for one thread."""

from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast, final

import msgspec
from msgspec import Struct

from antiphon.core.embedding import Embedding
from antiphon.core.error import ConfigError, Problem
from antiphon.providers.embedders.settings import LocalSettings
from antiphon.providers.extras import require

CARD = "model.json"
EXTRA = "embedder"
PURPOSE = "embedding texts here"
MOST_CHARACTERS = 65_536
"""What a tokenizer is given of a text: the model reads the first 256 pieces of words alone."""


class Card(Struct, frozen=True, kw_only=True):
    """What a folder holds: `model.json` in it."""

    name: str
    version: str
    """Of the weights: the start of their SHA-256."""
    dimensions: int
    most_tokens: int
    """Those behind are cut off."""
    files: dict[str, str]
    """By precision."""
    tokenizer: str = "tokenizer.json"


class _Encoding(Protocol):
    ids: list[int]


class _Tokenizer(Protocol):
    def encode(self, sequence: str) -> _Encoding: ...
    def enable_truncation(self, max_length: int) -> None: ...
    def no_padding(self) -> None: ...


class _Matrix(Protocol):
    """What is used of `numpy.ndarray`."""

    def astype(self, kind: str) -> "_Matrix": ...
    def tobytes(self) -> bytes: ...


class _Numpy(Protocol):
    def array(self, rows: Sequence[Sequence[int]], dtype: str) -> _Matrix: ...


class _Options(Protocol):
    intra_op_num_threads: int
    inter_op_num_threads: int
    log_severity_level: int


class _Session(Protocol):
    def run(self, names: None, inputs: Mapping[str, _Matrix]) -> Sequence[_Matrix]: ...


class _Onnx(Protocol):
    """What is used of `onnxruntime`."""

    def SessionOptions(self) -> _Options: ...  # noqa: N802 - the library's name
    def InferenceSession(  # noqa: N802 - the same
        self, file: str, *, sess_options: _Options, providers: list[str]
    ) -> _Session: ...


class _Files(Protocol):
    def from_file(self, path: str, /) -> _Tokenizer: ...


class _Tokenizers(Protocol):
    @property
    def Tokenizer(self) -> _Files: ...  # noqa: N802 - the library's name


class Libraries(Struct, frozen=True):
    onnx: _Onnx
    numpy: _Numpy
    tokenizers: _Tokenizers


def libraries(path: str) -> Libraries:
    """What runs a model. `path`: the setting that needs it. Raises: ConfigError, naming the extra."""
    return Libraries(
        cast("_Onnx", require("onnxruntime", EXTRA, path, PURPOSE)),
        cast("_Numpy", require("numpy", EXTRA, path, PURPOSE)),
        cast("_Tokenizers", require("tokenizers", EXTRA, path, PURPOSE)),
    )


def card(settings: LocalSettings, path: str) -> Card:
    """What the folder says of itself. Raises: ConfigError when it, or a file that it names, is not there."""
    folder = Path(settings.dir)
    try:
        said = msgspec.json.decode((folder / CARD).read_bytes(), type=Card)
    except (OSError, msgspec.MsgspecError) as error:
        raise _unusable(settings, path, f"{folder / CARD} can't be read ({error})") from None
    if settings.precision not in said.files:
        raise _unusable(settings, path, f"it has no {settings.precision}, only {', '.join(said.files)}")
    for name in (said.files[settings.precision], said.tokenizer):
        if not (folder / name).is_file():
            raise _unusable(settings, path, f"{folder / name} is not there")
    return said


def _unusable(settings: LocalSettings, path: str, wrong: str) -> ConfigError:
    remedy = f"run: python -m antiphon.providers.embedders.make {settings.dir}"
    return ConfigError([Problem(file=settings.dir, line=0, path=f"{path}.dir", wrong=wrong, remedy=remedy)])


@final
class Model:
    """A model that is loaded."""

    def __init__(self, settings: LocalSettings, card: Card, with_: Libraries) -> None:
        folder = Path(settings.dir)
        options = with_.onnx.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        file = str(folder / card.files[settings.precision])
        self._session = with_.onnx.InferenceSession(file, sess_options=options, providers=["CPUExecutionProvider"])
        self._tokenizer = with_.tokenizers.Tokenizer.from_file(str(folder / card.tokenizer))
        self._tokenizer.enable_truncation(max_length=card.most_tokens)
        self._tokenizer.no_padding()
        self._dimensions = card.dimensions
        self._numpy = with_.numpy

    def vectors(self, texts: Sequence[str]) -> list[Embedding]:
        """One for each text, of length 1."""
        # One text at a time: a batch would start the tokenizer's own threads.
        rows = [self._tokenizer.encode(text[:MOST_CHARACTERS]).ids for text in texts]
        longest = max(map(len, rows))
        ids = [row + [0] * (longest - len(row)) for row in rows]
        mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
        inputs = {"input_ids": self._numpy.array(ids, "int64"), "attention_mask": self._numpy.array(mask, "int64")}
        flat = array("f")
        flat.frombytes(self._session.run(None, inputs)[0].astype("float32").tobytes())
        size = self._dimensions
        return [flat[at : at + size] for at in range(0, len(flat), size)]

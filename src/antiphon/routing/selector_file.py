"""The file that a trained selector is kept in: JSON, with the hash of what it says and the report of its training.

Numbers in bulk are 32-bit floats, little-endian, in base64, one row an output.
"""

from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from antiphon.core.error import ConfigError, Problem
from antiphon.routing.selector_features import SHAPE, VERSION, WORD_BITS

FORMAT = "antiphon-selector/1"
MOST_BYTES = 512 * 1024 * 1024
RETRAIN = "train it again: antiphon route train --outcomes FILE --out SELECTOR"

Method = Literal["prior", "ridge", "logistic", "knn", "blend"]


class Lines(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sums: of each output its offset, and what each feature adds."""

    offset: list[float]
    """One for each output."""
    shape: bytes
    """What a unit of each shape feature adds."""
    words: bytes
    """What each place of words adds, before it is divided by the text's own norm."""
    embedding: bytes = b""
    link: Literal["identity", "logit"] = "identity"
    """`logit`: the sum is the log-odds."""
    weight: float = 1.0
    """Its part of the whole."""


class Neighbours(Struct, frozen=True, kw_only=True):
    """Prompts of the training, and how each model did on them."""

    vectors: bytes
    """One signed byte a number."""
    scale: float
    """What a byte is multiplied by."""
    outcomes: bytes
    """Of each prompt each model's score: one byte, 255 for 1."""
    nearest: int
    """How many count."""
    warmth: float
    """A neighbour whose cosine is smaller by this counts 1/e."""
    weight: float = 1.0


class Calibration(Struct, frozen=True, kw_only=True):
    """From what is predicted of one model to its chance."""

    slope: float
    offset: float
    """Both of the log-odds. Source: Platt 1999, Advances in Large Margin Classifiers."""
    below: list[float]
    above: list[float]
    """How far the 90 % interval reaches, by equal steps of the chance."""


class Lengths(Struct, frozen=True, kw_only=True):
    """Expected output tokens: e to the power of offset + slope x the model's output of `line`."""

    line: Lines
    """One output for each model, or one for all."""
    offset: list[float]
    slope: list[float]


class Variant(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How chances are predicted, with or without an embedding."""

    lines: list[Lines]
    calibration: list[Calibration]
    lengths: Lengths
    neighbours: Neighbours | None = None


class Prior(Struct, frozen=True, kw_only=True):
    """What was known of a model in all."""

    mean: float
    count: int
    """Labels that it was learned from."""
    cost_usd: float
    """Mean of a call."""


class Report(Struct, frozen=True, kw_only=True):
    """What the training found on prompts that the fit had not seen (out of fold)."""

    prompts: int
    labels: int
    auc: float
    calibration_error: float
    best_single: str
    best_single_score: float
    oracle_score: float
    gain: float
    """In score over the best single model, at the objective `best` with the margin."""
    gain_low: float
    gain_high: float
    """Ends of its 95 % interval, by bootstrap over prompts."""
    gain_cost_ratio: float
    kept_gain: float
    """The same, at the objective `cheapest` with the tolerance."""
    kept_cost_ratio: float
    equal_cost_ratio: float | None
    """Cost at the best single model's score over its cost, at the best trade; None: that score was not reached."""
    seed: int


class SelectorFile(Struct, frozen=True, kw_only=True):
    """A trained selector."""

    format: str
    sha256: str
    """Of this document, in the order of these fields, with this field empty."""
    method: Method
    features: int
    word_bits: int
    models: list[str]
    priors: list[Prior]
    best_single: str
    margin: float
    """By which another's chance must exceed the best single model's to take its place for more quality."""
    tolerance: float
    """By which a cheaper model's chance may fall below the best single model's, so that the whole loses nothing; below 0
    it must exceed it."""
    idf: bytes
    """How much each place of words tells; 0: nothing."""
    plain: Variant
    embedded: Variant | None
    embedder: str
    """Whose embeddings it was trained on; empty: none."""
    dimensions: int
    report: Report


def sealed(file: SelectorFile) -> SelectorFile:
    """The same with its hash."""
    return replace(file, sha256=_digest(file))


def write(file: SelectorFile, path: Path) -> None:
    """Keep a selector. Raises: OSError."""
    path.write_bytes(msgspec.json.encode(sealed(file)) + b"\n")


def read(path: Path, where: str) -> SelectorFile:
    """Load a selector and look whether it is whole.

    Args:
        where: The setting or option that names it.

    Raises: ConfigError, with the remedy.
    """
    try:
        size = path.stat().st_size
        body = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise _wrong(path, where, f"can't be read ({error.strerror})", "name a file that `route train` wrote") from None
    if size > MOST_BYTES:
        raise _wrong(path, where, f"has {size} bytes; at most {MOST_BYTES} are read", RETRAIN)
    return _checked(_decoded(body, path, where), path, where)


def _decoded(body: bytes, path: Path, where: str) -> SelectorFile:
    try:
        found = msgspec.json.decode(body, type=_Head)
    except msgspec.MsgspecError as error:
        raise _wrong(path, where, f"is no selector ({error})", RETRAIN) from None
    if found.format != FORMAT:
        raise _wrong(path, where, f"has the format {found.format!r}; {FORMAT!r} is read", RETRAIN)
    try:
        return msgspec.json.decode(body, type=SelectorFile)
    except msgspec.MsgspecError as error:
        raise _wrong(path, where, f"is no whole selector ({error})", RETRAIN) from None


class _Head(Struct):
    format: str


def _checked(file: SelectorFile, path: Path, where: str) -> SelectorFile:
    if file.sha256 != _digest(file):
        raise _wrong(path, where, "was changed after it was written: its hash is another", RETRAIN)
    if (file.features, file.word_bits) != (VERSION, WORD_BITS):
        raise _wrong(path, where, f"was trained on features of version {file.features}; {VERSION} is used", RETRAIN)
    if uneven := _uneven(file):
        raise _wrong(path, where, f"is not whole: {uneven}", RETRAIN)
    return file


def _uneven(file: SelectorFile) -> str:
    """Which part has not as many numbers as it must; empty: all have."""
    models, places = len(file.models), 1 << WORD_BITS
    if not models or file.best_single not in file.models or len(set(file.models)) != models:
        return "models"
    if len(file.priors) != models or len(file.idf) != 4 * places:
        return "priors or idf"
    for name, variant, dimensions in (("plain", file.plain, 0), ("embedded", file.embedded, file.dimensions)):
        if variant is not None and _odd_variant(variant, models, dimensions):
            return name
    return ""


def _odd_variant(variant: Variant, models: int, dimensions: int) -> bool:
    near = variant.neighbours
    if near is not None:
        count = len(near.outcomes) // models
        if not count or len(near.outcomes) != count * models or len(near.vectors) != count * dimensions:
            return True
    long = variant.lengths
    if not len(long.offset) == len(long.slope) == models or len(long.line.offset) not in {1, models}:
        return True
    if _odd(long.line, len(long.line.offset), dimensions):
        return True
    steps = {(len(one.below), len(one.above)) for one in variant.calibration}
    return (
        len(variant.calibration) != models
        or len(steps) != 1
        or min(min(steps)) < 1
        or any(_odd(one, models, dimensions) for one in variant.lines)
        or not (variant.lines or near)
    )


def _odd(lines: Lines, outputs: int, dimensions: int) -> bool:
    sizes = (len(lines.offset), len(lines.shape), len(lines.words))
    right = (outputs, 4 * outputs * len(SHAPE), 4 * outputs << WORD_BITS)
    return sizes != right or len(lines.embedding) not in {0, 4 * outputs * dimensions}


def _digest(file: SelectorFile) -> str:
    return sha256(msgspec.json.encode(replace(file, sha256=""))).hexdigest()


def _wrong(path: Path, where: str, wrong: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(file=str(path), line=0, path=where, wrong=wrong, remedy=remedy)])

"""The file that a model of expected gain is kept in: JSON, with the hash of what it says."""

from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from antiphon.core.error import ConfigError, Problem
from antiphon.routing.gain import Gain
from antiphon.routing.gain_text import BUCKETS, MARKS

FORMAT = "antiphon-gain/1"
MOST_BYTES = 16 * 1024 * 1024
RETRAIN = "train it again: antiphon route train --cascades --outcomes FILE --out GAIN"


class GainFile(Struct, frozen=True, kw_only=True):
    """A trained model."""

    format: str
    sha256: str
    """Of this document, in the order of these fields, with this field empty."""
    gain: Gain


def write(gain: Gain, path: Path) -> None:
    """Keep a model. Raises: OSError."""
    file = GainFile(format=FORMAT, sha256="", gain=gain)
    path.write_bytes(msgspec.json.encode(replace(file, sha256=_digest(file))) + b"\n")


def read(path: Path, where: str) -> Gain:
    """Load a model and look whether it is whole.

    Args:
        where: The setting or option that names it.

    Raises: ConfigError, with the remedy.
    """
    try:
        size = path.stat().st_size
        body = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        remedy = "name a file that `route train --cascades` wrote"
        raise _wrong(path, where, f"can't be read ({error.strerror})", remedy) from None
    if size > MOST_BYTES:
        raise _wrong(path, where, f"has {size} bytes; at most {MOST_BYTES} are read", RETRAIN)
    try:
        head = msgspec.json.decode(body, type=_Head)
        if head.format != FORMAT:
            raise _wrong(path, where, f"has the format {head.format!r}; {FORMAT!r} is read", RETRAIN)
        file = msgspec.json.decode(body, type=GainFile)
    except msgspec.MsgspecError as error:
        raise _wrong(path, where, f"is no model of expected gain ({error})", RETRAIN) from None
    if file.sha256 != _digest(file):
        raise _wrong(path, where, "was changed after it was written: its hash is another", RETRAIN)
    if uneven := _uneven(file.gain):
        raise _wrong(path, where, f"is not whole: {uneven}", RETRAIN)
    return file.gain


class _Head(Struct):
    format: str


def _uneven(gain: Gain) -> str:
    """Which part has not as many numbers as it must; empty: all have."""
    classes = len(gain.bias)
    if not classes or len(gain.apart) != classes:
        return "bias or apart"
    if (len(gain.words), len(gain.form_marks)) != (BUCKETS, len(MARKS)):
        return "words or form_marks"
    if any(len(row) != classes for row in (*gain.words, *gain.form_marks)):
        return "words or form_marks"
    spreads = [spread for one in gain.members for spread in (one.length_right, one.length_wrong)]
    rows = [row for one in gain.members for row in (one.right, one.silent, one.cost_nano_usd)]
    rows += [row for one in spreads for row in (one.mean, one.deviation)]
    if not gain.members or len(set(gain.seats())) != len(gain.members) or any(len(row) != classes for row in rows):
        return "members"
    line = gain.calibration
    return "" if len(line.said) == len(line.right) > 1 and sorted(line.said) == list(line.said) else "calibration"


def _digest(file: GainFile) -> str:
    return sha256(msgspec.json.encode(replace(file, sha256=""))).hexdigest()


def _wrong(path: Path, where: str, wrong: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(file=str(path), line=0, path=where, wrong=wrong, remedy=remedy)])

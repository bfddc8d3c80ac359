r"""A target's corpus as one text file: a line for each input, its bytes as latin-1 with Python's escapes."""

from hashlib import sha256
from pathlib import Path

CORPUS = Path(__file__).parents[1] / "corpus"
"""What reaches far."""
FOUND = Path(__file__).parents[1] / "found"
"""What once went wrong."""


def load(target: str) -> list[bytes]:
    """Every input of a target, what was found first."""
    files = (FOUND / f"{target}.txt", CORPUS / f"{target}.txt")
    return [_bytes(line) for file in files if file.exists() for line in file.read_text("ascii").splitlines()]


def save(target: str, inputs: list[bytes], folder: Path = CORPUS) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{target}.txt").write_text("".join(f"{_line(one)}\n" for one in inputs), "ascii")


def unpack(inputs: list[bytes], folder: Path) -> None:
    """One file for each input, as the fuzzer has them."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in inputs:
        (folder / sha256(one).hexdigest()[:16]).write_bytes(one)


def _line(data: bytes) -> str:
    return data.decode("latin-1").encode("unicode_escape").decode("ascii")


def _bytes(line: str) -> bytes:
    return line.encode("ascii").decode("unicode_escape").encode("latin-1")

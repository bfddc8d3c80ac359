"""Fuzz one target: `python tests/fuzz/run.py TARGET [libFuzzer's arguments]`. Needs Atheris, which `make fuzz` installs."""

import sys
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "src")]

with atheris.instrument_imports(include=["antiphon"]):
    from harness.mutate import Mutator
    from harness.seeds import words
    from harness.table import TARGETS


def _plain(data: bytes, most: int) -> bytes:
    # Looked up at each call: Atheris puts another function there when it begins.
    return atheris.Mutate(data, most)


def main() -> None:
    """Run until the time is over or something is found; libFuzzer then writes the input and exits with 77."""
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name], custom_mutator=Mutator(_plain, words(name)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()

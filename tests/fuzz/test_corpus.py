"""What was found by fuzzing stays mended, and what reaches far goes on being read: every input is tried again."""

import pytest
from harness import packed
from harness.table import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_every_input_that_was_found_passes(target: str) -> None:
    for one in packed.load(target):
        TARGETS[target](one)


def test_every_corpus_has_its_target() -> None:
    assert {file.stem for file in packed.CORPUS.glob("*.txt")} == set(TARGETS)
    assert {file.stem for file in packed.FOUND.glob("*.txt")} <= set(TARGETS)


def test_the_corpus_is_small() -> None:
    files = [*packed.CORPUS.glob("*.txt"), *packed.FOUND.glob("*.txt")]
    assert sum(file.stat().st_size for file in files) < 2_000_000
